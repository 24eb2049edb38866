// Second factors that are asked for by a role and by policies, and that an administrator sees and takes away, in workerd.

import assert from "node:assert/strict";
import { test } from "node:test";

import { order, read, signedIn } from "./support/management.mjs";
import { Publisher } from "./support/policies.mjs";
import { codeOf, stepAt } from "./support/totp.mjs";
import { startWorld } from "./support/world.mjs";

const PAYS = `permit(principal, action, resource);
@id("pay") @second("300") forbid(principal, action, resource)
unless { context has second && context.second.by == "totp" && context.second.age <= 300 };`;

const world = await startWorld({ main: { settings: { roles: ["roles"] } } }, {
  policies: true,
  routes: {
    "/page": { methods: ["GET"], upstream: "service:ECHO" },
    "/pay": { methods: ["GET"], upstream: "service:ECHO", policy: true },
  },
  vars: { SECOND: { factors: ["totp"], required_for: { roles: ["admin"] } }, ADMIN: { principals: ["main|root"] } },
});
const { postern } = world;
await new Publisher(postern).publish(PAYS);
const root = await signedIn(world, "root");

const FACTORS = "/auth/admin/factors?provider=main&subject=";
const code = (secret) => codeOf(secret, stepAt(postern.now()));

/** Adds an app: its secret. */
async function withApp(browser) {
  const { json } = await order(browser, "/auth/second/totp/begin", {});
  const added = await order(browser, "/auth/second/totp/finish", { pending: json.pending, code: code(json.secret), name: "Phone" });
  assert.equal(added.status, 201, added.body);
  return json.secret;
}

async function prove(browser, secret) {
  const { status, body } = await order(browser, "/auth/second/verify/totp", { code: code(secret) });
  assert.equal(status, 200, body);
}

/** Status and reason of an answer. */
async function told(browser, path) {
  const mark = await postern.mark();
  const { status } = await browser.fetch(path);
  const [{ reason }] = (await postern.eventsSince(mark)).filter(({ event }) => event === "access");
  return [status, reason];
}

test("people with a role prove a factor in each session, and others need not", async () => {
  //
  const clerk = await signedIn(world, "clara", { roles: ["clerk"] });
  assert.deepEqual(await told(clerk, "/page"), [200, "authz.requirements_met"]);
  const admin = await signedIn(world, "adam", { roles: ["clerk", "admin"] });
  assert.deepEqual(await told(admin, "/page"), [401, "authz.second_missing"]);
  const sent = await admin.navigate("/page", { initiator: postern.origin, follow: 0 });
  assert.equal(sent.headers.location, "/auth/second/verify?return_to=%2Fpage", sent.body);
  // Adding one proves it; the next session begins without.
  const secret = await withApp(admin);
  assert.deepEqual(await told(admin, "/page"), [200, "authz.requirements_met"]);
  const next = await signedIn(world, "adam", { roles: ["admin"] });
  assert.deepEqual(await told(next, "/page"), [401, "authz.second_missing"]);
  await postern.advance(30);
  await prove(next, secret);
  assert.deepEqual(await told(next, "/page"), [200, "authz.requirements_met"]);
});

test("a policy asks for a factor of a few minutes ago", async () => {
  const paula = await signedIn(world, "paula", { roles: ["clerk"] });
  assert.deepEqual(await told(paula, "/pay"), [401, "authz.second_missing"]);
  const secret = await withApp(paula);
  assert.deepEqual(await told(paula, "/pay"), [200, "authz.requirements_met"]);
  await postern.advance(301);
  assert.deepEqual(await told(paula, "/pay"), [401, "authz.second_too_old"]);
  const { body } = await paula.fetch("/pay");
  assert.deepEqual([JSON.parse(body).max_age, JSON.parse(body).verify_url], [300, "/auth/second/verify"]);
  await prove(paula, secret);
  assert.deepEqual(await told(paula, "/pay"), [200, "authz.requirements_met"]);
});

test("an administrator sees the factors of somebody and takes all away, and the log names both", async () => {
  //
  const nothing = { factors: [], recovery_codes: { left: 0, made_at: null }, locked_until: { totp: null, recovery: null } };
  const lost = await signedIn(world, "lena", { roles: ["clerk"] });
  assert.deepEqual((await read(root, `${FACTORS}lena`)).json, nothing);
  const secret = await withApp(lost);
  const { json: listed, body } = await read(root, `${FACTORS}lena`);
  assert.deepEqual(listed.factors.map(({ kind, name, usable }) => [kind, name, usable]), [["totp", "Phone", true]]);
  assert.equal(listed.recovery_codes.left, 10);
  assert.ok(!body.includes(secret));

  const whom = { provider: "main", subject: "lena" };
  assert.equal((await order(lost, "/auth/admin/factors/reset", whom)).status, 403);
  assert.equal((await order(root, "/auth/admin/factors/reset", { provider: "main", subject: "root" })).status, 422);
  const mark = await postern.mark();
  const reset = await order(root, "/auth/admin/factors/reset", whom);
  assert.deepEqual([reset.status, reset.json.removed, reset.json.ended], [200, listed, 1], reset.body);
  const [event] = await postern.eventsSince(mark);
  assert.deepEqual([event.subject, event.action, event.target], ["root", "factors.reset", "main|lena"]);
  await postern.evict("SUBJECTS");
  assert.deepEqual((await read(root, `${FACTORS}lena`)).json, nothing);
  assert.equal((await lost.fetch("/page")).status, 401);
  // What began in that second has ended with it.
  await postern.advance(1);
  const again = await signedIn(world, "lena", { roles: ["clerk"] });
  assert.notEqual((await order(again, "/auth/second/verify/totp", { code: code(secret) })).status, 200);
  assert.deepEqual(await told(again, "/pay"), [401, "authz.second_missing"]);
});
