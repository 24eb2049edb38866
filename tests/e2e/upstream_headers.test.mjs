// Which headers pass between browser and upstream, and which end at Postern: on the wire, in a bare workerd.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { buffer } from "node:stream/consumers";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";

import { startProviders } from "../provider/host.mjs";
import { BareWorkerd } from "./support/workerd.mjs";
import { handshake } from "./support/websocket.mjs";

const TOLD = {
  server: "nginx/1.25.3", "server-timing": "db;dur=53", "x-powered-by": "Express", "x-aspnet-version": "4.0", "x-runtime": "0.02", via: "1.1 internal-7",
  "x-accel-redirect": "/internal/secret", "x-sendfile": "/etc/passwd",
};
const KEPT = { etag: '"a"', "x-total-count": "7", "content-security-policy": "default-src 'self'", link: "</a>; rel=next", "access-control-allow-origin": "https://a.example" };
const COOKIES = ["app=1; Path=/", "__Host-postern=forged; Secure; Path=/", "__HOST-Postern-login-x=1; Secure; Path=/", "__Host-postern=\xe9; Path=/", "other=2"];

const PACKED = gzipSync("packed ".repeat(100));

const asked = [];
const upstream = createServer((request, response) => {
  asked.push(request);
  if (request.url === "/far?packed") return response.writeHead(200, { "content-encoding": "gzip", etag: '"a"', server: "nginx" }).end(PACKED);
  response.writeHead(200, { ...TOLD, ...KEPT, "set-cookie": COOKIES, connection: "close, x-only-here", "x-only-here": "1", "keep-alive": "timeout=5" }).end("answer");
});
await new Promise((listening) => upstream.listen(0, "127.0.0.1", listening));
/** One that says what Node's server would not. */
const raw = createTcpServer((socket) =>
  socket.once("data", (head) => {
    const [, status] = /^GET \/raw\?status=(\d+)&with=(\w+)/.exec(head.toString("latin1")) ?? [];
    if (status) return socket.end([`HTTP/1.1 ${status} Odd`, ...(head.includes("with=edits") ? ["server: nginx"] : []), "", "raw"].join("\r\n"));
    const cookies = ["app=1", "__Host-postern=\xc3\xa9", "__Host-postern=\x01", "other=2"].map((cookie) => `set-cookie: ${cookie}`);
    socket.end(["HTTP/1.1 200 OK", "content-length: 3", 'etag: "a"', "x-name: caf\xc3\xa9", "x-odd: a\x01b", ...cookies, "", "raw"].join("\r\n"), "latin1");
  }),
);
await new Promise((listening) => raw.listen(0, "127.0.0.1", listening));
const host = await startProviders();
const at = (server) => `http://127.0.0.1:${server.address().port}`;
const open = { methods: ["GET", "POST"], public: true };
const workerd = new BareWorkerd({ providers: { main: host.issuer("main") }, routes: { "/far": { ...open, upstream: at(upstream) }, "/raw": { ...open, upstream: at(raw) } } });
await workerd.start();
after(async () => {
  upstream.close();
  raw.close();
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

test("a header's bytes beyond ASCII pass, its control characters do not, and neither hides a cookie that shadows Postern's", async () => {
  //
  const { status, headers, setCookies, body } = await workerd.send("/raw");
  assert.deepEqual([status, body, headers.etag, headers["x-name"], headers["x-odd"]], [200, "raw", '"a"', "caf\xc3\xa9", undefined]);
  assert.deepEqual(setCookies, ["app=1", "other=2"]);
});

test("a status that no browser knows is no answer, whether or not a header of it would go", async () => {
  for (const edits of ["none", "edits"]) {
    for (const [status, expected] of [[200, 200], [299, 299], [599, 599], [600, 502], [999, 502]]) {
      const answer = await workerd.send(`/raw?status=${status}&with=${edits}`);
      assert.equal(answer.status, expected, `${status} with ${edits}`);
    }
  }
});

test("a packed body passes as it is", async () => {
  const headers = { host: new URL(workerd.origin).host, "accept-encoding": "gzip" };
  const [answer] = await once(get({ port: workerd.port, path: "/far?packed", headers, agent: false }), "response");
  assert.deepEqual([answer.headers["content-encoding"], answer.headers.etag, answer.headers.server], ["gzip", '"a"', undefined]);
  assert.deepEqual(await buffer(answer), PACKED);
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
