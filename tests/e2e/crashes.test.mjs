// A bug of our own, an overflowing stack, exhausted memory, an exception of the runtime: each ends the WebAssembly
// instance that it happens in. The request that had it is answered 500. Of the others each is begun anew or answered
// 503, at once; the next ones are served; nothing that was confirmed is lost. Provoked in a build that can
// (feature `fault-injection`).

import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { startProviders } from "../provider/host.mjs";
import { startPostern, TEST_BUILD } from "./support/postern.mjs";
import { assertNothingLeaks } from "./support/refusals.mjs";
import { handshake, signedIn } from "./support/websocket.mjs";
import { BareWorkerd } from "./support/workerd.mjs";
import { startWorld } from "./support/world.mjs";

const route = { methods: ["GET", "POST"], upstream: "service:ECHO" };
const world = await startWorld(
  { main: {} },
  {
    build: TEST_BUILD,
    upstream: fileURLToPath(new URL("support/live_upstream.mjs", import.meta.url)),
    routes: { "/live/{*rest}": route, "/open/{*rest}": { ...route, public: true } },
  },
);
const { postern } = world;

const OBJECTS = ["SUBJECTS", "ONCE", "SID_INDEX", "BUCKETS", "TUPLES", "DECISION_LOG", "SERVICE_TOKENS"];
const RETRY = "10";

const fault = (name, options) => postern.send(`/__fault/${name}`, options);
const repeated = (count, act) => Array.from({ length: count }, act);

/** What the upstream was asked so far. */
async function upstreamSeen() {
  const echo = await postern.miniflare.getWorker("echo");
  return (await echo.fetch("http://control.test/")).json();
}

/** Resolves once `look()` is true. */
async function until(look) {
  while (!(await look())) await new Promise((soon) => setTimeout(soon, 10));
}

/** Resolves once the instance has begun so many faults: the questions about it count as well, and are taken off. */
async function untilBegun(many) {
  let asked = 0;
  await until(async () => Number((await fault("count")).body) - (asked += 1) >= many);
}

/**
 * Fifty requests under way: twenty that can be begun anew, ten that cannot, twenty that the upstream is answering.
 * Resolves once all of them are where they should be; `finish` tells what became of them.
 */
async function fiftyUnderWay() {
  const order = [];
  const noted = (kind, asked) => asked.then((answer) => order.push({ kind, ...answer }));
  const before = (await upstreamSeen()).length;
  const counted = Number((await fault("count")).body);
  const all = [
    ...repeated(20, () => noted("repeatable", fault("hold"))),
    ...repeated(10, () => noted("unsafe", fault("hold", { method: "POST", body: "x" }))),
    ...repeated(20, () => noted("sent", postern.send("/open/live?hold"))),
  ];
  await untilBegun(counted + 30);
  await until(async () => (await upstreamSeen()).length >= before + 20);
  // The first thirty answers are those without a second try; only then may the others come to their end.
  const finish = async () => {
    await until(() => order.length >= 30);
    const repeatedSoFar = order.filter(({ kind }) => kind === "repeatable").length;
    await untilBegun(20);
    await fault("release");
    await Promise.all(all);
    return { order, repeatedSoFar };
  };
  return { finish };
}

/** Each of the fifty was answered as said: those without a second try while the others are still under way. */
async function assertAnswered({ finish }) {
  const { order, repeatedSoFar } = await finish();
  assert.deepEqual([order.length, repeatedSoFar], [50, 0]);
  for (const { kind, status, headers, body } of order) {
    if (kind === "repeatable") {
      assert.deepEqual([status, body], [200, "released"]);
    } else {
      assert.equal(status, 503, kind);
      assert.equal(headers["retry-after"], RETRY);
      assert.match(headers["content-type"], /^application\/problem\+json/);
      assert.match(headers["cache-control"], /no-store/);
    }
  }
}

async function assertServes() {
  assert.equal((await postern.send("/auth/health")).status, 200);
}

for (const crash of ["panic", "late-panic", "exception", "late-exception", "stack", "memory"]) {
  test(`a request that ends in \`${crash}\` is answered 500, and fifty others as they should be`, async () => {
    const fifty = await fiftyUnderWay();
    const mark = await postern.mark();
    const answer = await fault(crash);
    assert.equal(answer.status, 500);
    assert.match(answer.headers["content-type"], /^application\/problem\+json/);
    assert.match(answer.headers["cache-control"], /no-store/);
    const { request_id: requestId, ...problem } = JSON.parse(answer.body);
    assert.equal(problem.status, 500);
    assertNothingLeaks(answer.body, [], "the answer");
    assert.doesNotMatch(answer.body, /provoked/);
    await assertAnswered(fifty);
    await assertServes();
    const lines = await postern.linesSince(mark);
    assert.ok(lines.some((line) => line.includes(requestId)), "the log does not know the request");
    assert.equal(lines.filter((line) => line.includes('"instance_ended"')).length, 1, "the log tells the end once");
  });
}

test("a panic before the upstream is asked, and one after, is answered 500", async () => {
  const before = (await upstreamSeen()).length;
  for (const [where, asked] of [["before-upstream", 0], ["after-upstream", 1]]) {
    const fifty = await fiftyUnderWay();
    const answer = await postern.send(`/open/live/${where}`, { headers: [["x-fault", where]] });
    assert.equal(answer.status, 500);
    await assertAnswered(fifty);
    const paths = (await upstreamSeen()).slice(before).filter(({ path }) => path.endsWith(where));
    assert.equal(paths.length, asked, where);
    await assertServes();
  }
});

test("a panic in work that goes on after the answer ends the instance, and nothing hangs", async () => {
  const fifty = await fiftyUnderWay();
  assert.equal((await fault("background")).status, 200);
  await assertAnswered(fifty);
  await assertServes();
});

/** Opens a stream of events; `over` resolves with how it ended. */
function openEvents(cookie, more = []) {
  const all = [["host", new URL(postern.origin).host], ["sec-fetch-site", "same-origin"], cookie, ...more];
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: "127.0.0.1", port: postern.port, path: "/live/events", headers: all.flat(), agent: false });
    request.on("error", reject);
    request.on("response", (response) => {
      response.resume();
      const over = new Promise((done) => response.on("end", () => done("ended")).on("error", () => done("broke off")));
      response.once("data", () => resolve({ status: response.statusCode, over }));
    });
    request.end();
  });
}

test("a panic beside streams and WebSockets breaks them off: nobody waits for what will not come", async () => {
  const { open, cookie } = await signedIn(world, "streams");
  const [one, other] = [await open("/live/echo"), await open("/live/echo?other")];
  const streams = [await openEvents(cookie), await openEvents(cookie)];
  const fifty = await fiftyUnderWay();
  one.send("/__fault/panic");
  assert.deepEqual([(await one.closed).code, (await other.closed).code], [1012, 1012]);
  for (const stream of streams) assert.equal(await stream.over, "broke off");
  await assertAnswered(fifty);
  await assertServes();
  const again = await open("/live/echo");
  again.send("hello");
  assert.equal(await again.next(), "hello");
  again.vanish();
  const stream = await openEvents(cookie, [["x-fault", "in-stream"]]);
  assert.equal(await stream.over, "broke off");
  await assertServes();
});

/** The events about a path since `mark`, each by what it says of the end. */
const eventsOf = async (mark, path) => (await postern.eventsSince(mark)).filter((event) => event.path === path).map(({ outcome, status, upstream_status: upstream }) => [outcome, status, upstream]);

test("a request that was sent on is in the log once, whenever its instance ends", async () => {
  //
  const { open, cookie } = await signedIn(world, "logged");
  // Before the upstream is asked, and when it has answered: what was decided is known, and no more.
  for (const where of ["before-upstream", "after-upstream"]) {
    const mark = await postern.mark();
    assert.equal((await postern.send(`/open/logged/${where}`, { headers: [["x-fault", where]] })).status, 500);
    assert.deepEqual(await eventsOf(mark, `/open/logged/${where}`), [["allow", 200, undefined]], where);
  }
  // While others wait for the upstream, each of them.
  const mark = await postern.mark();
  const before = (await upstreamSeen()).length;
  const waiting = repeated(10, (_, number) => postern.send(`/open/logged/${number}?hold`));
  await until(async () => (await upstreamSeen()).length >= before + 10);
  assert.equal((await fault("panic")).status, 500);
  for (const { status } of await Promise.all(waiting)) assert.equal(status, 503);
  for (const number of waiting.keys()) assert.deepEqual(await eventsOf(mark, `/open/logged/${number}`), [["allow", 200, undefined]]);
  // While the answer streams, and while a WebSocket is open: that was told when it began.
  const stream = await openEvents(cookie, [["x-fault", "in-stream"]]);
  assert.equal(await stream.over, "broke off");
  assert.deepEqual(await eventsOf(mark, "/live/events"), [["allow", 200, 200]]);
  const socket = await open("/live/logged");
  socket.send("/__fault/panic");
  assert.equal((await socket.closed).code, 1012);
  assert.deepEqual(await eventsOf(mark, "/live/logged"), [["allow", 101, 101]]);
  await assertServes();
});

for (const binding of OBJECTS) {
  test(`an object of ${binding} that panics answers at once, and reads its rows again`, async () => {
    const { browser } = await signedIn(world, `kept-by-${binding}`);
    for (const crash of ["panic", "late-panic", "exception", "stack"]) {
      // The object shares its instance with the Worker here: each of them may have ended it, so all are asked again.
      const answer = await fault(`object/${binding}/${crash}`);
      assert.equal(answer.status, 503, crash);
      assert.equal((await browser.fetch("/auth/me")).status, 200, "the session is still there");
    }
    assert.equal((await fault(`object/${binding}/count`)).body, "1", "the object has the new instance");
    assert.equal((await browser.fetch("/auth/logout", { method: "POST" })).status, 200);
    await fault(`object/${binding}/panic`);
    assert.equal((await browser.fetch("/auth/me")).status, 401, "the end of the session is still so");
  });
}

test("an object that panics with fifty requests under way harms none of them more than the Worker would", async () => {
  const fifty = await fiftyUnderWay();
  assert.equal((await fault("object/SUBJECTS/panic", { method: "POST", body: "x" })).status, 503);
  await assertAnswered(fifty);
});

test("an object that never answers is given up", async () => {
  assert.equal((await fault("object/ONCE/stall")).status, 503);
});

test("fifty crashes at once leave a Worker that works", async () => {
  const crashes = repeated(50, (_, index) => fault(["panic", "exception", "late-panic", "object/ONCE/panic", "object/TUPLES/exception"][index % 5]));
  for (const answer of await Promise.all(crashes)) assert.ok([500, 503].includes(answer.status), String(answer.status));
  await assertServes();
});

test("memory does not grow over two hundred deaths", async () => {
  const host = await startProviders();
  const workerd = new BareWorkerd({ providers: { main: host.issuer("main") }, build: TEST_BUILD });
  after(() => Promise.all([workerd.close(), host.close()]));
  await workerd.start();
  const die = async (times) => {
    for (let death = 0; death < times; death += 1) assert.equal((await workerd.send("/__fault/panic")).status, 500);
    return workerd.residentBytes;
  };
  const early = await die(40);
  const late = await die(200);
  assert.ok(late < early * 1.5, `${early} bytes after 40 deaths, ${late} after 240`);
});

test("a deployment has no faults to offer", async () => {
  const host = await startProviders();
  const release = await startPostern({ providers: { main: host.issuer("main") } });
  try {
    assert.equal((await release.send("/__fault/panic")).status, 404);
    assert.equal((await release.send("/auth/health", { headers: [["x-fault", "before-upstream"]] })).status, 200);
  } finally {
    await Promise.all([release.close(), host.close()]);
  }
});
