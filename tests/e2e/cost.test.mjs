// What strangers cost: with every object broken, nobody who proves nothing notices, for none is asked for them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn } from "./support/login.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const vars = {
  ADMIN: { principals: ["main|root"] },
  DECISIONS: { keep: "24h", of: "all" },
};
const world = await startWorld({ main: { settings: { frontchannel_logout: true } } }, { vars });
const { postern } = world;
const BROKEN = Object.fromEntries(["SUBJECTS", "ONCE", "SID_INDEX", "BUCKETS", "TUPLES", "DECISION_LOG", "SERVICE_TOKENS"].map((name) => [name, "throw"]));
const NAVIGATION = [["accept", "text/html"], ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"], ["sec-fetch-site", "same-origin"]];
const SCRIPT = [["x-postern-csrf", "1"], ["sec-fetch-mode", "cors"], ["sec-fetch-dest", "empty"], ["sec-fetch-site", "same-origin"]];
const PLACES = [
  "/", "/page", "/api/echo", "/nowhere", "/auth/nowhere", "/auth/login", "/auth/me", "/auth/logout", "/auth/logged-out", "/auth/signed-in",
  "/auth/continue", "/auth/postern.js", "/auth/health", "/auth/sessions", "/auth/sessions/end-others", "/auth/sessions/AAAAAAAAAAAAAAAA",
  "/auth/verify", "/auth/callback/main?state=x&code=y", "/auth/backchannel-logout/main", "/auth/frontchannel-logout/main",
  "/auth/admin", "/auth/admin/sessions?provider=main&subject=alice", "/auth/admin/revoke", "/.well-known/jwks.json",
];

const cookieOf = (browser) => ["cookie", `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}`];

/** Sends everything by each method, and returns what was logged. */
async function sendAll(cookies) {
  const before = postern.logs.length;
  for (const path of PLACES) {
    for (const method of ["GET", "POST", "DELETE"]) {
      for (const kind of [NAVIGATION, SCRIPT]) {
        const answer = await postern.send(path, { method, headers: [...kind, ...cookies] });
        assert.notEqual(answer.status, 503, `${method} ${path} ${answer.body}`);
        assert.notEqual(answer.status, 500, `${method} ${path} ${answer.body}`);
      }
    }
  }
  await postern.mark();
  return postern.logs.slice(before).filter((line) => /decision_not_kept|"store\.|object_failed|store_unavailable/.test(line));
}

test("no object is asked for somebody who proves nothing", async () => {
  //
  const browser = world.browser();
  assert.equal((await logIn(browser)).status, 200);
  const [name, value] = cookieOf(browser);
  await postern.break(BROKEN);
  try {
    for (const cookies of [[], [[name, value.replace("2.k1", "2.k9")]], [[name, `${value}A`]]]) {
      assert.deepEqual(await sendAll(cookies), []);
    }
    // The same cookie as it is does ask.
    const answer = await postern.send("/api/echo", { headers: [...SCRIPT, [name, value]] });
    assert.equal(answer.status, 503);
  } finally {
    await postern.break({});
  }
});

test("nor for a cookie that is older than any session", async () => {
  //
  const browser = world.browser();
  assert.equal((await logIn(browser)).status, 200);
  const cookie = cookieOf(browser);
  await postern.advance(40 * 86_400);
  await logIn(world.browser());
  await postern.break(BROKEN);
  try {
    assert.deepEqual(await sendAll([cookie]), []);
  } finally {
    await postern.break({});
  }
});

test("a login that comes back otherwise than by a navigation reaches no object", async () => {
  //
  await postern.break(BROKEN);
  try {
    for (let count = 0; count < 20; count += 1) {
      const headers = [["sec-fetch-mode", "cors"], ["sec-fetch-dest", "empty"]];
      const answer = await postern.send("/auth/callback/main?state=x&code=y", { headers });
      assert.equal(answer.status, 400);
    }
  } finally {
    await postern.break({});
  }
});
