// What time does to API keys in workerd: the alarms of their objects, which tell of an end that comes and clean up after it,
// and the last use.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn } from "./support/login.mjs";
import { until } from "./support/until.mjs";
import { startWorld } from "./support/world.mjs";

const DAY = 86_400;
const route = { methods: ["GET"], upstream: "service:ECHO", authenticate: ["key"] };
const ROUTES = { "/orders": route, "/invoices": route };
const KEYS = { prefix: "acme", self_service: { scopes: ["orders:read"] } };
const world = await startWorld({ main: {} }, { routes: ROUTES, vars: { KEYS } });
const { postern, issuers } = world;

async function signedIn(sub) {
  issuers.main.user = { sub };
  const browser = world.browser();
  assert.equal((await logIn(browser)).status, 200);
  return browser;
}

async function made(browser, days) {
  const body = JSON.stringify({ name: "nightly", scopes: ["orders:read"], expires_in_days: days });
  const answer = await browser.fetch("/auth/keys", { method: "POST", headers: [["content-type", "application/json"]], body });
  assert.equal(answer.status, 201, answer.body);
  return JSON.parse(answer.body);
}

const use = async (key, path = "/orders") => (await postern.send(path, { headers: [["authorization", `Bearer ${key}`]] })).status;

/** The objects that store keys. */
async function storing() {
  const found = await Promise.all((await postern.objects("API_KEYS")).map(async (object) => ({ object, ...(await object.stored()) })));
  return found.filter(({ tables }) => tables.length > 0);
}

/** What the log says of keys once every alarm that is set has rung. */
async function rung() {
  const mark = await postern.mark();
  await until(async () => (await postern.goingOn()).alarms === 0, "the end of all alarms");
  for (const { object, alarm } of await storing()) {
    assert.ok(alarm, "an object stores a key, and no alarm will ring for it");
    await object.ring();
  }
  const events = (await postern.allEventsSince(mark)).filter(({ reason }) => reason.startsWith("key."));
  return events.map(({ event, reason, key_id: id, detail, subject }) => ({ event, reason, id, detail, subject }));
}

test("a key's end is told two weeks and a day before, and when it comes; a month later nothing is stored of it", async () => {
  //
  const { key, id } = await made(await signedIn("alice"), 20);
  const told = (reason, detail) => [{ event: "key.expiry", reason, id, detail, subject: "alice" }];
  assert.deepEqual(await rung(), []);
  await postern.advance(6 * DAY + 60);
  assert.deepEqual(await rung(), told("key.expires_soon", "expires in 14 days"));
  assert.deepEqual(await rung(), [], "a notice comes once");
  await postern.advance(13 * DAY);
  assert.deepEqual(await rung(), told("key.expires_soon", "expires in 1 days"));
  assert.equal(await use(key), 200);
  await postern.advance(DAY);
  const mark = await postern.mark();
  assert.equal(await use(key), 401);
  await postern.logged(mark, ({ reason }) => reason === "key.expired");
  assert.deepEqual(await rung(), told("key.expired", undefined));
  await postern.advance(29 * DAY);
  assert.deepEqual(await rung(), []);
  assert.equal((await storing()).length, 1, "why it ended is known for a month");
  await postern.advance(DAY);
  assert.deepEqual(await rung(), []);
  assert.deepEqual(await storing(), []);
});

test("the last use of a key is written beside the request, once a minute at most", async () => {
  //
  const browser = await signedIn("bob");
  const { key, id } = await made(browser, 20);
  const written = async () => (await postern.spent()).rowsWritten;
  const lastUse = async () => JSON.parse((await browser.fetch("/auth/keys")).body).keys.find((one) => one.id === id).last_use;
  assert.equal(await lastUse(), undefined);
  const before = await written();
  assert.equal(await use(key), 200);
  await postern.settled();
  const once = await written();
  assert.ok(once > before);
  assert.equal((await lastUse()).route, "/orders");
  for (const path of ["/orders", "/invoices", "/orders", "/invoices"]) assert.equal(await use(key, path), 200);
  await postern.settled();
  assert.equal(await written(), once, "a second note within a minute");
  await postern.advance(61);
  assert.equal(await use(key), 200);
  await postern.settled();
  assert.equal(await written(), once, "a note that says nothing new");
  assert.equal(await use(key, "/invoices"), 200);
  await postern.settled();
  assert.ok(await written() > once);
  assert.equal((await lastUse()).route, "/invoices");
});
