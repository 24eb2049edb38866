// One callback, fifty times at once: one code, one token request, at most one session.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Browser } from "./support/browser.mjs";
import { authorize, begin, callback } from "./support/login.mjs";
import { sessionCookies } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({ main: {} });
const { main } = world.issuers;

async function storm(count) {
  const browser = world.browser();
  const step = await authorize(browser, await begin(browser));
  const copies = Array.from({ length: count }, () => {
    const copy = new Browser(world.postern);
    copy.jar.cookies = new Map(browser.jar.cookies);
    return copy;
  });
  return Promise.all(copies.map((copy) => callback(copy, step)));
}

test("of fifty concurrent copies of one callback, one logs in and one token request is sent", async () => {
  //
  const mark = await world.postern.mark();
  const answers = await storm(50);
  assert.equal(answers.filter((answer) => answer.status === 200).length, 1);
  assert.equal(answers.flatMap(sessionCookies).length, 1);
  for (const answer of answers) assert.ok([200, 400, 403].includes(answer.status), String(answer.status));
  assert.equal(main.count("token"), 1);
  assert.deepEqual(main.violations, []);
  const replayed = (await world.postern.eventsSince(mark)).filter(({ reason }) => reason === "callback.already_used");
  assert.equal(replayed.length, 49);
});

test("of fifty concurrent copies of a callback whose login fails, none logs in and one token request is sent", async () => {
  //
  world.mend();
  main.bend.idToken = (token) => void (token.claims.nonce = "wrong");
  const answers = await storm(50);
  assert.deepEqual(answers.flatMap(sessionCookies), []);
  assert.ok(answers.every((answer) => answer.status >= 400));
  assert.equal(main.count("token"), 1);
});
