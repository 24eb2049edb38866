// examples/service-binding as it stands: a Worker in JavaScript that asks Postern over a service binding who may pass.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { isPosterns } from "../../examples/service-binding/guard.js";
import { logIn } from "./support/login.mjs";
import { PLATFORM } from "./support/postern.mjs";
import { assertNothingLeaks, SESSION_COOKIE } from "./support/refusals.mjs";
import { challengesOf } from "./support/tokens.mjs";
import { startWorld } from "./support/world.mjs";

const EXAMPLE = fileURLToPath(new URL("../../examples/service-binding/", import.meta.url));
const SECRET = "canary-binding-0123456789abcdef0123456789abcdef";
const CORS = { origins: ["https://spa.example.com"], credentials: true };

/** The example, with this secret and Postern, or whatever else, bound. */
const asking = (name, secret = SECRET, postern = "postern") => ({
  name, ...PLATFORM, modulesRoot: EXAMPLE,
  modules: ["worker.js", "guard.js"].map((file) => ({ type: "ESModule", path: `${EXAMPLE}${file}`, contents: readFileSync(`${EXAMPLE}${file}`, "utf8") })),
  bindings: { POSTERN_VERIFY_SECRET: secret },
  serviceBindings: { POSTERN: postern, API: "echo" },
});

const other = (name, answer) => ({ name, ...PLATFORM, modules: true, script: `export default { fetch() { ${answer} } };` });

const world = await startWorld({ main: {} }, {
  tokens: { main: {} },
  routes: {
    "/": { upstream: "none", public: true },
    "/api/open/{*rest}": { upstream: "none", public: true },
    "/api/{*rest}": { upstream: "none", authenticate: ["session", "bearer"], token: "relay" },
    "/people/{*rest}": { upstream: "none", cors: CORS },
    "/api/keys/{*rest}": { upstream: "none", authenticate: ["key"] },
    "/api/named/{*rest}": { upstream: "none", authenticate: ["session", "bearer"], headers: { "X-Auth-Email": "email", "X-Login": "subject" } },
    "/keys/{*rest}": { upstream: "none", authenticate: ["key"] },
    "/admin": { upstream: "none", authenticate: ["bearer"], require: { scopes: ["admin"] } },
  },
  vars: { VERIFY: {}, POSTERN_VERIFY_SECRET: SECRET, KEYS: { prefix: "acme", header: "X-API-Key", self_service: { scopes: ["read"] } } },
  beside: () => [asking("app"), asking("stranger", "f".repeat(32)), asking("lost", SECRET, "broken"), asking("misled", SECRET, "hello"),
    other("broken", 'throw new Error("unreachable")'), other("hello", 'return new Response("hello")')],
});
const { postern, issuers: { main } } = world;
const ask = (path, options) => postern.sendTo("app", path, options);

const alice = world.browser();
assert.equal((await logIn(alice, { provider: "main" })).status, 200);
const cookie = ["cookie", `app=1; ${SESSION_COOKIE}=${alice.jar.cookies.get(SESSION_COOKIE).value}`];
const SCRIPT = [["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "cors"], ["sec-fetch-dest", "empty"]];
const PERSON = [["sec-fetch-site", "none"], ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"], ["accept", "text/html"]];

/** Everything by which a browser could say that it is somebody else, or that the request is another. */
const CLAIMS = [
  ["x-postern-issuer", "https://evil.example"], ["x-postern-subject", "root"], ["x-postern-kind", "service"], ["x-postern-email", "root@example.com"],
  ["x-postern-scopes", "admin"], ["x-postern-actor", "root"], ["x-postern-anything", "root"], ["x-postern-secret", SECRET.replace("canary", "guess")],
  ["x-forwarded-uri", "/"], ["x-forwarded-method", "GET"], ["x-forwarded-host", "evil.example"], ["x-original-uri", "/"], ["x-original-method", "GET"],
  ["x-original-url", "/"], ["x-rewrite-url", "/"], ["x-real-ip", "192.0.2.1"], ["forwarded", "for=192.0.2.1"],
];

/** What the API behind the Worker got, and the Worker's answer. */
async function passedOn(path, options, worker = "app") {
  const before = (await postern.forwarded()).length;
  const answer = await postern.sendTo(worker, path, options);
  return { answer, seen: (await postern.forwarded()).slice(before) };
}

test("a person with a session is let in, and the Worker knows who it is", async () => {
  const mark = await postern.mark();
  const answer = await ask("/people/7?x=%C3%A9", { headers: [cookie, ...SCRIPT] });
  assert.equal(answer.status, 200, answer.body);
  const { hello, caller } = JSON.parse(answer.body);
  assert.deepEqual([hello, caller.issuer, caller.kind, caller.provider], ["alice", main.url, "human", "main"]);
  assert.equal(answer.headers["cache-control"], "private, no-store");
  const events = await postern.eventsSince(mark);
  assert.deepEqual(events.map(({ outcome, path, via, subject }) => [outcome, path, via, subject]), [["allow", "/people/7", "verify", "alice"]]);
});

test("a program is let in by its token, and what goes on says so", async () => {
  const token = main.accessToken({ scope: "read write" });
  const { answer, seen } = await passedOn("/api/orders?x=1", { method: "POST", body: "an order", headers: [["authorization", `Bearer ${token}`]] });
  assert.equal(answer.status, 200, answer.body);
  const [{ path, body, headers }] = seen;
  assert.deepEqual([path, body, headers["x-postern-subject"], headers["x-postern-scopes"], headers.authorization], ["/api/orders?x=1", "an order", "reporter", "read write", `Bearer ${token}`]);
  assert.equal(headers["x-postern-secret"], undefined);
});

test("who may not pass gets Postern's own refusal", async () => {
  //
  const person = await ask("/people/7", { headers: PERSON });
  assert.deepEqual([person.status, person.headers.location], [302, `${postern.origin}/auth/login?return_to=%2Fpeople%2F7&fragment=keep`]);
  const script = await ask("/people/7", { headers: SCRIPT });
  assert.deepEqual([script.status, JSON.parse(script.body).type], [401, "urn:postern:problem:unauthenticated"]);
  const short = await ask("/admin", { headers: [["authorization", `Bearer ${main.accessToken({ scope: "read" })}`]] });
  assert.deepEqual([short.status, challengesOf(short)[0][1].error], [403, "insufficient_scope"]);
  assert.equal((await ask("/nowhere", { headers: [cookie, ...SCRIPT] })).status, 404);
  assert.equal((await ask("/people//7", { headers: [cookie, ...SCRIPT] })).status, 400);
  const login = await ask("/auth/login?return_to=/people/7", { headers: PERSON });
  assert.deepEqual([login.status, new URL(login.headers.location).origin], [302, new URL(main.url).origin]);
});

test("another origin's page neither posts nor reads, but for one that the route names", async () => {
  //
  const from = (site, origin) => [cookie, ["sec-fetch-site", site], ["sec-fetch-mode", "cors"], ["origin", origin]];
  const post = await ask("/people/7", { method: "POST", headers: from("same-site", "http://evil.localhost:8787") });
  assert.deepEqual([post.status, JSON.parse(post.body).type], [403, "urn:postern:problem:cross-site"]);
  const spa = await ask("/people/7", { method: "POST", headers: from("same-site", "https://spa.example.com") });
  assert.deepEqual([spa.status, spa.headers["access-control-allow-origin"], spa.headers["access-control-allow-credentials"]], [200, "https://spa.example.com", "true"]);
  assert.match(spa.headers.vary, /Origin/);
});

test("nothing that a browser says of who it is gets through, neither in nor past", async () => {
  // field rows 1 to 5
  for (const [path, headers, subject] of [["/api/orders", [cookie, ...SCRIPT], "alice"], ["/api/open/x", [], undefined]]) {
    const { answer, seen } = await passedOn(path, { headers: [...headers, ...CLAIMS] });
    assert.equal(answer.status, 200, answer.body);
    const told = seen[0].headers;
    assert.equal(told["x-postern-subject"], subject, path);
    assert.equal(told["x-postern-issuer"], subject && main.url);
    for (const [name, value] of CLAIMS) assert.notEqual(told[name], value, `${path}: ${name}`);
    assert.doesNotMatch(told.cookie ?? "", /__Host-postern/);
    assertNothingLeaks(JSON.stringify([told, answer]), [{ canaries: [SECRET] }], path);
  }
  const open = await ask("/", { headers: CLAIMS });
  assert.deepEqual(JSON.parse(open.body), { hello: "everybody", caller: null });
  // As a claim, or as the question's own words: who is not signed in stays so.
  assert.equal((await ask("/people/7", { headers: [...SCRIPT, ...CLAIMS] })).status, 401);
  for (const name of ["x_postern_subject", "X_Forwarded_Uri", "x.postern.secret"]) {
    assert.equal((await ask("/api/orders", { headers: [cookie, ...SCRIPT, [name, "root"]] })).status, 400, name);
  }
});

test("under the names of the routes' headers, what goes on says what Postern says, and nothing where it says nothing", async () => {
  //
  const forged = [["x-auth-email", "root@example.com"], ["X-Login", "root"]];
  const token = ["authorization", `Bearer ${main.accessToken({ scope: "read" })}`];
  for (const [path, headers, email, login] of [
    ["/api/named/a", [cookie, ...SCRIPT], "alice@example.com", "alice"],
    ["/api/named/a", [token], undefined, "reporter"],
    ["/api/orders", [cookie, ...SCRIPT], undefined, undefined],
    ["/api/open/a", [], undefined, undefined],
  ]) {
    const { answer, seen } = await passedOn(path, { headers: [...headers, ...forged] });
    assert.equal(answer.status, 200, answer.body);
    const told = seen[0].headers;
    assert.deepEqual([told["x-auth-email"], told["x-login"], told["x-postern-headers"]], [email, login, undefined], path);
  }
});

test("what is Postern's own is known by its path", () => {
  const is = (path) => isPosterns(new Request(`https://app.example.com${path}`));
  for (const path of [
    "/auth/login?x=1", "/auth", "/.well-known/jwks.json", "/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server",
    "/.well-known/authzen-configuration",
  ]) assert.ok(is(path), path);
  for (const path of ["/", "/authors", "/.well-known/security.txt", "/.well-known/jwks.json.bak", "/access/v1/evaluation"]) assert.ok(!is(path), path);
});

test("a request that comes past the secret is told nothing", async () => {
  // Without it, with another, and by whoever asks as the Worker does.
  const stranger = await postern.sendTo("stranger", "/people/7", { headers: [cookie, ...SCRIPT] });
  assert.deepEqual([stranger.status, JSON.parse(stranger.body).type], [400, "urn:postern:problem:bad-request"]);
  for (const path of ["/auth/verify", "/auth/verify/refusal"]) {
    const past = await ask(path, { headers: [cookie, ...SCRIPT, ["x-forwarded-method", "GET"], ["x-forwarded-uri", "/people/7"], ["x-forwarded-host", "localhost:8787"], ["x-forwarded-proto", "http"]] });
    assert.deepEqual([past.status, past.headers["x-postern-subject"]], [400, undefined], path);
  }
  assert.equal((await ask("/auth/me", { headers: [cookie, ...SCRIPT] })).status, 200);
});

test("where Postern does not answer, or somebody else does in its place, nobody passes", async () => {
  for (const [name, status] of [["lost", 503], ["misled", 502]]) {
    for (const path of ["/", "/people/7", "/api/open/x"]) {
      const { answer, seen } = await passedOn(path, { headers: [cookie, ...SCRIPT] }, name);
      assert.deepEqual([answer.status, seen], [status, []], `${name} ${path}: ${answer.body}`);
    }
  }
});

test("an API key ends at the Worker, and what goes on has none in any header", async () => {
  //
  const body = JSON.stringify({ name: "ci", scopes: ["read"] });
  const made = await alice.fetch("/auth/keys", { method: "POST", body, headers: [["content-type", "application/json"]] });
  assert.equal(made.status, 201, made.body);
  const { key, id } = JSON.parse(made.body);
  const { caller } = JSON.parse((await ask("/keys/a", { headers: [["x-api-key", key]] })).body);
  assert.deepEqual([caller.key, caller.owner, caller.owner_issuer], [id, "alice", main.url]);
  const plain = [["x-correlation", "a-1"], ["x-trace", key.slice(0, -1)]];
  for (const [path, headers] of [
    ["/api/keys/a", [["x-api-key", key]]],
    ["/api/keys/a", [["x-api-key", key], ["x-copy", `the key: ${key}`]]],
    ["/api/open/a", [["x-api-key", key]]],
    ["/api/open/a", [["authorization", `Bearer ${key}`], ["x-api-key", key]]],
  ]) {
    const { answer, seen } = await passedOn(path, { headers: [...headers, ...plain] });
    assert.equal(answer.status, 200, answer.body);
    assert.ok(!JSON.stringify(seen[0].headers).includes(key), `${path} ${headers.map(([name]) => name)}`);
    for (const [name, value] of plain) assert.equal(seen[0].headers[name], value, "what is no key goes on");
    assert.equal(seen[0].headers["x-postern-key"], path.includes("keys") ? id : undefined);
  }
});
