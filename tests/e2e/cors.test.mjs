// Pages of other origins: what a browser is told on the wire, and what reaches the upstream.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { logIn } from "./support/login.mjs";
import { assertRefusalBody, SESSION_COOKIE } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const SPA = "http://localhost:5173";
const OTHERS = ["http://localhost:5174", "https://localhost:5173", "http://127.0.0.1:5173", "null", "*", "http://localhost:5173.evil.example", "HTTP://LOCALHOST:5173"];

// Says of other origins what no upstream should.
const upstream = createServer((request, response) => {
  const open = { "access-control-allow-origin": "*", "access-control-allow-credentials": "true", "access-control-expose-headers": "*", vary: "Accept-Encoding", etag: '"1"' };
  response.writeHead(200, open).end("answer");
});
await new Promise((listening) => upstream.listen(0, "127.0.0.1", listening));
after(() => upstream.close());

const cors = { origins: [SPA], credentials: true, headers: ["content-type", "x-spa"], expose: ["etag"], max_age: "10m" };
const world = await startWorld(
  { main: {} },
  {
    routes: {
      "/api/echo": { methods: ["GET", "POST"], upstream: "service:ECHO", cors },
      "/api/loud": { methods: ["GET", "OPTIONS"], upstream: `http://127.0.0.1:${upstream.address().port}`, cors },
      "/api/closed": { upstream: `http://127.0.0.1:${upstream.address().port}` },
      "/api/gone": { upstream: "http://127.0.0.1:9", cors },
      "/open": { upstream: "service:ECHO", public: true, cors: { origins: [SPA] } },
      "/page": { methods: ["GET"], upstream: "service:ECHO" },
    },
  },
);
const { postern } = world;
const alice = world.browser();
assert.equal((await logIn(alice, { provider: "main" })).status, 200);
const cookie = ["cookie", `${SESSION_COOKIE}=${alice.jar.cookies.get(SESSION_COOKIE).value}`];

/** What a browser sends for a script of a page of `origin`, on the same site. */
const from = (origin) => [["origin", origin], ["sec-fetch-site", "same-site"], ["sec-fetch-mode", "cors"], ["sec-fetch-dest", "empty"]];
const preflight = (path, origin, method = "POST", headers = "content-type,x-spa") =>
  postern.send(path, { method: "OPTIONS", headers: [...from(origin), ["access-control-request-method", method], ["access-control-request-headers", headers]] });
const about = (answer) => Object.fromEntries(Object.entries(answer.headers).filter(([name]) => name.startsWith("access-control-")));
const vary = (answer) => (answer.headers.vary ?? "").split(/\s*,\s*/);

test("a preflight is answered by Postern alone, with what the route allows", async () => {
  //
  const mark = await postern.mark();
  const before = (await postern.forwarded()).length;
  const answer = await preflight("/api/echo", SPA);
  assert.deepEqual([answer.status, answer.body], [204, ""]);
  assert.deepEqual(about(answer), {
    "access-control-allow-origin": SPA, "access-control-allow-credentials": "true", "access-control-allow-methods": "GET, HEAD, POST",
    "access-control-allow-headers": "content-type, x-spa", "access-control-max-age": "600",
    "access-control-expose-headers": "dpop-nonce, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id, etag",
  });
  assert.ok(vary(answer).includes("Origin"));
  const [event] = await postern.eventsSince(mark);
  assert.deepEqual([event.outcome, event.reason, event.method, event.route], ["allow", "cors.preflight", "OPTIONS", "/api/echo"]);
  assert.equal((await postern.forwarded()).length, before);
  assert.equal((await preflight("/api/loud", SPA, "GET")).headers["access-control-allow-credentials"], "true");
});

test("any other origin is told nothing, whatever it asks", async () => {
  //
  for (const origin of OTHERS) {
    const asked = await preflight("/api/echo", origin);
    assert.deepEqual([asked.status, about(asked)], [403, {}], origin);
    const answer = await postern.send("/api/echo", { headers: [cookie, ...from(origin)] });
    assert.deepEqual([answer.status, about(answer)], [403, {}], origin);
    const open = await postern.send("/open", { headers: from(origin) });
    assert.deepEqual([open.status, about(open)], [200, {}], origin);
    for (const one of [asked, answer, open]) assert.ok(vary(one).includes("Origin"), origin);
  }
});

test("what the upstream says of other origins is replaced, and left alone where the route says nothing", async () => {
  //
  const answer = await postern.send("/api/loud", { headers: [cookie, ...from(SPA)] });
  assert.deepEqual([answer.status, answer.body], [200, "answer"]);
  assert.deepEqual(about(answer), { "access-control-allow-origin": SPA, "access-control-allow-credentials": "true", "access-control-expose-headers": "etag" });
  assert.deepEqual(["Accept-Encoding", "Cookie", "Origin"].filter((name) => !vary(answer).includes(name)), []);
  const own = await alice.fetch("/api/loud");
  assert.deepEqual([own.status, about(own)], [200, {}]);
  assert.equal((await alice.fetch("/api/closed")).headers["access-control-allow-origin"], "*");
});

test("a page elsewhere acts with cookies on its route, and on no other", async () => {
  //
  const act = (path, origin) => postern.send(path, { method: "POST", body: "x", headers: [cookie, ...from(origin)] });
  assert.equal((await act("/api/echo", SPA)).status, 200);
  assert.equal((await postern.forwarded()).at(-1).body, "x");
  const before = (await postern.forwarded()).length;
  for (const origin of OTHERS) assert.equal((await act("/api/echo", origin)).status, 403, origin);
  assert.equal((await act("/api/closed", SPA)).status, 403);
  assert.equal((await act("/auth/logout", SPA)).status, 403);
  assert.equal((await postern.forwarded()).length, before);
});

test("every refusal on such a route can be read there", async () => {
  // R-187, field row 13
  const readable = (answer, status) => {
    assert.equal(answer.status, status);
    assert.equal(answer.headers["access-control-allow-origin"], SPA);
    assert.equal(answer.headers["access-control-allow-credentials"], "true");
    assertRefusalBody(answer, { navigation: false, requestId: answer.headers["x-request-id"] });
    return JSON.parse(answer.body);
  };
  const problem = readable(await postern.send("/api/echo", { headers: from(SPA) }), 401);
  assert.equal(problem.login_url, `${postern.origin}/auth/login`);
  const old = await postern.send("/api/echo", { headers: [["origin", SPA], ["accept", "text/html"]] });
  readable(old, 401);
  readable(await postern.send("/api/gone", { headers: [cookie, ...from(SPA)] }), 502);
  await postern.break({ SUBJECTS: "throw" });
  const down = await postern.send("/api/echo", { headers: [cookie, ...from(SPA)] });
  await postern.break({});
  readable(down, 503);
});

test("our own endpoints have no CORS", async () => {
  //
  for (const [method, path] of [["GET", "/auth/login?provider=main"], ["GET", "/auth/callback/main"], ["POST", "/auth/logout"], ["GET", "/auth/me"], ["GET", "/auth/sessions"]]) {
    for (const answer of [await preflight(path, SPA, method), await postern.send(path, { method, headers: [cookie, ...from(SPA)] })]) {
      assert.deepEqual(about(answer), {}, path);
      assert.ok(answer.status >= 400, `${path}: ${answer.status}`);
    }
  }
  assert.equal((await alice.fetch("/auth/me")).status, 200);
});
