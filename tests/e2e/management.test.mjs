// `/auth/admin`: who may manage, and why something was decided, in workerd.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertShut, endpoints, order, read, request, signedIn } from "./support/management.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({ main: {}, other: {} }, {
  tokens: { main: { kind: "agent" } },
  routes: {
    "/api/echo": { methods: ["GET"], upstream: "service:ECHO" },
    "/keys": { methods: ["GET"], upstream: "service:ECHO", require: { scopes: ["admin"] } },
  },
  vars: { ADMIN: { principals: ["main|root"] }, DECISIONS: { keep: "1h" } },
});
const { postern, issuers } = world;
after(() => world.mend());

const root = await signedIn(world, "root");
const alice = await signedIn(world, "alice", { roles: ["support"] });

test("every endpoint is shut to anonymous, to others, to a namesake and to an agent, and open to an administrator", async () => {
  const namesake = await signedIn(world, "root", {}, "other");
  const agent = [["authorization", `Bearer ${issuers.main.accessToken({ sub: "root", act: { sub: "assistant" } })}`]];
  const rows = await endpoints(root);
  const no = { status: 403, reason: "admin.not_an_administrator" };
  await assertShut(postern, rows, {
    anonymous: { browser: world.browser(), status: 401, reason: "authn.no_credential" },
    "another user": { browser: alice, ...no },
    namesake: { browser: namesake, ...no },
    agent: { browser: world.browser(), headers: agent, status: 401, reason: "authn.no_credential" },
    "an agent in another user's browser": { browser: alice, headers: agent, ...no },
  });
  for (const row of rows) {
    const { status } = await request(root, row);
    assert.ok(![401, 403, 405, 500].includes(status), `${row.path} ${status}`);
    const elsewhere = await request(root, row, { initiator: "https://evil.example" });
    assert.ok(elsewhere.status === 403 || elsewhere.status === 401, `${row.path} from elsewhere: ${elsewhere.status}`);
  }
});

test("a refusal is explained by the number that the caller saw, until it is forgotten", async () => {
  const refused = await alice.fetch("/keys");
  assert.equal(refused.status, 403);
  const { request_id: id } = JSON.parse(refused.body);
  const { json } = await read(root, `/auth/admin/decisions/${id}`);
  assert.deepEqual([json.decision.request_id, json.decision.reason, json.decision.subject, json.decision.route],
    [id, "authz.insufficient_scope", "alice", "/keys"]);
  assert.equal(json.because, "These scopes were not granted.");
  assert.equal((await alice.fetch(`/auth/admin/decisions/${id}`)).status, 403);
  const page = await root.navigate(`/auth/admin/explain?id=${id}`, { initiator: postern.origin });
  assert.match(page.body, /Refused[\s\S]*These scopes were not granted\.[\s\S]*alice/);
  // What is in memory is in the object's storage too.
  await postern.evict("DECISION_LOG");
  assert.equal((await read(root, `/auth/admin/decisions/${id}`)).status, 200);
  await postern.advance(3601);
  const again = await signedIn(world, "root");
  assert.equal((await read(again, `/auth/admin/decisions/${id}`)).status, 404);
});

test("what is let through is not kept where nobody says so", async () => {
  const root = await signedIn(world, "root");
  const mark = await postern.mark();
  assert.equal((await root.fetch("/api/echo")).status, 200);
  const [{ request_id: id }] = await postern.eventsSince(mark);
  assert.equal((await read(root, `/auth/admin/decisions/${id}`)).status, 404);
});

test("a log of decisions that does not answer delays and breaks no request, and is told of", async () => {
  const root = await signedIn(world, "root");
  const alice = await signedIn(world, "alice");
  for (const fault of ["throw", "hang"]) {
    await postern.break({ DECISION_LOG: fault });
    const mark = await postern.mark();
    const refused = await postern.timeless(() => alice.fetch("/keys"));
    assert.equal(refused.status, 403);
    if (fault === "throw") {
      const lines = (await postern.linesSince(mark)).filter((line) => line.includes("decision_not_kept"));
      assert.equal(lines.length, 1);
      assert.ok(lines[0].includes(JSON.parse(refused.body).request_id));
      assert.equal((await read(root, `/auth/admin/decisions/${JSON.parse(refused.body).request_id}`)).status, 503);
    }
  }
  await postern.break({});
});

test("what would be decided is what is decided", async () => {
  const root = await signedIn(world, "root");
  const alice = await signedIn(world, "alice");
  for (const path of ["/api/echo", "/keys", "/nowhere"]) {
    const mark = await postern.mark();
    await alice.fetch(path);
    const [event] = await postern.eventsSince(mark);
    const who = { provider: "main", claims: { sub: "alice" }, scopes: ["openid"] };
    const { json } = await order(root, "/auth/admin/explain", { who, request: `GET ${path}` });
    assert.deepEqual([json.outcome, json.reason, json.route ?? undefined], [event.outcome, event.reason, event.route], path);
  }
});
