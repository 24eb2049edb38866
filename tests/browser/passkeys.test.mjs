// Passkeys in a real browser with an authenticator of its own: added, proven and removed on our pages; and what a page of
// another origin, or a copy of an authenticator, does not get.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { launchChromium, newSignedIn, startApplication } from "./support/world.mjs";

const browser = await launchChromium();
const { origin, postern } = await startApplication({ main: {} }, {
  session: { idle: "8h" },
  vars: { SECOND: { enrol_within: "30m" } },
  routes: {
    "/page": { methods: ["GET"], upstream: "service:ECHO" },
    "/vault": { methods: ["GET"], upstream: "service:ECHO", require: { second: "1m" } },
  },
});

const OPTIONS = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };

/** Gives a page an authenticator. */
async function authenticator(page, options = {}) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  let id;
  const plug = async (more = {}) => {
    ({ authenticatorId: id } = await cdp.send("WebAuthn.addVirtualAuthenticator", { options: { ...OPTIONS, ...options, ...more } }));
  };
  await plug();
  return {
    plug,
    unplug: () => cdp.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId: id }),
    credentials: async () => (await cdp.send("WebAuthn.getCredentials", { authenticatorId: id })).credentials,
    put: (credential) => cdp.send("WebAuthn.addCredential", { authenticatorId: id, credential }),
    clear: () => cdp.send("WebAuthn.clearCredentials", { authenticatorId: id }),
    verifiesUser: (isUserVerified) => cdp.send("WebAuthn.setUserVerified", { authenticatorId: id, isUserVerified }),
  };
}

const sessionOf = async (context) => (await context.cookies(origin)).find(({ name }) => name === "__Host-postern").value;
const factorsOf = (page) => page.evaluate(async () => (await (await fetch("/auth/second")).json()).factors);
const refused = (mark, reason, kind = "factor.failed") => postern.logged(mark, (event) => event.event === kind && event.reason === reason);

/** Somebody new who is signed in, with an authenticator. */
async function person(options) {
  const one = await newSignedIn(browser, origin);
  return { ...one, device: await authenticator(one.page, options) };
}

async function add(page, name) {
  await page.goto(`${origin}/auth/second`);
  await page.locator("#passkey-name").fill(name);
  await page.getByRole("button", { name: "Add a passkey" }).click();
}

/** Adds the first passkey, and goes on from the page with the recovery codes. */
async function addFirst(page) {
  await add(page, "Laptop");
  await page.waitForURL(`${origin}/auth/second/passkey/finish`);
  assert.ok((await page.locator("main").textContent()).match(/[0-9a-z]{4}/i), "the recovery codes");
}

async function removeAll(page) {
  await page.goto(`${origin}/auth/second`);
  for (let left = await page.locator('form[action$="/remove"]').count(); left > 0; left -= 1) {
    await page.locator("summary", { hasText: "Remove" }).first().click();
    const [one] = await page.locator("li.session").all();
    const id = await one.locator('form[action$="/remove"]').getAttribute("action");
    await page.getByRole("button", { name: "Remove it" }).first().click();
    await page.locator(`form[action="${id}"]`).waitFor({ state: "detached" });
  }
}

//
test("a passkey is added on our page, and opens what asks for a second factor", async () => {
  const { page, context, device, complaints } = await person();
  const before = await sessionOf(context);
  await addFirst(page);
  const [credential] = await device.credentials();
  assert.ok(credential.isResidentCredential && credential.rpId === "localhost");
  const added = await sessionOf(context);
  assert.notEqual(added, before);
  await page.goto(`${origin}/vault`);
  assert.equal(await page.locator("#here").textContent(), "/vault", "what was just added was proven");
  await postern.advance(61);
  await page.goto(`${origin}/vault?a=b`);
  await page.waitForURL(`${origin}/auth/second/verify?**`);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.waitForURL(`${origin}/vault?a=b`);
  assert.equal(await page.locator("#here").textContent(), "/vault?a=b");
  assert.notEqual(await sessionOf(context), added);
  for (const old of [before, added]) {
    const answer = await postern.send("/page", { headers: [["cookie", `__Host-postern=${old}`], ["sec-fetch-site", "same-origin"]] });
    assert.equal(answer.status, 401, "the id from before is dead");
  }
  assert.deepEqual(complaints, []);
  await removeAll(page);
  await context.close();
});

//
test("of two passkeys one is removed under the other, and the browser forgets it", async () => {
  const { page, context, device, complaints } = await person();
  await addFirst(page);
  const [first] = await device.credentials();
  await device.unplug();
  await device.plug({ transport: "usb" });
  await add(page, "Stick");
  await page.locator("li.session").filter({ hasText: "Stick" }).waitFor();
  assert.deepEqual((await factorsOf(page)).map(({ name }) => name), ["Laptop", "Stick"]);
  // The device with the first one, whose browser is to forget it.
  await device.unplug();
  await device.plug();
  await device.put({ ...first, signCount: 0 });
  const laptop = page.locator("li.session").filter({ hasText: "Laptop" });
  await laptop.locator("summary", { hasText: "Remove" }).click();
  await laptop.getByRole("button", { name: "Remove it" }).click();
  await laptop.waitFor({ state: "detached" });
  assert.deepEqual((await factorsOf(page)).map(({ name }) => name), ["Stick"]);
  const left = async () => (await device.credentials()).map(({ credentialId }) => credentialId);
  const knows = await page.evaluate(() => "signalAllAcceptedCredentials" in PublicKeyCredential);
  for (let tries = 0; knows && tries < 50 && (await left()).length > 0; tries += 1) await page.evaluate(() => new Promise(requestAnimationFrame));
  if (knows) assert.deepEqual(await left(), []);
  assert.deepEqual(complaints, []);
  await removeAll(page);
  await context.close();
});

//
test("what a page of another origin has signed proves nothing", async () => {
  const { page, context, device } = await person();
  await addFirst(page);
  const [credential] = await device.credentials();
  const other = createServer((_, response) => response.setHeader("content-type", "text/html").end("<!doctype html><title>Elsewhere</title>"));
  await new Promise((listening) => other.listen(0, "127.0.0.1", listening));
  after(() => other.close());
  // Of the same RP ID: another port of the host.
  const phisher = await context.newPage();
  await phisher.goto(`http://localhost:${other.address().port}/`);
  await (await authenticator(phisher)).put(credential);
  await page.goto(`${origin}/auth/second/verify?return_to=/page`);
  const options = await page.evaluate(async () => (await fetch("/auth/second/verify/passkey/begin", { method: "POST" })).json());
  const signed = await phisher.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return JSON.stringify((await navigator.credentials.get({ publicKey })).toJSON());
  }, options);
  assert.match(signed, /authenticatorData/);
  const mark = await postern.mark();
  await page.evaluate((signed) => {
    const form = document.querySelector("form[data-passkey]");
    form.elements.credential.value = signed;
    form.submit();
  }, signed);
  await page.waitForURL(`${origin}/auth/second/verify/passkey`);
  assert.match(await page.locator("main").textContent(), /Try again/);
  await refused(mark, "passkey.origin");
  await removeAll(page);
  await context.close();
});

//
test("a copy that lags behind, and one that verifies nobody, prove nothing", async () => {
  const { page, context, device } = await person();
  await addFirst(page);
  const [credential] = await device.credentials();
  await page.goto(`${origin}/auth/second/verify?return_to=/page`);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.waitForURL(`${origin}/page`);
  await device.clear();
  await device.put({ ...credential, signCount: 0 });
  const mark = await postern.mark();
  await page.goto(`${origin}/auth/second/verify?return_to=/page`);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.waitForURL(`${origin}/auth/second/verify/passkey`);
  await refused(mark, "passkey.sign_count", "factor.cloned");
  await device.verifiesUser(false);
  await page.goto(`${origin}/auth/second/verify?return_to=/page`);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.locator("[data-passkey-error]").waitFor();
  await device.verifiesUser(true);
  await device.clear();
  await device.put({ ...credential, signCount: 100 });
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.waitForURL(`${origin}/page`);
  await removeAll(page);
  await context.close();
});

test("the same passkey is not added twice, and a browser without passkeys is told so", async () => {
  const { page, context, device } = await person();
  await page.goto(`${origin}/auth/second`);
  const none = page.locator("[data-passkey-none]");
  assert.equal(await none.isVisible(), false);
  await addFirst(page);
  await add(page, "Again");
  await page.locator("[data-passkey-error]").waitFor();
  assert.equal((await device.credentials()).length, 1);
  assert.equal((await factorsOf(page)).length, 1);
  await page.addInitScript(() => delete globalThis.PublicKeyCredential);
  await page.goto(`${origin}/auth/second`);
  assert.equal(await none.isVisible(), true);
  assert.equal(await page.getByRole("button", { name: "Add a passkey" }).isVisible(), false);
  await removeAll(page);
  await context.close();
});
