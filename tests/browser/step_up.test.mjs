// A page that wants a better sign-in than the one at hand (RFC 9470), in a real browser with a certified provider.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ACR, SECOND_FACTOR_CODE } from "../../demo/provider/provider.mjs";
import { allow, launchChromium, newSignedIn, startApplication } from "./support/world.mjs";

const SAFE = "/safe?a=b#part/2";

const browser = await launchChromium();
const { origin, postern } = await startApplication({ main: {} }, {
  routes: {
    "/page": { methods: ["GET"], upstream: "service:ECHO" },
    "/safe": { methods: ["GET"], upstream: "service:ECHO", require: { acr: [ACR.secondFactor] } },
  },
});

const signedIn = () => newSignedIn(browser, origin);

const sessionOf = async (context) => (await context.cookies(origin)).find(({ name }) => name === "__Host-postern").value;

async function proveMore(page, code) {
  await page.getByLabel("User name").fill("alice");
  await page.getByLabel("Password").fill("wonderland");
  await page.getByLabel(/code/i).fill(code);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("a person is sent for a second factor and comes back to the very place, with the session under a new id", async () => {
  //
  const { page, context, complaints } = await signedIn();
  const before = await sessionOf(context);
  await page.goto(`${origin}${SAFE}`);
  await page.getByLabel(/code/i).waitFor();
  await proveMore(page, SECOND_FACTOR_CODE);
  await allow(page);
  await page.waitForURL(`${origin}${SAFE}`);
  assert.equal(await page.locator("#here").textContent(), "/safe?a=b");
  const after = await sessionOf(context);
  assert.notEqual(after, before);
  const old = await postern.send("/page", { headers: [["cookie", `__Host-postern=${before}`], ["sec-fetch-site", "same-origin"]] });
  assert.equal(old.status, 401, "the id from before is dead");
  assert.deepEqual(complaints, []);
  // Once is enough: the next visit asks nothing.
  await page.goto(`${origin}/page`);
  await page.goto(`${origin}${SAFE}`);
  assert.equal(await page.locator("#here").textContent(), "/safe?a=b");
  await context.close();
});

test("who does not get through the second factor keeps the session as it was", async () => {
  //
  const { page, context } = await signedIn();
  const before = await sessionOf(context);
  await page.goto(`${origin}/safe`);
  await page.getByLabel(/code/i).waitFor();
  await proveMore(page, "000000");
  await page.getByText("That code is not right.").waitFor();
  await page.goto(`${origin}/page`);
  assert.equal(await page.locator("#here").textContent(), "/page");
  assert.equal(await sessionOf(context), before);
  await context.close();
});
