// Two tabs of one browser: an answer that comes late, to a request that a tab sent in the background before, undoes no
// sign-in in the other.

import assert from "node:assert/strict";
import { createServer, request as httpRequest } from "node:http";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { freePort } from "../e2e/support/ports.mjs";
import { newKeyRing, startPostern } from "../e2e/support/postern.mjs";
import { allow, launchChromium, newSignedIn, providerFor, ROUTES } from "./support/world.mjs";

const browser = await launchChromium();
const port = await freePort();
const origin = `http://localhost:${port}`;
const postern = await startPostern({
  providers: { main: await providerFor("main", origin) }, routes: ROUTES, vars: { PUBLIC_URL: origin },
  upstream: fileURLToPath(new URL("support/pages.mjs", import.meta.url)),
});
after(() => postern.close());

/** What holds answers back, by path. */
const holds = new Map();

/** Between the browser and Postern: a slow line for some answers. */
const line = createServer((asked, answered) => {
  const { method, url, headers } = asked;
  const onwards = httpRequest({ host: "127.0.0.1", port: postern.port, path: url, method, headers }, async (answer) => {
    const hold = holds.get(url);
    hold?.arrived();
    await hold?.released;
    answered.writeHead(answer.statusCode, answer.rawHeaders);
    answer.pipe(answered);
  });
  asked.pipe(onwards);
});
await new Promise((listening) => line.listen(port, "localhost", listening));
after(() => new Promise((closed) => {
  line.close(closed);
  line.closeAllConnections();
}));

const sessionCookie = async (context) => (await context.cookies(origin)).find(({ name }) => name === "__Host-postern")?.value;
const isIn = (page) => page.evaluate(async () => (await fetch("/auth/me")).status);

/** Has a poll of `page` leave now, with the cookie of now. Its answer comes when the returned function is called. */
async function poll(page, path) {
  const hold = {};
  hold.released = new Promise((resolve) => { hold.release = resolve; });
  const hasArrived = new Promise((resolve) => { hold.arrived = resolve; });
  holds.set(path, hold);
  const status = page.evaluate(async (path) => (await fetch(path)).status, path);
  await hasArrived;
  return () => {
    holds.delete(path);
    hold.release();
    return status;
  };
}

/** Signs in anew in a tab. The provider knows the person, and asks for consent where the last sign-in was taken back. */
async function signInAgain(page) {
  await page.goto(`${origin}/auth/login?return_to=/page`);
  await allow(page);
  await page.waitForURL(`${origin}/page`);
}

for (const path of ["/api/echo", "/auth/me?touch=false", "/auth/sessions"]) {
  test(`the answer to a poll of ${path} that left before leaves a new sign-in alone`, async () => {
    //
    const { context, page: one } = await newSignedIn(browser, origin);
    const two = await context.newPage();
    await two.goto(`${origin}/page`);
    const before = await sessionCookie(context);
    // It ends elsewhere, and the poll is the first to learn so.
    const out = [["cookie", `__Host-postern=${before}`], ["x-postern-csrf", "1"]];
    const mark = await postern.mark();
    assert.equal((await postern.send("/auth/logout", { method: "POST", headers: out })).status, 200);
    // The provider takes back its consent with the token: a sign-in under way would fail with that.
    await postern.logged(mark, ({ event }) => event === "token.revoke");
    // A sign-in that begins in the same second counts as begun before.
    await postern.advance(2);
    const answer = await poll(one, path);
    await signInAgain(two);
    const anew = await sessionCookie(context);
    assert.notEqual(anew, before);
    assert.equal(await answer(), 401);
    assert.equal(await sessionCookie(context), anew);
    assert.deepEqual([await isIn(one), await isIn(two)], [200, 200]);
    await context.close();
  });
}

test("nor does one that left before, with a cookie of an older key", async () => {
  //
  const { context, page: one } = await newSignedIn(browser, origin);
  const two = await context.newPage();
  await two.goto(`${origin}/page`);
  const before = await sessionCookie(context);
  await postern.restart({ POSTERN_KEYS: `${newKeyRing("k2")} ${postern.bindings.POSTERN_KEYS}` });
  const answer = await poll(one, "/api/echo");
  await signInAgain(two);
  const anew = await sessionCookie(context);
  assert.notEqual(anew, before);
  assert.equal(await answer(), 200);
  assert.equal(await sessionCookie(context), anew);
  assert.equal(await isIn(one), 200);
  await context.close();
});
