// Several logins at once in one browser, finishing in any order, and never more cookies than four.

import assert from "node:assert/strict";
import { test } from "node:test";

import { refreshTarget } from "./support/browser.mjs";
import { authorize, begin, callback, whoIs } from "./support/login.mjs";
import { assertLoginFails, LOGIN_COOKIE, SESSION_COOKIE } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({ main: {}, other: {} });

test("tabs that log in at once finish in reverse order, each at its own page", async () => {
  const browser = world.browser();
  const tabs = [];
  for (let tab = 0; tab < 4; tab += 1) {
    tabs.push(await authorize(browser, await begin(browser, { provider: tab % 2 ? "main" : "other", returnTo: `/page?tab=${tab}` })));
  }
  for (const [tab, step] of [...tabs.entries()].reverse()) {
    const answer = await callback(browser, step);
    assert.equal(answer.status, 200, answer.body.slice(0, 300));
    assert.equal(refreshTarget(answer.body), `/page?tab=${tab}`);
    assert.equal(browser.jar.named(LOGIN_COOKIE).length, tab);
  }
  assert.ok(await whoIs(browser));
});

test("tabs that log in at once leave one session, whichever provider each was for", async () => {
  //
  for (const providers of [["main", "main", "main"], ["main", "other", "main"]]) {
    const browser = world.browser();
    const steps = [];
    for (const provider of providers) {
      world.issuers[provider].user = { sub: `tabs-${providers}` };
      steps.push(await authorize(browser, await begin(browser, { provider })));
    }
    const cookies = [];
    for (const step of steps) {
      assert.equal((await callback(browser, step)).status, 200);
      cookies.push(browser.jar.cookies.get(SESSION_COOKIE).value);
    }
    const statuses = [];
    for (const value of cookies) {
      const headers = [["cookie", `${SESSION_COOKIE}=${value}`], ["sec-fetch-site", "same-origin"]];
      statuses.push((await world.postern.send("/auth/me?touch=false", { headers })).status);
    }
    assert.deepEqual(statuses, [401, 401, 200]);
  }
});

test("at most four logins are under way, and the oldest gives way", async () => {
  const browser = world.browser();
  const tabs = [];
  for (let tab = 0; tab < 6; tab += 1) {
    const started = await begin(browser, { provider: "main" });
    tabs.push(await authorize(browser, started));
    assert.ok(browser.jar.named(LOGIN_COOKIE).length <= 4);
    await world.postern.advance(1);
  }
  for (const step of tabs.slice(0, 2)) {
    await assertLoginFails(world.scene(browser), () => callback(browser, step), { reason: "callback.no_transaction", consumed: false });
  }
  for (const step of tabs.slice(2)) assert.equal((await callback(browser, step)).status, 200);
});

test("a login that fails in one tab leaves the other tabs' alone", async () => {
  const browser = world.browser();
  const [one, other] = [await authorize(browser, await begin(browser, { provider: "main" })), await authorize(browser, await begin(browser, { provider: "main" }))];
  one.url.searchParams.delete("code");
  await assertLoginFails(world.scene(browser), () => callback(browser, one), { reason: "callback.code_missing" });
  assert.equal((await callback(browser, other)).status, 200);
});

test("garbage among the transaction cookies is thrown away and hinders nobody", async () => {
  const browser = world.browser();
  for (let count = 0; count < 8; count += 1) {
    const name = `${LOGIN_COOKIE}junk${count}`;
    browser.jar.cookies.set(name, { name, value: "\u0021".repeat(20), sameSite: "lax", attributes: [], line: "" });
  }
  const step = await authorize(browser, await begin(browser, { provider: "main" }));
  assert.ok(browser.jar.named(LOGIN_COOKIE).length <= 4);
  assert.equal((await callback(browser, step)).status, 200);
});
