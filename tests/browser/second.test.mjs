// Second factors of our own, as a person meets them: without script, from adding an app to the day on which it is lost.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

import jsQR from "jsqr";

import { launchChromium, newPerson, signIn, startApplication } from "./support/world.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const browser = await launchChromium();
const { origin, postern } = await startApplication({ main: {} }, {
  session: { idle: "4h" },
  vars: { SECOND: {}, PAGES: { name: "Acme Portal" } },
  routes: {
    "/": { methods: ["GET"], upstream: "service:ECHO", public: true },
    "/page": { methods: ["GET"], upstream: "service:ECHO" },
    "/safe": { methods: ["GET"], upstream: "service:ECHO", require: { second: "1m" } },
  },
});

/** What an app with this secret (base32) shows `steps` half minutes from now (RFC 6238), by Postern's clock. */
function code(secret, steps = 0) {
  const bits = [...secret.replaceAll(" ", "")].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(postern.now() / 30_000) + steps));
  const tag = createHmac("sha1", key).update(counter).digest();
  const offset = tag[19] & 0xf;
  return String((tag.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** Somebody who has just signed in, in a browser that runs no script of ours; the provider's pages need none either. */
async function signedIn(login, password) {
  const person = await newPerson(browser, { javaScriptEnabled: false });
  person.context.setDefaultTimeout(30_000);
  await person.page.goto(`${origin}/page`);
  await signIn(person.page, { login, password });
  await person.page.waitForURL(`${origin}/page`);
  return person;
}

/** What an app reads that sees this on the screen; a page of nobody's takes the picture apart. */
async function scanned(locator) {
  const drawn = (await locator.screenshot()).toString("base64");
  const blank = await browser.newPage();
  const { width, height, pixels } = await blank.evaluate(async (drawn) => {
    const image = new Image();
    image.src = `data:image/png;base64,${drawn}`;
    await image.decode();
    const [width, height] = [image.naturalWidth, image.naturalHeight];
    const canvas = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
    canvas.drawImage(image, 0, 0);
    return { width, height, pixels: [...canvas.getImageData(0, 0, width, height).data] };
  }, drawn);
  await blank.close();
  // Apps need not look for light on dark.
  return jsQR(Uint8ClampedArray.from(pixels), width, height, { inversionAttempts: "dontInvert" })?.data;
}

const session = async (context) => (await context.cookies(origin)).find(({ name }) => name === "__Host-postern").value;

/** Adds an app from the list of factors: its secret, and the recovery codes. */
async function addApp(page) {
  await page.getByRole("button", { name: "Add an app that makes codes" }).click();
  const secret = await page.locator("output").textContent();
  assert.match(secret, /^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$/);
  await page.getByLabel("The code that the app shows now").fill(code(secret));
  await page.getByLabel("Name", { exact: true }).fill("My phone");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("heading", { name: "Your recovery codes" }).waitFor();
  const codes = (await page.locator("output").textContent()).trim().split("\n");
  assert.equal(codes.length, 10);
  return { secret, codes };
}

test("an app that sees the picture on the screen reads what can be typed too, by day and by night", async () => {
  //
  const { page, context } = await signedIn("bob", "builder");
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.goto(`${origin}/auth/second`);
    await page.getByRole("button", { name: "Add an app that makes codes" }).click();
    const secret = (await page.locator("output").textContent()).replaceAll(" ", "");
    const read = new URL(await scanned(page.locator("svg.qr")));
    assert.deepEqual([read.protocol, read.host, read.pathname.split(":")[0]], ["otpauth:", "totp", "/Acme%20Portal"], read.href);
    const said = { secret, issuer: "Acme Portal", algorithm: "SHA1", digits: "6", period: "30" };
    assert.deepEqual(Object.fromEntries(read.searchParams), said);
  }
  await context.close();
});

test("a factor is renamed and removed from its own place in the list, and the last one goes after a fresh sign-in", async () => {
  const { page, context, complaints } = await signedIn("bob", "builder");
  await page.goto(`${origin}/auth/second`);
  await addApp(page);
  await page.getByRole("link", { name: "I have kept them" }).click();
  await page.getByText("Rename", { exact: true }).first().click();
  await page.locator('form[action$="/name"] input').fill("Old phone");
  await page.locator('form[action$="/name"] button').click();
  await page.getByText("Old phone").first().waitFor();
  await page.getByText("Remove", { exact: true }).click();
  await page.getByRole("button", { name: "Remove it" }).click();
  await page.getByText("You have none yet.").waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

test("what stands behind # in the address is still there after the proof", async () => {
  //
  const person = await newPerson(browser);
  const { page, context, complaints } = person;
  context.setDefaultTimeout(30_000);
  await page.goto(`${origin}/page`);
  await signIn(page, { login: "bob", password: "builder" });
  await page.waitForURL(`${origin}/page`);
  // Who has none yet adds one on the way.
  await page.goto(`${origin}/safe?a=b#chapter-2`);
  await page.getByRole("heading", { name: "Your second factors" }).waitFor();
  const { secret } = await addApp(page);
  await page.getByRole("link", { name: "I have kept them" }).click();
  await page.waitForURL(`${origin}/safe?a=b#chapter-2`);
  await postern.advance(61);
  await page.goto(`${origin}/page`);
  await page.goto(`${origin}/safe?a=b#chapter-3`);
  await page.getByLabel("The code that your app shows now").fill("000000");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("it was used before").waitFor();
  await page.getByLabel("The code that your app shows now").fill(code(secret));
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(`${origin}/safe?a=b#chapter-3`);
  // Their own change is told to this session too.
  await page.goto(`${origin}/auth/second`);
  await page.getByText("In this session", { exact: true }).first().waitFor();
  await page.getByText("Remove", { exact: true }).click();
  await page.getByRole("button", { name: "Remove it" }).click();
  await page.getByText("You have none yet.").waitFor();
  assert.deepEqual(complaints.filter((text) => !/status of 403/.test(text)), []);
  await context.close();
});

test("a page that needs a factor leads to where one is added, and on to the very page, all without script", async () => {
  //
  const { page, context, complaints } = await signedIn("alice", "wonderland");
  const before = await session(context);
  await page.goto(`${origin}/safe?a=b`);
  await page.getByRole("heading", { name: "Your second factors" }).waitFor();
  assert.ok(await page.getByText("needs a second factor").isVisible());
  const { secret } = await addApp(page);
  assert.ok(!page.url().includes(secret.replaceAll(" ", "")));
  await page.getByRole("link", { name: "I have kept them" }).click();
  await page.waitForURL(`${origin}/safe?a=b`);
  const after = await session(context);
  assert.notEqual(after, before);
  const old = await postern.send("/page", { headers: [["cookie", `__Host-postern=${before}`], ["sec-fetch-site", "same-origin"]] });
  assert.equal(old.status, 401, "the id from before is dead");
  // Later the proof is too old: the code leads back to the same address, and each is good once.
  await postern.advance(61);
  await page.goto(`${origin}/safe?a=b`);
  await page.getByRole("heading", { name: "Confirm that it is you" }).waitFor();
  const field = page.getByLabel("The code that your app shows now");
  assert.deepEqual(
    [await field.getAttribute("autocomplete"), await field.getAttribute("inputmode")],
    ["one-time-code", "numeric"],
  );
  await field.fill("000000");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("alert").waitFor();
  const good = code(secret);
  await field.fill(good);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(`${origin}/safe?a=b`);
  await page.goto(`${origin}/auth/second/verify?return_to=%2Fpage`);
  await field.fill(good);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("it was used before").waitFor();
  // What a refused code is answered with is an error by its status.
  assert.deepEqual(complaints.filter((text) => !/status of 403/.test(text)), []);
  await context.close();
});

test("with a recovery code a new app is added, the other sessions end, and the page stays closed until then", async () => {
  //
  const { page, context } = await signedIn("bob", "builder");
  const other = await signedIn("bob", "builder");
  await page.goto(`${origin}/auth/second`);
  const { codes } = await addApp(page);
  await other.page.goto(`${origin}/auth/sessions`);
  assert.ok(await other.page.getByText("Your second factors were changed elsewhere").isVisible());
  await other.page.goto(`${origin}/safe`);
  await other.page.getByText("I have none of them at hand").click();
  await other.page.getByLabel("Recovery code").fill(codes[4].toUpperCase());
  await other.page.getByRole("button", { name: "Use the recovery code" }).click();
  await other.page.getByText("You have used a recovery code.").waitFor();
  assert.equal(await other.page.getByRole("link", { name: "Go on" }).count(), 0);
  const ended = await postern.send("/page", { headers: [["cookie", `__Host-postern=${await session(context)}`], ["sec-fetch-site", "same-origin"]] });
  assert.equal(ended.status, 401, "every other session has ended");
  await postern.advance(30);
  await other.page.getByRole("button", { name: "Add an app that makes codes" }).click();
  const secret = await other.page.locator("output").textContent();
  await other.page.getByLabel("The code that the app shows now").fill(code(secret));
  await other.page.getByRole("button", { name: "Add", exact: true }).click();
  await other.page.waitForURL(`${origin}/safe`);
  await Promise.all([context.close(), other.context.close()]);
});

test("the pages are readable and nothing sticks out, in light and dark, narrow and wide, from the right too", async () => {
  const person = await newPerson(browser);
  person.context.setDefaultTimeout(30_000);
  await person.page.goto(`${origin}/page`);
  await signIn(person.page, { login: "bob", password: "builder" });
  await person.page.waitForURL(`${origin}/page`);
  const state = await person.context.storageState();
  await person.context.close();
  for (const locale of ["en-US", "de", "ar"]) {
    const context = await browser.newContext({ locale, storageState: state });
    context.setDefaultTimeout(30_000);
    const page = await context.newPage();
    // Bob has two apps since the test before; this session has proven none.
    for (const path of ["/auth/second", "/auth/second/verify?return_to=%2Fpage"]) {
      await page.goto(`${origin}${path}`);
      await page.evaluate(AXE);
      for (const width of [360, 1280]) {
        await page.setViewportSize({ width, height: 800 });
        for (const colorScheme of ["light", "dark"]) {
          await page.emulateMedia({ colorScheme });
          const found = await page.evaluate(async () => {
            const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
            const { clientWidth, scrollWidth } = document.documentElement;
            return { violations: violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), overhang: scrollWidth - clientWidth };
          });
          assert.deepEqual(found, { violations: [], overhang: 0 }, `${path} in ${locale}, ${colorScheme}, ${width} wide`);
        }
      }
    }
    await context.close();
  }
});
