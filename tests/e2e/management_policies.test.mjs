// Management where policies are built in: who else may manage, and policies published, tried and taken back, in workerd.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertShut, endpoints, order, read, request, signedIn } from "./support/management.mjs";
import { TEST_BUILD } from "./support/postern.mjs";
import { startWorld } from "./support/world.mjs";

/** What docs/guides/policies.md tells: after so many seconds an isolate looks for another version. */
const PULL_AFTER = 20;

const world = await startWorld({ main: { settings: { roles: ["roles"] } } }, {
  build: TEST_BUILD,
  policies: true,
  twin: true,
  tokens: { main: { kind: "agent" } },
  routes: { "/orders/{id}": { methods: ["GET"], upstream: "service:ECHO", policy: true } },
  vars: { ADMIN: { principals: ["main|root"] } },
});
const { postern, issuers } = world;
after(() => world.mend());

const root = await signedIn(world, "root");
const alice = await signedIn(world, "alice");
const support = await signedIn(world, "helper", { roles: ["support"] });

const READ = '@id("read") permit(principal, action in Action::"read", resource in Route::"/orders/{id}");';
const NOBODY = '@id("nobody") forbid(principal, action, resource);';
const SUPPORT = '@id("support") permit(principal in Role::"support", action == Action::"sessions.list", resource);';

const publish = (text, more = {}) => order(root, "/auth/admin/policies", { files: { "a.cedar": text }, as: "live", ...more });
const cookies = () => [["cookie", alice.jar.header({ crossSite: false, topLevelGet: true })]];
const statuses = async () => [(await alice.fetch("/orders/7")).status, (await postern.sendToTwin("/orders/7", { headers: cookies() })).status];

/** After the bound, in every isolate: who finds that it is time has the store looked at, and the next one knows. */
async function settled() {
  await postern.advance(PULL_AFTER);
  await statuses();
  await postern.settled();
  return statuses();
}

test("what is published decides within the bound, in every isolate, and going back does too", async () => {
  assert.deepEqual(await statuses(), [403, 403], "nothing is published");
  const mark = await postern.mark();
  const first = await publish(READ, { expect: 0 });
  assert.equal(first.status, 200, first.body);
  const [event] = await postern.eventsSince(mark);
  const { live, serial } = first.json.pointer;
  assert.deepEqual([event.event, event.action, event.subject, event.before, event.after],
    ["admin", "policies.publish", "root", "nothing", `${live} live, serial ${serial}`]);
  assert.deepEqual(await settled(), [200, 200]);
  const second = await publish(NOBODY, { expect: serial });
  assert.deepEqual(await settled(), [403, 403]);
  assert.equal((await publish(READ, { expect: serial })).status, 409);
  const back = await order(root, "/auth/admin/policies/pointer", { live, expect: second.json.pointer.serial });
  assert.equal(back.status, 200, back.body);
  assert.deepEqual(await settled(), [200, 200]);
  const { json } = await read(root, "/auth/admin/policies");
  assert.deepEqual(json.pointer, back.json.pointer);
  assert.deepEqual(json.versions.toSorted(), [live, second.json.pointer.live].toSorted());
  assert.deepEqual((await read(root, `/auth/admin/policies/${live}`)).json.files, { "a.cedar": READ });
});

test("what does not hold up is refused with its place, and what is published stays", async () => {
  const before = (await read(root, "/auth/admin/policies")).json.pointer;
  const { status, json } = await publish("permit(principal, action, resource)\nwhen { principal.nose == 1 };");
  assert.equal(status, 422);
  assert.match(json.problems[0], /^a\.cedar:2:\d+: /);
  assert.deepEqual((await read(root, "/auth/admin/policies")).json.pointer, before);
});

test("what names a route or an annotation that is not there is refused with its place", async () => {
  for (const [text, place] of [
    [READ.replace("/orders/", "/order/"), /^a\.cedar:1:\d+: the configuration has no route/],
    [READ.replace("@id", "@idd"), /^a\.cedar:1:1: there is no annotation `@idd`/],
    ["", /^a\.cedar: expected at least one policy/],
  ]) {
    const { status, json } = await publish(text);
    assert.equal(status, 422);
    assert.match(json.problems[0], place);
  }
});

test("a version on trial decides nothing, and is told of", async () => {
  const { live } = (await publish(READ)).json.pointer;
  const tried = await publish(NOBODY, { as: "shadow" });
  assert.equal(tried.json.pointer.live, live);
  assert.deepEqual(await settled(), [200, 200]);
  const mark = await postern.mark();
  await alice.fetch("/orders/7");
  const [{ policy_trial: trial }] = await postern.eventsSince(mark);
  assert.match(trial, /^policy\.forbidden nobody /);
});

test("every endpoint is shut to anonymous, to others, to a lower role but for what it is granted, and to an agent", async () => {
  assert.equal((await publish(`${READ}${SUPPORT}permit(principal, action, resource);`)).status, 200);
  await settled();
  const agent = [["authorization", `Bearer ${issuers.main.accessToken({ sub: "root", act: { sub: "assistant" } })}`]];
  const rows = await endpoints(root);
  const no = { status: 403, reason: "admin.not_an_administrator" };
  await assertShut(postern, rows, {
    anonymous: { browser: world.browser(), status: 401, reason: "authn.no_credential" },
    "another user": { browser: alice, ...no },
    agent: { browser: world.browser(), headers: agent, status: 401, reason: "authn.no_credential" },
  });
  const granted = ({ action }) => action === "sessions.list";
  await assertShut(postern, rows.filter((row) => !granted(row)), { "a lower role": { browser: support, ...no } });
  const row = rows.find(granted);
  // It is let in; what it asked for is incomplete.
  assert.equal((await request(support, row)).status, 400);
  const listed = await read(support, "/auth/admin/sessions?provider=main&subject=alice");
  assert.equal(listed.json.sessions.length, 1);
});

test("no mistake that is published shuts the administrators out, nor does a store that is down", async () => {
  const { status } = await publish('forbid(principal, action in Action::"administer", resource);\nforbid(principal, action, resource);');
  assert.equal(status, 200);
  await settled();
  assert.equal((await read(root, "/auth/admin")).status, 200);
  await postern.break({ POSTERN_POLICIES: "throw" });
  assert.equal((await read(root, "/auth/admin")).status, 200);
  assert.equal((await request(support, { method: "GET", path: "/auth/admin/sessions" })).status, 403);
  assert.equal((await read(root, "/auth/admin/policies")).status, 503);
  await postern.break({});
});

/** What would overflow the stack or take the isolate's time, had anybody read it: files of a version. */
const BOMBS = {
  "a chain of types": { "a.cedarschema": chain(3000, (at) => `entity E${at}${at ? ` in [E${at - 1}]` : ""};`) },
  "a chain of actions": { "a.cedarschema": chain(3000, (at) => `action "a${at}"${at ? ` in ["a${at - 1}"]` : ""};`) },
  "a chain through namespaces": {
    "a.cedarschema": chain(2000, (at) => `namespace n${at} { entity E${at ? ` in [n${at - 1}::E]` : ""}; }`),
  },
  "towers of types in types": {
    "a.cedarschema": chain(25, (at) => `type t${at} = { a: ${"Set<".repeat(25)}t${at + 1}${">".repeat(25)} };`) + "type t25 = Long;",
  },
  "types that are multiplied": {
    "a.cedarschema": `entity ${names("p", 40)}; entity ${names("r", 40)};
      action ${names("a", 20).replace(/\w+/g, '"$&"')} appliesTo { principal: [${names("p", 40)}], resource: [${names("r", 40)}] };`,
    "a.cedar": chain(100, (at) => `@id("${at}") permit(principal, action, resource) when { context == context };`),
  },
  "conditions without end": { "a.cedar": `permit(principal, action, resource)${" when { true }".repeat(15_000)};` },
  "attributes of attributes": { "a.cedar": `permit(principal, action, resource) when { context${'["a"]'.repeat(30_000)} };` },
  "brackets in brackets": { "a.cedar": `permit(principal, action, resource) when { ${"(".repeat(50_000)}true${")".repeat(50_000)} };` },
};

function chain(length, link) {
  return Array.from({ length }, (_, at) => `${link(at)}\n`).join("");
}

function names(name, count) {
  return Array.from({ length: count }, (_, at) => `${name}${at}`).join(", ");
}

test("no version that is brought takes along the requests that are under way", async () => {
  const before = (await read(root, "/auth/admin/policies")).json.pointer;
  const fault = (name, options) => postern.send(`/__fault/${name}`, options);
  // Those that could not be begun again, if the instance went: they would be answered 503.
  const count = async () => Number((await fault("count")).body);
  const asked = await count();
  const held = Array.from({ length: 10 }, () => fault("hold", { method: "POST", body: "x" }));
  let looks = 0;
  while ((await count()) - asked - (looks += 1) < 10) await new Promise((soon) => setTimeout(soon, 10));
  for (const [name, files] of Object.entries(BOMBS)) {
    const { status, json } = await order(root, "/auth/admin/policies", { files: { "a.cedar": READ, ...files }, as: "live" });
    assert.equal(status, 422, name);
    assert.equal(json.problems.length, 1, name);
  }
  await fault("release");
  const statuses = (await Promise.all(held)).map(({ status }) => status);
  assert.deepEqual(statuses, Array(10).fill(200));
  assert.deepEqual((await read(root, "/auth/admin/policies")).json.pointer, before);
  const nested = `{ "files": { "a.cedar": ${"[".repeat(20_000)} }`;
  const answer = await root.fetch("/auth/admin/policies", { method: "POST", headers: [["content-type", "application/json"]], body: nested });
  assert.equal(answer.status, 400);
});

test("what would be decided asks the published policies", async () => {
  await publish(READ);
  await settled();
  const { json } = await order(root, "/auth/admin/explain", { who: { provider: "main" }, request: "GET /orders/7" });
  assert.deepEqual([json.outcome, json.reason, json.policies], ["allow", "policy.permitted", ["read"]]);
});
