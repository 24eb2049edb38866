// More logins of one person than they may have sessions, within a moment: the oldest make room, whatever the clock says.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn, whoIs } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const LIMIT = 20;
const world = await startWorld({ main: {} }, { session: { max_per_subject: LIMIT } });

async function signedIn() {
  const browser = world.browser();
  assert.equal((await logIn(browser)).status, 200);
  return browser;
}

const alive = (browsers) => Promise.all(browsers.map(async (browser) => (await whoIs(browser)) !== undefined));

test("of twenty-five quick logins the first five end, and no other", async () => {
  //
  const browsers = [];
  for (let login = 0; login < LIMIT + 5; login += 1) browsers.push(await signedIn());
  assert.deepEqual(await alive(browsers), browsers.map((_, login) => login >= 5));
  const { sessions } = JSON.parse((await browsers.at(-1).fetch("/auth/sessions")).body);
  assert.equal(sessions.length, LIMIT);
  assert.ok(sessions[0].current, "the newest comes first");
});

test("of many logins at once as many stay as may, and whoever comes next ends none of the fresh ones", async () => {
  //
  const crowd = await Promise.all(Array.from({ length: LIMIT + 10 }, signedIn));
  assert.equal((await alive(crowd)).filter(Boolean).length, LIMIT);
  const later = [];
  for (let login = 0; login < LIMIT; login += 1) later.push(await signedIn());
  assert.deepEqual([...new Set(await alive(later))], [true]);
  assert.deepEqual([...new Set(await alive(crowd))], [false]);
});
