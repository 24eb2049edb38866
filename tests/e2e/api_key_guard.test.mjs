// API keys in workerd: what forged ones cost, what an owner who loses a role leaves of theirs, and what a process that dies
// in the middle of a rotation leaves of them.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Agent, request as httpRequest } from "node:http";
import { after, test } from "node:test";

import { startProviders } from "../provider/host.mjs";
import { Browser } from "./support/browser.mjs";
import { logIn } from "./support/login.mjs";
import { call } from "./support/tokens.mjs";
import { BareWorkerd } from "./support/workerd.mjs";
import { startWorld } from "./support/world.mjs";

const FLOOD = 10_000;
const LANES = 40;
/** Of `LIMITS.keys`, and what of it comes back while the flood lasts. */
const ASKED_AT_MOST = 60 + 60;
const KILLS = process.env.POSTERN_TEST_LONG === "1" ? 100 : 6;
const WINDOW_MS = 120;

const KEYS = { prefix: "acme", self_service: { roles: ["developer"], scopes: ["orders:read"], per_person: 50 } };
const ROUTES = {
  "/orders": { methods: ["GET"], upstream: "service:ECHO", authenticate: ["key"], require: { scopes: ["orders:read"] } },
  "/page": { methods: ["GET"], upstream: "service:ECHO" },
};
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const world = await startWorld({ main: { settings: { roles: ["roles"] } } }, { routes: ROUTES, vars: { KEYS } });
const { postern, issuers } = world;
const pool = new Agent({ keepAlive: true, maxSockets: LANES });
after(() => pool.destroy());

function base62(bytes, length) {
  let number = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  let text = "";
  for (; text.length < length; number /= 62n) text = DIGITS[Number(number % 62n)] + text;
  return text;
}

function crc32(text) {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(~crc >>> 0);
  return bytes;
}

/** A text with the form and check digits of a key, which names a root key that nobody has. */
function forged() {
  const text = `acme_${base62(randomBytes(32), 43)}`;
  return `${text}_${base62(crc32(text), 6)}`;
}

/** One request on a connection that stays open: its status. */
function ask(key) {
  return new Promise((resolve, reject) => {
    const headers = { host: new URL(postern.origin).host, authorization: `Bearer ${key}` };
    const outgoing = httpRequest({ host: "127.0.0.1", port: postern.port, path: "/orders", headers, agent: pool });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => incoming.resume().on("end", () => resolve(incoming.statusCode)));
    outgoing.end();
  });
}

const json = (browser, method, path, body) =>
  browser.fetch(path, { method, headers: [["content-type", "application/json"]], body: JSON.stringify(body) });

/** A key of a person with this role. */
async function madeBy(browser) {
  const answer = await json(browser, "POST", "/auth/keys", { name: "ci", scopes: ["orders:read"] });
  assert.equal(answer.status, 201, answer.body);
  return JSON.parse(answer.body);
}

async function signedIn(sub, roles, browser = world.browser()) {
  issuers.main.user = { sub };
  issuers.main.bend.idToken = (token) => void (token.claims.roles = roles);
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  return browser;
}

test("ten thousand forged keys ask the objects a bounded number of times", async (t) => {
  //
  const { key } = await madeBy(await signedIn("alice", ["developer"]));
  assert.equal((await call(postern, "/orders", key)).status, 200);
  const mark = await postern.mark();
  const statuses = {};
  let sent = 0;
  const lane = async () => {
    while (sent < FLOOD) {
      sent += 1;
      const status = await ask(forged());
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const reasons = {};
  for (const { reason } of await postern.allEventsSince(mark)) reasons[reason] = (reasons[reason] ?? 0) + 1;
  t.diagnostic(JSON.stringify({ statuses, reasons }));
  assert.deepEqual(Object.keys(statuses).toSorted(), ["401", "429"]);
  assert.ok(reasons["key.unknown"] <= ASKED_AT_MOST, `${reasons["key.unknown"]} questions`);
  assert.deepEqual(Object.keys(reasons).toSorted(), ["key.unknown", "limit.keys"]);
  // Only the object of the key that there is stores anything.
  assert.equal((await call(postern, "/orders", key)).status, 200);
});

test("an owner who signs in with fewer roles has a weaker key at once", async () => {
  //
  const browser = await signedIn("bob", ["developer"]);
  const { key, id } = await madeBy(browser);
  assert.equal((await call(postern, "/orders", key)).status, 200);
  await postern.advance(1);
  await signedIn("bob", ["guest"]);
  const mark = await postern.mark();
  assert.equal((await call(postern, "/orders", key)).status, 403);
  const event = await postern.logged(mark, ({ reason }) => reason === "key.powerless");
  assert.equal(event.key_id, id);
  await postern.advance(1);
  await signedIn("bob", ["developer"]);
  assert.equal((await call(postern, "/orders", key)).status, 200);
});

test("nobody signs in while their keys cannot be told", async () => {
  //
  await postern.break({ API_KEYS: "throw" });
  issuers.main.user = { sub: "carol" };
  assert.equal((await logIn(world.browser(), { provider: "main" })).status, 503);
  await postern.break({});
});

test("a key in an address is refused, and in no log line", async () => {
  //
  const { key, id } = await madeBy(await signedIn("dave", ["developer"]));
  const mark = await postern.mark();
  for (const path of [`/page?key=${key}`, `/${key}`, `/nothing/${encodeURIComponent(key)}`]) {
    assert.equal((await postern.send(path)).status, 400);
  }
  assert.equal((await postern.send("/page", { headers: [["cookie", `k=${key}`]] })).status, 400);
  await postern.logged(mark, ({ reason, key_id: named }) => reason === "key.exposed" && named === id);
  for (const line of await postern.linesSince(mark)) assert.ok(!line.includes(key), line);
});

test("a process that dies in the middle of a rotation loses no secret in use, and stores none", { timeout: KILLS * 20_000 }, async () => {
  //
  const host = await startProviders();
  const issuer = host.issuer("main");
  issuer.bend.idToken = (token) => void (token.claims.roles = ["developer"]);
  const workerd = new BareWorkerd({ providers: { main: { issuer, roles: ["roles"] } }, routes: ROUTES, vars: { KEYS } });
  after(() => Promise.all([workerd.close(), host.close()]));
  await workerd.start();
  const browser = new Browser(workerd);
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  const made = await madeBy(browser);
  const opens = async (key) => (await workerd.send("/orders", { headers: [["authorization", `Bearer ${key}`]] })).status === 200;
  const shown = [made.key];
  let inUse = made.key;
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const rotation = json(browser, "POST", `/auth/keys/${made.id}/rotate`, {}).catch(() => undefined);
    await new Promise((over) => setTimeout(over, (kill % 2) * Math.random() * WINDOW_MS));
    await workerd.kill();
    const answer = await rotation;
    await workerd.start();
    assert.ok(await opens(inUse), `after kill ${kill}`);
    if (answer?.status === 200) {
      inUse = JSON.parse(answer.body).key;
      shown.push(inUse);
      assert.ok(await opens(inUse), `the new secret after kill ${kill}`);
    }
  }
  const stored = workerd.storedBytes();
  assert.ok(stored.includes("orders:read"), "the records are in it");
  for (const key of shown) assert.ok(!stored.includes(key.split("_")[1]), "a key in plain sight");
});
