// A program that knows nothing but an address gets to act for a person, over HTTP: it finds the authorization server, publishes
// what it is, has the person asked, gets tokens, renews them, and gives them back.

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { after, afterEach, test } from "node:test";

import { SignJWT } from "jose";

import { isolate, program, token } from "./support/agents.mjs";
import { logIn } from "./support/login.mjs";
import { freePort } from "./support/ports.mjs";
import { startWorld } from "./support/world.mjs";

const AT_ONCE = 50;

/** The client's server: what it publishes, by path, and how often it was asked. */
const published = new Map();
const asked = new Map();
const clients = createServer((request, response) => {
  asked.set(request.url, (asked.get(request.url) ?? 0) + 1);
  const document = published.get(request.url);
  response.writeHead(document ? 200 : 404, { "content-type": "application/json" });
  response.end(JSON.stringify(document ?? {}));
});
await new Promise((resolve) => clients.listen(0, "127.0.0.1", resolve));
after(() => clients.close());
const at = `http://127.0.0.1:${clients.address().port}`;

const port = await freePort();
const world = await startWorld({ main: {} }, {
  host: "localhost", port, twin: true,
  routes: {
    "/mcp": { upstream: "service:ECHO", authenticate: ["agent"], token: "assertion", require: { any_scope: ["docs:read", "docs:write"] } },
    "/other": { upstream: "service:ECHO", authenticate: ["agent"] },
  },
  vars: { AGENTS: {}, LIMITS: { login: false, callback: false } },
});
const { postern, issuers } = world;
afterEach(() => world.mend());

const callback = `${at}/cb`;

function client(more = {}) {
  const path = `/client-${randomBytes(6).toString("hex")}.json`;
  published.set(path, { client_id: `${at}${path}`, client_name: "Example Agent", redirect_uris: [callback, "http://127.0.0.1/cb"], ...more });
  return `${at}${path}`;
}

let people = 0;
async function person() {
  issuers.main.user = { sub: `agent-person-${(people += 1)}` };
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  return browser;
}

const get = (path, headers = []) => program(postern, path, { method: "GET", headers });
const opens = async (access, path = "/mcp") => (await get(path, [["authorization", `Bearer ${access}`]])).status;

function request(id, { redirect = callback, ...more } = {}) {
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams({
    response_type: "code", client_id: id, redirect_uri: redirect, resource: `${postern.origin}/mcp`, scope: "docs:read", state: "s",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256", ...more,
  });
  return { path: `/auth/agents/authorize?${query}`, verifier };
}

async function ask(browser, path) {
  const page = await browser.navigate(path, { initiator: at });
  const question = /name="question" value="([^"]*)"/.exec(page.body)?.[1];
  assert.ok(question, `${page.status} ${page.body}`);
  return { page, question };
}

const decide = (browser, question, decision = "allow", life = "30") =>
  browser.navigate("/auth/agents/authorize", {
    method: "POST", fields: [["question", question], ["answer", decision], ["for", life]], initiator: postern.origin, follow: false,
  });

const redeem = (id, code, verifier, redirect = callback) =>
  ({ grant_type: "authorization_code", client_id: id, code, redirect_uri: redirect, code_verifier: verifier });

async function coded(browser, id, more) {
  const { path, verifier } = request(id, more);
  const { question } = await ask(browser, path);
  const { location } = (await decide(browser, question)).headers;
  return { fields: redeem(id, new URL(location).searchParams.get("code"), verifier, more?.redirect), location };
}

async function granted(browser, id) {
  const answer = await token(postern, (await coded(browser, id)).fields);
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body);
}

const refresh = (id, refresh_token, to) =>
  token(postern, { grant_type: "refresh_token", client_id: id, refresh_token }, { to });
const atOnce = (work) => Promise.all(Array.from({ length: AT_ONCE }, (_, number) => work(number)));

test("from an address to a call, and to its end", async () => {
  //
  const refused = await get("/mcp");
  assert.equal(refused.status, 401);
  const [, resourceUrl] = /resource_metadata="([^"]*)"/.exec(refused.headers["www-authenticate"]);
  const resource = JSON.parse((await get(new URL(resourceUrl).pathname)).body);
  assert.deepEqual(resource.authorization_servers, [postern.origin]);
  const server = JSON.parse((await get("/.well-known/oauth-authorization-server")).body);
  assert.equal(server.issuer, postern.origin);
  assert.equal((await get("/.well-known/openid-configuration")).status, 404);
  const id = client();
  const browser = world.browser();
  issuers.main.user = { sub: "somebody" };
  const { path, verifier } = request(id, { resource: resource.resource });
  // Who is not signed in is sent there first, and comes back to the question.
  const page = await browser.navigate(path, { initiator: at });
  assert.match(page.body, /Example Agent/);
  assert.match(page.headers["content-security-policy"], /frame-ancestors 'none'/);
  const question = /name="question" value="([^"]*)"/.exec(page.body)[1];
  const { status, headers } = await decide(browser, question);
  assert.equal(status, 303);
  const answer = new URL(headers.location);
  assert.deepEqual([answer.searchParams.get("state"), answer.searchParams.get("iss")], ["s", postern.origin]);
  assert.equal((await decide(browser, question)).status, 403);
  const code = answer.searchParams.get("code");
  const first = await token(postern, redeem(id, code, verifier));
  const tokens = JSON.parse(first.body);
  assert.deepEqual([tokens.token_type, tokens.scope, first.headers["access-control-allow-origin"]], ["Bearer", "docs:read", "*"]);
  assert.equal(await opens(tokens.access_token), 200);
  assert.equal(await opens(tokens.access_token, "/other"), 401);
  assert.equal(await opens(tokens.refresh_token), 401);
  const renewed = JSON.parse((await refresh(id, tokens.refresh_token)).body);
  assert.equal(await opens(renewed.access_token), 200);
  // Another client can end nothing.
  const revoke = (client_id, text) => program(postern, "/auth/agents/revoke", {
    headers: [["content-type", "application/x-www-form-urlencoded"]], body: new URLSearchParams({ client_id, token: text }).toString(),
  });
  assert.equal((await revoke(client(), renewed.refresh_token)).status, 200);
  assert.equal(await opens(renewed.access_token), 200);
  assert.equal((await revoke(id, renewed.refresh_token)).status, 200);
  assert.equal(await opens(renewed.access_token), 401);
  assert.equal(JSON.parse((await refresh(id, renewed.refresh_token)).body).error, "invalid_grant");
  assert.equal(asked.get(new URL(id).pathname), 1);
});

test("of fifty that have one code one gets tokens, and none keeps them", async () => {
  //
  const browser = await person();
  const { fields } = await coded(browser, client());
  const answers = await atOnce((at) => token(postern, fields, { to: isolate(at) }));
  const good = answers.filter(({ status }) => status === 200);
  assert.equal(good.length, 1);
  assert.ok(answers.every(({ status, body }) => status === 200 || JSON.parse(body).error === "invalid_grant"));
  assert.equal(await opens(JSON.parse(good[0].body).access_token), 401);
});

test("of fifty that refresh at once all have the same successor", async () => {
  //
  const [browser, id] = [await person(), client()];
  const { refresh_token: first } = await granted(browser, id);
  const answers = await atOnce((at) => refresh(id, first, isolate(at)));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  const successors = new Set(answers.map(({ body }) => JSON.parse(body).refresh_token));
  assert.equal(successors.size, 1);
  const [next] = successors;
  const { access_token: access } = JSON.parse((await refresh(id, next)).body);
  await postern.advance(11);
  assert.equal(JSON.parse((await refresh(id, first)).body).error, "invalid_grant");
  assert.equal(await opens(access), 401);
});

test("of fifty answers to one question one counts", async () => {
  //
  const browser = await person();
  const { question } = await ask(browser, request(client()).path);
  const answers = await atOnce(() => decide(browser, question));
  assert.deepEqual([303, 403].map((status) => answers.filter((answer) => answer.status === status).length), [1, AT_ONCE - 1]);
  const other = await person();
  const { question: theirs } = await ask(other, request(client()).path);
  assert.equal((await decide(browser, theirs)).status, 403);
});

/** A client with a key of its own, by which it proves itself. */
function keyed() {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keys = `/jwks-${randomBytes(4).toString("hex")}.json`;
  published.set(keys, { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "a", alg: "ES256", use: "sig" }] });
  const id = client({ token_endpoint_auth_method: "private_key_jwt", jwks_uri: `${at}${keys}` });
  const now = () => Math.floor(postern.now() / 1000);
  /** What goes with a form to the token endpoint. */
  const proof = async (jti) => ({
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: await new SignJWT({ jti }).setProtectedHeader({ alg: "ES256", kid: "a" })
      .setIssuer(id).setSubject(id).setAudience(postern.origin).setIssuedAt(now()).setExpirationTime(now() + 60).sign(privateKey),
  });
  const dpop = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = dpop.publicKey.export({ format: "jwk" });
  const bound = async (jti) => ["dpop", await new SignJWT({ jti, htm: "POST", htu: `${postern.origin}/auth/agents/token` })
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk }).setIssuedAt(now()).sign(dpop.privateKey)];
  return { id, proof, bound };
}

test("a client proves itself by its published key, and binds its tokens to another", async () => {
  //
  const { id, proof, bound } = keyed();
  const { fields } = await coded(await person(), id);
  const unproven = await token(postern, fields);
  assert.deepEqual([unproven.status, JSON.parse(unproven.body).error], [401, "invalid_client"]);
  const answer = await token(postern, { ...fields, ...await proof("1") }, { headers: [await bound("d")] });
  assert.equal(answer.status, 200, answer.body);
  const tokens = JSON.parse(answer.body);
  assert.equal(tokens.token_type, "DPoP");
  assert.equal(await opens(tokens.access_token), 401);
});

test("an assertion and a proof of a key count once, whichever isolate they come to", async () => {
  //
  const { id, proof, bound } = keyed();
  const browser = await person();
  const codes = async (count) => {
    const all = [];
    for (let at = 0; at < count; at += 1) all.push((await coded(browser, id)).fields);
    return all;
  };
  const errors = (answers) => answers.map(({ status, body }) => (status === 200 ? "none" : JSON.parse(body).error)).sort();
  const shown = await proof("twice");
  const asserted = await Promise.all((await codes(6)).map((fields, at) => token(postern, { ...fields, ...shown }, { to: isolate(at) })));
  assert.deepEqual(errors(asserted), [...Array(5).fill("invalid_client"), "none"]);
  const signed = await bound("twice");
  const assertions = await Promise.all([...Array(6)].map((_, at) => proof(`own-${at}`)));
  const proven = await Promise.all((await codes(6)).map((fields, at) =>
    token(postern, { ...fields, ...assertions[at] }, { headers: [signed], to: isolate(at) })));
  assert.deepEqual(errors(proven), [...Array(5).fill("invalid_dpop_proof"), "none"]);
});

test("a client whose document is not good is never sent anybody", async () => {
  //
  const browser = await person();
  for (const [id, redirect] of [
    [`${at}/none.json`, callback],
    [client({ client_secret: "x" }), callback],
    [client({ client_id: `${at}/else.json` }), callback],
    [client(), `${at}/other`],
    [client(), "http://127.0.0.1:1/else"],
    [client(), "javascript:alert(1)"],
  ]) {
    const answer = await browser.navigate(request(id, { redirect }).path, { initiator: postern.origin, follow: false });
    assert.deepEqual([answer.status, answer.headers.location], [400, undefined], id);
  }
  const loopback = await coded(browser, client(), { redirect: "http://127.0.0.1:33418/cb" });
  assert.ok(loopback.location.startsWith("http://127.0.0.1:33418/cb?code="), loopback.location);
});
