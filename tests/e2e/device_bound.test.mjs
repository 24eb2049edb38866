// Sessions that are bound to a device, with the key of a test: registration, proofs, and what thieves try.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { askAbout, bind, BOUND_COOKIE as BOUND, challengeOf, cookiesOf, Device, offerOf } from "./support/device.mjs";
import { logIn, whoIs } from "./support/login.mjs";
import { SESSION_COOKIE as SESSION } from "./support/refusals.mjs";
import { coming, ENDED, handshake } from "./support/websocket.mjs";
import { startWorld } from "./support/world.mjs";

const ORIGIN = "https://app.localhost";
const ID = "postern:app.localhost";
const world = await startWorld({ main: {} }, {
  session: { device: "offer", device_life: "5m" },
  upstream: fileURLToPath(new URL("support/live_upstream.mjs", import.meta.url)),
  routes: {
    "/live/{*rest}": { methods: ["GET"], upstream: "service:ECHO" },
    "/page": { methods: ["GET"], upstream: "service:ECHO" },
    "/strict": { methods: ["GET"], upstream: "service:ECHO", require: { device: "bound" } },
    "/pay": { methods: ["POST"], upstream: "service:ECHO", require: { device: "now" } },
  },
  vars: { PUBLIC_URL: ORIGIN },
});
const { postern, issuers } = world;
await postern.behindTls();

let people = 0;

async function signedIn() {
  issuers.main.user = { sub: `bound-${(people += 1)}` };
  const browser = world.browser();
  const answer = await logIn(browser, { provider: "main" });
  assert.equal(answer.status, 200, answer.body);
  return { browser, answer };
}

const refresh = (browser, proof) => askAbout(browser, "/auth/bound/refresh", proof, [["sec-secure-session-id", ID]]);

async function bound() {
  const { browser, answer } = await signedIn();
  const { device, description } = await bind(browser, answer);
  assert.equal(description.session_identifier, ID);
  return { browser, device, answer };
}

async function prove({ browser, device }) {
  const answer = await refresh(browser, device.jws({}, { jti: challengeOf(await refresh(browser)) }));
  assert.equal(answer.status, 200, answer.body);
}

const status = async (browser, path, names) => (await postern.send(path, { headers: [cookiesOf(browser, names), ["sec-fetch-site", "same-origin"]] })).status;

test("a bound session counts with both cookies, and with one of them it is nobody", async () => {
  //
  const person = await bound();
  await postern.advance(11);
  assert.equal(await status(person.browser, "/page"), 200);
  for (const path of ["/page", "/auth/me", "/auth/sessions"]) assert.equal(await status(person.browser, path, [SESSION]), 401);
  assert.equal(await status(person.browser, "/page", [BOUND]), 401);
  const open = (names) => handshake(postern, "/live/echo", [cookiesOf(person.browser, names), ["origin", ORIGIN]]);
  assert.equal((await open([SESSION])).status, 401);
  const opened = await open();
  assert.equal(opened.status, 101);
  opened.socket.vanish();
  await postern.advance(300);
  assert.equal(await status(person.browser, "/page"), 401);
  await prove(person);
  assert.equal(await status(person.browser, "/page"), 200);
});

test("neither another key nor a proof that was used brings a new cookie", async () => {
  //
  const { browser, device, answer } = await bound();
  const proof = device.jws({}, { jti: challengeOf(await refresh(browser)) });
  assert.equal((await refresh(browser, proof)).status, 200);
  const replayed = await refresh(browser, proof);
  assert.equal(replayed.status, 403);
  const wrong = await refresh(browser, new Device().jws({}, { jti: challengeOf(replayed) }));
  assert.deepEqual([wrong.status, wrong.headers["secure-session-challenge"], wrong.setCookies], [403, undefined, []]);
  const thief = new Device();
  const again = await askAbout(browser, "/auth/bound/register", thief.registration(offerOf(answer)));
  assert.equal(again.status, 403);
  assert.ok(await whoIs(browser));
});

test("while the person's object does not answer, the answer is that we cannot", async () => {
  //
  const { browser, device } = await bound();
  const jti = challengeOf(await refresh(browser));
  await postern.break({ SUBJECTS: "throw" });
  assert.equal((await refresh(browser)).status, 503);
  assert.equal((await refresh(browser, device.jws({}, { jti }))).status, 503);
  await postern.break({});
  assert.equal((await refresh(browser, device.jws({}, { jti }))).status, 200);
});

test("the object remembers the key when it is out of memory", async () => {
  const person = await bound();
  await postern.evict("SUBJECTS");
  await prove(person);
  await postern.evict("SUBJECTS");
  assert.equal(await status(person.browser, "/page"), 200);
});

test("a proof for the request at hand is asked for by a redirect to itself", async () => {
  const person = await bound();
  await postern.advance(31);
  const pay = () => postern.send("/pay?a=b", { method: "POST", headers: [cookiesOf(person.browser), ["origin", ORIGIN], ["sec-fetch-site", "same-origin"]], body: "amount=1" });
  const sent = await pay();
  assert.deepEqual([sent.status, sent.headers.location], [307, `${ORIGIN}/pay?a=b`]);
  assert.match(sent.setCookies.join(), /^__Host-postern-bound=;.*Max-Age=0/);
  await prove(person);
  assert.equal((await pay()).status, 200);
});

const HOME = { country: "PT", asn: 64500 };

/** What the browser sends that says that it may not sign; the session's own cookie alone by default. */
function skipped({ browser }, path = "/page", names = [SESSION]) {
  const why = ["secure-session-skipped", `quota_exceeded;session_identifier="${ID}"`];
  return postern.send(path, { headers: [cookiesOf(browser, names), ["sec-fetch-site", "same-origin"], why] });
}

/** The answer's status, and what the log says of it. */
async function told(act) {
  const mark = await postern.mark();
  const { status } = await act();
  const [{ event, reason, device_grace }] = await postern.eventsSince(mark);
  return { status, event, reason, grace: device_grace === true };
}

test("a browser that may not sign is let in once and for a while, but nowhere that asks for its device", async () => {
  //
  await postern.connections(HOME);
  const person = await bound();
  await postern.advance(301);
  assert.equal(await status(person.browser, "/page", [SESSION]), 401);
  assert.deepEqual(await told(() => skipped(person)), { status: 200, event: "access", reason: "authz.requirements_met", grace: true });
  assert.equal(await status(person.browser, "/page", [SESSION]), 200);
  const strict = await told(() => skipped(person, "/strict"));
  assert.deepEqual([strict.status, strict.reason], [401, "authz.device_proof_too_old"]);
  await postern.evict("SUBJECTS");
  await postern.advance(300);
  assert.equal((await told(() => skipped(person))).reason, "session.device_unproven");
  await prove(person);
  assert.equal(await status(person.browser, "/strict"), 200);
  await postern.advance(301);
  assert.equal((await told(() => skipped(person))).reason, "session.device_unproven");
  await postern.connections(null);
});

test("a browser that says so from another country or network ends its session", async () => {
  for (const elsewhere of [{ ...HOME, country: "ES" }, { ...HOME, asn: 64501 }]) {
    await postern.connections(HOME);
    const person = await bound();
    await postern.advance(301);
    await postern.connections(elsewhere);
    assert.deepEqual(await told(() => skipped(person)), { status: 401, event: "session.device_mismatch", reason: "session.device_mismatch", grace: false });
    await postern.connections(HOME);
    const over = await refresh(person.browser);
    assert.deepEqual([over.status, JSON.parse(over.body).continue], [200, false]);
    assert.equal(await status(person.browser, "/page", [SESSION]), 401);
  }
  // Nobody knows where it is: it is let in by nothing, and loses nothing.
  const person = await bound();
  await postern.advance(301);
  await postern.connections({ country: HOME.country });
  assert.equal((await told(() => skipped(person))).reason, "session.device_unproven");
  await prove(person);
  await postern.connections(null);
});

test("a cookie that was copied long ago is let in by no word of the browser's, from the same network either", async () => {
  //
  await postern.connections(HOME);
  const person = await bound();
  await postern.advance(300 + 600 + 1);
  for (const path of ["/page", "/strict", "/auth/me"]) assert.equal((await told(() => skipped(person, path))).reason, "session.device_unproven", path);
  await prove(person);
  await postern.advance(301);
  assert.equal((await told(() => skipped(person))).grace, true);
  await postern.connections(null);
});

test("nothing that is said of a device goes to the upstream or comes from it", async () => {
  //
  const { browser } = await bound();
  const headers = [cookiesOf(browser), ["sec-fetch-site", "same-origin"], ["sec-secure-session-id", ID], ["secure-session-skipped", "x"], ["x-kept", "1"]];
  const answer = await postern.send("/live/upload", { headers });
  assert.equal(answer.status, 200);
  assert.equal(JSON.parse(answer.body).headers["x-kept"], "1");
  assert.ok(!/secure-session|__Host-postern/i.test(answer.body), answer.body);
});

test("a WebSocket ends when no proof came for two lives of the cookie, and goes on when one did", async () => {
  const [lazy, busy] = [await bound(), await bound()];
  const open = async ({ browser }) => (await handshake(postern, "/live/echo", [cookiesOf(browser), ["origin", ORIGIN]])).socket;
  // The clocks of both run on, a minute in a second.
  await postern.lapse(60);
  const [lapses, goesOn] = [await open(lazy), await open(busy)];
  let isOver = false;
  const proving = (async () => {
    // A challenge is over within a second of ours: one that came too late is no matter, the next is not.
    while (!isOver) await prove(busy).catch(() => sleep(100));
  })();
  assert.deepEqual(await coming(lapses.closed, "the end of the socket"), ENDED);
  isOver = true;
  await proving;
  await postern.lapse(1);
  goesOn.send("hello");
  assert.equal(await goesOn.next(), "hello");
  goesOn.vanish();
});

test("sign-out takes both cookies, and the next refresh is told that it is over", async () => {
  //
  const { browser } = await bound();
  const stolen = cookiesOf(browser);
  const answer = await browser.fetch("/auth/logout", { method: "POST" });
  assert.equal(answer.status, 200, answer.body);
  assert.ok(!browser.jar.cookies.has(BOUND) && !browser.jar.cookies.has(SESSION));
  const over = await postern.send("/auth/bound/refresh", { method: "POST", headers: [stolen, ["sec-secure-session-id", ID]] });
  assert.deepEqual([over.status, JSON.parse(over.body)], [200, { session_identifier: ID, continue: false }]);
});
