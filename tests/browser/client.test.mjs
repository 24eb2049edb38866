// The helper for front ends, as Postern serves it, in a page with a strict policy.

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

const loaded = (page) => page.waitForFunction(() => window.watch?.session !== undefined);
const told = (page) => page.evaluate(() => window.told.splice(0));
const heard = (page, name) => page.waitForFunction((wanted) => window.told.includes(wanted), name);

/** Each test has one of its own: the provider's clock stands still while Postern's moves. */
const start = () => startApplication({ main: {} }, { session: { idle: "2m", absolute: "20m" }, routes, upstream });

/** A person signed in at the application's page; `moved`: the page's clock moves with Postern's. */
async function signedIn({ application, at = "/spa/", moved = false } = {}) {
  const { origin, postern } = application ?? await start();
  const person = await newPerson(browser);
  if (moved) await person.context.clock.install({ time: postern.now() });
  await person.page.goto(`${origin}/auth/login?return_to=${encodeURIComponent(at)}`);
  await signIn(person.page);
  await person.page.waitForURL(`${origin}${at}`);
  await loaded(person.page);
  const pass = async (seconds) => {
    await postern.advance(seconds);
    await person.context.clock.fastForward(seconds * 1000);
  };
  return { ...person, origin, postern, pass };
}

async function secondTab({ context, origin }) {
  const tab = await context.newPage();
  await tab.goto(`${origin}/spa/`);
  await loaded(tab);
  return tab;
}

test("a read that finds the session over signs in and is back where it was, with query and fragment", async () => {
  const { context, page, origin, postern, complaints } = await signedIn({ at: "/spa/list?page=2&q=a%26b#row/7" });
  await postern.advance(121);
  await context.clearCookies({ domain: "127.0.0.1" });
  const status = page.evaluate(async () => (await window.postern.fetch("/api/orders")).status).catch(() => "left");
  await page.getByLabel("Password").waitFor();
  assert.equal(new URL(page.url()).hash, "");
  assert.ok([401, "left"].includes(await status));
  await signIn(page);
  await page.waitForURL(`${origin}/spa/list?page=2&q=a%26b#row/7`);
  await loaded(page);
  assert.equal(await page.evaluate(async () => (await window.postern.fetch("/api/orders")).status), 200);
  assert.deepEqual(complaints.filter((text) => !/status of 401/.test(text)), []);
  await context.close();
});

test("a write that finds the session over stays, with its 401, and the page is told", async () => {
  const { context, page, origin, postern } = await signedIn();
  await postern.advance(121);
  await told(page);
  const answer = await page.evaluate(async () => {
    const response = await window.postern.fetch("/api/orders", { method: "POST", body: "a long text" });
    return [response.status, (await window.postern.problem(response)).login_url];
  });
  assert.deepEqual(answer, [401, "/auth/login"]);
  await heard(page, "ended");
  assert.equal(page.url(), `${origin}/spa/`);
  await context.close();
});

test("a write gets through with the header that old browsers need", async () => {
  const { context, page } = await signedIn();
  const sent = page.waitForRequest(/\/api\/orders$/);
  const seen = await page.evaluate(async () => (await window.postern.fetch("/api/orders", { method: "POST", body: "x" })).json());
  assert.deepEqual(seen, { method: "POST", body: "x" });
  assert.equal((await sent).headers()["x-postern-csrf"], "1");
  await context.close();
});

test("nobody is led in circles: a second refusal soon after a login is the page's to see", async () => {
  const { context, page, origin, postern } = await signedIn();
  await page.evaluate(() => sessionStorage.setItem("postern-last-login", String(Date.now())));
  await postern.advance(121);
  assert.equal(await page.evaluate(async () => (await window.postern.fetch("/api/orders")).status), 401);
  await heard(page, "ended");
  assert.equal(page.url(), `${origin}/spa/`);
  await context.close();
});

test("a tab that nobody sees starts no login, nor does a read that says so, nor an application's own 401", async () => {
  const { context, page, origin, postern } = await signedIn();
  assert.equal(await page.evaluate(async () => (await window.postern.fetch("/api/refuses")).status), 401);
  assert.deepEqual((await told(page)).filter((name) => name === "ended"), []);
  await postern.advance(121);
  assert.equal(await page.evaluate(async () => (await window.postern.fetch("/api/orders", { login: false })).status), 401);
  await page.evaluate(() => Object.defineProperty(document, "visibilityState", { value: "hidden" }));
  assert.equal(await page.evaluate(async () => (await window.postern.fetch("/api/orders")).status), 401);
  assert.equal(await page.evaluate(() => sessionStorage.getItem("postern-last-login")), null);
  assert.equal(page.url(), `${origin}/spa/`);
  await context.close();
});

test("an end is announced once, only if no other request has put it off, and a person can put it off", async () => {
  //
  const { context, page, pass } = await signedIn({ moved: true });
  await told(page);
  await pass(45);
  await page.evaluate(() => fetch("/api/orders"));
  await pass(20);
  await page.waitForTimeout(300);
  assert.deepEqual((await told(page)).filter((name) => name !== "change c5c1f0d4-alice"), [], "a request 20 seconds ago put it off");
  await pass(50);
  await heard(page, "expiring idle");
  await pass(5);
  await page.waitForTimeout(300);
  assert.equal((await told(page)).filter((name) => name.startsWith("expiring")).length, 1);
  const left = await page.evaluate(async () => window.postern.timeLeft(await window.postern.stay()).idle);
  assert.ok(left > 110, `${left} seconds left`);
  await pass(60);
  assert.equal(await page.evaluate(async () => (await window.postern.me()).subject), "c5c1f0d4-alice");
  await context.close();
});

test("to watch a session does not keep it alive; its end is told", async () => {
  //
  const { context, page, pass } = await signedIn({ moved: true });
  for (let seconds = 0; seconds < 130; seconds += 26) {
    await pass(26);
    await page.waitForTimeout(100);
  }
  await heard(page, "ended");
  const names = (await told(page)).map((name) => name.split(" ")[0]);
  assert.deepEqual(names.filter((name) => name !== "change"), ["expiring", "ended"]);
  assert.equal(await page.evaluate(() => window.watch.session), null);
  await context.close();
});

test("what has expired in one tab is noticed in the other at once", async () => {
  //
  const person = await signedIn();
  const { context, page, postern } = person;
  const tab = await secondTab(person);
  await postern.advance(121);
  await page.evaluate(() => window.postern.fetch("/api/orders", { login: false }));
  await Promise.all([heard(page, "ended"), heard(tab, "ended")]);
  await context.close();
});

test("an end that a watch notices by itself is news to the other tabs, once", async () => {
  //
  const person = await signedIn();
  const { context, page, postern } = person;
  const tab = await secondTab(person);
  await postern.advance(121);
  const asked = [];
  tab.on("request", (request) => asked.push(request.url()));
  await page.evaluate(() => window.watch.look());
  await heard(tab, "ended");
  await tab.waitForTimeout(500);
  assert.ok(asked.length <= 2, `asked ${asked.length} times`);
  assert.equal((await told(page)).filter((name) => name === "ended").length, 1);
  await context.close();
});

test("a sign-out in one tab is a sign-out in all of them, and in no other browser", async () => {
  const application = await start();
  const other = await signedIn({ application });
  const person = await signedIn({ application });
  const { context, page } = person;
  const tabs = [await secondTab(person), await secondTab(person)];
  await page.evaluate(() => window.postern.logout());
  await Promise.all(tabs.map((tab) => heard(tab, "ended")));
  // The provider was named the session to end, which only a form's answer does.
  await page.waitForURL(/^http:\/\/127\.0\.0\.1.*id_token_hint=/);
  assert.equal(await other.page.evaluate(async () => (await window.postern.me()).subject), "c5c1f0d4-alice");
  await Promise.all([context.close(), other.context.close()]);
});

test("a session ended from another browser is noticed when the tab is seen again", async () => {
  const application = await start();
  const one = await signedIn({ application });
  const two = await signedIn({ application });
  const list = await one.page.evaluate(() => window.postern.sessions());
  assert.deepEqual(list.map(({ current }) => current).sort(), [false, true]);
  const { id } = list.find(({ current }) => !current);
  assert.ok(await one.page.evaluate((named) => window.postern.endSession(named), id) === 1);
  await two.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await heard(two.page, "ended");
  const gone = await one.page.evaluate((named) => window.postern.endSession(named).catch(({ name, status }) => `${name} ${status}`), id);
  assert.equal(gone, "PosternError 404");
  assert.equal(await one.page.evaluate(() => window.postern.endOtherSessions()), 0);
  await Promise.all([one.context.close(), two.context.close()]);
});

test("a watch that its listener stops asks no more, and one that got no first answer asks again", async () => {
  const { context, page } = await signedIn();
  await page.evaluate(() => window.watch.stop());
  const begin = () => page.evaluate(() => {
    window.waits = [];
    const wait = window.setTimeout;
    window.setTimeout = (work, milliseconds) => {
      window.waits.push(milliseconds);
      return wait(work, milliseconds);
    };
  });
  await begin();
  await page.evaluate(async () => {
    const watch = window.postern.watch();
    watch.addEventListener("change", () => watch.stop());
    await watch.look();
  });
  assert.deepEqual(await page.evaluate(() => window.waits), []);
  await context.setOffline(true);
  await page.evaluate(async () => {
    window.again = window.postern.watch({ every: 1 });
    window.known = new Promise((known) => window.again.addEventListener("change", ({ detail }) => known(detail.session.subject)));
    await window.again.look();
  });
  assert.deepEqual(await page.evaluate(() => window.waits), [1000]);
  await context.setOffline(false);
  assert.equal(await page.evaluate(() => window.known), "c5c1f0d4-alice");
  await context.close();
});

test("without an answer nothing is taken for an end, and a watch that is stopped says no more", async () => {
  const { context, page, postern } = await signedIn();
  await told(page);
  await context.setOffline(true);
  await page.evaluate(() => window.watch.look());
  await context.setOffline(false);
  assert.deepEqual(await told(page), ["unreachable"]);
  assert.equal(await page.evaluate(() => window.watch.session.subject), "c5c1f0d4-alice");
  await page.evaluate(() => window.watch.stop());
  await postern.advance(121);
  await page.evaluate(() => window.postern.fetch("/api/orders", { login: false }));
  await page.waitForTimeout(300);
  assert.deepEqual(await told(page), []);
  await context.close();
});
