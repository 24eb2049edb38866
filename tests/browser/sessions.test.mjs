// Where a person is signed in, in a real browser: the page, its forms, and what other browsers and tabs notice.

import assert from "node:assert/strict";
import { test } from "node:test";

import { launchChromium, newSignedIn, startApplication } from "./support/world.mjs";

const browser = await launchChromium();
const { origin, postern } = await startApplication({ main: {} }, { session: { idle: "10m" } });

const signedIn = () => newSignedIn(browser, origin);

const asksForPassword = (page) => page.getByLabel("Password").waitFor();

test("signing out everywhere else: the other browser is out with its next click, this one is in", async () => {
  const [here, there] = [await signedIn(), await signedIn()];
  await here.page.goto(`${origin}/auth/sessions`);
  assert.match(await here.page.locator("li").first().textContent(), /Chrome on Linux/);
  assert.equal(await here.page.getByText("This browser").count(), 1);
  const before = await here.page.locator("li").count();
  assert.ok(before >= 2);
  await here.page.getByRole("button", { name: "Sign out everywhere else" }).click();
  await here.page.waitForURL(`${origin}/auth/sessions`);
  await here.page.getByRole("button", { name: "Sign out everywhere else" }).waitFor({ state: "detached" });
  assert.equal(await here.page.locator("li").count(), 1);
  assert.equal(await there.page.evaluate(async () => (await fetch("/api/echo")).status), 401);
  // Our own pages may fetch nothing: back to one of the application's.
  await here.page.goto(`${origin}/page`);
  assert.equal(await here.page.evaluate(async () => (await fetch("/api/echo")).status), 200);
  // Who was not signed in just now (that would look like a circle) is asked for the password with the next click.
  await postern.advance(120);
  await there.context.clearCookies({ domain: "127.0.0.1" });
  await there.page.goto(`${origin}/page`);
  await asksForPassword(there.page);
  assert.deepEqual(here.complaints, []);
  await Promise.all([here.context.close(), there.context.close()]);
});

test("one session is ended by its own button, and the one at hand leads out", async () => {
  const [here, there] = [await signedIn(), await signedIn()];
  await here.page.goto(`${origin}/auth/sessions`);
  const ends = here.page.locator('li form[action$="/end"]');
  const count = await ends.count();
  assert.ok(count >= 2);
  // Those that look alike are one entry, which opens.
  const folded = here.page.locator("summary").first();
  if (await folded.count()) await folded.click();
  const ended = await ends.nth(1).getAttribute("action");
  await ends.nth(1).getByRole("button").click();
  await here.page.locator(`form[action="${ended}"]`).waitFor({ state: "detached" });
  assert.equal(await ends.count(), count - 1);
  assert.equal(await there.page.evaluate(async () => (await fetch("/api/echo")).status), 401);
  await here.page.locator("li").filter({ hasText: "This browser" }).getByRole("button").click();
  await here.page.waitForURL(`${origin}/auth/logged-out`);
  assert.deepEqual((await here.context.cookies(origin)).filter(({ name }) => name === "__Host-postern"), []);
  await Promise.all([here.context.close(), there.context.close()]);
});

test("the page works by keyboard, without script, dark and light, and keeps to its policy", async () => {
  const { context, page } = await signedIn();
  const state = await context.storageState();
  await context.close();
  const quiet = await browser.newContext({ javaScriptEnabled: false, storageState: state });
  const plain = await quiet.newPage();
  const complaints = [];
  plain.on("console", (message) => complaints.push(message.text()));
  for (const colorScheme of ["dark", "light"]) {
    await plain.emulateMedia({ colorScheme });
    await plain.goto(`${origin}/auth/sessions`);
    assert.ok(await plain.getByRole("heading", { name: "Where you are signed in" }).isVisible());
  }
  await plain.locator("li").filter({ hasText: "This browser" }).getByRole("button").focus();
  await plain.keyboard.press("Enter");
  await plain.waitForURL(`${origin}/auth/logged-out`);
  assert.deepEqual(complaints.filter((text) => /Content Security Policy/i.test(text)), []);
  await quiet.close();
});

test("a session that expired in one tab has expired in the other", async () => {
  //
  const { context, page } = await signedIn();
  const tab = await context.newPage();
  await tab.goto(`${origin}/page`);
  await postern.advance(601);
  const hasCookie = async () => (await context.cookies(origin)).some(({ name }) => name === "__Host-postern");
  assert.equal(await page.evaluate(async () => (await fetch("/api/echo")).status), 401);
  assert.equal(await hasCookie(), true, "no answer to a request in the background takes it away");
  const me = await tab.evaluate(async () => (await fetch("/auth/me?touch=false")).status);
  assert.equal(me, 401);
  await context.clearCookies({ domain: "127.0.0.1" });
  await tab.goto(`${origin}/page`);
  await asksForPassword(tab);
  assert.equal(await hasCookie(), false);
  await context.close();
});
