// An object that has nothing more to do can be thrown out of memory at once: nothing that was begun for a request that is
// over, such as a timer, keeps it there and has it billed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn, whoIs } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

// Shorter than keys are young: none are fetched beside it.
const LIFE = 120;
const CLASSES = ["SUBJECTS", "ONCE", "SID_INDEX"];

const world = await startWorld({ main: {} }, { session: { max_per_subject: 2 } });
const { postern, issuers: { main } } = world;
main.tokenLife = LIFE;

async function signedIn() {
  const browser = world.browser();
  assert.equal((await logIn(browser)).status, 200);
  return browser;
}

/** Throws every object out of memory. The runtime lets none go that a timer holds, however old the request that it was for. */
async function evictAll() {
  await postern.settled();
  assert.equal((await postern.goingOn()).timers, 0, "timers that nothing waits for");
  for (const binding of CLASSES) await postern.evict(binding);
}

/** After each of these nothing is under way. By name, each a function that may need a signed-in browser. */
const COMMANDS = {
  "a sign-in": () => {},
  "a check": (browser) => browser.fetch("/api/echo"),
  "a question who it is": (browser) => whoIs(browser),
  "a list of sessions": (browser) => browser.fetch("/auth/sessions"),
  "a sign-out, and the revocation at the provider": async (browser) => {
    const mark = await postern.mark();
    assert.equal((await browser.fetch("/auth/logout", { method: "POST" })).status, 200);
    await postern.logged(mark, ({ event }) => event === "token.revoke");
  },
  "the end of the oldest of too many sessions": async () => {
    const mark = await postern.mark();
    for (let count = 0; count < 2; count += 1) await signedIn();
    await postern.logged(mark, ({ event }) => event === "token.revoke");
  },
  "a refresh": async (browser) => {
    const mark = await postern.mark();
    await postern.advance(LIFE);
    assert.equal((await browser.fetch("/api/relay")).status, 200);
    await postern.logged(mark, ({ event }) => event === "session.refresh");
  },
  "a back-channel logout": async (browser) => {
    const mark = await postern.mark();
    const token = main.logoutToken({ sub: main.user.sub });
    const body = new URLSearchParams({ logout_token: token }).toString();
    const answer = await postern.send("/auth/backchannel-logout/main", { method: "POST", headers: [["content-type", "application/x-www-form-urlencoded"]], body });
    assert.equal(answer.status, 200, answer.body);
    assert.equal(await whoIs(browser), undefined);
    await postern.logged(mark, ({ event }) => event === "token.revoke");
  },
};

for (const [what, carryOut] of Object.entries(COMMANDS)) {
  test(`after ${what} every object can be thrown out of memory at once`, async () => {
    // Somebody new: no session of an earlier test ends meanwhile.
    main.user.sub = what;
    const browser = await signedIn();
    await carryOut(browser);
    await evictAll();
  });
}
