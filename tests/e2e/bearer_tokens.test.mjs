// Access tokens at guarded routes: who gets in by one, and everything that does not.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startCanaryHost } from "../provider/canary_host.mjs";
import { compactJws, hmac, newKey, publicJwk, sharedKey, signature } from "../provider/keys.mjs";
import { logIn } from "./support/login.mjs";
import { assertNothingLeaks, SESSION_COOKIE } from "./support/refusals.mjs";
import { assertTokenRefused, call, challengesOf, forwardedBy } from "./support/tokens.mjs";
import { startWorld } from "./support/world.mjs";

const bearer = (more = {}) => ({ upstream: "service:ECHO", authenticate: ["bearer"], ...more });
const world = await startWorld(
  { main: {}, other: { alg: "ES256" }, ed: { alg: "EdDSA" } },
  {
    tokens: {
      main: {},
      other: { tokens: "legacy" },
      ed: { kind: "agent", scopes: ["/permissions/all"] },
    },
    routes: {
      "/v1/{*rest}": bearer(),
      "/relay": bearer({ token: "relay" }),
      "/write": bearer({ require: { scopes: ["read", "write"] } }),
      "/people": bearer({ require: { kinds: ["human"] } }),
      "/main-only": bearer({ require: { issuers: ["main"] } }),
      "/both": { upstream: "service:ECHO", authenticate: ["session", "bearer"], token: "relay" },
      "/sessions": { upstream: "service:ECHO" },
    },
  },
);
const { postern } = world;
const { main, other, ed } = world.issuers;
after(() => world.mend());

const refused = (path, token, expected, options) => assertTokenRefused(postern, () => call(postern, path, token, options), { tokens: [token], ...expected });
const INVALID = { status: 401, error: "invalid_token" };

test("a token of each configured issuer opens a route, and stays behind", async () => {
  for (const [issuer, id, kind] of [[main, "main", "service"], [other, "other", "service"], [ed, "ed", "agent"]]) {
    const token = issuer.accessToken();
    const mark = await postern.mark();
    const { answer, seen } = await forwardedBy(postern, () => call(postern, "/v1/orders?x=1", token, { method: "POST" }));
    assert.equal(answer.status, 200, answer.body);
    assert.equal(seen.length, 1);
    assert.equal(seen[0].path, "/v1/orders?x=1");
    assert.equal(seen[0].headers.authorization, undefined);
    assert.equal(answer.headers["cache-control"], "private, no-store");
    assert.match(answer.headers.vary, /Authorization/);
    const [event] = await postern.eventsSince(mark);
    const { token_issuer, kind: said, subject, client_id, means, outcome } = event;
    assert.deepEqual({ token_issuer, said, subject, client_id, means, outcome }, { token_issuer: id, said: kind, subject: "reporter", client_id: "reporter", means: "bearer", outcome: "allow" });
    assertNothingLeaks(JSON.stringify(event), [issuer], "the event");
  }
});

test("relay hands on the token that was presented", async () => {
  const token = main.accessToken();
  const { seen } = await forwardedBy(postern, () => call(postern, "/relay", token, { scheme: "bEaReR" }));
  assert.equal(seen[0].headers.authorization, `Bearer ${token}`);
});

test("a token that is not for here opens nothing", async () => {
  const now = main.clock();
  const bent = [
    [{ aud: "https://other.example.com" }, "access_token.aud_mismatch"],
    [{ aud: undefined }, "access_token.aud_malformed"],
    [{ exp: now - 61 }, "access_token.expired"],
    [{ exp: String(now + 300) }, "access_token.exp_malformed"],
    [{ iat: now + 3600 }, "access_token.iat_in_future"],
    [{ nbf: now + 3600 }, "access_token.not_yet_valid"],
    [{ sub: undefined }, "access_token.sub_malformed"],
    [{ client_id: undefined }, "access_token.client_id_malformed"],
    [{ jti: undefined }, "access_token.jti_malformed"],
    [{ iss: "https://login.example.com" }, "bearer.issuer_unknown"],
    [{ iss: `${main.url}/` }, "bearer.issuer_unknown"],
    [{ act: "somebody" }, "access_token.act_malformed"],
    [{ cnf: { unheard_of: "x" } }, /^(bearer|confirmation)\./],
  ];
  for (const [claims, reason] of bent) await refused("/v1/a", main.accessToken(claims), { ...INVALID, reason });
  for (const typ of [undefined, "JWT", "dpop+jwt", "logout+jwt", "id_token+jwt"]) {
    await refused("/v1/a", main.accessToken({}, { header: { typ } }), { ...INVALID, reason: "access_token.typ_refused" });
  }
});

test("what an act says beside names gives no right", async () => {
  //
  const rights = { scope: "read write", iss: main.url, client_id: "admin", roles: ["admin"] };
  const act = { sub: "admin", ...rights, act: { sub: "root", ...rights } };
  const forged = main.accessToken({ scope: "read", act });
  await refused("/write", forged, { status: 403, error: "insufficient_scope", reason: "authz.insufficient_scope" });
  // The same scope at the top opens, and who acts is told apart from whoever it is for.
  const mark = await postern.mark();
  assert.equal((await call(postern, "/write", main.accessToken({ scope: "read write", act }))).status, 200);
  const [{ subject, actors }] = await postern.eventsSince(mark);
  assert.deepEqual([subject, actors], ["reporter", ["admin", "root"]]);
  for (const [depth, reason] of [[10, "access_token.act_malformed"], [50, "jwt.claims_json"]]) {
    const deep = Array.from({ length: depth }).reduce((inner) => ({ sub: "s", act: inner }), { sub: "s" });
    await refused("/v1/a", main.accessToken({ act: deep }), { ...INVALID, reason });
  }
});

test("a token that its issuer did not sign so opens nothing", async () => {
  const rsa = sharedKey("RS256");
  const pem = rsa.publicKey.export({ type: "spki", format: "pem" });
  const stranger = newKey("RS256");
  const cases = [
    [main.accessToken({}, { header: { alg: "none" }, signer: () => "" }), /^jwt\./],
    [main.accessToken({}, { header: { alg: "HS256" }, signer: hmac(pem) }), "jwt.alg_unsupported"],
    [main.accessToken({}, { header: { alg: "PS256" }, signer: (input) => signature(rsa, input, "PS256") }), "jwt.alg_not_allowed"],
    [main.accessToken({}, { header: { alg: "ES256" } }), "jwt.alg_not_allowed"],
    [main.accessToken({}, { key: { ...stranger, kid: rsa.kid } }), "jwt.bad_signature"],
    [main.accessToken({}, { header: { crit: ["exp"] } }), "jwt.crit"],
    [main.accessToken({}, { header: { b64: false } }), "jwt.b64"],
    // a good token inside another, and one that says it is encrypted.
    [compactJws({ alg: "RS256", kid: rsa.kid, typ: "at+jwt", cty: "JWT" }, main.accessToken(), (input) => signature(rsa, input)), "jwt.claims_json"],
    [`${main.accessToken()}.AAAA.AAAA`, "jwt.encrypted"],
    // Another configured issuer's key, and its own: whose keys count is not for the token to say.
    [main.accessToken({}, { key: sharedKey("ES256") }), "jwt.alg_not_allowed"],
    [compactJws({ alg: "RS256", kid: rsa.kid, typ: "at+jwt" }, `{"iss":"${main.url}","iss":"${main.url}"}`, (input) => signature(rsa, input)), "jwt.claims_json"],
  ];
  for (const [token, reason] of cases) await refused("/v1/a", token, { ...INVALID, reason });
  const [head, , end] = main.accessToken().split(".");
  const swapped = [head, main.accessToken({ sub: "admin" }).split(".")[1], end].join(".");
  await refused("/v1/a", swapped, { ...INVALID, reason: "jwt.bad_signature" });
});

test("no header of a token says where its key is", async () => {
  const canary = await startCanaryHost();
  const stranger = newKey("RS256", { kid: sharedKey("RS256").kid });
  for (const header of [{ jku: `${canary.origin}/jwks` }, { x5u: `${canary.origin}/cert` }, { jwk: publicJwk(stranger) }]) {
    await refused("/v1/a", main.accessToken({}, { header, key: stranger }), { ...INVALID, reason: "jwt.bad_signature" });
  }
  assert.deepEqual(canary.hits, []);
  await canary.close();
});

test("a token is presented in one way only", async () => {
  const token = main.accessToken();
  const presented = (headers, path = "/v1/a") => () => postern.send(path, { headers });
  const line = ["authorization", `Bearer ${token}`];
  const malformed = { status: 400, error: "invalid_request", tokens: [token] };
  const cases = [
    [presented([line, line]), "bearer.repeated"],
    [presented([line, ["authorization", "Basic YTpi"]]), "bearer.repeated"],
    [presented([["authorization", "Basic YTpi"], line]), "bearer.repeated"],
    [presented([["authorization", `Bearer\t${token}`]]), "bearer.malformed"],
    [presented([["authorization", "Bearer"]]), "bearer.malformed"],
    [presented([["authorization", `Bearer ${token} ${token}`]]), "bearer.malformed"],
    [presented([["authorization", `Bearer "${token}"`]]), "bearer.malformed"],
    [presented([["authorization", `Bearer ${"a".repeat(17 * 1024)}`]]), "bearer.too_large"],
    [presented([line], `/v1/a?access_token=${token}`), "bearer.in_query"],
    [presented([], `/v1/a?access_token=${token}`), "bearer.in_query"],
    [presented([], `/both?a=b&access%5Ftoken=${token}`), "bearer.in_query"],
  ];
  for (const [act, reason] of cases) await assertTokenRefused(postern, act, { ...malformed, reason });
  // One in the body is nobody's.
  const form = { method: "POST", headers: [["content-type", "application/x-www-form-urlencoded"]], body: `access_token=${token}` };
  await assertTokenRefused(postern, () => postern.send("/v1/a", form), { status: 401, reason: "authn.no_token", tokens: [token] });
  assert.equal((await call(postern, "/v1/a", ` ${token}`)).status, 200);
});

test("whoever knows nothing is led to the authorization server", async () => {
  // RFC 9728 §5
  const { parameters } = await assertTokenRefused(postern, () => postern.send("/main-only"), { status: 401, reason: "authn.no_token" });
  const url = new URL(parameters.resource_metadata);
  assert.equal(url.href, `${postern.origin}/.well-known/oauth-protected-resource/main-only`);
  const answer = await postern.send(url.pathname, { headers: [["origin", "https://client.example"]] });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["access-control-allow-origin"], "*");
  assert.match(answer.headers["cache-control"], /^public/);
  const metadata = JSON.parse(answer.body);
  assert.deepEqual(metadata, { resource: `${postern.origin}/main-only`, authorization_servers: [main.url], bearer_methods_supported: ["header"], dpop_signing_alg_values_supported: ["ES256", "ES384", "EdDSA", "PS256"] });
  const server = await (await fetch(`${metadata.authorization_servers[0]}/.well-known/openid-configuration`)).json();
  assert.equal(server.issuer, main.url);
  const all = JSON.parse((await postern.send("/.well-known/oauth-protected-resource")).body);
  assert.deepEqual(all.authorization_servers.toSorted(), [main.url, other.url, ed.url].toSorted());
  assert.equal((await postern.send("/.well-known/oauth-protected-resource/sessions")).status, 404);
});

test("scopes, issuers and kinds are what the route asks for", async () => {
  const reader = main.accessToken();
  const { parameters } = await refused("/write", reader, { status: 403, error: "insufficient_scope", reason: "authz.insufficient_scope" });
  assert.equal(parameters.scope, "read write");
  assert.equal((await call(postern, "/write", main.accessToken({ scope: "write x read" }))).status, 200);
  assert.equal((await call(postern, "/write", main.accessToken({ scope: undefined, scp: ["read", "write"] }))).status, 200);
  assert.equal((await call(postern, "/write", ed.accessToken({ scope: "x", permissions: { all: ["read", "write"] } }))).status, 200);
  await refused("/write", ed.accessToken({ scope: "read write" }), { status: 403, error: "insufficient_scope", reason: "authz.insufficient_scope" });
  const foreign = other.accessToken();
  await refused("/main-only", foreign, { status: 403, reason: "authz.issuer_not_accepted" });
  // A client that is called like a person is no person.
  await refused("/people", main.accessToken({ sub: "alice", client_id: "alice" }), { status: 403, reason: "authz.kind_not_accepted" });
  assert.equal((await call(postern, "/people", main.accessToken({ sub: "alice", client_id: "app" }))).status, 200);
});

test("an ID token is no access token, whoever's it is", async () => {
  const issued = [];
  for (const issuer of [main, other]) {
    issuer.bend.token = (answer) => void issued.push(answer.body.id_token);
    assert.equal((await logIn(world.browser(), { provider: issuer === main ? "main" : "other" })).status, 200);
    issuer.bend = {};
  }
  const [strict, legacy] = issued;
  await refused("/v1/a", strict, { ...INVALID, reason: "access_token.typ_refused" });
  await refused("/v1/a", legacy, { ...INVALID, reason: "access_token.kind_refused" });
});

test("where both are taken, a token that is presented is judged alone", async () => {
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  const cookie = ["cookie", `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}`];
  const token = main.accessToken();
  const elsewhere = [cookie, ["origin", "https://evil.example"], ["sec-fetch-site", "cross-site"], ["sec-fetch-mode", "cors"]];
  const { answer, seen } = await forwardedBy(postern, () => call(postern, "/both", token, { method: "POST", headers: elsewhere }));
  assert.equal(answer.status, 200);
  assert.equal(seen[0].headers.authorization, `Bearer ${token}`);
  await refused("/both", main.accessToken({ aud: "x" }), { ...INVALID, reason: "access_token.aud_mismatch" }, { headers: [cookie] });
  const navigation = [cookie, ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"], ["sec-fetch-site", "none"]];
  await refused("/both", "a.b.c", { ...INVALID, reason: "jwt.encoding", navigation: true }, { headers: navigation });
  // By the session alone, with all that goes with it.
  assert.equal((await browser.fetch("/both")).status, 200);
  const forged = () => postern.send("/both", { method: "POST", headers: elsewhere });
  await assertTokenRefused(postern, forged, { status: 403, reason: "csrf.origin" });
  const nobody = await postern.send("/both");
  assert.deepEqual(challengesOf(nobody).map(([scheme, { error }]) => [scheme, error]), [["Bearer", undefined], ["DPoP", undefined], ["Cookie", undefined]]);
  await refused("/sessions", token, { status: 401, reason: "authn.no_credential" });
});

test("a key that is new is found, and one that is gone is forgotten", async () => {
  main.keys = [newKey("RS256"), ...main.keys];
  assert.equal((await call(postern, "/v1/a", main.accessToken())).status, 200);
  const old = main.accessToken({ exp: main.clock() + 100_000 }, { key: main.keys[1] });
  assert.equal((await call(postern, "/v1/a", old)).status, 200);
  main.keys = [main.keys[0]];
  await postern.advance(3700);
  await refused("/v1/a", old, { ...INVALID, reason: "jwt.key_unknown" });
});

test("while an issuer is down, nobody is let in on a guess, and known keys go on", async () => {
  for (const { name } of (await (await postern.cache()).list()).keys) await (await postern.cache()).delete(name);
  await postern.restart();
  assert.equal((await call(postern, "/v1/a", main.accessToken())).status, 200);
  for (const issuer of [main, other]) {
    issuer.bend.discovery = () => ({ drop: true });
    issuer.bend.jwks = () => ({ drop: true });
  }
  assert.equal((await call(postern, "/v1/a", main.accessToken())).status, 200);
  const { answer } = await refused("/v1/a", other.accessToken(), { status: 503, reason: "provider.unreachable" });
  assert.ok(answer.headers["retry-after"]);
  world.mend();
});
