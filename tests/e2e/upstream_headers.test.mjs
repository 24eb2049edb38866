// Which headers pass between browser and upstream, and which end at Postern: on the wire, in a bare workerd.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { startProviders } from "../provider/host.mjs";
import { BareWorkerd } from "./support/workerd.mjs";
import { handshake } from "./support/websocket.mjs";

const TOLD = {
  server: "nginx/1.25.3", "server-timing": "db;dur=53", "x-powered-by": "Express", "x-aspnet-version": "4.0", "x-runtime": "0.02", via: "1.1 internal-7",
  "x-accel-redirect": "/internal/secret", "x-sendfile": "/etc/passwd",
};
const KEPT = { etag: '"a"', "x-total-count": "7", "content-security-policy": "default-src 'self'", link: "</a>; rel=next", "access-control-allow-origin": "https://a.example" };
const COOKIES = ["app=1; Path=/", "__Host-postern=forged; Secure; Path=/", "__HOST-Postern-login-x=1; Secure; Path=/", "other=2"];

const asked = [];
const upstream = createServer((request, response) => {
  asked.push(request);
  response.writeHead(200, { ...TOLD, ...KEPT, "set-cookie": COOKIES, connection: "close, x-only-here", "x-only-here": "1", "keep-alive": "timeout=5" }).end("answer");
});
await new Promise((listening) => upstream.listen(0, "127.0.0.1", listening));
const host = await startProviders();
const open = { methods: ["GET", "POST"], public: true };
const workerd = new BareWorkerd({ providers: { main: host.issuer("main") }, routes: { "/far": { ...open, upstream: `http://127.0.0.1:${upstream.address().port}` } } });
await workerd.start();
after(async () => {
  upstream.close();
  await workerd.close();
  await host.close();
});

test("what tells of the upstream's inside stays there, everything else of its answer passes", async () => {
  //
  const { status, headers, body } = await workerd.send("/far");
  assert.deepEqual([status, body], [200, "answer"]);
  for (const name of Object.keys(TOLD)) assert.equal(headers[name], undefined, name);
  for (const [name, value] of Object.entries(KEPT)) assert.equal(headers[name], value, name);
});

test("an upstream sets its own cookies and none that shadows Postern's", async () => {
  //
  assert.deepEqual((await workerd.send("/far")).setCookies, ["app=1; Path=/", "other=2"]);
});

test("headers of a connection end with the connection, on either side", async () => {
  // R-173, RFC 9110 §7.6.1
  const headers = [["te", "trailers"], ["keep-alive", "timeout=9"], ["proxy-connection", "keep-alive"], ["proxy-authorization", "Basic YTpi"], ["http2-settings", "x"], ["upgrade", "h2c"], ["x-stays", "1"]];
  const answer = await workerd.send("/far", { headers });
  const { headers: seen } = asked.at(-1);
  for (const name of ["te", "proxy-connection", "proxy-authorization", "http2-settings", "upgrade"]) assert.equal(seen[name], undefined, name);
  assert.notEqual(seen["keep-alive"], "timeout=9");
  assert.equal(seen["x-stays"], "1");
  assert.notEqual(answer.headers["keep-alive"], "timeout=5");
});

test("what a library says of itself reaches the upstream, what a caller says of who they are does not", async () => {
  //
  const claims = ["x-user", "x-user-id", "x-username", "x-client-ip", "x-client-cert", "x-client-id", "x-ms-client-principal", "x-user-agent-id"];
  const harmless = ["x-user-agent", "x-client-info", "x-client-version", "x-client-name", "x-client-platform"];
  await workerd.send("/far", { headers: [...claims, ...harmless].map((name) => [name, "grpc-web-javascript/0.1"]) });
  const { headers: seen } = asked.at(-1);
  for (const name of claims) assert.equal(seen[name], undefined, name);
  for (const name of harmless) assert.equal(seen[name], "grpc-web-javascript/0.1", name);
});

test("only a GET becomes a WebSocket: another method stays what it is", async () => {
  // the runtime would make a GET of it
  const answer = await handshake(workerd, "/far", [["content-length", "0"]], { method: "POST" });
  assert.ok([200, 400].includes(answer.status), String(answer.status));
  if (answer.status === 200) assert.deepEqual([asked.at(-1).method, asked.at(-1).headers.upgrade], ["POST", undefined]);
});
