// Who stands in a relation to what, in workerd: written by management, and there for the next request.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld(
  { main: { user: { sub: "root" } } },
  {
    vars: {
      ADMIN: { principals: ["main|root"] },
      RELATIONS: {
        group: { member: "[user, group#member]" },
        folder: { parent: "[folder]", viewer: "[user, group#member] or viewer from parent" },
        document: {
          parent: "[folder]",
          banned: "[user]",
          viewer: "([user, user:*, group#member] or viewer from parent) but not banned",
        },
      },
    },
    routes: { "/documents/{id}": { upstream: "service:ECHO", require: { relations: ["document:{id}#viewer"] } } },
  },
);
const { postern } = world;
const { main } = world.issuers;

async function signedIn(sub) {
  main.user.sub = sub;
  const browser = world.browser();
  await logIn(browser, { provider: "main" });
  return browser;
}

const root = await signedIn("root");
const alice = await signedIn("alice");

async function post(path, order) {
  const headers = [["content-type", "application/json"], ["sec-fetch-site", "same-origin"]];
  const answer = await root.fetch(path, { method: "POST", headers, body: JSON.stringify(order) });
  return { status: answer.status, ...JSON.parse(answer.body) };
}

const change = (add, remove = []) => post("/auth/admin/relations", { add, remove });
const status = async (browser, id) => (await browser.fetch(`/documents/${id}`)).status;

test("a document is seen through groups and folders, and what is revoked is gone at once", async () => {
  //
  for (const add of [
    ["document:plan#parent@folder:q4"],
    ["folder:q4#viewer@group:staff#member"],
    ["group:staff#member@group:eng#member"],
  ]) {
    assert.deepEqual((await change(add)).added, add);
  }
  const tuple = "group:eng#member@user:main|alice";
  assert.equal(await status(alice, "plan"), 403);
  for (let turn = 0; turn < 10; turn += 1) {
    assert.equal((await change([tuple])).added.length, 1);
    assert.equal(await status(alice, "plan"), 200);
    assert.equal((await change([], [tuple])).removed.length, 1);
    assert.equal(await status(alice, "plan"), 403);
  }
  const mark = await postern.mark();
  await change(["document:plan#viewer@user:*"]);
  const events = await postern.eventsSince(mark);
  const noted = events.find((event) => event.action === "relations.change");
  assert.deepEqual([noted.subject, noted.tuples_added], ["root", ["document:plan#viewer@user:*"]]);
  assert.equal(await status(alice, "plan"), 200);
  await change([`document:plan#banned@user:main|alice`]);
  assert.equal(await status(alice, "plan"), 403);
});

test("many requests between changes see each change whole, and none sees what was revoked before it began", async () => {
  //
  await change(["document:shared#viewer@user:main|alice"]);
  for (let turn = 0; turn < 5; turn += 1) {
    const during = [...Array(10)].map(() => status(alice, "shared"));
    const revoked = change([], ["document:shared#viewer@user:main|alice"]);
    assert.ok((await Promise.all(during)).every((code) => code === 200 || code === 403));
    await revoked;
    const after = await Promise.all([...Array(10)].map(() => status(alice, "shared")));
    assert.deepEqual(new Set(after), new Set([403]));
    await change(["document:shared#viewer@user:main|alice"]);
    const again = await Promise.all([...Array(10)].map(() => status(alice, "shared")));
    assert.deepEqual(new Set(again), new Set([200]));
  }
});

test("a change is made whole or not at all, once or twice", async () => {
  const both = ["document:twice#viewer@user:main|alice", "document:twice#parent@folder:x"];
  assert.equal((await change(both)).added.length, 2);
  assert.deepEqual(await change(both), { status: 200, added: [], removed: [] });
  const refused = await change(["document:twice#viewer@user:main|bob", "document:twice#banned@user:*"]);
  assert.equal(refused.status, 422);
  const listed = JSON.parse((await root.fetch("/auth/admin/relations?object=document:twice")).body);
  const alias = `user:${main.url}|alice`;
  assert.deepEqual(listed, { tuples: ["document:twice#parent@folder:x", `document:twice#viewer@${alias}`], next: null });
  // Changes at the same time: each of them is either before or behind another.
  const order = (sub) => change([`document:twice#viewer@user:main|${sub}`]);
  const all = await Promise.all([...Array(20)].map((_, at) => order(`u${at % 5}`)));
  assert.equal(all.reduce((sum, { added }) => sum + added.length, 0), 5);
});

test("a list comes page by page", async () => {
  for (let from = 0; from < 250; from += 50) {
    await change([...Array(50)].map((_, at) => `group:many#member@user:main|u${String(from + at).padStart(3, "0")}`));
  }
  await change(["group:many#member@group:one#member", "group:many#member@group:two#member"]);
  const found = [];
  for (let next = ""; next !== null;) {
    const after = next && `&after=${encodeURIComponent(next)}`;
    const page = JSON.parse((await root.fetch(`/auth/admin/relations?object=group:many${after}`)).body);
    assert.ok(page.tuples.length <= 100);
    found.push(...page.tuples);
    ({ next } = page);
  }
  assert.equal(new Set(found).size, 252);
});

test("hostile ids are ids like any other, or none", async () => {
  for (const id of ["x'--", "x:y@z", "ünïcode", 'a"b', "{id}", "user:*", "x|y"]) {
    const tuple = `document:${id}#viewer@user:main|alice`;
    assert.equal(await status(alice, encodeURIComponent(id)), 403, id);
    assert.equal((await change([tuple])).status, 200, id);
    assert.equal(await status(alice, encodeURIComponent(id)), 200, id);
    assert.equal((await change([], [tuple])).removed.length, 1, id);
  }
  assert.equal((await change(["document:x';DROP TABLE tuple;--#viewer@user:main|alice"])).status, 422);
  assert.equal((await change(["document:x';DROP_TABLE_tuple;--#viewer@user:main|alice"])).status, 200);
  for (const id of ["*", "%2A", "plan%23viewer", "a%20b"]) assert.equal(await status(alice, id), 403, id);
  // A subject with signs that separate.
  const eve = await signedIn("alice#member|x y*");
  assert.equal(await status(eve, "plan"), 403);
  assert.equal((await change(["document:odd#viewer@user:main|alice%23member|x%20y*"])).status, 200);
  assert.deepEqual([await status(eve, "odd"), await status(alice, "odd")], [200, 403]);
});

test("check says who stands where, and at what cost", async () => {
  const { status: code, holds, rounds } = await post("/auth/admin/relations/check", { tuple: "document:plan#viewer@group:eng#member" });
  assert.deepEqual([code, holds, rounds >= 1], [200, true, true]);
  const explained = await post("/auth/admin/explain", { who: { provider: "main", claims: { sub: "bob" } }, request: "GET /documents/nothing" });
  assert.deepEqual([explained.outcome, explained.reason], ["deny", "authz.relation_missing"]);
});

test("objects that fail or answer nonsense let nobody through", async () => {
  //
  await change(["document:safe#viewer@user:main|alice"]);
  for (const fault of ["throw", "status", "garbage", "overloaded"]) {
    await postern.break({ TUPLES: fault });
    assert.equal(await status(alice, "safe"), 503, fault);
    assert.equal((await root.fetch("/auth/admin/relations?object=document:safe")).status, 503, fault);
  }
  await postern.break({});
  assert.equal(await status(alice, "safe"), 200);
  await postern.evict("TUPLES");
  assert.equal(await status(alice, "safe"), 200);
});
