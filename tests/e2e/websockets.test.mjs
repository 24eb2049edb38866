// WebSockets: who may open one, what passes, and that none outlives the session it was opened with.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { logIn } from "./support/login.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { until } from "./support/until.mjs";
import { ENDED, handshake, signedIn, startSocketServer, within } from "./support/websocket.mjs";
import { startWorld } from "./support/world.mjs";

const sockets = [];
const server = await startSocketServer((socket, request) => sockets.push({ socket, request }));
after(() => server.close());
const world = await startWorld(
  { main: {} },
  {
    upstream: fileURLToPath(new URL("support/live_upstream.mjs", import.meta.url)),
    routes: {
      "/live/{*rest}": { methods: ["GET", "POST"], upstream: "service:ECHO" },
      "/stale/{*rest}": { methods: ["GET"], upstream: "service:ECHO", revocation: "1m" },
      "/open/{*rest}": { methods: ["GET"], upstream: "service:ECHO", public: true },
      "/far/{*rest}": { methods: ["GET"], upstream: server.origin },
      "/page": { methods: ["GET"], upstream: "service:ECHO" },
    },
    vars: { ADMIN: { principals: ["main|root"] } },
  },
);
const { postern, issuers } = world;
const origin = ["origin", postern.origin];

const person = (sub) => signedIn(world, sub);

/** How the upstream's side of `path` came to its end. */
async function upstreamEnd(path) {
  const echo = await postern.miniflare.getWorker("echo");
  return until(async () => (await (await echo.fetch("http://control.test/ends")).json()).find((one) => one.path === path), `the upstream's end of ${path}`);
}

test("messages pass both ways as they are, text and bytes, small and large", async () => {
  const { open } = await person();
  const socket = await open("/live/echo");
  for (const message of ["", "hello", "é🙂", "x".repeat(300_000)]) {
    socket.send(message);
    assert.equal(await socket.next(), message);
  }
  for (const message of [Buffer.alloc(0), Buffer.from([0, 255, 128]), Buffer.alloc(1 << 20, 7)]) {
    socket.send(message);
    assert.ok(message.equals(await socket.next()));
  }
  socket.send("say hello");
  assert.equal(await socket.next(), "hello");
  socket.vanish();
});

test("many messages keep their order", async () => {
  const { open } = await person();
  const socket = await open("/live/order");
  for (let count = 0; count < 500; count += 1) socket.send(String(count));
  for (let count = 0; count < 500; count += 1) assert.equal(await socket.next(), String(count));
  socket.vanish();
});

test("the subprotocol is the one the upstream chose, and its headers are cleaned like those of any answer", async () => {
  //
  const { cookie } = await person();
  const { status, headers, socket } = await handshake(postern, "/live/protocol", [cookie, origin, ["sec-websocket-protocol", "one, two"]]);
  assert.equal(status, 101);
  assert.equal(headers["sec-websocket-protocol"], "two");
  assert.equal(headers["x-powered-by"], undefined);
  assert.deepEqual(headers["set-cookie"], ["upstream=1"]);
  socket.vanish();
});

test("a WebSocket is opened for a page of ours, and the others cost the session's object nothing", async () => {
  // R-174; RFC 6455 §10.2
  const { cookie } = await person();
  await postern.break({ SUBJECTS: "throw" });
  const others = ["https://evil.example", "null", "", `${postern.origin}.evil.example`, `${postern.origin}/`, postern.origin.replace("http:", "https:"), postern.origin.toUpperCase(), "http://sub.localhost:8787"];
  for (const other of others) assert.equal((await handshake(postern, "/live/x", [cookie, ["origin", other]])).status, 403, other);
  for (const instead of [[], [["sec-fetch-site", "same-origin"]], [["x-postern-csrf", "1"]], [["referer", `${postern.origin}/page`]]]) {
    assert.equal((await handshake(postern, "/live/x", [cookie, ...instead])).status, 403, JSON.stringify(instead));
  }
  await postern.break({});
  assert.equal((await handshake(postern, "/live/x", [origin])).status, 401);
  assert.equal((await handshake(postern, "/live/x", [["cookie", `${SESSION_COOKIE}=forged`], origin])).status, 401);
  assert.equal((await handshake(postern, "/nowhere", [cookie, origin])).status, 404);
});

test("an upstream's refusal is passed on as it is", async () => {
  const { cookie } = await person();
  const { status, body } = await handshake(postern, "/live/refuses", [cookie, origin]);
  assert.deepEqual([status, body], [403, "not you"]);
});

test("codes and reasons of close frames pass both ways", async () => {
  const { open } = await person();
  for (const [code, reason] of [[1000, "done"], [4000, "é"], [3001, ""], [1011, "broken"]]) {
    const path = `/live/close?${code}`;
    const mine = await open(path);
    mine.close(code, reason);
    const { code: heard, reason: why } = await upstreamEnd(path);
    assert.deepEqual([heard, why], [code, reason]);
    const theirs = await open("/live/closed");
    theirs.send(`close ${JSON.stringify([code, reason])}`);
    assert.deepEqual(await within(2000, theirs.closed, "a close"), { code, reason });
  }
  const silent = await open("/live/close?silent");
  silent.close();
  assert.equal((await upstreamEnd("/live/close?silent")).code, 1005);
});

test("when the browser is gone the upstream is told, and the other way round", async () => {
  const { open } = await person();
  const gone = await open("/live/gone");
  gone.send("say hello");
  await gone.next();
  gone.vanish();
  assert.equal((await upstreamEnd("/live/gone")).code, 1001);
  const left = await open("/far/left");
  sockets.at(-1).socket.vanish();
  assert.deepEqual(await within(2000, left.closed, "a close"), { code: 1014, reason: "upstream gone" });
});

test("an https origin's WebSocket is relayed like a service's", async () => {
  const { open } = await person();
  const socket = await open("/far/talk?x=1");
  const { socket: upstream, request } = sockets.at(-1);
  assert.equal(request.url, "/far/talk?x=1");
  assert.equal(request.headers.cookie, undefined);
  socket.send("up");
  assert.equal(await upstream.next(), "up");
  upstream.send(Buffer.from("down"));
  assert.equal(String(await socket.next()), "down");
  upstream.close(4002, "bye");
  assert.deepEqual(await within(2000, socket.closed, "a close"), { code: 4002, reason: "bye" });
});

/** Every way a session ends, apart from its clocks. */
const ENDINGS = {
  "signing out": ({ browser }) => browser.fetch("/auth/logout", { method: "POST" }),
  "ending it from another browser": async ({ sub }) => {
    const other = await person(sub);
    const ended = await other.browser.fetch("/auth/sessions", { method: "DELETE" });
    assert.equal(ended.status, 200, ended.body);
  },
  "signing in again in the same browser": ({ browser }) => logIn(browser, { provider: "main" }),
  "a logout by the provider": async ({ sub }) => {
    const token = issuers.main.logoutToken({ sub });
    const headers = [["content-type", "application/x-www-form-urlencoded"]];
    const answer = await postern.send("/auth/backchannel-logout/main", { method: "POST", headers, body: `logout_token=${token}` });
    assert.equal(answer.status, 200, answer.body);
  },
  "an administrator": async ({ sub }) => {
    const root = await person("root");
    const body = JSON.stringify({ provider: "main", subject: sub });
    const answer = await root.browser.fetch("/auth/admin/revoke", { method: "POST", headers: [["content-type", "application/json"]], body });
    assert.equal(answer.status, 200, answer.body);
  },
};
for (const [how, end] of Object.entries(ENDINGS)) {
  test(`${how} closes the session's WebSockets at both ends within a second`, async () => {
    // R-174; field row 14
    const one = await person();
    const path = `/live/ended?${encodeURIComponent(how)}`;
    const socket = await one.open(path);
    socket.send("say hello");
    await socket.next();
    await end(one);
    assert.deepEqual(await within(1000, socket.closed, "the close"), ENDED);
    const { code, reason } = await upstreamEnd(path);
    assert.deepEqual({ code, reason }, ENDED);
    socket.send("too late");
    assert.equal((await handshake(postern, "/live/again", [one.cookie, origin])).status, 401);
  });
}

test("one session's end leaves another's WebSocket alone", async () => {
  const one = await person();
  const other = await person(one.sub);
  const [ends, stays] = [await one.open("/live/stops"), await other.open("/live/stays")];
  await one.browser.fetch("/auth/logout", { method: "POST" });
  assert.deepEqual(await within(1000, ends.closed, "the close"), ENDED);
  stays.send("still here");
  assert.equal(await stays.next(), "still here");
  stays.vanish();
});

test("an object that was asleep, or thrown out of memory, still tells", async () => {
  const { open, browser } = await person();
  const socket = await open("/live/asleep");
  await postern.evict("SUBJECTS");
  socket.send("still");
  assert.equal(await within(2000, socket.next(), "an answer"), "still");
  await browser.fetch("/auth/logout", { method: "POST" });
  assert.deepEqual(await within(2000, socket.closed, "the close"), ENDED);
});

test("a session that ended a moment ago opens none, not even where its end may be learnt late", async () => {
  // `revocation`: the twin of the cookie's browser ends it, this isolate has not heard yet
  const { cookie, browser } = await person();
  assert.equal((await postern.send("/stale/x", { headers: [cookie] })).status, 200);
  await postern.break({ SUBJECTS: "throw" });
  assert.equal((await handshake(postern, "/stale/x", [cookie, origin])).status, 503);
  await postern.break({});
  await browser.fetch("/auth/logout", { method: "POST" });
});

test("a public route's WebSocket is nobody's, and passes without a look at any session", async () => {
  const { status, socket } = await handshake(postern, "/open/talk", [["origin", "https://elsewhere.example"]]);
  assert.equal(status, 101);
  socket.send("x");
  assert.equal(await socket.next(), "x");
  socket.close(1000, "done");
  assert.deepEqual(await within(2000, socket.closed, "a close"), { code: 1000, reason: "done" });
});
