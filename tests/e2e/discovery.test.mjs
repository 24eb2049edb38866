// Metadata: fetched from the one right place, believed only when it is the configured issuer's, bounded.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { convertV4MiniflareOptions, Miniflare } from "miniflare";

import { startCanaryHost } from "../provider/canary_host.mjs";
import { startProviders } from "../provider/host.mjs";
import { Issuer } from "../provider/issuer.mjs";
import { Browser } from "./support/browser.mjs";
import { begin, logIn } from "./support/login.mjs";
import { startPostern } from "./support/postern.mjs";
import { assertLoginFails } from "./support/refusals.mjs";

const canary = await startCanaryHost();
const host = await startProviders();
const replace = (body) => (answer) => void (answer.body = body);
const change = (members) => (answer) => void Object.assign(answer.body, members);

const MISMATCH = "metadata.issuer_mismatch";
const STATUS = "provider.unexpected_status";
const NOT_JSON = "metadata.not_json";
const MISSING = "metadata.member_missing";
const ENDPOINT = "metadata.endpoint_refused";
const TOO_LARGE = "provider.answer_too_large";

/** `[id, hook, reason, row and what is wrong]` */
const REFUSED = [
  ["slash", (answer) => void (answer.body.issuer += "/"), MISMATCH, "R-002: an issuer with a slash more"],
  ["upper", (answer) => void (answer.body.issuer = answer.body.issuer.replace("http", "HTTP")), MISMATCH, "R-002: an issuer in other case"],
  ["scheme", (answer) => void (answer.body.issuer = answer.body.issuer.replace("http:", "https:")), MISMATCH, "R-002: an issuer of another scheme"],
  ["tenant", (answer) => void (answer.body.issuer += "2"), MISMATCH, "R-002: another tenant's issuer"],
  ["port", (answer) => void (answer.body.issuer = answer.body.issuer.replace(/:\d+/, ":443")), MISMATCH, "R-002: an issuer with another port"],
  ["lookalike", (answer) => void (answer.body.issuer = answer.body.issuer.replace("e", "\u0435")), MISMATCH, "R-002: an issuer with a look-alike letter"],
  ["noissuer", (answer) => void delete answer.body.issuer, MISMATCH, "R-002: metadata without issuer"],
  ["status500", (answer) => void (answer.status = 500), STATUS, "R-004: metadata with status 500"],
  ["status404", (answer) => void (answer.status = 404), STATUS, "R-004: metadata with status 404"],
  ["status203", (answer) => void (answer.status = 203), STATUS, "R-004: metadata with status 203"],
  ["html", replace("<!doctype html><title>hello</title>"), NOT_JSON, "R-004: a page instead of metadata"],
  ["array", (answer) => void (answer.body = [answer.body]), NOT_JSON, "R-004: metadata in an array"],
  ["nothing", replace(""), NOT_JSON, "R-004: an empty body"],
  ["null", replace("null"), NOT_JSON, "R-004: null"],
  ["twice", (answer) => void (answer.body = JSON.stringify(answer.body).replace("{", '{"token_endpoint":"https://evil.example/token",')), NOT_JSON, "R-004: a member twice"],
  ["large", (answer) => void (answer.body.padding = "x".repeat(2_000_000)), TOO_LARGE, "R-004: more than the size limit"],
  ["endless", (answer) => void (answer.endless = true), TOO_LARGE, "R-006: a body without end"],
  ["redirect", (answer) => Object.assign(answer, { status: 302, headers: { location: `${canary.origin}/metadata` } }), STATUS, "R-006: a redirect elsewhere"],
  ["plainhttp", change({ token_endpoint: "http://login.example.com/token" }), ENDPOINT, "R-005: a token endpoint without TLS"],
  ["file", change({ jwks_uri: "file:///etc/passwd" }), ENDPOINT, "R-005: a JWKS in a file"],
  ["private", change({ token_endpoint: "http://10.0.0.1/token" }), ENDPOINT, "R-005: a token endpoint on a private address"],
  ["authfile", change({ authorization_endpoint: "javascript:alert(1)" }), ENDPOINT, "R-005: an authorization endpoint that is a script"],
  ["notoken", change({ token_endpoint: undefined }), MISSING, "R-005: no token endpoint"],
  ["nojwks", change({ jwks_uri: undefined }), MISSING, "R-005: no JWKS"],
  ["number", change({ authorization_endpoint: 7 }), ENDPOINT, "R-005: an endpoint that is a number"],
];

const selfSigned = new Miniflare(
  convertV4MiniflareOptions({
    host: "127.0.0.1", port: 0, cf: false, https: true, modules: true,
    script: "export default { fetch() { console.log('reached'); return Response.json({}); } }",
  }),
);
const selfSignedUrl = await selfSigned.ready;
const untrusted = new Issuer(`https://localhost:${selfSignedUrl.port}`);

const issuers = {
  root: host.issuer(""),
  path: host.issuer("t1"),
  slash: host.issuer("t2/"),
  slow: host.issuer("slow"),
  cached: host.issuer("cached"),
  cold: host.issuer("cold"),
  untrusted,
};
for (const [id, hook] of REFUSED) {
  issuers[`bad-${id}`] = host.issuer(`bad-${id}`);
  issuers[`bad-${id}`].bend.discovery = hook;
}
const postern = await startPostern({ providers: issuers });
after(() => Promise.all([postern.close(), host.close(), canary.close(), selfSigned.dispose()]));

const navigateToLogin = (browser, provider) => browser.navigate(`/auth/login?provider=${provider}&return_to=%2Fpage`, { initiator: postern.origin });

const closed = { status: [503], consumed: false };

for (const [id, , reason, what] of REFUSED) {
  test(`${what} closes the login`, async () => {
    const browser = new Browser(postern);
    const scene = { postern, browser, issuers: [issuers[`bad-${id}`]] };
    const { answer } = await assertLoginFails(scene, () => navigateToLogin(browser, `bad-${id}`), { ...closed, reason });
    assert.ok(Number(answer.headers["retry-after"]) > 0);
    assert.deepEqual(answer.setCookies, []);
    assert.equal(issuers[`bad-${id}`].count("authorization"), 0);
  });
}

test("nobody followed a redirect or a bent endpoint", () => {
  //
  assert.deepEqual(canary.hits, []);
});

test("the metadata of an issuer at the root, at a path and at a path with a slash is found", async () => {
  //
  for (const [id, path] of [["root", ""], ["path", "/t1"], ["slash", "/t2"]]) {
    await logIn(new Browser(postern), { provider: id });
    assert.deepEqual(issuers[id].requests.filter(({ endpoint }) => endpoint === "discovery").map(({ url }) => url), [
      `${path}/.well-known/openid-configuration`,
    ]);
    assert.equal(issuers[id].count("unknown"), 0);
  }
});

test("metadata and keys are asked for without cookie and without credentials", async () => {
  //
  await logIn(new Browser(postern), { provider: "path" });
  const documents = issuers.path.requests.filter(({ endpoint }) => endpoint === "discovery" || endpoint === "jwks");
  assert.ok(documents.length >= 2);
  for (const { headers } of documents) {
    assert.equal(headers.cookie, undefined);
    assert.equal(headers.authorization, undefined);
  }
});

test("metadata that does not come in time closes the login instead of keeping people waiting", async () => {
  //
  issuers.slow.bend.discovery = (answer) => void (answer.stall = true);
  const browser = new Browser(postern);
  await assertLoginFails({ postern, browser, issuers: [issuers.slow] }, () => navigateToLogin(browser, "slow"), { ...closed, reason: "provider.timeout" });
});

test("a provider whose certificate nobody vouches for is not talked to", async () => {
  //
  const browser = new Browser(postern);
  await assertLoginFails({ postern, browser, issuers: [untrusted] }, () => navigateToLogin(browser, "untrusted"), { ...closed, reason: "provider.unreachable" });
});

test("no request chooses an issuer that is not configured", async () => {
  //
  for (const iss of ["https://evil.example", canary.origin, `${issuers.path.url}/`]) {
    const answer = await new Browser(postern).navigate(`/auth/login?${new URLSearchParams({ iss })}`, { initiator: null });
    assert.equal(answer.status, 400);
    assert.deepEqual(answer.setCookies, []);
  }
  const { url } = await begin(new Browser(postern), { provider: "path", iss: canary.origin });
  assert.ok(url.href.startsWith(`${issuers.path.base}/authorize`));
  assert.deepEqual(canary.hits, []);
});

test("the Host header chooses neither provider nor redirect URI", async () => {
  //
  const answer = await postern.send("/auth/login?provider=path", {
    url: "http://evil.example/",
    headers: [["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"], ["sec-fetch-site", "none"], ["accept", "text/html"]],
  });
  if ([302, 303].includes(answer.status)) {
    const asked = new URL(answer.headers.location).searchParams;
    assert.equal(asked.get("redirect_uri"), `${postern.origin}/auth/callback/path`);
  } else {
    assert.ok([400, 421].includes(answer.status), String(answer.status));
  }
  assert.ok(!JSON.stringify([answer.headers, answer.body]).includes("evil.example"));
});

test("people who sign in at once, before anything is known of their provider, are all let in", async () => {
  const { cold } = issuers;
  cold.bend.discovery = cold.bend.jwks = (answer) => void (answer.delay = 50);
  const answers = await Promise.all(Array.from({ length: 12 }, () => logIn(new Browser(postern), { provider: "cold" })));
  assert.deepEqual(answers.map(({ status }) => status), answers.map(() => 200));
  const asked = cold.count("discovery") + cold.count("jwks");
  await Promise.all(Array.from({ length: 12 }, () => logIn(new Browser(postern), { provider: "cold" })));
  assert.equal(cold.count("discovery") + cold.count("jwks"), asked, "what is known is not asked again");
});

test("good metadata outlives a provider that starts to lie or fall silent", async () => {
  // the copy is kept until its hard maximum age, and no longer
  const { cached } = issuers;
  await logIn(new Browser(postern), { provider: "cached" });
  cached.bend.discovery = (answer) => void (answer.status = 500);
  await postern.advance(2 * 3600);
  assert.ok((await begin(new Browser(postern), { provider: "cached" })).url.href.startsWith(`${cached.base}/authorize`));
  await postern.advance(8 * 24 * 3600);
  const browser = new Browser(postern);
  await assertLoginFails({ postern, browser, issuers: [cached] }, () => navigateToLogin(browser, "cached"), { ...closed, reason: "provider.unexpected_status" });
});
