// The page that explains decisions, in a real browser: what somebody was refused for, and what would be decided.

import assert from "node:assert/strict";
import { test } from "node:test";

import { launchChromium, newPerson, signIn, startApplication } from "./support/world.mjs";

const browser = await launchChromium();
const { origin } = await startApplication({ main: {} }, {
  routes: {
    "/page": { methods: ["GET"], upstream: "service:ECHO" },
    "/keys": { methods: ["GET"], upstream: "service:ECHO", require: { scopes: ["admin"] } },
  },
  vars: { ADMIN: { principals: ["main|c5c1f0d4-alice"] }, DECISIONS: { keep: "1h" } },
});

async function signedIn(path, who) {
  const person = await newPerson(browser);
  await person.page.goto(`${origin}${path}`);
  await signIn(person.page, who);
  return person;
}

test("who manages finds out why somebody was refused, by the number on that person's page", async () => {
  const bob = await signedIn("/keys", { login: "bob", password: "builder" });
  await bob.page.getByRole("heading", { name: "You may not do this" }).waitFor();
  const [id] = /[0-9a-f]{20}/.exec(await bob.page.locator("body").textContent());

  const alice = await signedIn("/auth/admin/explain");
  await alice.page.waitForURL(`${origin}/auth/admin/explain`);
  await alice.page.getByLabel("Its number").fill(id);
  await alice.page.getByRole("button", { name: "Explain" }).click();
  const answer = alice.page.getByRole("status");
  await answer.getByRole("heading", { name: "Refused" }).waitFor();
  const told = await answer.textContent();
  assert.ok(["These scopes were not granted.", "GET /keys", "9a7e2b60-bob", id].every((part) => told.includes(part)), told);

  // The same page is nothing for bob, whatever he knows.
  await bob.page.goto(`${origin}/auth/admin/explain?id=${id}`);
  assert.equal(await bob.page.getByLabel("Its number").count(), 0);
  assert.deepEqual(alice.complaints, []);
  await Promise.all([bob.context.close(), alice.context.close()]);
});

test("who manages asks what would be decided about somebody else", async () => {
  const { page, context, complaints } = await signedIn("/auth/admin/explain");
  await page.waitForURL(`${origin}/auth/admin/explain`);
  const ask = async (scopes) => {
    await page.getByLabel("Request").fill("GET /keys");
    await page.getByLabel("Who asks").selectOption({ label: "Who signed in with main" });
    await page.getByLabel("Their claims, as JSON").fill('{ "sub": "carol" }');
    await page.getByLabel("Scopes of their sign-in").fill(scopes);
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    return page.getByRole("status");
  };
  const refused = await ask("openid");
  await refused.getByRole("heading", { name: "Would be refused" }).waitFor();
  assert.match(await refused.textContent(), /not met[\s\S]*admin/);
  const allowed = await ask("openid admin");
  await allowed.getByRole("heading", { name: "Would be let through" }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});
