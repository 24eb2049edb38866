// Pages of another origin in a real browser: the one that the route names reads and acts, the others see nothing.

import assert from "node:assert/strict";
import { test } from "node:test";

import { launchChromium, newPerson, signIn, startApplication, startOtherSite } from "./support/world.mjs";

const browser = await launchChromium();
const [spa, stranger] = await Promise.all([startOtherSite({}), startOtherSite({})]);
/** On `localhost` like Postern, so of the same site; another port is another origin. */
const sameSite = (origin) => origin.replace("127.0.0.1", "localhost");
const cors = { origins: [sameSite(spa), spa], credentials: true, headers: ["content-type"], expose: ["x-request-id"], max_age: "10m" };
const application = await startApplication({ main: {} }, {
  routes: {
    "/page": { methods: ["GET"], upstream: "service:ECHO" },
    "/api/echo": { methods: ["GET", "PUT"], upstream: "service:ECHO", cors },
    "/api/closed": { methods: ["GET"], upstream: "service:ECHO" },
  },
});

/** What a script of the page that is open makes of a request: the answer, or that the browser keeps it to itself. */
const ask = (page, path, init = {}) =>
  page.evaluate(async ([url, init]) => {
    try {
      const answer = await fetch(url, { credentials: "include", ...init });
      return { status: answer.status, body: await answer.text(), id: answer.headers.get("x-request-id") };
    } catch (error) {
      return { error: error.name };
    }
  }, [application.origin + path, init]);

async function signedIn() {
  const { page, context } = await newPerson(browser);
  await page.goto(`${application.origin}/page`);
  await signIn(page);
  await page.waitForURL(`${application.origin}/page`);
  return { page, context };
}

test("a page that the route names reads a 401, signs its person in, and reads the answer", async () => {
  //
  const { page, context } = await newPerson(browser);
  await page.goto(`${sameSite(spa)}/`);
  const refused = await ask(page, "/api/echo");
  const problem = JSON.parse(refused.body);
  assert.deepEqual([refused.status, problem.status, problem.request_id], [401, 401, refused.id]);
  await page.goto(`${problem.login_url}?return_to=/page`);
  await signIn(page);
  await page.waitForURL(`${application.origin}/page`);
  await page.goto(`${sameSite(spa)}/`);
  assert.equal((await ask(page, "/api/echo")).status, 200);
  await context.close();
});

test("it may change things, after a preflight", async () => {
  //
  const { page, context } = await signedIn();
  await page.goto(`${sameSite(spa)}/`);
  const mark = await application.postern.mark();
  const json = { method: "PUT", headers: { "content-type": "application/json" }, body: "{}" };
  assert.equal((await ask(page, "/api/echo", json)).status, 200);
  const events = await application.postern.eventsSince(mark);
  assert.deepEqual(events.map(({ method, reason }) => `${method} ${reason}`), ["OPTIONS cors.preflight", "PUT authz.requirements_met"]);
  assert.deepEqual(await ask(page, "/api/echo", { ...json, headers: { "x-other": "1" } }), { error: "TypeError" });
  await context.close();
});

test("other routes, and our own endpoints, stay closed to it", async () => {
  //
  const { page, context } = await signedIn();
  await page.goto(`${sameSite(spa)}/`);
  for (const path of ["/api/closed", "/auth/me", "/auth/login"]) assert.deepEqual(await ask(page, path), { error: "TypeError" }, path);
  assert.deepEqual(await ask(page, "/auth/logout", { method: "POST" }), { error: "TypeError" });
  await page.goto(`${application.origin}/page`);
  assert.equal(page.url(), `${application.origin}/page`);
  await context.close();
});

test("a page that the route does not name sees nothing, on the same site or on another", async () => {
  //
  const { page, context } = await signedIn();
  for (const origin of [sameSite(stranger), stranger]) {
    await page.goto(`${origin}/`);
    assert.deepEqual(await ask(page, "/api/echo"), { error: "TypeError" }, origin);
    assert.deepEqual(await ask(page, "/api/echo", { method: "PUT", body: "x" }), { error: "TypeError" }, origin);
  }
  await context.close();
});

test("to a page of another site no cookie comes along, whatever the route names", async () => {
  const { page, context } = await signedIn();
  await page.goto(`${spa}/`);
  const refused = await ask(page, "/api/echo");
  assert.equal(refused.status, 401);
  await context.close();
});
