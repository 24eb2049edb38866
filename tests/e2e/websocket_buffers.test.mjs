// What waits in a WebSocket for a reader that does not read: bounded, and then the end of both sides.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { until } from "./support/until.mjs";
import { coming, signedIn, startSocketServer } from "./support/websocket.mjs";
import { startWorld } from "./support/world.mjs";

const sockets = [];
const server = await startSocketServer((socket, request) => sockets.push({ socket, request }));
after(() => server.close());
const world = await startWorld(
  { main: {} },
  {
    routes: {
      "/far/{*rest}": { methods: ["GET"], upstream: server.origin },
      "/narrow/{*rest}": { methods: ["GET"], upstream: server.origin, websocket_buffer: 1 },
    },
  },
);
const { postern } = world;

const MIB = Buffer.alloc(1 << 20, 7);
const TOO_SLOW = { code: 1013, reason: "reader too slow" };

/** Opens a WebSocket to the server on a port of its own: the browser's end and the upstream's. */
async function bothEnds(path) {
  const { open } = await signedIn(world);
  const socket = await open(path);
  const { socket: upstream } = await until(async () => sockets.find(({ request }) => request.url === path), `the upstream's end of ${path}`);
  return { socket, upstream };
}

for (const [who, path, sender, reader] of [
  ["a browser", "/far/slow-browser", "upstream", "socket"],
  ["an upstream", "/far/slow-upstream", "socket", "upstream"],
]) {
  test(`${who} that reads nothing fills no memory: both ends are closed`, async () => {
    const ends = await bothEnds(path);
    const mark = await postern.mark();
    ends[reader].connection.pause();
    // Far more than is held and what the machine itself holds on the way.
    for (let sent = 0; sent < 48; sent += 1) ends[sender].send(MIB);
    assert.deepEqual(await coming(ends[sender].closed, "the sender's end"), TOO_SLOW);
    await postern.line(mark, "reader too slow");
    ends[reader].connection.resume();
    assert.deepEqual(await coming(ends[reader].closed, "the reader's end"), TOO_SLOW);
  });
}

test("a reader that keeps up gets all there is, and a long message passes where less is held", async () => {
  const ends = await bothEnds("/narrow/long");
  for (const [sender, reader] of [["socket", "upstream"], ["upstream", "socket"]]) {
    for (let sent = 0; sent < 12; sent += 1) {
      ends[sender].send(Buffer.alloc(3 << 20, sent));
      assert.equal((await coming(ends[reader].next(), "a long message")).length, 3 << 20);
    }
  }
  ends.socket.vanish();
});
