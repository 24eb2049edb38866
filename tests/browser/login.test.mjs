// Signing in and out in a real browser, at a certified provider's own pages.

import assert from "node:assert/strict";
import { test } from "node:test";

import { allow, launchChromium, newPerson, newSignedIn, signIn, startApplication } from "./support/world.mjs";

const browser = await launchChromium();
const { origin, postern } = await startApplication({ main: {} });
const several = await startApplication({ one: { name: "First" }, form: { name: "By form", response_mode: "form_post" } });

const here = (page) => page.locator("#here").textContent();
const status = (page, path) => page.evaluate(async (target) => (await fetch(target)).status, path);

const signedIn = () => newSignedIn(browser, origin);

test("a link to a guarded page leads through the sign-in and back to it", async () => {
  const { page, context, complaints } = await newPerson(browser);
  await page.goto(`${origin}/page?deep=link`);
  assert.match(page.url(), /^http:\/\/127\.0\.0\.1:\d+\/interaction\//);
  await signIn(page);
  await page.waitForURL(`${origin}/page?deep=link`);
  assert.equal(await here(page), "/page?deep=link");
  assert.equal(await status(page, "/api/echo"), 200);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the browser keeps one cookie of ours: for this host alone, out of reach of script, strict", async () => {
  //
  const { page, context } = await signedIn();
  // Beside it only the time of the last arrival, for ten seconds.
  const cookies = (await context.cookies()).filter(({ domain, name }) => domain === "localhost" && name !== "__Host-postern-arrived");
  assert.equal(cookies.length, 1);
  const [{ name, httpOnly, secure, sameSite, path, expires }] = cookies;
  assert.deepEqual({ name, httpOnly, secure, sameSite, path, expires }, { name: "__Host-postern", httpOnly: true, secure: true, sameSite: "Strict", path: "/", expires: -1 });
  assert.equal(await page.evaluate(() => document.cookie), "");
  await context.close();
});

test("going back after a sign-in leads to no error", async () => {
  const { page, context, complaints } = await signedIn();
  await page.goBack({ waitUntil: "load" }).catch(() => {});
  await page.goto(`${origin}/page`);
  assert.equal(await here(page), "/page");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a sign-out ends the session here and at the provider", async () => {
  const { page, context } = await signedIn();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/\/auth\/logged-out/);
  assert.match(await page.locator("h1").textContent(), /signed out/i);
  assert.equal((await context.request.get(`${origin}/api/echo`)).status(), 401);
  assert.deepEqual((await context.cookies()).filter(({ name }) => name.startsWith("__Host-postern")), []);
  await page.goto(`${origin}/page`);
  await page.getByLabel("Password").waitFor();
  await context.close();
});

test("who stays signed in at the provider is signed in here without a password", async () => {
  const { page, context } = await signedIn();
  const mark = await postern.mark();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Stay signed in" }).click();
  await page.waitForURL(/\/auth\/logged-out/);
  // The provider takes back its consent with the token: a sign-in under way would fail with that.
  await postern.logged(mark, ({ event }) => event === "token.revoke");
  await page.goto(`${origin}/page`);
  assert.equal(await page.getByLabel("Password").count(), 0);
  await allow(page);
  await page.waitForURL(`${origin}/page`);
  assert.equal(await here(page), "/page");
  await context.close();
});

test("three tabs that sign in at once finish in reverse order, each at its own page", async () => {
  const { context, page } = await newPerson(browser);
  const tabs = [page, await context.newPage(), await context.newPage()];
  for (const [number, tab] of tabs.entries()) await tab.goto(`${origin}/page?tab=${number}`);
  const begun = (await context.cookies(origin)).filter(({ name }) => name.startsWith("__Host-postern-login-"));
  assert.equal(begun.length, 3);
  for (const [number, tab] of [...tabs.entries()].reverse()) {
    await signIn(tab);
    await tab.waitForURL(`${origin}/page?tab=${number}`);
    assert.equal(await here(tab), `/page?tab=${number}`);
  }
  const left = (await context.cookies(origin)).map(({ name }) => name).sort();
  assert.deepEqual(left, ["__Host-postern", "__Host-postern-arrived"]);
  await context.close();
});

test("whoever says no at the provider gets a page that helps them on", async () => {
  const { page, context } = await newPerson(browser);
  await page.goto(`${origin}/page`);
  await signInButCancel(page);
  assert.equal(new URL(page.url()).pathname, "/auth/callback/main");
  assert.match(await page.locator("h1").textContent(), /refused/i);
  assert.ok(await page.getByRole("link", { name: "Sign in" }).isVisible());
  await context.close();
});

async function signInButCancel(page) {
  await page.getByLabel("User name").fill("alice");
  await page.getByLabel("Password").fill("wonderland");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.waitForURL(`${origin}/auth/callback/main**`);
}

test("with several providers people choose, and one that answers by form works as well", async () => {
  // form_post: the transaction cookie must come along on a POST from another site
  const { page, context, complaints } = await newPerson(browser);
  await page.goto(`${several.origin}/page?x=1`);
  assert.equal(await page.getByRole("link").count(), 2);
  const transaction = async () => (await context.cookies(several.origin)).find(({ name }) => name.startsWith("__Host-postern-login-"));
  await page.getByRole("link", { name: /By form/ }).click();
  assert.equal((await transaction()).sameSite, "None");
  await signIn(page);
  await page.waitForURL(`${several.origin}/page?x=1`);
  assert.equal(await here(page), "/page?x=1");
  assert.equal(await transaction(), undefined);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("our pages work without script, dark and light, and keep to their own policy", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => complaints.push(message.text()));
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    for (const path of ["/auth/login", "/auth/logged-out", "/auth/login?provider=nobody", "/nothing"]) {
      await page.goto(`${several.origin}${path}`);
      assert.ok(await page.locator("h1").isVisible(), path);
    }
  }
  const policy = complaints.filter((text) => /Content Security Policy/i.test(text));
  assert.deepEqual(policy, []);
  await page.goto(`${several.origin}/page`);
  await page.getByRole("link", { name: /First/ }).click();
  await signIn(page);
  await allow(page);
  await page.waitForURL(`${several.origin}/page`);
  await context.close();
});
