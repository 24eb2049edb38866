// What is stored of people who are gone: nothing, once no rule needs it any more. Objects without rows give their storage back.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import { logIn, whoIs } from "./support/login.mjs";
import { until } from "./support/until.mjs";
import { startWorld } from "./support/world.mjs";

const IDLE = 3600;
/** Longer than a logout is remembered. */
const REMEMBERED = 3700;
const SECRET = randomBytes(24).toString("base64url");
const world = await startWorld(
  { main: { settings: { frontchannel_logout: true } } },
  {
    session: { idle: `${IDLE}s` },
    vars: { ADMIN: { principals: ["main|root"] }, DECISIONS: { keep: "1h", of: "all" }, HEALTH: {}, POSTERN_HEALTH_SECRET: SECRET },
    routes: { "/api/echo": { methods: ["GET"], upstream: "service:ECHO", limits: { subject: { rate: "9/1h", counter: "object" } } } },
  },
);
const { postern, issuers: { main } } = world;
const KINDS = ["SUBJECTS", "ONCE", "SID_INDEX", "BUCKETS", "DECISION_LOG"];

async function signedIn(sub) {
  main.bend.idToken = ({ claims }) => void Object.assign(claims, { sub, sid: `sid of ${sub}` });
  const browser = world.browser();
  assert.equal((await logIn(browser)).status, 200);
  return browser;
}

/** Those that store something. */
async function storing(binding) {
  const found = await Promise.all((await postern.objects(binding)).map(async (object) => ({ object, ...(await object.stored()) })));
  return found.filter(({ tables }) => tables.length > 0);
}

/** Lets every alarm that is set ring, as the platform would by now. One that rings by itself, or is about to, comes first. */
async function ring(binding) {
  await until(async () => (await postern.goingOn()).alarms === 0, "the end of all alarms");
  for (const { object, alarm } of await storing(binding)) {
    assert.ok(alarm, `${binding}: an object stores something, and no alarm will clean it up`);
    await object.ring();
  }
}

test("each kind of object gives its storage back when its last row is of no more use, and not before", async () => {
  //
  const mark = await postern.mark();
  const alice = await signedIn("alice");
  assert.equal((await alice.fetch("/api/echo")).status, 200);
  await postern.settled();
  for (const binding of KINDS) {
    assert.ok((await storing(binding)).length > 0, `${binding} stores nothing`);
    await ring(binding);
    assert.ok((await storing(binding)).length > 0, `${binding} forgets too soon`);
  }
  assert.equal((await whoIs(alice)).subject, "alice", "an alarm ended a session that lives");
  assert.equal((await alice.fetch("/auth/logout", { method: "POST" })).status, 200);
  await postern.logged(mark, ({ event }) => event === "token.revoke");
  // The logout is remembered for as long as a login that began before it may come back.
  await ring("SUBJECTS");
  assert.equal((await storing("SUBJECTS")).length, 1);
  // Longer than anything here is kept.
  await postern.advance(31 * 86_400);
  for (const binding of KINDS) {
    await ring(binding);
    assert.deepEqual(await storing(binding), [], binding);
  }
});

test("what is kept for minutes goes after minutes, also beside what is kept for weeks", async () => {
  //
  const shardOf = (sid) => createHash("sha256").update(`${main.url}\0${sid}`).digest()[0];
  const stays = "sid of dora";
  const [other] = [...Array(10_000).keys()].map((number) => `other-${number}`).filter((sid) => shardOf(sid) === shardOf(stays));
  await signedIn("dora");
  const alarmIn = async () => ((await storing("SID_INDEX"))[0].alarm - Date.now()) / 3_600_000;
  assert.ok((await alarmIn()) > 24, "a session is found for weeks");
  const told = await postern.send("/auth/backchannel-logout/main", {
    method: "POST", headers: [["content-type", "application/x-www-form-urlencoded"]],
    body: `logout_token=${main.logoutToken({ sub: undefined, sid: other })}`,
  });
  assert.equal(told.status, 200, told.body);
  assert.equal((await storing("SID_INDEX")).length, 1, "both are in one object");
  assert.ok((await alarmIn()) < 1, "a logout that found no session is remembered for minutes");
  await postern.advance(31 * 86_400);
  for (const binding of KINDS) await ring(binding);
  for (const binding of KINDS) assert.deepEqual(await storing(binding), [], binding);
});

test("a question makes no table, in an object that has given its storage back or in a new one", async () => {
  //
  for (const binding of KINDS) assert.deepEqual(await storing(binding), [], binding);
  const before = (await postern.spent()).rowsWritten;
  const frame = await postern.send("/auth/frontchannel-logout/main?sid=sid%20of%20alice");
  assert.equal(frame.status, 200, frame.body);
  const report = await postern.send("/auth/health", { headers: [["authorization", `Bearer ${SECRET}`]] });
  assert.equal(report.status, 200, report.body);
  await postern.settled();
  for (const binding of KINDS) assert.deepEqual(await storing(binding), [], binding);
  assert.equal((await postern.spent()).rowsWritten, before);
});

test("an alarm that rings while the configuration is unusable rings again an hour later", async () => {
  //
  await signedIn("dave");
  await postern.advance(IDLE + 1);
  const { POSTERN_KEYS } = postern.bindings;
  await postern.restart({ POSTERN_KEYS: "" });
  try {
    for (let hour = 0; hour < 2; hour += 1) {
      await ring("SUBJECTS");
      const [{ alarm }] = await storing("SUBJECTS");
      const minutes = (alarm - Date.now()) / 60_000;
      assert.ok(minutes > 50 && minutes <= 60, `the alarm rings in ${minutes} minutes`);
    }
  } finally {
    await postern.restart({ POSTERN_KEYS });
  }
  const mark = await postern.mark();
  await ring("SUBJECTS");
  await postern.logged(mark, ({ event }) => event === "token.revoke");
  await postern.advance(REMEMBERED);
  await ring("SUBJECTS");
  assert.deepEqual(await storing("SUBJECTS"), []);
});

test("a session that nobody ends is forgotten by its object alone", async () => {
  const mark = await postern.mark();
  await signedIn("bob");
  assert.equal((await storing("SUBJECTS")).length, 1);
  await postern.advance(IDLE + 1);
  await ring("SUBJECTS");
  await postern.logged(mark, ({ event }) => event === "token.revoke");
  await postern.advance(REMEMBERED);
  await ring("SUBJECTS");
  assert.deepEqual(await storing("SUBJECTS"), []);
});

test("who comes back after that begins anew, also in an object that is still in memory", async () => {
  const bob = await signedIn("bob");
  assert.equal((await whoIs(bob)).subject, "bob");
  const again = await signedIn("bob");
  assert.deepEqual([(await whoIs(bob)).subject, (await whoIs(again)).subject], ["bob", "bob"]);
  await postern.restart();
  assert.equal((await whoIs(again)).subject, "bob");
});

test("to look for somebody's sessions stores nothing", async () => {
  const root = await signedIn("root");
  const before = (await storing("SUBJECTS")).length;
  for (const order of [
    root.fetch("/auth/admin/sessions?provider=main&subject=nobody"),
    root.fetch("/auth/admin/sessions?provider=main&subject=somebody"),
  ]) {
    assert.equal((await order).status, 200);
  }
  assert.equal((await storing("SUBJECTS")).length, before);
});

test("an administrator's sign-out of somebody leaves a note only, and then nothing", async () => {
  const root = await signedIn("root");
  const carol = await signedIn("carol");
  const before = (await storing("SUBJECTS")).length;
  const mark = await postern.mark();
  const headers = [["content-type", "application/json"]];
  const answer = await root.fetch("/auth/admin/revoke", { method: "POST", headers, body: JSON.stringify({ provider: "main", subject: "carol" }) });
  assert.equal(answer.status, 200);
  assert.equal(await whoIs(carol), undefined);
  await postern.logged(mark, ({ event }) => event === "token.revoke");
  await postern.advance(REMEMBERED);
  assert.equal((await root.fetch("/auth/me")).status, 401, "the time is long enough for all sessions");
  await ring("SUBJECTS");
  assert.ok((await storing("SUBJECTS")).length < before);
});
