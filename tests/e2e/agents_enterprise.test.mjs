// Enterprise-managed authorization with a certified provider: a person signs in to a program there, the program gets an identity
// assertion for Postern (ID-JAG) in exchange for its ID token, and with it a token that opens what the configuration says.

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { SignJWT } from "jose";

import { startProvider } from "../../demo/provider/provider.mjs";
import { ScriptedBrowser } from "../../demo/provider/scripted-browser.mjs";
import { isolate, program, token } from "./support/agents.mjs";
import { Browser } from "./support/browser.mjs";
import { begin } from "./support/login.mjs";
import { startPostern } from "./support/postern.mjs";

const ORIGIN = "http://localhost:8787";
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ID_JAG = "urn:ietf:params:oauth:token-type:id-jag";
const ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token";
const SECRET = "s3cret-of-the-program";
const AT_ONCE = 50;

const signing = generateKeyPairSync("ec", { namedCurve: "P-256" });
const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
const seconds = () => Math.floor(Date.now() / 1000);

/** The server of two programs: their documents, and where the provider sends people back to. */
const site = createServer(({ url }, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({
    client_id: `${at}${url}`, client_name: "Assistant", redirect_uris: [`${at}/cb`], token_endpoint_auth_method: "private_key_jwt",
    jwks: { keys: [{ ...own.publicKey.export({ format: "jwk" }), kid: "own", alg: "ES256", use: "sig" }] },
  }));
});
await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
const at = `http://127.0.0.1:${site.address().port}`;
const client = `${at}/client.json`;
const other = `${at}/other.json`;

const application = (id, redirect, more = {}) => ({
  client_id: id, client_secret: SECRET, redirect_uris: [redirect], token_endpoint_auth_method: "client_secret_post",
  id_token_signed_response_alg: "ES256", ...more,
});
const idp = await startProvider({
  clients: [
    application("app", `${ORIGIN}/auth/callback/corp`),
    application("assistant", `${at}/cb`, { grant_types: ["authorization_code", EXCHANGE] }),
    application("stranger", `${at}/other`, { grant_types: ["authorization_code", EXCHANGE] }),
  ],
  configuration: { jwks: { keys: [{ ...signing.privateKey.export({ format: "jwk" }), kid: "idp", alg: "ES256", use: "sig" }] } },
});
/** The provider's own rule: which of its clients may act where, and under which name they are known there. */
const KNOWN_THERE = { assistant: client };
idp.provider.registerGrantType(EXCHANGE, async (ctx) => {
  const { params, client: asking } = ctx.oidc;
  const { payload } = await idp.provider.IdToken.validate(params.subject_token, asking);
  const known = KNOWN_THERE[asking.clientId];
  if (!known || params.requested_token_type !== ID_JAG || params.audience !== ORIGIN) {
    ctx.status = 400;
    ctx.body = { error: "access_denied" };
    return;
  }
  const assertion = await new SignJWT({ client_id: known, scope: params.scope, resource: params.resource, jti: randomUUID() })
    .setProtectedHeader({ alg: "ES256", typ: "oauth-id-jag+jwt", kid: "idp" })
    .setIssuer(idp.issuer).setSubject(payload.sub).setAudience(params.audience).setIssuedAt().setExpirationTime("5m").sign(signing.privateKey);
  ctx.body = { issued_token_type: ID_JAG, access_token: assertion, token_type: "N_A", expires_in: 300 };
}, ["subject_token", "subject_token_type", "requested_token_type", "audience", "resource", "scope"], ["resource", "audience"]);

const postern = await startPostern({
  twin: true,
  providers: { corp: { issuer: { url: idp.issuer, alg: "ES256", client: { id: "app", secret: SECRET, auth: "client_secret_post" } } } },
  vars: { AGENTS: { enterprise: { corp: { clients: { [client]: ["docs:read"], [other]: ["docs:read"] } } } } },
  routes: {
    "/mcp": { upstream: "service:ECHO", authenticate: ["agent"], require: { scopes: ["docs:read"] } },
    "/other": { upstream: "service:ECHO", authenticate: ["agent"], require: { scopes: ["docs:write"] } },
  },
});
after(() => Promise.all([postern.close(), idp.close(), site.close()]));

/** A person signs in at the provider, for one of its clients: the ID token. */
async function signedInAt(id, redirect) {
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams({
    response_type: "code", client_id: id, redirect_uri: redirect, scope: "openid", state: "s", code_challenge_method: "S256",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
  });
  const back = { stop: (url) => url.startsWith(redirect) };
  const person = new ScriptedBrowser();
  const login = await person.navigate(`${idp.issuer}/auth?${query}`, back);
  const allow = await person.submit(login.url, { login: "alice", password: "wonderland" }, back);
  const { url } = allow.url.startsWith(redirect) ? allow : await person.submit(allow.url, {}, back);
  const answer = await atProvider({
    grant_type: "authorization_code", code: new URL(url).searchParams.get("code"), redirect_uri: redirect, code_verifier: verifier, client_id: id,
  });
  assert.ok(answer.id_token, JSON.stringify(answer));
  return answer.id_token;
}

/** A person who signs in here, by the same provider. */
async function signedInHere(account = { login: "alice", password: "wonderland" }) {
  const browser = new Browser(postern);
  const ours = { stop: (url) => url.startsWith(`${ORIGIN}/`) };
  const person = new ScriptedBrowser();
  const login = await person.navigate((await begin(browser, { provider: "corp" })).url.href, ours);
  const consent = await person.submit(login.url, account, ours);
  const end = consent.url.startsWith(ORIGIN) ? consent : await person.submit(consent.url, {}, ours);
  assert.equal((await browser.navigate(end.url, { initiator: "http://127.0.0.1:1", follow: false })).status, 200);
  return browser;
}

/** What lives of what a person granted. */
async function grantsOf(browser) {
  const { sessions } = JSON.parse((await browser.fetch("/auth/sessions")).body);
  return sessions.filter((one) => one.grant);
}

async function atProvider(fields) {
  const answer = await fetch(`${idp.issuer}/token`, { method: "POST", body: new URLSearchParams({ client_secret: SECRET, ...fields }) });
  return answer.json();
}

const assertionFor = (id, idToken, more = {}) => atProvider({
  grant_type: EXCHANGE, subject_token: idToken, subject_token_type: ID_TOKEN, requested_token_type: ID_JAG, client_id: id,
  audience: ORIGIN, resource: `${ORIGIN}/mcp`, scope: "docs:read docs:write", ...more,
});

/** An assertion of the provider's, with other claims where they are given. */
const vouched = (claims = {}, typ = "oauth-id-jag+jwt") => new SignJWT({
  client_id: client, scope: "docs:read", resource: `${ORIGIN}/mcp`, jti: randomUUID(), iss: idp.issuer, sub: "c5c1f0d4-alice", aud: ORIGIN,
  iat: seconds(), exp: seconds() + 300, ...claims,
}).setProtectedHeader({ alg: "ES256", typ, kid: "idp" }).sign(signing.privateKey);

/** A client brings an assertion, with a new proof of itself; `to` the isolate of that name. */
async function bring(assertion, { by = client, to } = {}) {
  const proof = await new SignJWT({ jti: randomUUID() }).setProtectedHeader({ alg: "ES256", kid: "own" })
    .setIssuer(by).setSubject(by).setAudience(ORIGIN).setIssuedAt(seconds()).setExpirationTime(seconds() + 60).sign(own.privateKey);
  return token(postern, {
    grant_type: BEARER, assertion, client_id: by, client_assertion: proof,
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
  }, { to });
}

const opens = async (access, path = "/mcp", to = undefined) =>
  program(postern, path, { method: "GET", headers: [["authorization", `Bearer ${access}`]], to });
const atOnce = (work) => Promise.all(Array.from({ length: AT_ONCE }, (_, number) => work(number)));
const errorOf = ({ body }) => JSON.parse(body).error;
const isGood = ({ status }) => status === 200;

test("a program that the provider trusts acts for a person who never met it here, and the person ends that", async () => {
  //
  const idToken = await signedInAt("assistant", `${at}/cb`);
  const { access_token: assertion, issued_token_type: type } = await assertionFor("assistant", idToken);
  assert.equal(type, ID_JAG);
  const mark = await postern.mark();
  const answer = await bring(assertion);
  assert.equal(answer.status, 200, answer.body);
  const { access_token: access, refresh_token: refresh, scope } = JSON.parse(answer.body);
  assert.deepEqual([refresh, scope], [undefined, "docs:read"]);
  assert.equal((await opens(access)).status, 200);
  assert.equal((await opens(access, "/other")).status, 401);
  const used = await postern.logged(mark, ({ event, path }) => event === "access" && path === "/mcp");
  assert.deepEqual([used.subject, used.issuer, used.client_id], ["c5c1f0d4-alice", idp.issuer, client]);
  // Neither the ID token nor the program's name alone is an assertion.
  assert.equal(JSON.parse((await bring(idToken)).body).error, "invalid_grant");
  assert.equal(JSON.parse((await token(postern, { grant_type: BEARER, assertion, client_id: client })).body).error, "invalid_client");

  // The same person by a session of their own finds it, and ends it.
  const browser = await signedInHere();
  const [grant] = await grantsOf(browser);
  assert.equal(grant.grant.client, client);
  await browser.fetch(`/auth/sessions/${grant.id}`, { method: "DELETE" });
  assert.equal((await opens(access)).status, 401);
});

test("what the provider did not say for this client and this place opens nothing", async () => {
  //
  const theirs = await signedInAt("stranger", `${at}/other`);
  assert.equal((await assertionFor("stranger", theirs)).error, "access_denied");
  const idToken = await signedInAt("assistant", `${at}/cb`);
  const elsewhere = await assertionFor("assistant", idToken, { resource: `${ORIGIN}/nowhere` });
  assert.equal(JSON.parse((await bring(elsewhere.access_token)).body).error, "invalid_target");
  assert.equal((await bring(await vouched())).status, 200);
  for (const [claims, typ] of [[{ client_id: `${at}/another.json` }], [{ aud: "https://other.example" }], [{ exp: seconds() - 120 }], [{}, "JWT"]]) {
    assert.equal(JSON.parse((await bring(await vouched(claims, typ))).body).error, "invalid_grant", JSON.stringify(claims));
  }
});

test("an assertion that its client brings fifty times at once, to two isolates, makes one grant, and none once that has ended", async () => {
  //
  const sub = "9a7e2b60-bob";
  const assertion = await vouched({ sub });
  const answers = await atOnce((number) => bring(assertion, { to: isolate(number) }));
  assert.deepEqual(answers.map(({ status }) => status), Array(AT_ONCE).fill(200));
  const tokens = [...new Set(answers.map(({ body }) => JSON.parse(body).access_token))];
  const browser = await signedInHere({ login: "bob", password: "builder" });
  const [grant, ...others] = await grantsOf(browser);
  assert.deepEqual(others, []);
  for (const to of [undefined, "twin"]) {
    for (const access of tokens) assert.equal((await opens(access, "/mcp", to)).status, 200);
  }
  await browser.fetch(`/auth/sessions/${grant.id}`, { method: "DELETE" });
  // One assertion is good for 60 tokens a minute at most: these are within that.
  const again = await Promise.all([0, 1, 2, 3].map((number) => bring(assertion, { to: isolate(number) })));
  assert.deepEqual([...new Set(again.map(errorOf))], ["invalid_grant"]);
  for (const to of [undefined, "twin"]) {
    for (const access of tokens) assert.equal((await opens(access, "/mcp", to)).status, 401);
  }
});

test("of two clients that bring one `jti` at once, to two isolates, one has it and the other is refused", async () => {
  //
  const clients = [client, other];
  // From here on both isolates know both documents.
  for (const by of clients) {
    for (const to of [undefined, "twin"]) assert.equal((await bring(await vouched({ client_id: by }), { by, to })).status, 200);
  }
  for (let round = 0; round < 10; round += 1) {
    const jti = randomUUID();
    const assertions = await Promise.all(clients.map((by) => vouched({ jti, client_id: by })));
    const answers = await atOnce((number) => {
      const who = (number >> 1) % 2;
      return bring(assertions[who], { by: clients[who], to: isolate(number) }).then((answer) => ({ ...answer, who }));
    });
    const winners = new Set(answers.filter(isGood).map(({ who }) => who));
    assert.equal(winners.size, 1, `round ${round}`);
    const [winner] = winners;
    assert.ok(answers.every((answer) => isGood(answer) === (answer.who === winner)), "its own client is refused");
    assert.deepEqual([...new Set(answers.filter((answer) => !isGood(answer)).map(errorOf))], ["invalid_grant"]);
    for (const to of [undefined, "twin"]) {
      assert.equal((await bring(assertions[winner], { by: clients[winner], to })).status, 200);
      assert.equal(errorOf(await bring(assertions[1 - winner], { by: clients[1 - winner], to })), "invalid_grant");
    }
  }
});
