// The block list, over two isolates and the object that both ask: who is blocked is refused on the next request, and nothing
// that was confirmed is lost when workerd is killed.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { startProviders } from "../provider/host.mjs";
import { Browser } from "./support/browser.mjs";
import { authorize, begin, callback, logIn } from "./support/login.mjs";
import { order, read, signedIn } from "./support/management.mjs";
import { coming, handshake } from "./support/websocket.mjs";
import { BareWorkerd } from "./support/workerd.mjs";
import { startWorld } from "./support/world.mjs";

const API = { methods: ["GET", "POST"], upstream: "service:ECHO", authenticate: ["session", "bearer"] };
const ADMIN = {
  principals: ["main|root"],
  blocks: true,
  services: { offboarding: { issuer: "main", client_id: "offboarding", actions: ["blocks.add", "blocks.list"], bearer: true } },
};
const world = await startWorld({ main: {} }, {
  tokens: { main: { kind: "service" } },
  routes: { "/api/echo": API, "/live/{*rest}": API },
  vars: { ADMIN },
  upstream: fileURLToPath(new URL("support/live_upstream.mjs", import.meta.url)),
  twin: true,
});
const { postern, issuers } = world;

const bearing = (claims = {}) => [["authorization", `Bearer ${issuers.main.accessToken({ client_id: "reporter", ...claims })}`]];
const both = (path, options) => Promise.all([postern.send(path, options), postern.sendToTwin(path, options)]);
const statuses = async (headers) => (await both("/api/echo", { headers })).map(({ status }) => status);

test("who is blocked is refused on the next request in both isolates, and let in once the block is lifted", async () => {
  //
  const root = await signedIn(world, "root");
  const target = { issuer: issuers.main.url, subject: "svc" };
  assert.deepEqual(await statuses(bearing({ sub: "svc" })), [200, 200]);
  const mark = await postern.mark();
  assert.equal((await order(root, "/auth/admin/blocks", { ...target, reason: "leaked" })).json.blocked, true);
  assert.deepEqual(await statuses(bearing({ sub: "svc" })), [401, 401]);
  const events = await postern.eventsSince(mark);
  assert.deepEqual(events.map(({ reason }) => reason).filter((reason) => reason.startsWith("block.")), ["block.subject", "block.subject"]);
  assert.deepEqual(await statuses(bearing({ sub: "other" })), [200, 200]);
  const { json } = await read(root, "/auth/admin/blocks");
  assert.deepEqual(json.blocks.map(({ subject, reason, by }) => [subject, reason, by]), [["svc", "leaked", "main|root"]]);
  // What is in the object's memory is in its storage too.
  await postern.evict("BLOCKS");
  assert.deepEqual(await statuses(bearing({ sub: "svc" })), [401, 401]);
  assert.equal((await order(root, "/auth/admin/blocks/lift", target)).json.lifted, true);
  assert.deepEqual(await statuses(bearing({ sub: "svc" })), [200, 200]);
});

test("a program blocks a person: their sessions end, and a sign-in that was under way is refused", async () => {
  //
  const alice = await signedIn(world, "alice");
  issuers.main.user = { sub: "alice" };
  const late = world.browser();
  const step = await authorize(late, await begin(late, { provider: "main" }));
  const headers = [["content-type", "application/json"], ...bearing({ sub: "offboarding", client_id: "offboarding" })];
  const body = JSON.stringify({ provider: "main", subject: "alice", reason: "left" });
  const answer = await postern.send("/auth/admin/blocks", { method: "POST", headers, body });
  assert.deepEqual([answer.status, JSON.parse(answer.body).ended], [200, 1]);
  assert.equal((await alice.fetch("/api/echo")).status, 401);
  const mark = await postern.mark();
  assert.equal((await callback(late, step)).status, 403);
  assert.equal((await postern.eventsSince(mark)).at(-1).reason, "block.person");
  // What its entry does not name it may not.
  const lift = await postern.send("/auth/admin/blocks/lift", { method: "POST", headers, body: JSON.stringify({ provider: "main", subject: "alice" }) });
  assert.equal(lift.status, 403);
  const root = await signedIn(world, "root");
  assert.equal((await order(root, "/auth/admin/blocks/lift", { provider: "main", subject: "alice" })).json.lifted, true);
});

test("a program's WebSocket is closed when the program is blocked", async () => {
  //
  const root = await signedIn(world, "root");
  const { status, socket } = await handshake(postern, "/live/talk", bearing({ sub: "talker" }));
  assert.equal(status, 101);
  assert.equal((await order(root, "/auth/admin/blocks", { issuer: issuers.main.url, subject: "talker" })).status, 200);
  assert.equal((await coming(socket.closed, "the close")).code, 4401);
});

test("sessions from before a moment count no more in the other isolate, five seconds later at the latest", async () => {
  //
  const alice = await signedIn(world, "bob");
  const cookie = alice.jar.header({ crossSite: false, topLevelGet: false });
  const root = await signedIn(world, "root");
  await postern.advance(1);
  assert.equal((await order(root, "/auth/admin/not-before", { provider: "main" })).status, 200);
  const later = await signedIn(world, "root");
  await postern.advance(5);
  const refused = await postern.sendToTwin("/api/echo", { headers: [["cookie", cookie]] });
  assert.equal(refused.status, 401);
  assert.equal((await root.fetch("/api/echo")).status, 401);
  assert.equal((await later.fetch("/api/echo")).status, 200);
});

test("a moment that is cleared refuses nothing in the other isolate either", async () => {
  //
  const root = await signedIn(world, "root");
  const issued = () => bearing({ sub: "svc", iat: issuers.main.clock() - 5 });
  const everybody = { everybody: true };
  const headers = issued();
  await postern.advance(1);
  assert.equal((await order(root, "/auth/admin/not-before", { ...everybody, tokens: true })).status, 200);
  assert.deepEqual(await statuses(headers), [401, 401]);
  // The moment ended the session of the administrator who moved it as well.
  const later = await signedIn(world, "root");
  assert.deepEqual((await order(later, "/auth/admin/not-before/clear", everybody)).json, { cleared: true });
  assert.deepEqual(await statuses(headers), [200, 200]);
  await postern.evict("BLOCKS");
  assert.deepEqual((await order(later, "/auth/admin/not-before/clear", everybody)).json, { cleared: false });
  assert.deepEqual(await statuses(headers), [200, 200]);
});

test("where the list does not answer, nobody is let in", async () => {
  //
  await postern.break({ BLOCKS: "throw" });
  assert.deepEqual(await statuses(bearing({ sub: "other" })), [503, 503]);
  await postern.break({});
  assert.deepEqual(await statuses(bearing({ sub: "other" })), [200, 200]);
});

test("what was confirmed is there after a kill", async () => {
  //
  const host = await startProviders();
  const issuer = host.issuer("main");
  const ISSUERS = { main: { issuer: issuer.url, algs: [issuer.alg], audience: "https://api.example.com", kind: "service" } };
  const workerd = new BareWorkerd({ providers: { main: issuer }, routes: { "/api/echo": API }, vars: { ADMIN, ISSUERS } });
  after(() => Promise.all([workerd.close(), host.close()]));
  await workerd.start();
  const asked = async (sub) => (await workerd.send("/api/echo", { headers: [["authorization", `Bearer ${issuer.accessToken({ sub, client_id: "reporter" })}`]] })).status;
  const signIn = async (sub) => {
    issuer.user = { sub };
    const browser = new Browser(workerd);
    return [browser, (await logIn(browser)).status];
  };
  assert.equal(await asked("svc"), 200);
  const [root] = await signIn("root");
  for (const target of [{ issuer: issuer.url, subject: "svc" }, { provider: "main", subject: "alice" }]) {
    assert.equal((await order(root, "/auth/admin/blocks", target)).status, 200);
  }
  await workerd.kill();
  await workerd.start();
  assert.deepEqual([await asked("svc"), await asked("other")], [401, 200]);
  assert.equal((await signIn("alice"))[1], 403);
  assert.equal((await signIn("bob"))[1], 200);
});
