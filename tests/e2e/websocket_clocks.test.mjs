// WebSockets and the session's clocks: what is use of a session, and what ends without it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { coming, ENDED, handshake, signedIn } from "./support/websocket.mjs";
import { startWorld } from "./support/world.mjs";

const upstream = { methods: ["GET"], upstream: "service:ECHO" };
const world = await startWorld(
  { main: {} },
  {
    upstream: fileURLToPath(new URL("support/live_upstream.mjs", import.meta.url)),
    session: { idle: "4s", absolute: "10s" },
    tokens: { main: {} },
    routes: { "/api/{*rest}": { ...upstream, authenticate: ["bearer"] }, "/live/{*rest}": upstream, "/calm/{*rest}": { ...upstream, touch: false }, "/page": upstream },
  },
);
// What the provider publishes is at hand: nobody can wait for it while the clock stands still.
await signedIn(world);

/** A WebSocket at `path` of a session that has only just begun, however long it takes to get there. */
const opened = (path) => world.postern.timeless(async () => (await signedIn(world)).open(path));

test("a WebSocket on which the browser says nothing ends with the idle clock", async () => {
  //
  const socket = await opened("/live/idle");
  const since = Date.now();
  assert.deepEqual(await coming(socket.closed, "the idle end"), ENDED);
  assert.ok(Date.now() - since >= 2000, "it ended too early");
});

test("what the browser sends is use of the session, up to its absolute end", async () => {
  //
  const socket = await opened("/live/used");
  const since = Date.now();
  const talking = setInterval(() => socket.send("x"), 400);
  assert.deepEqual(await coming(socket.closed, "the absolute end"), ENDED);
  clearInterval(talking);
  assert.ok(Date.now() - since >= 7000, `it ended after ${Date.now() - since} ms`);
});

test("it is not on a route that does not keep the session alive", async () => {
  const [calm, kept] = [await opened("/calm/used"), await opened("/live/kept")];
  const talking = setInterval(() => [calm, kept].forEach((socket) => socket.send("x")), 400);
  const first = await coming(Promise.race([calm.closed.then(() => "calm"), kept.closed.then(() => "kept")]), "the idle end");
  clearInterval(talking);
  assert.equal(first, "calm", "it was kept alive until its absolute end");
  assert.deepEqual(await calm.closed, ENDED);
});

test("a WebSocket that was opened with a token ends with the token, whatever is sent on it, and needs no origin", async () => {
  const now = Math.floor(world.postern.now() / 1000);
  const token = world.issuers.main.accessToken({ exp: now + 5 });
  const { status, socket, body } = await handshake(world.postern, "/api/live", [["authorization", `Bearer ${token}`]]);
  assert.equal(status, 101, body);
  const talking = setInterval(() => socket.send("x"), 400);
  assert.equal(await coming(socket.next(), "an answer"), "x");
  assert.deepEqual(await coming(socket.closed, "the token's end"), { code: 4401, reason: "token expired" });
  clearInterval(talking);
});
