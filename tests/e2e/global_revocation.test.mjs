// A provider ends all that a person has here, in every isolate, and not before that is so does it hear that it is done: also
// where the process dies meanwhile.

import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";

import { startProviders } from "../provider/host.mjs";
import { Browser } from "./support/browser.mjs";
import { send } from "./support/http.mjs";
import { authorize, begin, callback, logIn, whoIs } from "./support/login.mjs";
import { BareWorkerd } from "./support/workerd.mjs";
import { startWorld } from "./support/world.mjs";

/** A few every day, many in the long run. */
const KILLS = process.env.POSTERN_TEST_LONG === "1" ? 100 : 8;
const LONGEST_ROUND_MS = 15_000;
/** In which a kill may fall after the request went out. */
const WINDOW_MS = 30;

const world = await startWorld({ main: { settings: { revocation: { email: true } } }, other: {} }, { twin: true });
const { postern, issuers } = world;
const host = await startProviders();
const killed = host.issuer("main");
const workerd = new BareWorkerd({ providers: { main: { issuer: killed, revocation: {} } } });
afterEach(() => world.mend());
after(() => Promise.all([workerd.close(), host.close()]));

/** A token as Okta's documents show it. */
const tokenFor = (issuer, origin, claims = {}, header = {}) => {
  const now = issuer.clock();
  return issuer.logoutToken(
    { sub: issuer.client.id, aud: `${origin}/auth/revocation/main`, nbf: now - 300, exp: now + 300, events: undefined, ...claims },
    { header: { typ: "global-token-revocation+jwt", ...header } },
  );
};
const asked = (token, body) => ({
  method: "POST", headers: [["authorization", `Bearer ${token}`], ["content-type", "application/json"]], body: JSON.stringify(body),
});
const named = (issuer, sub) => ({ sub_id: { format: "iss_sub", iss: issuer.url, sub } });
const revoke = (body, token = tokenFor(issuers.main, postern.origin)) => postern.sendToTwin("/auth/revocation/main", asked(token, body));

async function signedIn(sub, { provider = "main", ...more } = {}) {
  issuers[provider].bend.idToken = ({ claims }) => void Object.assign(claims, { sub, ...more });
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider })).status, 200);
  return browser;
}

const areIn = async (...browsers) => (await Promise.all(browsers.map(whoIs))).map(Boolean);

test("every session of that person ends, in another isolate than that which was asked", async () => {
  //
  const all = [await signedIn("alice"), await signedIn("alice"), await signedIn("bob"), await signedIn("alice", { provider: "other" })];
  const mark = await postern.mark();
  assert.equal((await revoke(named(issuers.main, "alice"))).status, 204);
  assert.deepEqual(await areIn(...all), [false, false, true, true]);
  const [event] = await postern.eventsSince(mark);
  assert.deepEqual([event.event, event.reason, event.subject, event.ended], ["revocation.global", "revocation.sessions_ended", "alice", 2]);
});

test("an address names those who have it, verified, at this provider", async () => {
  //
  const has = { email: "carol@example.com", email_verified: true };
  const all = [
    await signedIn("carol", has), await signedIn("mallory", { ...has, email_verified: false }), await signedIn("carol", { ...has, provider: "other" }),
  ];
  assert.equal((await revoke({ sub_id: { format: "email", email: "carol@EXAMPLE.com" } })).status, 204);
  assert.deepEqual(await areIn(...all), [false, true, true]);
});

test("what is not the provider's word ends nothing", async () => {
  //
  const browser = await signedIn("dora");
  const { main, other } = issuers;
  for (const token of [
    main.logoutToken({ sub: "dora" }),
    tokenFor(main, postern.origin, {}, { typ: "JWT" }),
    tokenFor(main, "https://evil.example"),
    tokenFor(main, postern.origin, { sub: "dora" }),
    tokenFor(main, postern.origin, { exp: main.clock() + 900 }),
    tokenFor(other, postern.origin),
  ]) {
    const answer = await revoke(named(main, "dora"), token);
    assert.deepEqual([answer.status, JSON.parse(answer.body)], [401, { error: "invalid_token" }]);
    assert.match(answer.headers["www-authenticate"], /^Bearer /);
  }
  assert.equal((await revoke(named(other, "dora"))).status, 400);
  assert.equal((await postern.send("/auth/revocation/other", asked(tokenFor(other, postern.origin), named(other, "dora")))).status, 404);
  assert.deepEqual(await areIn(browser), [true]);
});

test("a sign-in under way loses, and one that begins afterwards does not", async () => {
  //
  issuers.main.bend.idToken = ({ claims }) => void Object.assign(claims, { sub: "erin" });
  const late = world.browser();
  const begun = await begin(late, { provider: "main" });
  await postern.advance(1);
  assert.equal((await revoke(named(issuers.main, "erin"))).status, 204);
  await callback(late, await authorize(late, begun));
  assert.deepEqual(await areIn(late), [false]);
  await postern.advance(1);
  assert.deepEqual(await areIn(await signedIn("erin")), [true]);
});

test("kills while a person's sessions are ended", { timeout: KILLS * LONGEST_ROUND_MS }, async () => {
  //
  await workerd.start();
  const told = { done: 0, not: 0 };
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const [browser, late] = [new Browser(workerd), new Browser(workerd)];
    // Somebody else each time: a sign-in within the second of a revocation loses.
    killed.user = { sub: `killed-${kill}` };
    assert.equal((await logIn(browser)).status, 200);
    // Begun before the revocation, and ended before the provider hears what became of it.
    const answerForLate = await authorize(late, await begin(late));
    const request = asked(tokenFor(killed, workerd.origin), named(killed, killed.user.sub));
    const ask = () => send({ port: workerd.port, url: `${workerd.origin}/auth/revocation/main`, ...request });
    const first = ask().catch(() => undefined);
    if (kill % 2) await first;
    else await new Promise((over) => setTimeout(over, Math.random() * WINDOW_MS));
    await workerd.kill();
    const answer = await first;
    await workerd.start();
    await callback(late, answerForLate);
    const live = async () => [await whoIs(browser), await whoIs(late)].filter(Boolean).length;
    if (answer?.status === 204) assert.equal(await live(), 0, "what was said to have ended goes on");
    // Whoever did not hear asks again, with the same token.
    assert.equal((await ask()).status, 204);
    assert.equal(await live(), 0, `kill ${kill}: a copy ended less than was asked for`);
    told[answer?.status === 204 ? "done" : "not"] += 1;
  }
  for (const [what, count] of Object.entries(told)) assert.ok(count > 0, `${what}: every kill came too early, or too late`);
});
