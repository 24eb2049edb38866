// What a page holds open, a WebSocket and an event stream, ends with the session: as Chromium sees it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { launchChromium, newPerson, signIn, startApplication } from "./support/world.mjs";

const browser = await launchChromium();
const upstream = fileURLToPath(new URL("support/spa.mjs", import.meta.url));
const routes = {
  "/spa/{*rest}": { methods: ["GET"], upstream: "service:ECHO", public: true },
  "/api/{*rest}": { methods: ["GET", "POST"], upstream: "service:ECHO" },
};
const { origin } = await startApplication({ main: {} }, { routes, upstream });

/** Somebody at the application's page, at `at`, who has just signed in. */
async function signedIn(at = "/spa/") {
  const person = await newPerson(browser);
  await person.page.goto(`${origin}/auth/login?return_to=${encodeURIComponent(at)}`);
  await signIn(person.page);
  await person.page.waitForURL(`${origin}${at}`);
  await person.page.waitForFunction(() => window.watch?.session);
  return person;
}

/** Opens both, and waits until something has come over each. What becomes of them is noted in `window.seen`. */
const openBoth = (page) => page.evaluate(() => new Promise((bothHeard) => {
  const seen = { closes: [], errors: [], ticks: 0, echo: null };
  const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/talk`);
  const events = new EventSource("/api/ticks");
  const heard = () => seen.echo && seen.ticks && bothHeard();
  socket.addEventListener("open", () => socket.send("hello"));
  socket.addEventListener("message", ({ data }) => { seen.echo = data; heard(); });
  socket.addEventListener("close", ({ code, reason, wasClean }) => {
    seen.closes.push({ code, reason, wasClean });
    // As docs/guides/front-end.md says: the helper then tells every tab.
    if (code === 4401) window.watch.look();
  });
  events.addEventListener("message", () => { seen.ticks += 1; heard(); });
  events.addEventListener("error", () => seen.errors.push(events.readyState));
  Object.assign(window, { seen, socket, events });
}));

const seen = (page) => page.evaluate(() => window.seen);
const CLOSED = { code: 4401, reason: "session ended", wasClean: true };

/** How both came to their end, when they did. */
async function ends(page) {
  await page.waitForFunction(() => window.seen.closes.length && window.seen.errors.length);
  // The browser asks for the stream again by itself, gets 401, and leaves it at that.
  await page.waitForFunction(() => window.events.readyState === EventSource.CLOSED);
  await page.waitForFunction(() => window.told.includes("ended"));
  return (await seen(page)).closes;
}

test("a session ended from another browser takes its WebSocket and its event stream with it, and no other's", async () => {
  //
  const one = await signedIn();
  const two = await signedIn();
  await Promise.all([openBoth(one.page), openBoth(two.page)]);
  const since = Date.now();
  assert.equal(await one.page.evaluate(() => window.postern.endOtherSessions()), 1);
  await two.page.waitForFunction(() => window.seen.closes.length);
  assert.ok(Date.now() - since < 3000, `${Date.now() - since} ms`);
  assert.deepEqual(await ends(two.page), [CLOSED]);
  const { ticks } = await seen(one.page);
  await one.page.waitForFunction((before) => window.seen.ticks > before, ticks);
  const { closes, errors } = await seen(one.page);
  assert.deepEqual([closes, errors], [[], []]);
  await Promise.all([one.context.close(), two.context.close()]);
});

test("a sign-out in one tab closes what another tab holds open", async () => {
  const { page, context } = await signedIn();
  await openBoth(page);
  const tab = await context.newPage();
  await tab.goto(`${origin}/spa/`);
  await tab.waitForFunction(() => window.watch?.session);
  await tab.evaluate(() => window.postern.logout());
  assert.deepEqual(await ends(page), [CLOSED]);
  await context.close();
});

test("after it people sign in again and are back where they were, with query and fragment, and can open both", async () => {
  const at = "/spa/list?page=2#row/7";
  const { page, context } = await signedIn(at);
  await openBoth(page);
  const other = await signedIn();
  await other.page.evaluate(() => window.postern.endOtherSessions());
  assert.deepEqual(await ends(page), [CLOSED]);
  await context.clearCookies({ domain: "127.0.0.1" });
  await page.evaluate(() => window.postern.login());
  await signIn(page);
  await page.waitForURL(`${origin}${at}`);
  await page.waitForFunction(() => window.watch?.session);
  await openBoth(page);
  assert.equal((await seen(page)).echo, "hello");
  await Promise.all([context.close(), other.context.close()]);
});
