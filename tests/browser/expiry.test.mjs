// The demo's page when a session is about to end, and when it has: in the tab at hand, and in the others.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { AT_MOST_MS } from "../e2e/support/until.mjs";
import { launchChromium, newPerson, signIn, startApplication } from "./support/world.mjs";

const SPA = fileURLToPath(new URL("../../demo/spa/", import.meta.url));
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const FILES = {
  "/": ["index.html", "text/html; charset=utf-8"],
  ...Object.fromEntries(readdirSync(join(SPA, "assets")).map((name) => [`/assets/${name}`, [`assets/${name}`, TYPES[extname(name)]]])),
};

/** A Worker that serves the demo's page, as it is, and an API that always says hello. */
function demoUpstream() {
  const folder = mkdtempSync(join(tmpdir(), "postern-spa-"));
  after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "spa.mjs");
  const files = Object.entries(FILES).map(([at, [name, type]]) => [at, [readFileSync(join(SPA, name), "utf8"), type]]);
  writeFileSync(path, `const files = ${JSON.stringify(Object.fromEntries(files))};
    export default { fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/api/hello") return Response.json({ message: "Hello.", scopes: [], audience: "api" });
      const [body, type] = files[pathname] ?? ["not found", "text/plain"];
      return new Response(body, { status: files[pathname] ? 200 : 404, headers: { "content-type": type } });
    } };`);
  return path;
}

/** Idle sessions end after 600 seconds, and the page warns a minute before. The clocks run on while a slow machine works: so a good while before the warning, and soon after it. */
const BEFORE_WARNING = 480;
const WARNED = 545;
const OVER = 605;

const browser = await launchChromium();
const upstream = demoUpstream();

/** Each time with a Postern of its own: the provider's clock stands still while Postern's moves. */
async function signedIn() {
  const { origin, postern } = await startApplication({ main: {} }, {
    session: { idle: "10m", absolute: "20m" },
    routes: {
      "/{*path}": { methods: ["GET"], upstream: "service:ECHO", public: true },
      "/api/{*rest}": { methods: ["GET"], upstream: "service:ECHO" },
    },
    upstream,
  });
  const person = await newPerson(browser);
  person.context.setDefaultTimeout(AT_MOST_MS);
  // A tab opened hours ago does not tell the time otherwise than Postern: both clocks move together.
  await person.context.clock.install({ time: postern.now() });
  await person.page.goto(`${origin}/auth/login?return_to=/`);
  await signIn(person.page);
  await person.page.waitForURL(`${origin}/`);
  await person.page.getByText("The API says: “Hello.”").waitFor();
  const pass = async (seconds) => {
    await postern.advance(seconds);
    await person.context.clock.fastForward(seconds * 1000);
  };
  return { ...person, origin, postern, pass };
}

const ending = (page) => page.getByRole("status").filter({ hasText: "about to end" });
const ended = (page) => page.getByRole("alert").filter({ hasText: "Your session has ended" });
const stay = (page) => page.getByRole("button", { name: "Stay signed in" });

test("a session about to end for idleness says so, and a press of a key keeps it", async () => {
  //
  const { context, page, pass, complaints } = await signedIn();
  assert.equal(await ending(page).count(), 0);
  await pass(BEFORE_WARNING);
  assert.equal(await ending(page).count(), 0, "a minute early is early enough");
  await pass(WARNED - BEFORE_WARNING);
  await ending(page).waitFor();
  assert.ok(await stay(page).isVisible());
  assert.equal(await ended(page).isVisible(), false);
  // Not a dialog: the page can still be used.
  assert.ok(await page.getByRole("button", { name: "GET /api/hello" }).isEnabled());
  await stay(page).focus();
  await page.keyboard.press("Enter");
  await stay(page).waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  // Past the end that it would have had.
  await pass(120);
  assert.equal(await page.evaluate(async () => (await fetch("/auth/me?touch=false")).status), 200);
  assert.equal(await ended(page).isVisible(), false);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a warning that nobody heeds is followed by the notice that the session has ended", async () => {
  //
  const { context, page, pass } = await signedIn();
  await pass(WARNED);
  await ending(page).waitFor();
  await pass(OVER - WARNED);
  await ended(page).waitFor();
  assert.equal(await ending(page).count(), 0);
  assert.ok(await page.getByRole("heading", { name: "You are signed out" }).isVisible());
  assert.equal(await page.evaluate(async () => (await fetch("/auth/me?touch=false")).status), 401);
  await context.close();
});

test("the absolute end cannot be put off, and the page does not offer to", async () => {
  //
  const { context, page, origin, pass } = await signedIn();
  for (const seconds of [400, 400, 345]) {
    // Its answer, not its words: they stand there from the time before.
    const answered = page.waitForResponse(`${origin}/api/hello`);
    await page.getByRole("button", { name: "GET /api/hello" }).click();
    assert.equal((await answered).status(), 200);
    await pass(seconds);
  }
  await ending(page).filter({ hasText: "nothing can extend it" }).waitFor();
  assert.equal(await stay(page).isVisible(), false);
  assert.ok(await page.locator("#ending").getByRole("link", { name: "Sign in again" }).isVisible());
  await context.close();
});

test("what one tab learns of the session the other shows at once", async () => {
  //
  const { context, page, origin, postern, pass } = await signedIn();
  const tab = await context.newPage();
  await tab.goto(origin);
  // Not only its words of the person: a call that is still under way when the clock moves would count as a visit.
  await tab.getByText("The API says: “Hello.”").waitFor();
  await pass(WARNED);
  await Promise.all([ending(page).waitFor(), ending(tab).waitFor()]);
  await stay(page).click();
  await ending(tab).waitFor({ state: "detached" });
  // The tabs' own clocks stand nearly still: the second tab has it from the first.
  await postern.advance(601);
  await page.getByRole("button", { name: "GET /api/hello" }).click();
  await Promise.all([ended(page).waitFor(), ended(tab).waitFor()]);
  assert.ok(await tab.getByRole("heading", { name: "You are signed out" }).isVisible());
  await context.close();
});
