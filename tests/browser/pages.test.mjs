// Every page, in light and dark, on a telephone and a desk, in every language: readable, accessible, and nothing sticks out.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

import { EVERY_PAGE, everyPage, signedInState } from "./support/every_page.mjs";
import { launchChromium } from "./support/world.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LANGUAGES = { en: "ltr", de: "ltr", fr: "ltr", es: "ltr", pt: "ltr", ja: "ltr", ar: "rtl" };
const WIDTHS = [360, 1280];
const SCHEMES = ["light", "dark"];

const browser = await launchChromium();
const { origin } = await everyPage();
const state = await signedInState(browser, origin);

/** What axe finds, and what sticks out: of the page as it is now. The policy lets no script in but by the debugger. */
const look = async (page) => {
  const violations = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(" ")}`);
  });
  const { width, content } = await page.evaluate(() => ({ width: document.documentElement.clientWidth, content: document.documentElement.scrollWidth }));
  return { violations, overhang: content - width };
};

for (const [language, direction] of Object.entries(LANGUAGES)) {
  test(`every page in ${language}: axe finds nothing, nothing sticks out, in light and dark, narrow and wide`, async () => {
    const locale = { en: "en-US", pt: "pt-BR" }[language] ?? language;
    for (const isSignedIn of [false, true]) {
      const context = await browser.newContext({ locale, ...(isSignedIn && { storageState: state }) });
      context.setDefaultTimeout(20_000);
      const complaints = [];
      context.on("console", (message) => {
        // What a refusal's status is called.
        if (!/Failed to load resource/.test(message.text())) complaints.push(message.text());
      });
      const page = await context.newPage();
      for (const [name, { signedIn = false, english = false, open }] of Object.entries(EVERY_PAGE)) {
        if (signedIn !== isSignedIn) continue;
        await open(page, origin);
        await page.evaluate(AXE);
        const html = page.locator("html");
        const spoken = english ? ["en", "ltr"] : [language, direction];
        assert.deepEqual([await html.getAttribute("lang"), await html.getAttribute("dir")], spoken, name);
        assert.equal(await html.evaluate((element) => getComputedStyle(element).direction), spoken[1], name);
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 800 });
          for (const colorScheme of SCHEMES) {
            await page.emulateMedia({ colorScheme });
            const { violations, overhang } = await look(page);
            assert.deepEqual(violations, [], `${name} in ${language}, ${colorScheme}, ${width} wide`);
            assert.equal(overhang, 0, `${name} in ${language}, ${width} wide`);
          }
        }
      }
      assert.deepEqual(complaints, [], language);
      await context.close();
    }
  });
}

test("times are written as the browser's owner writes them, and in UTC without script", async () => {
  const read = async (options) => {
    const context = await browser.newContext({ storageState: state, timezoneId: "Asia/Tokyo", ...options });
    const page = await context.newPage();
    await page.goto(`${origin}/auth/sessions`);
    const text = await page.locator("time").first().textContent();
    const machine = await page.locator("time").first().getAttribute("datetime");
    await context.close();
    return { text, machine };
  };
  const german = await read({ locale: "de-AT" });
  const expected = new Intl.DateTimeFormat("de-AT", { dateStyle: "medium", timeStyle: "short", timeZone: "Asia/Tokyo" });
  assert.equal(german.text, expected.format(new Date(german.machine)));
  const plain = await read({ locale: "de-AT", javaScriptEnabled: false });
  assert.match(plain.text, /^\d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
});

test("a person who may not do this sees who they are, and gets out: by another account, or signed out", async () => {
  const context = await browser.newContext({ storageState: state });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const complaints = [];
  context.on("console", (message) => complaints.push(message.text()));
  await page.goto(`${origin}/forbidden`);
  assert.match(await page.locator("main strong").textContent(), /alice@|Alice/);
  const other = await page.getByRole("link", { name: "Use another account" }).getAttribute("href");
  assert.equal(other, "/auth/login?prompt=select_account&return_to=%2Fforbidden");
  await page.getByRole("button", { name: "Sign out" }).click();
  // Over the provider, which the page's own policy for forms would not let a redirect lead to.
  await page.waitForURL((url) => url.origin !== origin || url.pathname === "/auth/logged-out");
  if (new URL(page.url()).origin !== origin) await page.getByRole("button", { name: /yes|sign out/i }).first().click();
  await page.waitForURL(`${origin}/auth/logged-out**`);
  assert.ok(await page.getByRole("heading", { name: "You are signed out" }).isVisible());
  assert.deepEqual(complaints.filter((text) => /Content Security Policy|form-action/i.test(text)), []);
  await context.close();
});

test("an e-mail address leads to its provider, with the address, without script too, and back to the page", async () => {
  for (const javaScriptEnabled of [true, false]) {
    const context = await browser.newContext({ javaScriptEnabled });
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    await page.goto(`${origin}/auth/login?return_to=%2Fpage`);
    await page.getByLabel("Your e-mail address").fill("jane@nowhere.example");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("No sign-in belongs to this address").waitFor();
    await page.getByLabel("Your e-mail address").fill("alice@Example.com");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByLabel("Password").waitFor();
    await page.getByLabel("User name").fill("alice");
    await page.getByLabel("Password").fill("wonderland");
    await page.getByRole("button", { name: "Sign in" }).click();
    const allow = page.getByRole("button", { name: "Allow" });
    await Promise.race([allow.waitFor(), page.waitForURL(`${origin}/page`)]).catch(() => {});
    if (await allow.isVisible().catch(() => false)) await allow.click();
    await page.waitForURL(`${origin}/page`);
    // The next time, this provider comes first; before, it was the file's order.
    await page.goto(`${origin}/auth/login`);
    assert.match(await page.locator(".choice").first().textContent(), /Employees\s*Last used/);
    await context.close();
  }
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${origin}/auth/login`);
  const names = await page.locator(".choice bdi").allTextContents();
  assert.deepEqual(names.map((name) => name.slice(0, 8)), ["Donaudam", "Partner ", "Employee"], "the file's order");
  assert.equal(await page.getByText("Last used").count(), 0);
  await context.close();
});
