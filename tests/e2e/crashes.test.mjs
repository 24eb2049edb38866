// A bug of our own, an exception of the runtime, an object that never answers: each ends one request, at once,
// and harms no other. Provoked in a build that can (feature `fault-injection`).

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startProviders } from "../provider/host.mjs";
import { FAULT_BUILD, startPostern } from "./support/postern.mjs";
import { assertNothingLeaks } from "./support/refusals.mjs";

const host = await startProviders();
const postern = await startPostern({ providers: { main: host.issuer("main") }, build: FAULT_BUILD });
after(() => Promise.all([postern.close(), host.close()]));

const fault = (name) => postern.send(`/__fault/${name}`);
const AT_ONCE_MS = 1500;

async function timed(act) {
  const started = Date.now();
  const answer = await act();
  return { answer, milliseconds: Date.now() - started };
}

/** Runs `crash` while a slow request is under way, which must come to its good end. */
async function besideSlowRequest(slow, crash) {
  const waiting = fault(slow);
  await new Promise((begun) => setTimeout(begun, 100));
  const crashed = await timed(() => fault(crash));
  const finished = await waiting;
  assert.equal(finished.status, 200, finished.body);
  assert.equal(finished.body, "slow");
  return crashed;
}

for (const crash of ["panic", "late-panic", "exception", "late-exception"]) {
  test(`a request that ends in \`${crash}\` is answered 500 at once and harms no other`, async () => {
    const mark = await postern.mark();
    const { answer, milliseconds } = await besideSlowRequest("slow", crash);
    assert.equal(answer.status, 500);
    assert.ok(milliseconds < AT_ONCE_MS, `${milliseconds} ms`);
    assert.match(answer.headers["content-type"], /^application\/problem\+json/);
    assert.match(answer.headers["cache-control"], /no-store/);
    const { request_id: requestId, ...problem } = JSON.parse(answer.body);
    assert.equal(problem.status, 500);
    assertNothingLeaks(answer.body, [], "the answer");
    assert.doesNotMatch(answer.body, /provoked/);
    const lines = await postern.linesSince(mark);
    assert.ok(lines.some((line) => line.includes(requestId)), "the log does not know the request");
  });

  test(`an object whose call ends in \`${crash}\` answers at once and harms no other call`, async () => {
    const { answer, milliseconds } = await besideSlowRequest("object/slow", `object/${crash}`);
    assert.equal(answer.status, 503);
    assert.ok(milliseconds < AT_ONCE_MS, `${milliseconds} ms`);
  });
}

test("the instance survives what a request did to itself", async () => {
  const before = Number((await fault("count")).body);
  for (const crash of ["panic", "exception", "late-panic"]) await fault(crash);
  const now = Number((await fault("count")).body);
  assert.equal(now, before + 4, "the count started again, so the instance did");
});

test("an object that never answers is given up", async () => {
  const { answer, milliseconds } = await timed(() => fault("object/stall"));
  assert.equal(answer.status, 503);
  assert.ok(milliseconds < 15_000, `${milliseconds} ms`);
});

test("an object that refuses or fails says so", async () => {
  for (const name of ["object/refuse", "object/fail"]) assert.equal((await fault(name)).status, 503);
});

test("fifty crashes at once leave a Worker that works", async () => {
  const crashes = Array.from({ length: 50 }, (_, index) => fault(["panic", "exception", "late-panic", "object/panic", "object/exception"][index % 5]));
  for (const answer of await Promise.all(crashes)) assert.ok([500, 503].includes(answer.status), String(answer.status));
  const answer = await postern.send("/auth/logged-out");
  assert.equal(answer.status, 200);
});

test("a deployment has no faults to offer", async () => {
  const release = await startPostern({ providers: { main: host.issuer("main") } });
  try {
    const answer = await release.send("/__fault/panic");
    assert.equal(answer.status, 404);
  } finally {
    await release.close();
  }
});
