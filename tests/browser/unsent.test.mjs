// A form sent after the session had ended: refused, not lost, and sent again only when the person says so.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { launchChromium, newPerson, signIn, startApplication, startOtherSite } from "./support/world.mjs";

const TEXT = "Dear council,\n\nit took me an hour to write this & it is “good”. <b>";

const browser = await launchChromium();
const upstream = fileURLToPath(new URL("support/letter.mjs", import.meta.url));
const routes = {
  "/": { methods: ["GET"], upstream: "service:ECHO", public: true },
  "/letter": { methods: ["GET", "POST"], upstream: "service:ECHO" },
};

/** Each test has one of its own: the provider's clock stands still while Postern's moves. */
const start = () => startApplication({ main: {} }, { session: { idle: "2m" }, routes, upstream });

/** Somebody is writing a letter. */
async function writing(options = {}) {
  const { origin, postern } = await start();
  const person = await newPerson(browser, options);
  const { page } = person;
  await page.goto(`${origin}/letter`);
  await signIn(page);
  await page.waitForURL(`${origin}/letter`);
  await page.getByLabel("Text").fill(TEXT);
  return { ...person, postern };
}

/** The letter is sent after the session ended. */
async function tooLate() {
  const person = await writing();
  const { page, context, postern } = person;
  await page.getByLabel("File").setInputFiles({ name: "plan.txt", mimeType: "text/plain", buffer: Buffer.from("the plan ".repeat(1000)) });
  await postern.advance(121);
  await context.clearCookies({ domain: "127.0.0.1" });
  const mark = await postern.mark();
  const [response] = await Promise.all([page.waitForResponse(/\/letter$/), page.getByRole("button", { name: "Send" }).click()]);
  await page.getByRole("heading", { name: "Not sent yet" }).waitFor();
  return { ...person, response, mark };
}

async function signInBeside({ page, context }) {
  const [tab] = await Promise.all([context.waitForEvent("page"), page.getByRole("link", { name: /Sign in/ }).click()]);
  await signIn(tab);
  await tab.getByRole("heading", { name: "You are signed in" }).waitFor();
  assert.equal(new URL(tab.url()).pathname, "/auth/signed-in");
  return tab;
}

/** What the upstream got of the letter. */
const received = async (page) => JSON.parse(await page.locator("pre").textContent());
const allowed = async ({ postern, mark }) => (await postern.eventsSince(mark)).filter(({ method, path, outcome }) => method === "POST" && path === "/letter" && outcome === "allow").length;

test("a letter that came too late is sent after signing in beside it, text and file, once", async () => {
  const person = await tooLate();
  const { page, context, response, complaints } = person;
  assert.equal(response.status(), 401);
  assert.ok(!(await response.text()).includes("Dear council"), "nothing of it is repeated");
  const tab = await signInBeside(person);
  await tab.close();
  assert.equal(await allowed(person), 0, "nothing is sent by itself");
  await page.getByRole("button", { name: "Send it again" }).click();
  await page.locator("pre").waitFor();
  const letter = await received(page);
  assert.equal(letter.text, TEXT.replaceAll("\n", "\r\n"));
  assert.deepEqual([letter.name, letter.size], ["plan.txt", 9000]);
  assert.equal(await allowed(person), 1);
  assert.deepEqual(complaints.filter((text) => !/status of 401/.test(text)), []);
  await context.close();
});

test("sending it again too early loses nothing either", async () => {
  const person = await tooLate();
  const { page, context } = person;
  for (let round = 0; round < 2; round += 1) {
    const again = page.waitForResponse(/\/letter$/);
    await page.getByRole("button", { name: "Send it again" }).click();
    assert.equal((await again).status(), 401);
    await page.getByRole("heading", { name: "Not sent yet" }).waitFor();
  }
  assert.equal(await allowed(person), 0);
  await signInBeside(person);
  await page.getByRole("button", { name: "Send it again" }).focus();
  await page.keyboard.press("Enter");
  await page.locator("pre").waitFor();
  assert.equal((await received(page)).text, TEXT.replaceAll("\n", "\r\n"));
  await context.close();
});

test("without script the browser's own reload sends it", async () => {
  const { page, context, postern } = await writing({ javaScriptEnabled: false });
  await postern.advance(121);
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("heading", { name: "Not sent yet" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Send it again" }).isVisible(), false);
  assert.match(await page.locator("noscript").innerText(), /reload this page/);
  assert.ok(await page.locator("noscript").isVisible());
  await context.clearCookies({ domain: "127.0.0.1" });
  await signInBeside({ page, context });
  await page.reload();
  await page.locator("pre").waitFor();
  assert.equal((await received(page)).text, TEXT.replaceAll("\n", "\r\n"));
  await context.close();
});

test("a form of another site gets no second chance from our pages", async () => {
  // sent again from here it would be ours.
  const { origin } = await start();
  const { page, context } = await newPerson(browser);
  const elsewhere = await startOtherSite({
    "/": `<form method="post" action="${origin}/letter"><input name="text" value="from elsewhere"><button>Send</button></form>`,
  });
  await page.goto(elsewhere);
  const [response] = await Promise.all([page.waitForResponse(/\/letter$/), page.getByRole("button", { name: "Send" }).click()]);
  assert.equal(response.status(), 401);
  await page.getByRole("heading", { name: "Please sign in" }).waitFor();
  assert.equal(await page.getByRole("button").count(), 0);
  const beside = await context.newPage();
  await beside.goto(`${origin}/letter`);
  await signIn(beside);
  await beside.waitForURL(`${origin}/letter`);
  // Signed in now, and still not let in: a reload is the other site's request, as before.
  const again = page.waitForResponse(/\/letter$/);
  await page.reload();
  assert.ok([401, 403].includes((await again).status()));
  await context.close();
});
