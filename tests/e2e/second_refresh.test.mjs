// A proof of a second factor while the session's tokens are being refreshed: it waits for that, and not until nobody waits for it any more.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn, whoIs } from "./support/login.mjs";
import { codeOf, stepAt } from "./support/totp.mjs";
import { startWorld } from "./support/world.mjs";

const LIFE = 300;
/** How many times as fast as the wall's clock the Worker's runs while something waits. */
const SPEED = 10;

const world = await startWorld({ main: {} }, { vars: { SECOND: { factors: ["totp"] } } });
const { postern, issuers: { main } } = world;
main.tokenLife = LIFE;

const post = (browser, path, body) => browser.fetch(path, { method: "POST", body: JSON.stringify(body), headers: [["content-type", "application/json"]] });
const prove = (browser, code) => post(browser, "/auth/second/verify/totp", { code });

/** Somebody with an app, whose token is due and being refreshed. */
async function refreshing(sub) {
  main.user.sub = sub;
  const browser = world.browser();
  assert.equal((await logIn(browser)).status, 200);
  const { secret, pending } = JSON.parse((await post(browser, "/auth/second/totp/begin", {})).body);
  const added = await post(browser, "/auth/second/totp/finish", { pending, code: codeOf(secret, stepAt(postern.now())), name: "" });
  assert.equal(added.status, 201, added.body);
  await postern.advance(LIFE);
  const held = main.hold("token");
  const relayed = browser.fetch("/api/relay");
  await held.asked;
  return { browser, held, relayed, code: codeOf(secret, stepAt(postern.now())) };
}

test("a proof that comes during a refresh counts after it", async () => {
  //
  const { browser, held, relayed, code } = await refreshing("alice");
  const proving = prove(browser, code);
  await postern.waiting(2);
  held.release();
  assert.equal((await relayed).status, 200);
  assert.equal((await proving).status, 200);
  assert.ok(await whoIs(browser));
});

test("a proof that a slow provider keeps waiting does nothing, and is good later", async () => {
  //
  const { browser, held, relayed, code } = await refreshing("bob");
  await postern.lapse(SPEED);
  const refused = await prove(browser, code);
  assert.equal(refused.status, 503, refused.body);
  await postern.lapse(1);
  held.release();
  await relayed;
  assert.ok(await whoIs(browser), "the session lives under the id that the browser has");
  assert.equal((await prove(browser, code)).status, 200, "the code was not used up");
});
