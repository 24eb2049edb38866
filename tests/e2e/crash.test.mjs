// workerd is killed in the middle of refreshing, signing in and signing out, and started again over the same
// storage: who was told that they are signed in still is, who was told that they are not still is not, and no
// refresh token was used twice.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startProviders } from "../provider/host.mjs";
import { Browser } from "./support/browser.mjs";
import { logIn } from "./support/login.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { BareWorkerd } from "./support/workerd.mjs";

/** A few every day; in the long run (`npm run test:long`) many, or as many as `POSTERN_TEST_KILLS` says. */
const KILLS = process.env.POSTERN_TEST_LONG === "1" ? Number(process.env.POSTERN_TEST_KILLS ?? 200) : 12;
const LONGEST_ROUND_MS = 14_000;
const PEOPLE = 6;
/** In which a kill may fall, after the requests went out or one of them was answered. */
const WINDOW_MS = 300;
/** How long an access token is used at least, and a little. */
const SHORTEST_LIFE_MS = 2100;

const host = await startProviders();
// As many subjects as people: each has an object, and a provider that knows nobody else.
const issuer = host.issuer("main");
issuer.tokenLife = 1;
const workerd = new BareWorkerd({ providers: { main: issuer } });
after(() => Promise.all([workerd.close(), host.close()]));

const pause = (milliseconds) => new Promise((over) => setTimeout(over, milliseconds));
const line = (browser) => browser.jar.cookies.get(SESSION_COOKIE)?.value;
const ask = (value, path, method = "GET") =>
  workerd.send(path, { method, headers: [["cookie", `${SESSION_COOKIE}=${value}`], ["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "cors"]] });
/** The status, or undefined where the process died first. */
const statusOf = (asked) => asked.then(({ status }) => status, () => undefined);

/** Cookies whose session must be alive, and cookies whose session must not. */
const alive = new Set();
const ended = new Set();
const told = { refresh: 0, login: 0, logout: 0 };

async function signIn(name) {
  issuer.user.sub = name;
  const browser = new Browser(workerd);
  const answer = await logIn(browser).catch(() => undefined);
  // Whoever has the cookie in hand was told.
  if (answer?.status === 200 && line(browser)) {
    alive.add(line(browser));
    return true;
  }
  return false;
}

async function signOut(value) {
  alive.delete(value);
  const status = await statusOf(ask(value, "/auth/logout", "POST"));
  if (status === 200) ended.add(value);
  return status === 200;
}

async function assertAsTold(when) {
  for (const value of alive) assert.equal(await statusOf(ask(value, "/auth/me")), 200, `${when}: a session was lost`);
  for (const value of ended) assert.equal(await statusOf(ask(value, "/auth/me")), 401, `${when}: a session came back`);
  assert.deepEqual(issuer.violations, [], when);
}

test("kills at random points", { timeout: KILLS * LONGEST_ROUND_MS }, async () => {
  //
  await workerd.start();
  let renewedAt = Date.now();
  for (let kill = 1; kill <= KILLS; kill += 1) {
    while (alive.size < PEOPLE) {
      assert.ok(await signIn(`person-${alive.size}-${kill}`));
      renewedAt = Date.now();
    }
    await pause(SHORTEST_LIFE_MS - (Date.now() - renewedAt));
    issuer.bend.token = (answer) => ({ ...answer, delay: Math.random() * 40 });
    const [leaver, ...rest] = alive;
    const refreshes = rest.flatMap((value) => [1, 2, 3].map(() => statusOf(ask(value, "/api/relay")).then((status) => { told.refresh += Number(status === 200); })));
    const logout = signOut(leaver).then((done) => { told.logout += Number(done); });
    const login = signIn(`newcomer-${kill}`).then((done) => { told.login += Number(done); });
    // By turns early, where refreshing is, and around each of the ends, however long the machine takes to get there.
    await [Promise.resolve(), Promise.race(refreshes), logout, login][kill % 4];
    await pause(Math.random() ** 2 * WINDOW_MS);
    await workerd.kill();
    await Promise.all([...refreshes, logout, login]);
    issuer.bend = {};
    await workerd.start();
    await assertAsTold(`after kill ${kill}`);
    // Who cannot renew any more signs in again; what a session holds does not grow without end.
    for (const value of [...alive]) {
      // The provider answers, so nobody is told to come back later.
      const status = await statusOf(ask(value, "/api/relay"));
      assert.ok([200, 401].includes(status), `${status}: ${workerd.refusals()}`);
      if (status === 401 || alive.size > PEOPLE) await signOut(value);
    }
    renewedAt = Date.now();
  }
  // Not every kill came so early, or so late, that it proved nothing.
  for (const [what, count] of Object.entries(told)) assert.ok(count > 0, `no ${what} ever came to its end`);
  assert.ok(told.login < KILLS || told.logout < KILLS, "every kill came too late");
});

test("what is stored holds no token and no session secret", () => {
  //
  const stored = workerd.storedBytes();
  assert.ok(stored.length > 10_000, "there is something to look at");
  assert.ok(stored.includes("person-"), "the records are in it");
  for (const canary of issuer.canaries) assert.ok(!stored.includes(canary), "a token in plain sight");
  for (const value of [...alive, ...ended]) {
    for (const part of value.split(".").filter(({ length }) => length > 20)) assert.ok(!stored.includes(part), "a session secret in plain sight");
  }
});
