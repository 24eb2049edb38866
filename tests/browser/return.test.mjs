// After a login people are where they were: path, query and fragment.

import assert from "node:assert/strict";
import { test } from "node:test";

import { launchChromium, newPerson, signIn, startApplication, startOtherSite } from "./support/world.mjs";

const PAGE = "/page?a=b&c=%2F%26#part/2?x=y&z";

const browser = await launchChromium();
const { origin, postern } = await startApplication({ main: {} });
const several = await startApplication({ one: { name: "First" }, form: { name: "By form", response_mode: "form_post" } });
const lax = await startApplication({ main: {} }, { session: { same_site: "lax" } });
const elsewhere = await startOtherSite({
  ...Object.fromEntries(
    [["/strict", origin], ["/lax", lax.origin]].map(([path, at]) => [path, `<a href="${at}${PAGE.replaceAll("&", "&amp;")}">link</a>`]),
  ),
  "/login": `<a href="${origin}/auth/login?return_to=%2Fpage#top">link</a>`,
});

test("a link with a fragment, opened signed out, leads through the sign-in to that very place", async () => {
  const { page, context, complaints } = await newPerson(browser);
  await page.goto(`${origin}${PAGE}`);
  await page.getByLabel("Password").waitFor();
  // A redirect would have taken the fragment along to the provider's page.
  assert.equal(new URL(page.url()).hash, "");
  await signIn(page);
  await page.waitForURL(`${origin}${PAGE}`);
  assert.equal(await page.locator("#here").textContent(), "/page?a=b&c=2F26");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the fragment gets neither into the log nor to the upstream", async () => {
  const { page, context } = await newPerson(browser);
  const mark = await postern.mark();
  await page.goto(`${origin}/page#kept-to-ourselves`);
  await signIn(page);
  await page.waitForURL(`${origin}/page#kept-to-ourselves`);
  const lines = await postern.linesSince(mark);
  assert.ok(lines.length >= 4 && !lines.join("\n").includes("kept-to-ourselves"), lines.join("\n"));
  await context.close();
});

for (const [name, provider] of [["answers by redirect", /First/], ["answers by form", /By form/]]) {
  test(`where people choose a provider the fragment waits, and the one that ${name} brings it back`, async () => {
    const { page, context } = await newPerson(browser);
    await page.goto(`${several.origin}${PAGE}`);
    await page.getByRole("link", { name: provider }).click();
    await signIn(page);
    await page.waitForURL(`${several.origin}${PAGE}`);
    await context.close();
  });
}

for (const [name, at] of [["strict", origin], ["lax", lax.origin]]) {
  test(`a link on another site keeps its fragment, signed out and signed in (${name})`, async () => {
    const { page, context, complaints } = await newPerson(browser);
    await page.goto(`${elsewhere}/${name}`);
    await page.getByRole("link").click();
    await signIn(page);
    await page.waitForURL(`${at}${PAGE}`);
    await page.goto(`${elsewhere}/${name}`);
    await page.getByRole("link").click();
    await page.waitForURL(`${at}${PAGE}`);
    await page.locator("#here").waitFor();
    assert.equal(await page.locator("#here").textContent(), "/page?a=b&c=2F26");
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("a link on another site to the sign-in itself leads there, whatever stands behind #", async () => {
  const { page, context } = await newPerson(browser);
  await page.goto(`${elsewhere}/login`);
  await page.getByRole("link").click();
  await signIn(page);
  await page.waitForURL((url) => url.origin === origin && url.pathname === "/page");
  await context.close();
});

test("going back from the page leads to where the link was, not into the sign-in again", async () => {
  const { page, context } = await newPerson(browser);
  await page.goto(`${elsewhere}/strict`);
  await page.getByRole("link").click();
  await signIn(page);
  await page.waitForURL(`${origin}${PAGE}`);
  await page.goto(`${elsewhere}/strict`);
  await page.getByRole("link").click();
  await page.locator("#here").waitFor();
  await page.goBack();
  assert.equal(page.url(), `${elsewhere}/strict`);
  await context.close();
});

for (const [name, fragment, kept] of [
  ["holds markup", "#\"><img src=x onerror=alert(1)>", true],
  ["looks like a URL", "#//evil.example/", true],
  ["holds a backslash", "#\\evil.example", false],
  ["is longer than is kept", `#${"x".repeat(9000)}`, false],
]) {
  test(`a fragment that ${name} does no harm and does not cost the page`, async () => {
    const { page, context, complaints } = await newPerson(browser);
    page.on("dialog", () => complaints.push("a dialog"));
    await page.goto(`${origin}/page?a=b${fragment}`);
    await signIn(page);
    await page.waitForURL((url) => url.origin === origin && url.pathname === "/page");
    const { search, hash } = new URL(page.url());
    assert.deepEqual([search, hash], ["?a=b", kept ? new URL(fragment, origin).hash : ""]);
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("without script people sign in and are back at the page, by query", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${origin}${PAGE}`);
  await page.getByLabel("Password").waitFor();
  await signIn(page);
  await page.waitForURL((url) => url.href.startsWith(`${origin}/page?a=b`));
  assert.equal(await page.locator("#here").textContent(), "/page?a=b&c=2F26");
  await context.close();
});
