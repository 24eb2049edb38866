// A person's API keys, in a real browser without script: made, shown once, used by a program, rotated, deleted.

import assert from "node:assert/strict";
import { test } from "node:test";

import { send } from "../e2e/support/http.mjs";
import { launchChromium, newSignedIn, startApplication } from "./support/world.mjs";

const browser = await launchChromium();
const { origin, postern } = await startApplication({ main: {} }, {
  vars: { KEYS: { prefix: "acme", self_service: { scopes: ["orders:read"] } } },
  routes: { "/page": { methods: ["GET"], upstream: "service:ECHO" }, "/orders": { methods: ["GET"], upstream: "service:ECHO", authenticate: ["key"], require: { scopes: ["orders:read"] } } },
});

const opens = async (key) => {
  const { status } = await send({ port: postern.port, url: `${origin}/orders`, headers: [["authorization", `Bearer ${key}`]] });
  return status;
};

test("a key is made, shown once, used by a program, rotated and deleted, all without script", async () => {
  //
  const { context: first } = await newSignedIn(browser, origin);
  const state = await first.storageState();
  await first.close();
  const context = await browser.newContext({ storageState: state, javaScriptEnabled: false });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => complaints.push(message.text()));
  await page.goto(`${origin}/auth/sessions`);
  await page.getByRole("link", { name: "API keys" }).click();
  await page.getByText("You have no keys.").waitFor();
  await page.getByLabel("Name").fill("Build server");
  await page.getByLabel("orders:read").check();
  await page.getByLabel("Valid for").selectOption("30");
  await page.getByRole("button", { name: "Make the key" }).click();
  const shown = page.locator("output");
  await shown.waitFor();
  const key = await shown.textContent();
  assert.match(key, /^acme_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
  assert.equal(await shown.evaluate((element) => getComputedStyle(element).userSelect), "all");
  assert.equal(await opens(key), 200);
  await page.getByRole("link", { name: "Back to your keys" }).click();
  await page.getByText("Build server").waitFor();
  assert.ok(!(await page.content()).includes(key));
  await page.getByRole("button", { name: "Rotate Build server" }).click();
  const next = await page.locator("output").textContent();
  assert.notEqual(next, key);
  assert.deepEqual([await opens(key), await opens(next)], [200, 200]);
  await page.getByRole("link", { name: "Back to your keys" }).click();
  await page.getByRole("button", { name: "Delete Build server" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("Keys that count no more").waitFor();
  assert.equal(new URL(page.url()).pathname, "/auth/keys");
  assert.deepEqual([await opens(key), await opens(next)], [401, 401]);
  assert.deepEqual(complaints.filter((text) => /Content Security Policy/i.test(text)), []);
  await context.close();
});

test("after a sign-in of long ago the page leads to another one and back", async () => {
  //
  const { context, page } = await newSignedIn(browser, origin);
  await postern.advance(15 * 60 + 70);
  await page.goto(`${origin}/auth/keys`);
  await page.getByText("To make, rotate or delete keys, sign in once more.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Make the key" }).count(), 0);
  const link = await page.getByRole("link", { name: "Sign in" }).getAttribute("href");
  assert.match(link, /^\/auth\/login\?.*return_to=%2Fauth%2Fkeys$/);
  await context.close();
});
