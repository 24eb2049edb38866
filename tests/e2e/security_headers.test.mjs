// What answers of upstreams carry where `security_headers` says so: in workerd, whatever the answer is.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, test } from "node:test";

import { handshake, signedIn } from "./support/websocket.mjs";
import { startWorld } from "./support/world.mjs";

const folder = mkdtempSync(join(tmpdir(), "postern-assets-"));
after(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, "own"));
writeFileSync(join(folder, "index.html"), "<!doctype html><title>app</title>");
writeFileSync(join(folder, "own/a.js"), "own()");
writeFileSync(join(folder, "_headers"), "/own/*\n  X-Frame-Options: SAMEORIGIN\n  Referrer-Policy: no-referrer\n  Content-Security-Policy: default-src 'none'\n");

const world = await startWorld({ main: {} }, {
  assets: folder,
  upstream: fileURLToPath(new URL("support/live_upstream.mjs", import.meta.url)),
  vars: { SECURITY_HEADERS: { csp: "default-src 'self'", permissions: "camera=()" } },
  routes: {
    "/{*rest}": { methods: ["GET"], upstream: "assets", public: true },
    "/api/plain": { upstream: "service:ECHO", security_headers: false },
    "/api/framed": { upstream: "service:ECHO", security_headers: { frame: "same-origin", resource: "cross-origin" } },
    "/live/{*rest}": { upstream: "service:ECHO" },
  },
});
const { postern } = world;
const NAMES = [
  "content-security-policy", "cross-origin-opener-policy", "cross-origin-resource-policy", "permissions-policy", "referrer-policy",
  "strict-transport-security", "x-content-type-options", "x-frame-options",
];
const DEPLOYMENT = {
  "content-security-policy": "default-src 'self', frame-ancestors 'none'", "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=()", "referrer-policy": "strict-origin-when-cross-origin", "x-content-type-options": "nosniff", "x-frame-options": "DENY",
};
const said = ({ headers }) => Object.fromEntries(NAMES.filter((name) => name in headers).map((name) => [name, headers[name]]));
const SCRIPT = [["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "cors"], ["sec-fetch-dest", "empty"]];
const { cookie } = await signedIn(world);
const get = (path) => postern.send(path, { headers: [cookie, ...SCRIPT] });

test("every answer of an upstream carries what the deployment says, refusals of its own too", async () => {
  //
  for (const [path, status] of [["/", 200], ["/live/plain", 200], ["/live/refuses", 403], ["/live/download?bytes=100000", 200]]) {
    const answer = await get(path);
    assert.deepEqual([answer.status, said(answer)], [status, DEPLOYMENT], path);
  }
});

test("what a route says comes first, and it may say nothing", async () => {
  //
  assert.deepEqual(said(await get("/api/plain")), {});
  const { "permissions-policy": _, ...expected } = { ...DEPLOYMENT, "content-security-policy": "frame-ancestors 'self'", "cross-origin-resource-policy": "cross-origin", "x-frame-options": "SAMEORIGIN" };
  assert.deepEqual(said(await get("/api/framed")), expected);
});

test("what the application says itself stands", async () => {
  //
  const answer = await get("/own/a.js");
  assert.equal(answer.body, "own()");
  assert.deepEqual(said(answer), { ...DEPLOYMENT, "content-security-policy": "default-src 'none'", "referrer-policy": "no-referrer", "x-frame-options": "SAMEORIGIN" });
});

test("a stream of events has them and streams on", async () => {
  const answer = await get("/live/events?few");
  assert.deepEqual([answer.status, said(answer)], [200, DEPLOYMENT]);
  assert.match(answer.body, /data: 1\n\ndata: 2\n\ndata: 3/);
});

test("a WebSocket is opened as ever, with none of them", async () => {
  const opened = await handshake(postern, "/live/talk", [cookie, ["origin", postern.origin]]);
  assert.deepEqual([opened.status, said(opened)], [101, {}]);
  opened.socket.send("say hello");
  assert.equal(await opened.socket.next(), "hello");
  opened.socket.close(1000);
});

test("Postern's own answers have their own", async () => {
  //
  const own = await postern.send("/auth/health");
  assert.match(said(own)["content-security-policy"], /default-src 'none'/);
  assert.equal(said(own)["permissions-policy"], undefined);
  const refused = await postern.send("/live/plain", { headers: SCRIPT });
  assert.deepEqual([refused.status, said(refused)["referrer-policy"]], [401, "no-referrer"]);
});
