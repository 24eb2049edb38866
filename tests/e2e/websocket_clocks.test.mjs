// WebSockets and the session's clocks: what is use of a session, and what ends without it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { ENDED, handshake, signedIn, within } from "./support/websocket.mjs";
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
const person = () => signedIn(world);

test("a WebSocket on which the browser says nothing ends with the idle clock", async () => {
  //
  const { open } = await person();
  const socket = await open("/live/idle");
  const since = Date.now();
  assert.deepEqual(await within(8000, socket.closed, "the idle end"), ENDED);
  assert.ok(Date.now() - since >= 2000, "it ended too early");
});

test("what the browser sends is use of the session, up to its absolute end", async () => {
  //
  const { open } = await person();
  const [since, socket] = [Date.now(), await open("/live/used")];
  const talking = setInterval(() => socket.send("x"), 400);
  assert.deepEqual(await within(15_000, socket.closed, "the absolute end"), ENDED);
  clearInterval(talking);
  assert.ok(Date.now() - since >= 7000, `it ended after ${Date.now() - since} ms`);
});

test("it is not on a route that does not keep the session alive", async () => {
  const { open } = await person();
  const socket = await open("/calm/used");
  const talking = setInterval(() => socket.send("x"), 400);
  assert.deepEqual(await within(8000, socket.closed, "the idle end"), ENDED);
  clearInterval(talking);
});

test("a WebSocket that was opened with a token ends with the token, whatever is sent on it, and needs no origin", async () => {
  const now = Math.floor(world.postern.now() / 1000);
  const token = world.issuers.main.accessToken({ exp: now + 5 });
  const { status, socket, body } = await handshake(world.postern, "/api/live", [["authorization", `Bearer ${token}`]]);
  assert.equal(status, 101, body);
  const talking = setInterval(() => socket.send("x"), 400);
  assert.equal(await within(2000, socket.next(), "an answer"), "x");
  assert.deepEqual(await within(8000, socket.closed, "the token's end"), { code: 4401, reason: "token expired" });
  clearInterval(talking);
});
