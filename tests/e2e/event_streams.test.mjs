// Server-sent events: each arrives when it is sent, none after the session's end.

import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { logIn } from "./support/login.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { until } from "./support/until.mjs";
import { startWorld } from "./support/world.mjs";

const upstream = { methods: ["GET"], upstream: "service:ECHO" };
const world = await startWorld(
  { main: {} },
  {
    upstream: fileURLToPath(new URL("support/live_upstream.mjs", import.meta.url)),
    session: { idle: "4s" },
    routes: {
      "/live/{*rest}": upstream,
      "/live/lines": upstream,
      "/page": upstream,
    },
  },
);
const { postern } = world;

async function person() {
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  return { browser, cookie: ["cookie", `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}`] };
}

/** Opens a stream; `texts` grows as it comes, `over` resolves with how it ended. */
function open(path, headers) {
  const all = [["host", new URL(postern.origin).host], ["sec-fetch-site", "same-origin"], ...headers];
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: "127.0.0.1", port: postern.port, path, headers: all.flat(), agent: false });
    request.on("error", reject);
    request.on("response", (response) => {
      const stream = { status: response.statusCode, headers: response.headers, text: "", abandon: () => request.destroy() };
      response.setEncoding("utf8").on("data", (text) => { stream.text += text; });
      stream.over = new Promise((over) => {
        response.on("end", () => over("ended"));
        response.on("error", () => over("broke off"));
      });
      resolve(stream);
    });
    request.end();
  });
}

async function control(path) {
  const echo = await postern.miniflare.getWorker("echo");
  return (await echo.fetch(`http://control.test${path}`)).json();
}

const upstreamEnd = (path) => until(async () => (await control("/ends")).find((one) => one.path === path), `the upstream's end of ${path}`);

test("the first event arrives before the upstream has sent the second", async () => {
  const { cookie } = await person();
  const stream = await open("/live/events?few&held", [cookie]);
  await until(() => stream.text.length > 0, "the first event");
  assert.equal(stream.text, "data: 1\n\n");
  await control("/go");
  assert.equal(await stream.over, "ended");
  assert.equal(stream.text, "data: 1\n\ndata: 2\n\ndata: 3\n\n");
  assert.equal(stream.headers["content-type"], "text/event-stream; charset=utf-8");
  assert.match(stream.headers["cache-control"], /no-store/);
});

test("a stream ends with its session, and cannot be opened again", async () => {
  // field row 14
  const { cookie, browser } = await person();
  const stream = await open("/live/events?signs-out", [cookie]);
  await until(() => stream.text.includes("data: 2"), "two events");
  await browser.fetch("/auth/logout", { method: "POST" });
  const before = stream.text.length;
  assert.equal(await stream.over, "ended");
  // There is one every 100 ms.
  const more = stream.text.slice(before);
  assert.ok(more.split("data: ").length <= 10, `it went on: ${more}`);
  assert.ok(stream.text.endsWith("\n\n"), "an event was cut in two");
  assert.deepEqual(await upstreamEnd("/live/events?signs-out"), { path: "/live/events?signs-out", cancelled: true });
  assert.equal((await open("/live/events", [cookie])).status, 401);
});

test("watching is not using: a stream ends with the idle clock", async () => {
  //
  const { cookie } = await person();
  const stream = await open("/live/events?idle", [cookie]);
  const since = Date.now();
  assert.equal(await stream.over, "ended");
  assert.ok(Date.now() - since > 2000, `it lasted ${Date.now() - since} ms`);
});

test("a stream that the browser gives up is given up at the upstream", async () => {
  const { cookie } = await person();
  for (const path of ["/live/events?gives-up", "/live/lines?gives-up"]) {
    const stream = await open(path, [cookie]);
    await until(() => stream.text.length > 0, "the first event");
    stream.abandon();
    assert.deepEqual(await upstreamEnd(path), { path, cancelled: true });
  }
});

test("an upstream that breaks off is not taken for one that is done", async () => {
  const { cookie } = await person();
  const stream = await open("/live/events?broken", [cookie]);
  assert.equal(await stream.over, "broke off");
});

test("no stream is opened while nobody can tell when the session ends", async () => {
  //
  const { cookie } = await person();
  await postern.break({ SUBJECTS: "throw" });
  assert.equal((await open("/live/events", [cookie])).status, 503);
  await postern.break({});
});
