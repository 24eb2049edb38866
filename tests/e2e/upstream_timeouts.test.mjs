// How long an upstream may take, and what is told when it takes longer or is not there at all.

import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { createServer } from "node:net";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { startWorld } from "./support/world.mjs";

// 30 seconds of the Worker's time pass in 1.5 of ours.
const SPEED = 20;
const LIMIT_MS = 30_000 / SPEED;

const hangsUp = createServer((connection) => connection.once("data", () => connection.destroy()));
const speaksNoHttp = createServer((connection) => connection.once("data", () => connection.end("hello\r\n\r\n")));
for (const server of [hangsUp, speaksNoHttp]) await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
after(() => [hangsUp, speaksNoHttp].forEach((server) => server.close()));
const at = (server) => `http://127.0.0.1:${server.address().port}`;
const nobody = createServer();
await new Promise((listening) => nobody.listen(0, "127.0.0.1", listening));
const nobodyIsAt = at(nobody);
await new Promise((closed) => nobody.close(closed));

const open = (upstream) => ({ methods: ["GET", "POST"], upstream, public: true });
const { postern } = await startWorld(
  { main: {} },
  {
    upstream: fileURLToPath(new URL("support/live_upstream.mjs", import.meta.url)),
    routes: {
      "/live/{*rest}": open("service:ECHO"),
      "/nobody": open(nobodyIsAt),
      "/hangs-up": open(at(hangsUp)),
      "/no-http": open(at(speaksNoHttp)),
      "/unbound": open("service:UNBOUND"),
    },
  },
);
await postern.lapse(SPEED);

/** Sends a body part by part: `parts` is a generator. */
function ask(path, { method = "GET", parts, headers = [] } = {}) {
  const since = performance.now();
  return new Promise((resolve, reject) => {
    const all = [["host", new URL(postern.origin).host], ...headers];
    const request = httpRequest({ host: "127.0.0.1", port: postern.port, path, method, headers: all.flat(), agent: false });
    request.on("error", reject);
    request.on("response", (response) => {
      let body = "";
      const sentAll = request.writableEnded;
      response.setEncoding("utf8").on("data", (text) => { body += text; });
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body, sentAll, milliseconds: performance.now() - since }));
    });
    if (parts) send(request, parts).catch(() => {});
    else request.end();
  });
}

async function send(request, parts) {
  for await (const part of parts) if (!request.write(part)) await new Promise((drained) => request.once("drain", drained));
  request.end();
}

async function* slowly(count, milliseconds) {
  for (let sent = 0; sent < count; sent += 1) {
    yield "part";
    await sleep(milliseconds);
  }
}

function assertProblem(answer, status, kind) {
  assert.equal(answer.status, status, answer.body);
  assert.match(answer.headers["content-type"], /^application\/problem\+json/);
  assert.match(answer.headers["cache-control"], /no-store/);
  const problem = JSON.parse(answer.body);
  assert.equal(problem.type, `urn:postern:problem:${kind}`);
  assert.equal(problem.request_id, answer.headers["x-request-id"]);
  assert.doesNotMatch(answer.body, /127\.0\.0\.1|connect|ECONN|UNBOUND/);
}

test("an upstream that says nothing is given up after 30 seconds", async () => {
  const answer = await ask("/live/silent");
  assertProblem(answer, 504, "gateway-timeout");
  assert.ok(answer.milliseconds > LIMIT_MS * 0.9, `after ${answer.milliseconds} ms`);
});

test("one that takes nothing of a long body is given up too", async () => {
  const headers = [["content-length", String(50 << 20)]];
  const answer = await ask("/live/silent", { method: "POST", headers, parts: Array.from({ length: 50 }, () => Buffer.alloc(1 << 20)) });
  assertProblem(answer, 504, "gateway-timeout");
});

test("a body that the browser sends slowly may take longer than that", async () => {
  const answer = await ask("/live/upload", { method: "POST", parts: slowly(8, LIMIT_MS / 4) });
  assert.equal(answer.status, 200, answer.body);
  assert.equal(JSON.parse(answer.body).length, 8 * "part".length);
  assert.ok(answer.milliseconds > LIMIT_MS * 1.5);
});

test("the upstream has the whole time after the last byte of a slow body", async () => {
  const answer = await ask(`/live/late?ms=${LIMIT_MS * 0.7}`, { method: "POST", parts: slowly(4, LIMIT_MS / 5) });
  assert.deepEqual([answer.status, answer.body], [200, "at last"]);
  assert.ok(answer.milliseconds > LIMIT_MS, "the test was too quick to tell");
  assertProblem(await ask(`/live/late?ms=${LIMIT_MS * 3}`, { method: "POST", parts: slowly(2, 10) }), 504, "gateway-timeout");
});

test("an answer that has begun may take as long as it likes", async () => {
  const answer = await ask(`/live/quiet?ms=${LIMIT_MS * 1.5}`);
  assert.deepEqual([answer.status, answer.body], [200, "data: first\n\ndata: last\n\n"]);
});

test("an upstream that answers before it has read everything is heard", async () => {
  const answer = await ask("/live/early", { method: "POST", parts: slowly(20, LIMIT_MS / 10) });
  assert.deepEqual([answer.status, answer.body, answer.sentAll], [413, "enough", false]);
});

for (const path of ["/nobody", "/hangs-up", "/no-http", "/unbound"]) {
  test(`an upstream that is not there or speaks no HTTP is a 502 at once: ${path}`, async () => {
    // who waits until the time is up gets 504
    const mark = await postern.mark();
    const answer = await ask(path);
    assertProblem(answer, 502, "bad-gateway");
    const lines = (await postern.linesSince(mark)).filter((line) => line.includes("upstream_failed"));
    assert.equal(lines.length, 1);
    assert.ok(lines[0].includes(answer.headers["x-request-id"]));
    const page = await ask(path, { headers: [["accept", "text/html"], ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"]] });
    assert.equal(page.status, 502);
    assert.match(page.headers["content-type"], /^text\/html/);
  });
}
