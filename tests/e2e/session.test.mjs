// A session's clocks, its number per person, and what a browser can do to its cookie.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { logIn, whoIs } from "./support/login.mjs";
import { newKeyRing } from "./support/postern.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const IDLE = 600;
const ABSOLUTE = 1800;
const world = await startWorld(
  { main: {} },
  {
    session: { idle: "10m", absolute: "30m", max_per_subject: 3 },
    keys: `${newKeyRing("k2")} ${newKeyRing("k1")}`,
    routes: {
      "/api/echo": { methods: ["GET"], upstream: "service:ECHO" },
      "/api/poll": { methods: ["GET"], upstream: "service:ECHO", touch: false },
      "/page": { methods: ["GET"], upstream: "service:ECHO" },
    },
  },
);
const { postern, issuers } = world;
afterEach(() => world.mend());

async function signedIn() {
  const browser = world.browser();
  assert.equal((await logIn(browser)).status, 200);
  return browser;
}

const cookieOf = (browser) => browser.jar.cookies.get(SESSION_COOKIE);
const statusOf = async (browser, path = "/api/echo") => (await browser.fetch(path)).status;
const withCookie = (line) => postern.send("/api/echo", { headers: [["cookie", line], ["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "cors"]] });

test("a session that nobody uses ends", async () => {
  // at the server, the cookie has no clock
  const browser = await signedIn();
  await postern.advance(IDLE - 5);
  assert.equal(await statusOf(browser), 200);
  await postern.advance(IDLE + 1);
  assert.equal(await statusOf(browser), 401);
});

test("use keeps a session alive, until its absolute end", async () => {
  //
  const browser = await signedIn();
  for (let time = 0; time < ABSOLUTE - IDLE / 2; time += IDLE / 2) {
    assert.equal(await statusOf(browser), 200);
    await postern.advance(IDLE / 2);
  }
  assert.equal(await statusOf(browser), 200);
  await postern.advance(IDLE / 2 + 1);
  assert.equal(await statusOf(browser), 401);
});

test("asking who I am without touching, and polling, keep nothing alive", async () => {
  //
  const browser = await signedIn();
  const { session } = await whoIs(browser);
  await postern.advance(IDLE - 5);
  assert.equal((await whoIs(browser)).session.idle_expires_at, session.idle_expires_at);
  assert.equal(await statusOf(browser, "/api/poll"), 200);
  await postern.advance(6);
  assert.equal(await statusOf(browser), 401);
});

test("asking who I am keeps a session alive", async () => {
  const browser = await signedIn();
  await postern.advance(IDLE - 5);
  assert.equal((await browser.fetch("/auth/me")).status, 200);
  await postern.advance(IDLE - 5);
  assert.equal(await statusOf(browser), 200);
});

test("`/auth/me` tells both clocks", async () => {
  const browser = await signedIn();
  const { session } = await whoIs(browser);
  assert.equal(session.expires_at - session.created_at, ABSOLUTE);
  assert.equal(session.idle_expires_at - session.created_at, IDLE);
  assert.ok(Math.abs(session.created_at - postern.now() / 1000) < 5);
});

test("an ended session's cookie is taken away, and a person is sent to sign in again", async () => {
  const browser = await signedIn();
  await postern.advance(IDLE + 1);
  const answer = await browser.navigate("/page", { initiator: postern.origin, follow: false });
  assert.equal(answer.status, 302);
  assert.equal(answer.headers.location, "/auth/login?return_to=%2Fpage&fragment=keep");
  assert.equal(cookieOf(browser), undefined);
  const deletion = answer.setCookies.find((line) => line.startsWith(`${SESSION_COOKIE}=`));
  assert.match(deletion, /Max-Age=0/);
  for (const attribute of ["Secure", "HttpOnly", "Path=/", "SameSite=Strict"]) assert.ok(deletion.includes(attribute), attribute);
});

test("nobody has more sessions than allowed: the oldest ends", async () => {
  //
  const browsers = [];
  for (let count = 0; count < 5; count += 1) {
    browsers.push(await signedIn());
    await postern.advance(1);
  }
  const statuses = await Promise.all(browsers.map((browser) => statusOf(browser)));
  assert.deepEqual(statuses, [401, 401, 200, 200, 200]);
});

test("the limit holds when many log in at once", async () => {
  //
  issuers.main.user = { sub: "crowd" };
  const browsers = await Promise.all(Array.from({ length: 12 }, () => signedIn()));
  issuers.main.user = { sub: "alice" };
  const statuses = await Promise.all(browsers.map((browser) => statusOf(browser)));
  assert.equal(statuses.filter((status) => status === 200).length, 3);
});

test("another person's sessions do not count", async () => {
  const alice = await signedIn();
  issuers.main.user = { sub: "bob" };
  for (let count = 0; count < 4; count += 1) await signedIn();
  issuers.main.user = { sub: "alice" };
  assert.equal(await statusOf(alice), 200);
});

test("a handle with any one character changed is nobody's, and is refused before any store is asked", async () => {
  const browser = await signedIn();
  const { value } = cookieOf(browser);
  await postern.break({ SUBJECTS: "throw" });
  try {
    for (let at = 0; at < value.length; at += 1) {
      const other = value[at] === "A" ? "B" : "A";
      const answer = await withCookie(`${SESSION_COOKIE}=${value.slice(0, at)}${other}${value.slice(at + 1)}`);
      // A store that was asked would answer 503.
      assert.equal(answer.status, 401, `character ${at}`);
    }
  } finally {
    await postern.break({});
  }
  assert.equal((await withCookie(`${SESSION_COOKIE}=${value}`)).status, 200);
});

test("garbage for a cookie is nobody, never an error", async () => {
  // field row 5
  for (const value of ["", "x", "%00", '"', "a.b.c", "v1.k1.AAAA.BBBB", "A".repeat(5000), "é", "\u0001", "..", "k2", "null", "{}"]) {
    const answer = await withCookie(`${SESSION_COOKIE}=${Buffer.from(value).toString("latin1")}`).catch((error) => error);
    if (answer instanceof Error) continue; // not a header at all
    assert.ok([400, 401].includes(answer.status), `${JSON.stringify(value)}: ${answer.status}`);
  }
});

test("two session cookies are none", async () => {
  //
  const [one, other] = [await signedIn(), await signedIn()];
  const [a, b] = [cookieOf(one).value, cookieOf(other).value];
  for (const line of [`${SESSION_COOKIE}=${a}; ${SESSION_COOKIE}=${b}`, `${SESSION_COOKIE}=${a}; ${SESSION_COOKIE}=${a}`]) {
    assert.ok([400, 401].includes((await withCookie(line)).status), line.slice(0, 40));
  }
});

test("only the exact name counts", async () => {
  //
  const { value } = cookieOf(await signedIn());
  for (const line of [`__HOST-postern=${value}`, `__Host-Postern=${value}`, `postern=${value}`, `x__Host-postern=${value}`, `__Host-postern="${value}"`, `a=1, __Host-postern=${value}`]) {
    assert.equal((await withCookie(line)).status, 401, line.slice(0, 30));
  }
});

test("a session survives the eviction of the object that holds it", async () => {
  const browser = await signedIn();
  const before = await whoIs(browser);
  await postern.evict("SUBJECTS");
  assert.deepEqual((await whoIs(browser)).session.created_at, before.session.created_at);
});
