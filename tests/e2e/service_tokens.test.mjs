// Tokens of Postern's own, of a certified provider: got once however many need one, kept sealed, renewed, and sent nowhere but
// to the upstream that they are for.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { generateKeyPairSync } from "node:crypto";
import { startProvider } from "../../demo/provider/provider.mjs";
import { FOR_MACHINES } from "./support/machine.mjs";
import { logIn } from "./support/login.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { freePort } from "./support/ports.mjs";
import { until } from "./support/until.mjs";
import { BareWorkerd } from "./support/workerd.mjs";
import { startWorld } from "./support/world.mjs";
import { Browser } from "./support/browser.mjs";
import { startProviders } from "../provider/host.mjs";

const API = "https://billing.example.test";
const SECRET = "a-secret-of-the-billing-service-";
const LIFE = 600;
const ALGORITHMS = { es256: "ES256", rs256: "RS256", ps256: "PS256", eddsa: "EdDSA" };
const port = await freePort();
const origin = `http://localhost:${port}`;

const newKey = (alg) => {
  const [type, options] = { ES256: ["ec", { namedCurve: "P-256" }], EdDSA: ["ed25519", {}] }[alg] ?? ["rsa", { modulusLength: 2048 }];
  return generateKeyPairSync(type, options).privateKey;
};
const jwkOf = (key, more = {}) => JSON.stringify({ ...key.export({ format: "jwk" }), ...more });
const pemOf = (key) => key.export({ type: "pkcs8", format: "pem" });

const client = (id, method, more = {}) => ({
  client_id: id, client_secret: SECRET, grant_types: ["client_credentials"], response_types: [], redirect_uris: [], token_endpoint_auth_method: method, ...more,
});
const byKeys = Object.entries(ALGORITHMS).map(([id, alg]) =>
  client(id, "private_key_jwt", { client_secret: undefined, jwks_uri: `${origin}/auth/clients/${id}/jwks.json`, token_endpoint_auth_signing_alg: alg }));
const provider = await startProvider({
  ...FOR_MACHINES, accessTokenTtl: LIFE, resources: { [API]: { scopes: ["invoices:read"] } },
  clients: [
    client("billing", "client_secret_basic"), client("post", "client_secret_post"),
    client("hs256", "client_secret_jwt", { token_endpoint_auth_signing_alg: "HS256" }), ...byKeys,
  ],
  // By itself it reads no keys at addresses of this machine.
  configuration: { ...FOR_MACHINES.configuration, fetch: (url, { dispatcher, ...options }) => fetch(url, options) },
});

/** The upstream: it tells what it got, and takes no token that is in `refused`. */
const upstream = { seen: [], refused: new Set(), always: false };
const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { method, url, headers } = request;
  upstream.seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
  if (url.startsWith("/billing/moved")) return response.writeHead(302, { location: `http://127.0.0.1:${canary.address().port}/elsewhere` }).end();
  if (upstream.always || upstream.refused.has(headers.authorization)) return response.writeHead(401, { "www-authenticate": 'Bearer error="invalid_token"' }).end("refused");
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ ok: true }));
});
/** Where nothing of ours may ever come. */
const canary = createServer((request, response) => {
  canary.seen.push(request.url);
  response.end("canary");
});
canary.seen = [];
for (const one of [server, canary]) await new Promise((listening) => one.listen(0, "127.0.0.1", listening));

const entry = (id, more = {}) => ({ issuer: provider.issuer, client_id: id, resource: API, scopes: ["invoices:read"], ...more });
const billing = `http://127.0.0.1:${server.address().port}`;
const keys = Object.fromEntries(Object.entries(ALGORITHMS).map(([id, alg]) => [id, newKey(alg)]));
const routes = {
  "/billing/{*rest}": { upstream: billing, token: "service:billing" },
  "/post/{*rest}": { upstream: billing, token: "service:post" },
  "/hs256/{*rest}": { upstream: billing, token: "service:hs256" },
  ...Object.fromEntries(Object.keys(ALGORITHMS).map((id) => [`/${id}/{*rest}`, { upstream: billing, token: `service:${id}` }])),
  "/plain/{*rest}": { upstream: "service:ECHO" },
};
const vars = {
  SERVICES: {
    billing: entry("billing"),
    post: entry("post", { client_auth: "client_secret_post" }),
    hs256: entry("hs256", { client_auth: "client_secret_jwt" }),
    ...Object.fromEntries(Object.entries(ALGORITHMS).map(([id, alg]) => [id, entry(id, { client_auth: "private_key_jwt", client_assertion: { alg } })])),
  },
  SERVICE_BILLING_CLIENT_SECRET: SECRET, SERVICE_POST_CLIENT_SECRET: SECRET, SERVICE_HS256_CLIENT_SECRET: SECRET,
  // Of each form that a key may have.
  SERVICE_ES256_PRIVATE_KEY: pemOf(keys.es256), SERVICE_RS256_PRIVATE_KEY: pemOf(keys.rs256),
  SERVICE_PS256_PRIVATE_KEY: jwkOf(keys.ps256, { kid: "own" }), SERVICE_EDDSA_PRIVATE_KEY: jwkOf(keys.eddsa),
};
const world = await startWorld({ main: {} }, { routes, vars, port, twin: true });
const { postern } = world;
after(() => Promise.all([provider.close(), server.close(), canary.close()]));
const browser = world.browser();
await logIn(browser, { provider: "main" });

const asked = () => provider.requests.filter(({ path }) => path === "/token").length;
const lastToken = () => upstream.seen.at(-1).headers.authorization;

/** No token of ours is in the log, nor came to the canary. */
async function assertNothingLeaks(mark) {
  const tokens = upstream.seen.map(({ headers }) => headers.authorization?.replace("Bearer ", "")).filter(Boolean);
  assert.ok(tokens.length > 0);
  const log = (await postern.linesSince(mark)).join("\n");
  for (const token of new Set(tokens)) assert.ok(!log.includes(token), "a token is in the log");
  assert.deepEqual(canary.seen, []);
}

test("the upstream gets a token of our own, for it alone, and nothing of the caller", async () => {
  //
  const mark = await postern.mark();
  const answer = await browser.fetch("/billing/1", { headers: [["authorization", "Bearer callers"]] });
  assert.equal(answer.status, 200, answer.body);
  const { headers } = upstream.seen.at(-1);
  const claims = JSON.parse(Buffer.from(headers.authorization.split(".")[1], "base64url"));
  assert.deepEqual([claims.aud, claims.scope, claims.client_id], [API, "invoices:read", "billing"]);
  assert.equal(headers.cookie, undefined);
  const events = await postern.allEventsSince(mark);
  const fetched = events.find(({ event }) => event === "service_token.fetched");
  assert.deepEqual([fetched.service, fetched.outcome, fetched.reason], ["billing", "allow", "service_token.fetched"]);
  assert.equal(events.find(({ event }) => event === "access").service, "billing");
  assert.ok(!answer.body.includes("eyJ") && !JSON.stringify(answer.headers).includes("eyJ"));
  await assertNothingLeaks(mark);
});

for (const [id, method] of [["post", "client_secret_post"], ["hs256", "client_secret_jwt"], ...Object.keys(ALGORITHMS).map((one) => [one, "private_key_jwt"])]) {
  test(`a certified provider takes ${method} (${id})`, async () => {
    // it reads our keys where we publish them
    // Before the clock moves: assertions carry our time.
    const before = provider.requests.length;
    const mark = await postern.mark();
    const answer = await browser.fetch(`/${id}/1`);
    const failed = (await postern.allEventsSince(mark)).find(({ event }) => event === "service_token.failed");
    assert.equal(answer.status, 200, JSON.stringify(failed));
    assert.equal(provider.requests.slice(before).filter(({ path }) => path === "/token").length, 1);
    const claims = JSON.parse(Buffer.from(lastToken().split(".")[1], "base64url"));
    assert.equal(claims.client_id, id);
  });
}

test("two hundred requests at its end cost one token request, in whatever isolate they are", async () => {
  //
  await browser.fetch("/billing/1");
  await postern.advance(LIFE);
  const before = asked();
  const paths = Array.from({ length: 200 }, (_, number) => `/billing/${number}`);
  const cookie = [["cookie", `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}`], ["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "cors"]];
  const answers = await Promise.all(paths.map((path, number) => (number % 2 ? postern.sendToTwin(path, { headers: cookie }) : browser.fetch(path))));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  assert.equal(asked(), before + 1);
  assert.equal(new Set(upstream.seen.slice(-200).map(({ headers }) => headers.authorization)).size, 1);
});

test("it is renewed a minute ahead, beside a request that does not wait", async () => {
  //
  const [before, token] = [asked(), lastToken()];
  await postern.advance(LIFE - 65);
  await browser.fetch("/billing/1");
  assert.equal(asked(), before, "more than a minute before its end");
  await postern.advance(31);
  await browser.fetch("/billing/1");
  await until(() => asked() === before + 1, "the next token");
  await postern.advance(31);
  await browser.fetch("/billing/1");
  assert.notEqual(lastToken(), token);
  assert.equal(asked(), before + 1);
});

test("what is stored of it is sealed, and another object in memory uses it too", async () => {
  //
  await browser.fetch("/billing/1");
  const before = asked();
  await postern.evict("SERVICE_TOKENS");
  await postern.advance(31);
  await browser.fetch("/billing/1");
  assert.equal(asked(), before);
});

test("a token that the upstream does not take is dropped, and a read is repeated once", async () => {
  //
  const mark = await postern.mark();
  await browser.fetch("/billing/1");
  const before = asked();
  upstream.refused.add(lastToken());
  const read = upstream.seen.length;
  assert.equal((await browser.fetch("/billing/2")).status, 200);
  assert.deepEqual([asked() - before, upstream.seen.length - read], [1, 2]);
  // What has a body is sent once; the next one has another token.
  await postern.advance(11);
  upstream.refused.add(lastToken());
  const written = upstream.seen.length;
  assert.equal((await browser.fetch("/billing/3", { method: "POST", body: "a=1" })).status, 401);
  assert.deepEqual([asked() - before, upstream.seen.length - written, upstream.seen.at(-1).body], [2, 1, "a=1"]);
  assert.equal((await browser.fetch("/billing/3", { method: "POST", body: "a=1" })).status, 200);
  // An upstream that takes none has us ask for no more than one.
  await postern.advance(11);
  upstream.always = true;
  const [tokens, requests] = [asked(), upstream.seen.length];
  for (let count = 0; count < 5; count += 1) assert.equal((await browser.fetch("/billing/4")).status, 401);
  assert.deepEqual([asked() - tokens, upstream.seen.length - requests], [1, 6]);
  upstream.always = false;
  upstream.refused.clear();
  await assertNothingLeaks(mark);
});

test("neither a redirect nor a strange path or host takes the token anywhere else", async () => {
  //
  const mark = await postern.mark();
  const moved = await browser.fetch("/billing/moved", { follow: false });
  assert.equal(moved.status, 302);
  const target = `127.0.0.1:${canary.address().port}`;
  for (const [path, headers] of [
    [`/billing//${target}/`, []], [`/billing/http://${target}/`, []], [`/billing/@${target}/`, []], [`/billing/%2F%2F${target}/`, []], [`/billing/\\${target}/`, []],
    ["/billing/1", [["x-forwarded-host", target], ["x-original-url", `http://${target}/`], ["forwarded", `host=${target}`]]],
  ]) {
    await browser.fetch(path, { headers }).catch(() => undefined);
  }
  await browser.fetch("/plain/1");
  const elsewhere = await postern.forwarded();
  assert.ok(elsewhere.length > 0 && elsewhere.every(({ headers }) => !headers.authorization?.includes("eyJ")));
  await assertNothingLeaks(mark);
});

test("the next key is published beside the one that signs", async () => {
  //
  const kids = async () => JSON.parse((await postern.send("/auth/clients/es256/jwks.json")).body).keys.map(({ kid }) => kid);
  const [current] = await kids();
  const next = newKey("ES256");
  await postern.restart({ SERVICE_ES256_PRIVATE_KEY_NEXT: jwkOf(next, { kid: "next" }) });
  assert.deepEqual(await kids(), [current, "next"]);
  await postern.restart({ SERVICE_ES256_PRIVATE_KEY: jwkOf(next, { kid: "next" }) });
  assert.deepEqual(await kids(), ["next"]);
});

test("killed in the midst of asking, it asks again and nobody waits for the dead", async () => {
  //
  const host = await startProviders();
  const issuer = host.issuer("main");
  const workerd = new BareWorkerd({ providers: { main: issuer }, routes, vars });
  try {
    await workerd.start();
    const person = new Browser(workerd);
    assert.equal((await logIn(person, { provider: "main" })).status, 200);
    // The answer to the first request stays away.
    const { promise: came, resolve: comes } = Promise.withResolvers();
    const hold = (request, response) => {
      if (request.url !== "/token") return;
      comes();
      response.writeHead = () => response;
      response.end = () => response;
    };
    provider.server.prependListener("request", hold);
    const lost = person.fetch("/billing/1").catch(() => undefined);
    // Whatever is answered instead is told, and nobody waits for what does not come.
    const answered = await Promise.race([came, lost]);
    assert.equal(answered, undefined, `${answered?.status} ${answered?.body}`);
    await workerd.kill();
    await lost;
    provider.server.off("request", hold);
    await workerd.start();
    assert.equal((await person.fetch("/billing/1")).status, 200);
    // What is stored of it is sealed.
    const token = lastToken().replace("Bearer ", "");
    const stored = workerd.storedBytes();
    assert.ok(stored.includes("service_token") && !stored.includes(token) && !stored.includes(token.split(".")[2]));
    // Killed after it came, the stored one is used.
    const before = asked();
    await workerd.kill();
    await workerd.start();
    assert.equal((await person.fetch("/billing/1")).status, 200);
    assert.equal(asked(), before);
  } finally {
    await workerd.close();
    await host.close();
  }
});

test("while the issuer is down, the token counts until its end, and other routes do not notice", async () => {
  //
  const mark = await postern.mark();
  await browser.fetch("/billing/1");
  await provider.close();
  await postern.advance(LIFE - 40);
  assert.equal((await browser.fetch("/billing/1")).status, 200);
  await postern.advance(41);
  const refused = await browser.fetch("/billing/1");
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers["retry-after"]) > 0);
  assert.equal((await browser.fetch("/plain/1")).status, 200);
  const events = await postern.allEventsSince(mark);
  const failed = events.find(({ event }) => event === "service_token.failed");
  assert.deepEqual([failed.service, failed.reason], ["billing", "provider.unreachable"]);
  await assertNothingLeaks(mark);
});
