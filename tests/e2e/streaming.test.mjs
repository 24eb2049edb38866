// Bodies of any size pass both ways, and Postern holds next to nothing of them.

import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { startProviders } from "../provider/host.mjs";
import { Browser } from "./support/browser.mjs";
import { logIn } from "./support/login.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { until } from "./support/until.mjs";
import { BareWorkerd } from "./support/workerd.mjs";

const MIB = 1 << 20;
const BODY_BYTES = 500 * MIB;
// Postern, the upstream and both ends of every connection are in this one process.
const MAX_GROWTH_BYTES = 128 * MIB;

const host = await startProviders();
const guarded = { methods: ["GET", "POST"], upstream: "service:ECHO" };
const workerd = new BareWorkerd({
  providers: { main: host.issuer("main") },
  routes: { "/live/{*rest}": guarded },
  upstream: fileURLToPath(new URL("support/live_upstream.mjs", import.meta.url)),
});
await workerd.start();
after(async () => {
  await workerd.close();
  await host.close();
});
const browser = new Browser(workerd);
assert.equal((await logIn(browser)).status, 200);
const HEADERS = { host: new URL(workerd.origin).host, "sec-fetch-site": "same-origin", cookie: `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}` };

function begin(path, { method = "GET", headers = {} } = {}) {
  return httpRequest({ host: "127.0.0.1", port: workerd.port, path, method, headers: { ...HEADERS, ...headers }, agent: false });
}

const answerOf = (request) => new Promise((resolve, reject) => request.on("response", resolve).on("error", reject));

async function text(response) {
  let all = "";
  for await (const part of response.setEncoding("utf8")) all += part;
  return all;
}

async function download(bytes) {
  const request = begin(`/live/download?bytes=${bytes}`);
  request.end();
  const response = await answerOf(request);
  let length = 0;
  for await (const part of response) length += part.length;
  return length;
}

/** Uploads so many bytes; without `length` in chunks. */
async function upload(bytes, headers) {
  const request = begin("/live/upload", { method: "POST", headers });
  const answer = answerOf(request);
  const part = Buffer.alloc(MIB, 120);
  for (let sent = 0; sent < bytes; sent += part.length) {
    if (!request.write(part.subarray(0, Math.min(part.length, bytes - sent)))) await new Promise((drained) => request.once("drain", drained));
  }
  request.end();
  return JSON.parse(await text(await answer));
}

/** Runs `work`, and says by how much the process grew over what it was before. */
async function growth(work) {
  const before = workerd.residentBytes;
  let most = before;
  const watching = setInterval(() => { most = Math.max(most, workerd.residentBytes); }, 20);
  const result = await work();
  clearInterval(watching);
  return { result, grown: most - before };
}

test("500 MiB come down in constant memory", async (t) => {
  await download(32 * MIB);
  const { result, grown } = await growth(() => download(BODY_BYTES));
  assert.equal(result, BODY_BYTES);
  t.diagnostic(`the process grew by ${(grown / MIB).toFixed(1)} MiB`);
  assert.ok(grown < MAX_GROWTH_BYTES, `the process grew by ${(grown / MIB).toFixed(1)} MiB`);
});

for (const [how, headers] of [["with a length", { "content-length": BODY_BYTES }], ["in chunks", {}]]) {
  test(`500 MiB go up in constant memory, ${how}`, async (t) => {
    await upload(32 * MIB);
    const { result, grown } = await growth(() => upload(BODY_BYTES, headers));
    assert.equal(result.length, BODY_BYTES);
    assert.equal(result.headers["content-length"], headers["content-length"]?.toString());
    t.diagnostic(`the process grew by ${(grown / MIB).toFixed(1)} MiB`);
    assert.ok(grown < MAX_GROWTH_BYTES, `the process grew by ${(grown / MIB).toFixed(1)} MiB`);
  });
}

test("a body is sent on as it comes, not when it is whole", async () => {
  const request = begin("/live/early", { method: "POST" });
  request.write("the beginning");
  const response = await answerOf(request);
  assert.equal(response.statusCode, 413);
  request.destroy();
});

test("an empty body, and a short one, arrive with their length", async () => {
  for (const body of ["", "x"]) {
    const request = begin("/live/upload", { method: "POST", headers: { "content-length": body.length } });
    request.end(body);
    const { length, headers } = JSON.parse(await text(await answerOf(request)));
    assert.equal(length, body.length);
    assert.equal(headers["content-length"], String(body.length));
  }
});

const told = async (what) => {
  const asked = begin(what);
  asked.end();
  return JSON.parse(await text(await answerOf(asked)));
};

test("an upload that the browser gives up is not taken for whole upstream", async () => {
  const path = "/live/upload?gives-up";
  const request = begin(path, { method: "POST", headers: { "content-length": 10 * MIB } });
  request.on("error", () => {});
  request.write(Buffer.alloc(MIB));
  await until(async () => (await told("/live/taken"))[path] > 0, "the first part at the upstream");
  request.destroy();
  await until(async () => (await told("/live/ends")).some((one) => one.path === path && one.broken), "the end at the upstream");
});

for (const [method, body] of [["GET", ""], ["POST", "all of it"]]) {
  test(`when the browser goes away before there is an answer, so does the upstream's request: ${method}`, async () => {
    const path = `/live/abandoned?${method}`;
    const request = begin(path, { method, headers: body && { "content-length": body.length } });
    request.on("error", () => {});
    request.end(body);
    await until(async () => (await told("/live/taken"))[path] === body.length, "the request at the upstream");
    // Closed both ways: one that still reads may be waiting for its answer.
    request.socket.resetAndDestroy();
    await until(async () => (await told("/live/ends")).some((one) => one.path === path && one.aborted), "the end at the upstream");
    const saidOf = (what) => workerd.output.split("\n").filter((line) => line.includes(what));
    const [line] = await until(() => { const lines = saidOf(`"method":"${method}","path":"/live/abandoned"`); return lines.length > 0 && lines; }, "the line of the log");
    const event = JSON.parse(line);
    assert.deepEqual([event.outcome, "upstream_status" in event], ["allow", false]);
    assert.deepEqual(saidOf(event.request_id), [line]);
  });
}
