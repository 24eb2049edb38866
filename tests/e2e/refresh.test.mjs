// Access tokens that end before their session: renewed once however many ask, and never for who has left.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { logIn, whoIs } from "./support/login.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const PARALLEL = 200;
const LIFE = 300;
const AHEAD = 60;

const world = await startWorld({ main: {} }, { twin: true });
const { postern, issuers: { main } } = world;
main.tokenLife = LIFE;
afterEach(() => {
  assert.deepEqual(main.violations, []);
  world.mend();
  main.tokenLife = LIFE;
});

let people = 0;

/** Somebody new, so that no test sees what another left behind. */
async function signedIn() {
  people += 1;
  main.user.sub = `person-${people}`;
  const browser = world.browser();
  assert.equal((await logIn(browser)).status, 200);
  return browser;
}

const sessionLine = (browser) => `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}`;
const relay = (browser) => browser.fetch("/api/relay");
const signOut = (browser) => browser.fetch("/auth/logout", { method: "POST" });
const relayedToken = (answer) => JSON.parse(answer.body).headers.authorization;
const renewals = () => main.requests.filter(({ endpoint, body }) => endpoint === "token" && body.includes("grant_type=refresh_token")).length;
const many = (act) => Promise.all(Array.from({ length: PARALLEL }, (_, index) => act(index)));

/** Resolves once a refresh since `mark` has come to its end. */
const refreshed = (mark) => postern.logged(mark, ({ event }) => event === "session.refresh");

for (const rotation of ["once", "same", "silent"]) {
  test(`two hundred requests at the end of a token are one renewal and two hundred answers, refresh token ${rotation}`, async () => {
    //
    main.rotation = rotation;
    const browser = await signedIn();
    const before = relayedToken(await relay(browser));
    for (let round = 1; round <= 2; round += 1) {
      await postern.advance(LIFE);
      const held = main.hold("token");
      const asked = many(() => relay(browser));
      await postern.waiting(PARALLEL);
      held.release();
      const answers = await asked;
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
      const tokens = new Set(answers.map(relayedToken));
      assert.equal(tokens.size, 1);
      assert.ok(!tokens.has(before));
      assert.equal(renewals(), round);
    }
    assert.equal((await whoIs(browser)).subject, main.user.sub);
  });
}

test("a logout among two hundred requests at the end of a token stands", async () => {
  //
  for (const answered of ["at once", "while all wait", "after the logout"]) {
    const browser = await signedIn();
    const line = sessionLine(browser);
    const before = renewals();
    await postern.advance(LIFE);
    const held = main.hold("token");
    if (answered === "at once") held.release();
    const asked = (path, method = "GET") => postern.send(path, { method, headers: [["cookie", line], ["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "cors"]] });
    const under = Array.from({ length: PARALLEL }, (_, index) => (index === PARALLEL / 2 ? asked("/auth/logout", "POST") : asked("/api/relay")));
    if (answered === "while all wait") await held.asked;
    if (answered === "after the logout") await under[PARALLEL / 2];
    held.release();
    const answers = await Promise.all(under);
    assert.equal(answers[PARALLEL / 2].status, 200, answers[PARALLEL / 2].body);
    const statuses = new Set(answers.map(({ status }) => status));
    assert.ok([...statuses].every((status) => [200, 401].includes(status)), `${[...statuses]}`);
    assert.ok(renewals() - before <= 1);
    const after = await many(() => asked("/api/relay"));
    assert.deepEqual([...new Set(after.map(({ status }) => status))], [401]);
    assert.ok(renewals() - before <= 1, "a renewal for somebody who has left");
    await main.when(() => main.aliveRefreshTokens.length === 0, "the refresh token and its successor are revoked (R-082)");
  }
});

test("a token is renewed ahead of its end, and nobody waits for that", async () => {
  const browser = await signedIn();
  const before = relayedToken(await relay(browser));
  await postern.advance(LIFE - AHEAD + 1);
  const [held, mark] = [main.hold("token"), await postern.mark()];
  const answer = await postern.timeless(() => relay(browser));
  assert.equal(relayedToken(answer), before);
  await held.asked;
  held.release();
  await refreshed(mark);
  assert.notEqual(relayedToken(await relay(browser)), before);
  assert.equal(renewals(), 1);
});

test("a provider that fails keeps the session, and the token that is still good", async () => {
  const browser = await signedIn();
  const before = relayedToken(await relay(browser));
  await postern.advance(LIFE - AHEAD + 1);
  main.bend.token = () => ({ status: 503, headers: {}, body: "" });
  main.rotation = "same";
  const mark = await postern.mark();
  assert.equal(relayedToken(await relay(browser)), before);
  await refreshed(mark);
  assert.equal(renewals(), 1);
  await postern.advance(AHEAD);
  const refused = await relay(browser);
  assert.equal(refused.status, 503);
  assert.ok(refused.headers["retry-after"]);
  assert.equal((await whoIs(browser)).subject, main.user.sub);
  main.bend = {};
  await postern.advance(300);
  assert.notEqual(relayedToken(await relay(browser)), before);
});

test("a refresh token that the provider refuses ends the session, and says so in the log", async () => {
  //
  const browser = await signedIn();
  for (const known of main.refreshTokens.values()) known.revoked = true;
  await postern.advance(LIFE);
  const mark = await postern.mark();
  const answer = await relay(browser);
  assert.equal(answer.status, 401);
  assert.deepEqual(answer.setCookies, [], "a late answer must not delete the cookie of a new sign-in");
  const events = await postern.allEventsSince(mark);
  const renewal = events.find(({ event }) => event === "session.refresh");
  assert.equal(renewal.reason, "token.invalid_grant");
  assert.equal(renewal.subject, main.user.sub);
  assert.equal(await whoIs(browser), undefined);
});

test("an ID token for somebody else ends the session, and what came with it is revoked", async () => {
  //
  const browser = await signedIn();
  await postern.advance(LIFE);
  main.bend.idToken = (parts) => void (parts.claims.sub = "mallory");
  assert.equal((await relay(browser)).status, 401);
  assert.equal(await whoIs(browser), undefined);
  await main.when(() => main.aliveRefreshTokens.length === 0, "both refresh tokens are revoked");
});

test("a logout in one isolate is seen by the other with the very next request", async () => {
  //
  for (let round = 0; round < 10; round += 1) {
    const browser = await signedIn();
    const headers = [["cookie", sessionLine(browser)], ["sec-fetch-site", "same-origin"]];
    assert.equal((await postern.sendToTwin("/api/echo", { headers })).status, 200, "the other isolate knows the session at once");
    assert.equal((await signOut(browser)).status, 200);
    const [there, here] = await Promise.all([postern.sendToTwin("/api/echo", { headers }), postern.send("/api/echo", { headers })]);
    assert.deepEqual([there.status, here.status], [401, 401]);
  }
});

test("two isolates at the end of a token are still one renewal", async () => {
  //
  const browser = await signedIn();
  const headers = [["cookie", sessionLine(browser)], ["sec-fetch-site", "same-origin"]];
  await postern.advance(LIFE);
  const held = main.hold("token");
  const asked = many((index) => (index % 2 ? postern.send("/api/relay", { headers }) : postern.sendToTwin("/api/relay", { headers })));
  await postern.waiting(PARALLEL);
  held.release();
  const answers = await asked;
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  assert.equal(renewals(), 1);
});

test("a logout has the refresh token revoked within seconds, and nobody waits for that", async () => {
  //
  const browser = await signedIn();
  const held = main.hold("revocation");
  assert.equal((await postern.timeless(() => signOut(browser))).status, 200);
  await held.asked;
  assert.equal(main.aliveRefreshTokens.length, 1);
  held.release();
  await main.when(() => main.aliveRefreshTokens.length === 0, "the refresh token is revoked");
  assert.equal(main.revoked.length, 1);
});

test("a revocation that the provider does not hear is repeated", async () => {
  //
  const browser = await signedIn();
  main.bend.revocation = (answer) => ({ ...answer, status: 503 });
  assert.equal((await signOut(browser)).status, 200);
  await main.when(() => main.count("revocation") === 1, "the first attempt");
  assert.equal(main.revoked.length, 0);
  main.bend = {};
  // The next attempt is half a minute later by the clock on the wall, which no test moves.
  await main.when(() => main.revoked.length === 1, "the second attempt", 120_000);
  assert.equal(main.aliveRefreshTokens.length, 0);
});
