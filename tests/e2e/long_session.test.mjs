// A provider's word that names a session by `sid` alone ends it for as long as a session can live.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn, whoIs } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

/** The longest that a configuration can make it: nobody has to come by meanwhile. */
const DAYS = 30;
const ABSOLUTE = DAYS * 24 * 3600;
/** What a session is at least short of its end: clocks are told in whole seconds, and the test takes some of its own. */
const A_LITTLE = 120;

const world = await startWorld({ main: {} }, { session: { idle: `${DAYS}d`, absolute: `${DAYS}d` } });
const { postern, issuers: { main } } = world;

async function signedIn(sub) {
  main.bend.idToken = ({ claims }) => void Object.assign(claims, { sub, sid: `sid-${sub}` });
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  return browser;
}

const tell = (claims) => postern.send("/auth/backchannel-logout/main", {
  method: "POST", headers: [["content-type", "application/x-www-form-urlencoded"]], body: `logout_token=${main.logoutToken(claims)}`,
});

test("a session is found by its `sid` from its first minute to its last", async () => {
  //
  const people = ["alice", "bob", "carol", "dora"];
  const browsers = {};
  for (const sub of people) browsers[sub] = await signedIn(sub);
  let age = 0;
  for (const [sub, at] of Object.entries({ alice: 60, bob: 3600 + 60, carol: ABSOLUTE / 2, dora: ABSOLUTE - A_LITTLE })) {
    await postern.advance(at - age);
    age = at;
    assert.ok(await whoIs(browsers[sub]), `${sub} after ${at} s`);
    // An index that was thrown out of memory finds it too.
    await postern.evict("SID_INDEX");
    const answer = await tell({ sid: `sid-${sub}` });
    assert.equal(answer.status, 200, answer.body);
    assert.equal(await whoIs(browsers[sub]), undefined, `${sub} after ${at} s`);
    for (const other of people.slice(people.indexOf(sub) + 1)) assert.ok(await whoIs(browsers[other]), other);
  }
});
