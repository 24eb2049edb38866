// `/auth/health` of the running Worker: one word for all, and what works for the monitor and for administrators.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import { logIn } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const SECRET = randomBytes(24).toString("base64url");
const vars = {
  HEALTH: {}, POSTERN_HEALTH_SECRET: SECRET, ADMIN: { principals: ["main|root"] }, DECISIONS: { keep: "24h" },
  RELATIONS: { document: { viewer: "[user]" } },
};
const routes = { "/page": { methods: ["GET"], upstream: "service:ECHO" }, "/lost": { methods: ["GET"], upstream: "service:LOST" } };
const world = await startWorld({ main: { user: { sub: "root" } } }, { vars, routes });
const { postern } = world;

const plain = () => postern.send("/auth/health");
async function report() {
  const answer = await postern.send("/auth/health", { headers: [["authorization", `Bearer ${SECRET}`]] });
  return { code: answer.status, ...JSON.parse(answer.body) };
}
const failing = ({ bindings }) => bindings.filter(({ status }) => status !== "ok").map(({ name }) => name);

test("the monitor sees each store answer, and a binding that was forgotten", async () => {
  //
  const { code, status, version, config, bindings, issuers, ...told } = await report();
  assert.deepEqual([code, status, failing({ bindings })], [200, "degraded", ["LOST"]], JSON.stringify(told));
  assert.match(version, /^\d+\.\d+\.\d+/);
  assert.match(config, /^[0-9a-f]{12}$/);
  const names = bindings.map(({ name }) => name);
  for (const name of ["SUBJECTS", "ONCE", "SID_INDEX", "TUPLES", "DECISION_LOG", "POSTERN_CACHE", "ECHO"]) assert.ok(names.includes(name), name);
  assert.deepEqual(issuers.map(({ name, status: of }) => [name, of]), [[world.issuers.main.url, "ok"]]);
});

test("each store that fails is named to the monitor and to nobody else", async () => {
  for (const [name, code] of [["SUBJECTS", 503], ["ONCE", 503], ["SID_INDEX", 503], ["TUPLES", 503], ["DECISION_LOG", 503], ["POSTERN_CACHE", 200]]) {
    await postern.break({ [name]: "throw" });
    const told = await report();
    assert.deepEqual([told.code, failing(told)], [code, [name, "LOST"].sort((one, other) => told.bindings.findIndex((each) => each.name === one) - told.bindings.findIndex((each) => each.name === other))], name);
    const { status, body } = await plain();
    assert.deepEqual([status, body], [200, '{"status":"ok"}'], "the public answer asks no store");
  }
  await postern.break({});
  assert.equal((await report()).code, 200);
});

test("to ask stores nothing of anybody", async () => {
  for (let turn = 0; turn < 3; turn += 1) await report();
  const objects = await Promise.all((await postern.objects("SUBJECTS")).map((object) => object.stored()));
  assert.ok(objects.length > 0);
  for (const { tables } of objects) assert.deepEqual(tables, []);
});

test("another secret is refused, and administrators see the same with their session", async () => {
  const wrong = await postern.send("/auth/health", { headers: [["authorization", `Bearer ${SECRET}x`]] });
  assert.equal(wrong.status, 401);
  const root = world.browser();
  await logIn(root);
  const seen = JSON.parse((await root.fetch("/auth/admin/health")).body);
  assert.equal(seen.version, (await report()).version);
  assert.equal((await world.browser().fetch("/auth/admin/health")).status, 401);
});
