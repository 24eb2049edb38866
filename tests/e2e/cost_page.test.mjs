// docs/operations/cost.md says what the built Worker does, and what that costs by the prices of scripts/cost.mjs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ALARMS, bill, DEPLOYMENTS, EVENTS, PAGE, tables, usage, VARIANTS, withTables } from "../../scripts/cost.mjs";
import { logIn } from "./support/login.mjs";
import { until } from "./support/until.mjs";
import { startWorld } from "./support/world.mjs";

const upstream = "service:ECHO";
const routes = {
  "/guarded": { upstream }, "/kept": { upstream, revocation: "1m" }, "/open": { upstream, public: true }, "/page": { upstream },
};
const world = await startWorld({ main: {} }, { routes, session: { idle: "1h" } });
const { postern, issuers: { main } } = world;
const KINDS = ["SUBJECTS", "ONCE", "SID_INDEX"];

/** What `act` costs, once all that it began is over; a row for each alarm that is set. */
async function costOf(act) {
  await postern.settled();
  const before = await postern.spent();
  const result = await act();
  await postern.settled();
  const after = await postern.spent();
  const [objectRequests, alarms] = [after.asked - before.asked, after.alarmsRung - before.alarmsRung];
  return { result, objectRequests, alarms, rowsWritten: after.rowsWritten - before.rowsWritten + after.alarmsSet - before.alarmsSet };
}

async function signIn() {
  main.bend.idToken = ({ claims }) => void Object.assign(claims, { sub: "alice", sid: "a sid" });
  const browser = world.browser();
  assert.equal((await logIn(browser)).status, 200);
  return browser;
}

/** Lets time pass until nothing is stored any more. */
async function everythingIsOver() {
  const mark = await postern.mark();
  await postern.advance(7200);
  for (const object of await postern.objects("SUBJECTS")) await object.ring();
  await postern.logged(mark, ({ event }) => event === "token.revoke");
  await until(async () => (await postern.goingOn()).alarms === 0, "the end of all alarms");
  await postern.advance(31 * 86_400);
  for (const binding of KINDS) for (const object of await postern.objects(binding)) if ((await object.stored()).alarm) await object.ring();
}

/** A sign-in asks some objects by chance, and those that are there already have their tables. */
const TABLES = 7;

function assertAbout(cost, stated) {
  assert.equal(cost.objectRequests, stated.objectRequests);
  assert.ok(cost.rowsWritten <= stated.rowsWritten && cost.rowsWritten >= stated.rowsWritten - TABLES, `${cost.rowsWritten} rows`);
}

const expected = ({ objectRequests, rowsWritten }) => ({ objectRequests, rowsWritten });

test("each event costs what the page says", async () => {
  let browser;
  const first = await costOf(async () => {
    browser = await signIn();
    await everythingIsOver();
  });
  assertAbout(first, EVENTS.signIn);
  assert.equal(first.alarms, ALARMS);
  browser = await signIn();
  assertAbout(await costOf(signIn), EVENTS.again);
  const get = (path) => () => browser.fetch(path).then(({ status }) => assert.equal(status, 200));
  await get("/guarded")();
  assert.deepEqual(expected(await costOf(get("/guarded"))), expected(EVENTS.request));
  await get("/kept")();
  assert.deepEqual(expected(await costOf(get("/kept"))), expected(EVENTS.remembered));
  assert.deepEqual(expected(await costOf(get("/open"))), expected(EVENTS.public));
  await postern.advance(90);
  assert.deepEqual(expected(await costOf(get("/guarded"))), expected(EVENTS.touch));
});

test("the page has the tables that follow from the prices", () => {
  const page = readFileSync(PAGE, "utf8");
  assert.equal(page, withTables(page), "node scripts/cost.mjs --write");
  for (const table of Object.values(tables())) assert.ok(table.split("\n").length > 3);
});

test("the arithmetic is that of the prices", () => {
  const [template, twice] = VARIANTS.map(([, how]) => how);
  for (const deployment of DEPLOYMENTS) {
    const [one, other] = [bill(usage(deployment, template)), bill(usage(deployment, twice))];
    const sum = one.lines.reduce((all, { dollars }) => all + dollars, 5);
    assert.ok(Math.abs(one.total - sum) < 1e-9 && one.total >= 5);
    assert.ok(other.total >= one.total);
  }
  // By hand: 112 million requests, of which 10 million are included, at 30 cents.
  const [requests] = bill(usage(DEPLOYMENTS[1], template)).lines;
  assert.deepEqual([requests.amount, requests.dollars.toFixed(2)], [112, "30.60"]);
});
