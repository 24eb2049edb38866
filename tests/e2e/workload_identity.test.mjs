// Programs with the tokens of the platforms that they run on, made with jose as each platform documents them.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { exportJWK, generateKeyPair, SignJWT } from "jose";

import { startProviders } from "../provider/host.mjs";
import { PLATFORM, startPostern } from "./support/postern.mjs";
import { assertTokenRefused, call, forwardedBy } from "./support/tokens.mjs";

const AUDIENCE = "https://app.example.com";
const UNTRUSTED = { status: 401, reason: "workload.untrusted", error: "invalid_token" };

/** A platform with a key of its own. */
class PlatformIssuer {
  static async make(alg, more = {}) {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    return Object.assign(new PlatformIssuer(), { alg, privateKey, asked: [], jwk: { ...(await exportJWK(publicKey)), kid: `${alg}-1`, alg, ...more } });
  }

  /** A token; what is `undefined` in `claims` or `header` is left out. */
  token(claims, header = { typ: "JWT" }) {
    const now = Math.floor(postern.now() / 1000);
    const all = { iss: this.issuer, aud: AUDIENCE, jti: "one", iat: now, nbf: now, exp: now + 300, ...claims };
    return new SignJWT(JSON.parse(JSON.stringify(all))).setProtectedHeader({ alg: this.alg, kid: this.jwk.kid, ...header }).sign(this.privateKey);
  }
}

const platforms = {
  github: await PlatformIssuer.make("RS256"),
  gitlab: await PlatformIssuer.make("RS256"),
  google: await PlatformIssuer.make("RS256"),
  azure: await PlatformIssuer.make("RS256"),
  access: await PlatformIssuer.make("RS256"),
  cluster: await PlatformIssuer.make("RS256"),
  sealed: await PlatformIssuer.make("ES256"),
  spiffe: await PlatformIssuer.make("ES512", { use: "jwt-svid", alg: undefined }),
};
const { github, gitlab, google, azure, access, cluster, sealed, spiffe } = platforms;

/** Metadata and keys of each, by its name. */
const server = createServer((request, response) => {
  const [, name, ...rest] = request.url.split("/");
  const platform = platforms[name];
  platform?.asked.push(rest.join("/"));
  const documents = {
    ".well-known/openid-configuration": { issuer: platform?.issuer, jwks_uri: `${platform?.issuer}/keys` },
    keys: { keys: [platform?.jwk] },
    bundle: { keys: [platform?.jwk, { ...platform?.jwk, use: "x509-svid", kid: "x509" }], spiffe_sequence: 7, spiffe_refresh_hint: 60 },
  };
  const document = documents[rest.join("/")];
  response.writeHead(document ? 200 : 404, { "content-type": "application/json" }).end(JSON.stringify(document ?? {}));
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
for (const [name, platform] of Object.entries(platforms)) platform.issuer = `http://127.0.0.1:${server.address().port}/${name}`;
cluster.issuer = "https://kubernetes.default.svc";
sealed.issuer = "https://sealed.cluster.internal";
spiffe.issuer = undefined;
const bundle = `http://127.0.0.1:${server.address().port}/spiffe/bundle`;

const TRUST = {
  github: [{ name: "main", repository_id: "456789", repository_owner_id: "123456", ref: "refs/heads/main", scopes: ["deploy"] }],
  gitlab: [{ project_id: 22, ref_protected: true, scopes: ["deploy"] }],
  google: [{ sub: "107517467455664443765", scopes: ["deploy"] }],
  azure: [{ oid: "8d5c1b2a-0000-4000-8000-3f9a1c7e5b21", scopes: ["deploy"] }],
  access: [{ common_name: "e367826f93b8d71185e03fe518aff3b4.access", scopes: ["deploy"] }],
  cluster: [{ namespace: "shop", service_account: "orders", scopes: ["deploy"] }],
  spiffe: [{ sub: "spiffe://prod.example.com/ns/shop/sa/orders", scopes: ["deploy"] }],
};
const entry = (preset, name, more = {}) => ({ preset, issuer: platforms[name].issuer, audience: AUDIENCE, trust: TRUST[name], ...more });
const ISSUERS = {
  github: entry("github-actions", "github"),
  gitlab: entry("gitlab-ci", "gitlab"),
  google: entry("google", "google"),
  azure: entry("azure-managed-identity", "azure"),
  access: entry("cloudflare-access", "access", { audience: "4714c1358e65", jwks_uri: `${access.issuer}/keys` }),
  cluster: entry("kubernetes", "cluster", { keys: "service:CLUSTER" }),
  sealed: { ...entry("kubernetes", "cluster"), issuer: sealed.issuer, algs: ["ES256"], keys: "secret" },
  spiffe: { preset: "spiffe", trust_domain: "prod.example.com", audience: AUDIENCE, jwks_uri: bundle, trust: TRUST.spiffe },
};

/** What each platform gives a program that is trusted. */
const GOOD = {
  github: (more) => github.token({ sub: "repo:octo@123456/site@456789:ref:refs/heads/main", repository: "octo/site", repository_id: "456789", repository_owner_id: "123456", ref: "refs/heads/main", event_name: "push", job_workflow_ref: "octo/site/.github/workflows/deploy.yml@refs/heads/main", ...more }),
  gitlab: (more) => gitlab.token({ sub: "project_path:g/site:ref_type:branch:ref:main", project_id: "22", namespace_id: "72", ref: "main", ref_protected: "true", pipeline_source: "push", ...more }),
  google: (more) => google.token({ sub: "107517467455664443765", azp: "107517467455664443765", email: "ci@p.iam.gserviceaccount.com", email_verified: true, ...more }),
  azure: (more) => azure.token({ sub: "8d5c1b2a-0000-4000-8000-3f9a1c7e5b21", oid: "8d5c1b2a-0000-4000-8000-3f9a1c7e5b21", tid: "6f1d2c1e", idtyp: "app", ver: "2.0", ...more }),
  cluster: (more) => cluster.token({ sub: "system:serviceaccount:shop:orders", aud: [AUDIENCE], "kubernetes.io": { namespace: "shop", serviceaccount: { name: "orders", uid: "14ee3fa4" }, pod: { name: "orders-1", uid: "5e0b" } }, ...more }, {}),
  sealed: (more) => sealed.token({ sub: "system:serviceaccount:shop:orders", aud: [AUDIENCE], "kubernetes.io": { namespace: "shop", serviceaccount: { name: "orders", uid: "14ee3fa4" } }, ...more }, {}),
  spiffe: (more, header = {}) => spiffe.token({ iat: undefined, nbf: undefined, jti: undefined, sub: "spiffe://prod.example.com/ns/shop/sa/orders", ...more }, header),
};
const assertion = (more) => access.token({ aud: ["4714c1358e65"], type: "app", sub: "", common_name: "e367826f93b8d71185e03fe518aff3b4.access", ...more });

const host = await startProviders();
const main = host.issuer("main", {});
let postern;

before(async () => {
  const clusterWorker = {
    name: "cluster", ...PLATFORM, modules: true,
    script: `let asked = []; const keys = ${JSON.stringify({ keys: [cluster.jwk] })};
      export default { fetch(request) {
        if (request.url === "http://control.test/") return Response.json(asked);
        asked.push(request.url);
        return request.url === "https://kubernetes.default.svc/openid/v1/jwks" ? Response.json(keys) : new Response("", { status: 404 });
      } };`,
  };
  postern = await startPostern({
    providers: { main: { issuer: main } },
    routes: {
      "/deploy": { upstream: "service:ECHO", authenticate: ["workload"], require: { scopes: ["deploy"] } },
      "/tokens": { upstream: "service:ECHO", authenticate: ["bearer"] },
      "/people": { upstream: "service:ECHO" },
      "/told": { upstream: "service:ECHO", authenticate: ["workload"], token: "assertion", headers: { "X-App-Kind": "kind", "X-App-Subject": "subject" } },
    },
    vars: { ISSUERS: { ...ISSUERS, main: { issuer: main.url, audience: "https://api.example.com", algs: [main.alg] } }, ISSUER_SEALED_JWKS: JSON.stringify({ keys: [sealed.jwk] }) },
    services: { CLUSTER: "cluster" },
    beside: () => [clusterWorker],
  });
});
after(async () => {
  await postern.close();
  await host.close();
  server.close();
});

const refused = (token, expected, path = "/deploy") => assertTokenRefused(postern, () => call(postern, path, token), { tokens: [token], ...expected });

for (const [name, make] of Object.entries(GOOD)) {
  test(`a program of ${name} is let in, and nothing of its token goes on`, async () => {
    const token = await make();
    const mark = await postern.mark();
    const { answer, seen } = await forwardedBy(postern, () => call(postern, "/deploy", token));
    assert.equal(answer.status, 200, answer.body);
    assert.equal(seen[0].headers.authorization, undefined);
    const [{ kind, means, token_issuer: issuer }] = await postern.eventsSince(mark);
    assert.deepEqual({ kind, means, issuer }, { kind: "service", means: "workload", issuer: name });
    // a job calls more than once.
    assert.equal((await call(postern, "/deploy", token)).status, 200);
    await refused(token, { status: 401, reason: "bearer.issuer_unknown", error: "invalid_token" }, "/tokens");
  });
}

test("a job that somebody's pull request starts is refused", async () => {
  //
  for (const event of ["pull_request", "pull_request_target", "issue_comment", "issues", "workflow_run", "fork"]) {
    const { event: line } = await refused(await GOOD.github({ event_name: event }), UNTRUSTED);
    assert.equal(line.detail, `rule main: event_name is \`${event}\``);
  }
  for (const source of ["merge_request_event", "parent_pipeline"]) await refused(await GOOD.gitlab({ pipeline_source: source }), UNTRUSTED);
});

test("a name that is somebody else's by now is no id", async () => {
  //
  await refused(await GOOD.github({ repository_id: "999", repository_owner_id: "9" }), UNTRUSTED);
  await refused(await GOOD.github({ ref: "refs/heads/main-evil" }), UNTRUSTED);
  await refused(await GOOD.cluster({ "kubernetes.io": { namespace: "shop", serviceaccount: { name: "default", uid: "1" } } }), UNTRUSTED);
});

test("the keys of a cluster come through its binding alone, and those of another from the configuration", async () => {
  //
  const worker = await postern.miniflare.getWorker("cluster");
  const asked = await (await worker.fetch("http://control.test/")).json();
  assert.deepEqual([...new Set(asked)], ["https://kubernetes.default.svc/openid/v1/jwks"]);
  assert.deepEqual([cluster.asked, sealed.asked], [[], []]);
  const forged = await PlatformIssuer.make("ES256");
  forged.issuer = sealed.issuer;
  await refused(await forged.token({ sub: "a" }, {}), { status: 401, reason: "jwt.bad_signature", error: "invalid_token" });
});

test("tokens of a cluster from before they had an audience and an end are refused", async () => {
  for (const [more, reason] of [[{ aud: undefined }, "workload.aud_malformed"], [{ exp: undefined }, "workload.exp_malformed"]]) {
    await refused(await GOOD.cluster(more), { status: 401, reason, error: "invalid_token" });
  }
});

test("an SVID has the header that the standard allows, and the key that the bundle has for it", async () => {
  //
  for (const header of [{ x5c: ["MIIB"] }, { jku: "https://evil.example" }, { cty: "JWT" }]) {
    await refused(await GOOD.spiffe({}, header), { status: 401, reason: "workload.header_refused", error: "invalid_token" });
  }
  await refused(await GOOD.spiffe({}, { kid: "x509" }), { status: 401, reason: "jwt.key_unknown", error: "invalid_token" });
  await refused(await GOOD.spiffe({ sub: "spiffe://prod.example.com/ns/shop/sa/other" }), UNTRUSTED);
  await refused(await GOOD.spiffe({ sub: "spiffe://evil.example.com/ns/shop/sa/orders" }), { status: 401, reason: "bearer.issuer_unknown", error: "invalid_token" });
  assert.ok(spiffe.asked.length > 0 && spiffe.asked.every((path) => path === "bundle"), spiffe.asked.join());
});

test("Access says in its own header which service token came, and that header goes no further", async () => {
  //
  const by = (token) => postern.send("/deploy", { headers: [["cf-access-jwt-assertion", token]] });
  const { answer, seen } = await forwardedBy(postern, async () => by(await assertion()));
  assert.equal(answer.status, 200, answer.body);
  assert.equal(seen[0].headers["cf-access-jwt-assertion"], undefined);
  for (const [more, reason] of [[{ common_name: undefined }, "workload.common_name_malformed"], [{ sub: "7335d417", email: "a@example.com" }, "workload.person"], [{ common_name: "billing" }, "workload.common_name_malformed"], [{ common_name: "a367826f93b8d71185e03fe518aff3b4.access" }, "workload.untrusted"]]) {
    const token = await assertion(more);
    await assertTokenRefused(postern, () => by(token), { status: 401, reason, error: "invalid_token", tokens: [token] });
  }
  await refused(await assertion(), { status: 401, reason: "workload.scheme_refused", error: "invalid_token" });
});

test("no access token and no session is a program's token", async () => {
  //
  await refused(main.accessToken(), { status: 401, reason: "bearer.issuer_unknown", error: "invalid_token" });
  // Nor is such a token anything to a route for people.
  const { answer, seen } = await forwardedBy(postern, async () => call(postern, "/people", await GOOD.github()));
  assert.deepEqual([answer.status, seen], [401, []]);
});

test("what an upstream is told of a program is what it is", async () => {
  const { seen } = await forwardedBy(postern, async () => call(postern, "/told", await GOOD.github()));
  const { "x-app-kind": kind, "x-app-subject": subject, "x-postern-assertion": word } = seen[0].headers;
  assert.deepEqual([kind, subject], ["service", "repository:456789"]);
  const claims = JSON.parse(Buffer.from(word.split(".")[1], "base64url"));
  assert.deepEqual([claims.kind, claims.scope], ["service", "deploy"]);
});
