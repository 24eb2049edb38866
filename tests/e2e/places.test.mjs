// Where objects are: every one of a site is asked for in its jurisdiction, with its location.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn, whoIs } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const RELATIONS = { document: { viewer: "[user]" } };
const vars = { STORAGE: { jurisdiction: "eu", location: "weur" }, RELATIONS, ADMIN: { principals: ["main|root"] }, DECISIONS: { keep: "24h", of: "all" } };
const routes = {
  "/page": { methods: ["GET"], upstream: "service:ECHO" },
  "/documents/{id}": { methods: ["GET"], upstream: "service:ECHO", require: { relations: ["document:{id}#viewer"] }, limits: { subject: { rate: "9/1m", counter: "object" } } },
};
const world = await startWorld({ main: { user: { sub: "root" } } }, { vars, routes });
const { postern } = world;
const NAMES = { once: /^once-/, sid: /^sid-/, bucket: /^buckets-/, tuple: /^tuples-/, decision: /^decisions-/ };

async function signedIn() {
  world.issuers.main.bend.idToken = ({ claims }) => void Object.assign(claims, { sid: "a sid" });
  const browser = world.browser();
  const answer = await logIn(browser);
  return { browser, status: answer.status };
}

/** Where objects were asked for since `mark`: jurisdiction, location and name. */
const places = async (mark) => (await postern.linesSince(mark)).filter((line) => line.includes("test_place")).map((line) => JSON.parse(line).test_place);

test("a runtime without the jurisdiction keeps nothing anywhere else", async () => {
  //
  const mark = await postern.mark();
  const { status, browser } = await signedIn();
  assert.equal(status, 503);
  assert.equal(await whoIs(browser), undefined);
  const told = (await postern.eventsSince(mark)).find(({ reason }) => reason === "store.unavailable");
  assert.match(told.detail, /[Jj]urisdiction/);
  for (const binding of ["SUBJECTS", "ONCE", "SID_INDEX"]) assert.deepEqual(await postern.objects(binding), [], binding);
});

test("every object is asked for in the jurisdiction, with the location", async () => {
  await postern.jurisdictions(true);
  const mark = await postern.mark();
  const { status, browser } = await signedIn();
  assert.equal(status, 200);
  const headers = [["content-type", "application/json"]];
  const body = JSON.stringify({ add: ["document:1#viewer@user:main|root"] });
  assert.equal((await browser.fetch("/auth/admin/relations", { method: "POST", headers, body })).status, 200);
  assert.equal((await browser.fetch("/documents/1")).status, 200);
  await postern.settled();
  const asked = await places(mark);
  assert.ok(asked.length >= 6);
  for (const [jurisdiction, location] of asked) assert.deepEqual([jurisdiction, location], ["eu", "weur"]);
  const names = asked.map(([, , name]) => name);
  for (const [kind, pattern] of Object.entries(NAMES)) assert.ok(names.some((name) => pattern.test(name)), `${kind}: ${names}`);
});

test("in another jurisdiction nobody is signed in, and back in the first one the sessions are there", async () => {
  const { browser } = await signedIn();
  assert.equal((await whoIs(browser)).subject, "root");
  await postern.restart({ STORAGE: { jurisdiction: "us" } });
  await postern.jurisdictions(true);
  assert.equal(await whoIs(browser), undefined);
  await postern.restart({ STORAGE: { jurisdiction: "eu" } });
  await postern.jurisdictions(true);
});

test("a location alone asks the namespace itself, and finds what is there without one", async () => {
  await postern.restart({ STORAGE: {} });
  const { browser, status } = await signedIn();
  assert.equal(status, 200);
  await postern.restart({ STORAGE: { location: "oc" } });
  assert.equal((await whoIs(browser)).subject, "root");
  const mark = await postern.mark();
  assert.equal((await browser.fetch("/page")).status, 200);
  assert.deepEqual(await places(mark), []);
});
