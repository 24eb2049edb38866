// Sessions that are bound to a device, in a Chromium that does so by itself: no page of ours or of the application takes part.
//
// Chromium signs some six times in nine minutes: each person here has a profile of their own, and few proofs to make.

import assert from "node:assert/strict";
import { test } from "node:test";

import { until } from "../e2e/support/until.mjs";
import { newBoundPerson, ROUTES, signIn, startApplicationByTls, startOtherSite } from "./support/world.mjs";

const BOUND = "__Host-postern-bound";
const routes = {
  ...ROUTES,
  "/pay": { methods: ["GET", "POST"], upstream: "service:ECHO", require: { device: "now" } },
  "/strict": { methods: ["GET"], upstream: "service:ECHO", require: { device: "bound" } },
};
const { origin, postern, proxy } = await startApplicationByTls({ session: { device: "offer" }, routes });
const elsewhere = await startOtherSite({ "/": `<a href="${origin}/page?from=elsewhere">link</a>` });

/** What the browser asked for since, by paths. */
const asked = (since, path) => proxy.seen.slice(since).filter(({ url }) => url.split("?")[0] === path);

/** Somebody who has just signed in, and whose browser has bound the session. */
async function newSignedIn() {
  const person = await newBoundPerson(proxy);
  const { page } = person;
  const since = proxy.seen.length;
  await page.goto(`${origin}/page`);
  await signIn(page);
  await page.waitForURL(`${origin}/page`);
  await until(() => asked(since, "/auth/bound/register").some(({ status }) => status), "a registration");
  const [registration] = asked(since, "/auth/bound/register");
  assert.equal(registration.status, 200);
  await until(async () => (await person.context.cookies(origin)).some(({ name }) => name === BOUND), "the bound cookie");
  return person;
}

/** As when its time has come. */
const loseBound = ({ context }) => context.clearCookies({ name: BOUND });

const get = (page, path) => page.evaluate(async (path) => (await fetch(path)).status, path);

test("a browser binds its session by itself, and five requests at once wait for one proof", async () => {
  const person = await newSignedIn();
  const { page } = person;
  const me = await page.evaluate(async () => (await fetch("/auth/me")).json());
  assert.ok(me.session.device.bound_at > 0);
  assert.equal(await get(page, "/strict"), 200);
  await postern.advance(20);
  await loseBound(person);
  const since = proxy.seen.length;
  const statuses = await page.evaluate(() => Promise.all([1, 2, 3, 4, 5].map(async (n) => (await fetch(`/api/echo?${n}`)).status)));
  assert.deepEqual(statuses, [200, 200, 200, 200, 200]);
  const refreshes = asked(since, "/auth/bound/refresh");
  // Once to be told what to sign, and once signed.
  assert.deepEqual(refreshes.map(({ status, headers }) => [status, "secure-session-response" in headers]), [[403, false], [200, true]]);
  assert.ok(asked(since, "/api/echo").every(({ headers }) => headers.cookie.includes(`${BOUND}=`)));
  await person.close();
});

test("a form's content survives the proof, and a payment is proven for itself", async () => {
  const person = await newSignedIn();
  const { page } = person;
  await postern.advance(40);
  await loseBound(person);
  const post = (path, size) => page.evaluate(async ([path, size]) => {
    const answer = await fetch(path, { method: "POST", body: "x".repeat(size) });
    return answer.status;
  }, [path, size]);
  assert.equal(await post("/api/echo", 5000), 200);
  const [whole] = asked(0, "/api/echo").slice(-1);
  assert.equal(whole.headers["content-length"], "5000");
  await postern.advance(40);
  const since = proxy.seen.length;
  assert.equal(await post("/pay", 300), 200);
  const sent = asked(since, "/pay");
  assert.deepEqual(sent.map(({ method, status }) => [method, status]), [["POST", 307], ["POST", 200]]);
  assert.deepEqual(sent.map(({ headers }) => headers["content-length"]), ["300", "300"]);
  assert.equal(asked(since, "/auth/bound/refresh").at(-1).status, 200);
  // For half a minute that counts for others too.
  assert.equal(await post("/pay", 1), 200);
  assert.equal(asked(since, "/pay").length, 3);
  await person.close();
});

test("a link on another site arrives, signed in and proven", async () => {
  const person = await newSignedIn();
  const { page } = person;
  await postern.advance(20);
  await loseBound(person);
  await page.goto(elsewhere);
  await page.getByRole("link").click();
  await page.waitForFunction(() => document.querySelector("#here"));
  assert.equal(await page.locator("#here").textContent(), "/page?from=elsewhere");
  await person.close();
});

test("a copied cookie jar without the device is worth nothing once the short cookie is over", async () => {
  const person = await newSignedIn();
  const cookies = await person.context.cookies(origin);
  const copied = (names) => ["cookie", cookies.filter(({ name }) => names.includes(name)).map(({ name, value }) => `${name}=${value}`).join("; ")];
  const status = async (cookie, path = "/api/echo") => (await postern.send(path, { headers: [cookie, ["sec-fetch-site", "same-origin"]] })).status;
  await postern.advance(11);
  assert.equal(await status(copied(["__Host-postern"])), 401);
  assert.equal(await status(copied(["__Host-postern"]), "/auth/me"), 401);
  const both = copied(["__Host-postern", BOUND]);
  assert.equal(await status(both), 200);
  await loseBound(person);
  assert.equal(await get(person.page, "/api/echo"), 200);
  await postern.advance(11);
  assert.equal(await status(both), 401);
  assert.equal(await get(person.page, "/api/echo"), 200);
  await person.close();
});

/** More proofs than Chromium makes in a row. */
const TOO_MANY = 20;

test("while Postern cannot answer, the browser keeps its key", async () => {
  const person = await newSignedIn();
  const { page } = person;
  await postern.advance(20);
  await loseBound(person);
  await postern.break({ SUBJECTS: "throw" });
  assert.equal(await get(page, "/api/echo"), 503);
  await postern.break({});
  const since = proxy.seen.length;
  assert.equal(await get(page, "/api/echo"), 200);
  assert.equal(asked(since, "/auth/bound/refresh").at(-1).status, 200);
  await person.close();
});

test("after the sign-out the browser forgets the key, and a new sign-in brings another", async () => {
  const person = await newSignedIn();
  const { page, context } = person;
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/logged-out|session\/end/);
  await until(async () => !(await context.cookies(origin)).some(({ name }) => name.startsWith(BOUND)), "no bound cookie");
  const since = proxy.seen.length;
  // Our own pages let no script fetch anything, so the browser goes there itself.
  const ask = async () => (await page.goto(`${origin}/auth/me?anonymous=null`)).status();
  assert.equal(await ask(), 200);
  const refreshes = asked(since, "/auth/bound/refresh");
  assert.ok(refreshes.length <= 1 && refreshes.every(({ status }) => status === 200), JSON.stringify(refreshes));
  const later = proxy.seen.length;
  assert.equal(await ask(), 200);
  assert.deepEqual(asked(later, "/auth/bound/refresh"), []);
  await person.close();
});

// The last one: Postern's clock goes on by so much that the provider's answers would be too old for a sign-in.
test("a browser that has signed too often says so, and is let in once, but nowhere that asks for its device", async () => {
  //
  await postern.connections({ country: "PT", asn: 64500 });
  const person = await newSignedIn();
  const { page } = person;
  const pay = () => page.evaluate(async () => (await fetch("/pay", { method: "POST", body: "x" })).status);
  const skips = (since) => proxy.seen.slice(since).map(({ headers }) => headers["secure-session-skipped"]).filter(Boolean);
  const since = proxy.seen.length;
  let proofs = 0;
  let status = 200;
  while (status === 200 && proofs < TOO_MANY) {
    await postern.advance(31);
    status = await pay();
    proofs += 1;
  }
  // What wants a proof of its own does without none.
  assert.equal(status, 401, `after ${proofs} proofs`);
  assert.deepEqual([...new Set(skips(since))], [`quota_exceeded;session_identifier="postern:${new URL(origin).host}"`]);
  assert.ok(proofs > 3, `Chromium made ${proofs} proofs alone`);
  const cookies = async () => (await person.context.cookies(origin)).map(({ name }) => name);
  assert.ok(!(await cookies()).includes(BOUND));

  const mark = await postern.mark();
  assert.equal(await get(page, "/api/echo"), 200);
  assert.equal((await postern.eventsSince(mark)).find(({ route }) => route === "/api/echo").device_grace, true);
  assert.equal(await get(page, "/strict"), 401);
  assert.equal(await pay(), 401);
  assert.equal(await get(page, "/api/echo"), 200);
  // Once: when that is over the browser has to prove its key, and goes on as soon as it may.
  await postern.advance(601);
  assert.equal(await get(page, "/api/echo"), 401);
  assert.ok((await cookies()).includes("__Host-postern"));
  await postern.connections(null);
  await person.close();
});
