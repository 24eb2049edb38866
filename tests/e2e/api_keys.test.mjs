// API keys over HTTP, at two isolates in front of the same objects: made, shown once, used, rotated, deleted; reported by whoever
// finds one, and by GitHub.

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import { after, afterEach, test } from "node:test";

import { send } from "./support/http.mjs";
import { logIn } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

/** Who signs as GitHub does, and lists its keys. */
const github = { keys: new Map(), asked: 0 };
const list = createServer((request, response) => {
  github.asked += 1;
  assert.ok(request.headers["user-agent"], "GitHub turns away who does not say who it is");
  const keys = [...github.keys].map(([name, { publicKey }]) => ({
    key_identifier: name, key: publicKey.export({ type: "spki", format: "pem" }), is_current: true,
  }));
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ public_keys: keys }));
});
await new Promise((resolve) => list.listen(0, "127.0.0.1", resolve));
after(() => list.close());

const guarded = { methods: ["GET"], upstream: "service:ECHO", authenticate: ["key"], require: { scopes: ["orders:read"] } };
const world = await startWorld({ main: {} }, {
  routes: { "/api/orders": guarded },
  vars: {
    KEYS: {
      prefix: "acme", self_service: { scopes: ["orders:read", "orders:write"], per_person: 20 },
      github: `http://127.0.0.1:${list.address().port}/meta/public_keys/secret_scanning`,
    },
    LIMITS: { login: false, callback: false, keys: false },
    ADMIN: { principals: ["main|root"] },
  },
  twin: true,
});
const { postern, issuers } = world;
afterEach(() => world.mend());

let people = 0;
async function signedIn(sub = `person-${(people += 1)}`) {
  issuers.main.user = { sub };
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  return browser;
}

const json = (browser, method, path, body) =>
  browser.fetch(path, { method, headers: [["content-type", "application/json"]], body: body === undefined ? "" : JSON.stringify(body) });

async function made(browser, more = {}) {
  const answer = await json(browser, "POST", "/auth/keys", { name: "build", scopes: ["orders:read"], ...more });
  assert.equal(answer.status, 201, answer.body);
  return JSON.parse(answer.body);
}

const program = (path, headers = [], { method = "GET", body = "" } = {}) =>
  send({ port: postern.port, url: `${postern.origin}${path}`, method, headers, body });
const opens = async (key) => (await program("/api/orders", [["authorization", `Bearer ${key}`]])).status;
/** The same in the other isolate, which no order comes to: that one first. */
async function opensInBoth(key) {
  const there = await postern.sendToTwin("/api/orders", { headers: [["authorization", `Bearer ${key}`]] });
  return [there.status, await opens(key)];
}
const listed = async (browser) => JSON.parse((await browser.fetch("/auth/keys")).body).keys;

test("a key is shown once, works until it is deleted, and no storage or list shows it again", async () => {
  //
  const browser = await signedIn();
  const answer = await json(browser, "POST", "/auth/keys", { name: "build", scopes: ["orders:read"], expires_in_days: 7 });
  assert.equal(answer.headers["cache-control"], "private, no-store");
  const { key, id } = JSON.parse(answer.body);
  assert.match(key, /^acme_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
  assert.equal(await opens(key), 200);
  assert.equal(await opens(`${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`), 401);
  const [one] = await listed(browser);
  assert.deepEqual([one.id, one.name, one.scopes, one.key], [id, "build", ["orders:read"], undefined]);
  const page = await browser.navigate("/auth/keys", { initiator: postern.origin });
  assert.ok(page.body.includes("build") && !page.body.includes(key));
  assert.equal((await browser.fetch(`/auth/keys/${id}`, { method: "DELETE" })).status, 200);
  assert.equal(await opens(key), 401);
});

test("a rotated key works beside its successor; another person can do nothing to either", async () => {
  //
  const [browser, other] = [await signedIn(), await signedIn()];
  const { key, id } = await made(browser);
  for (const [method, path] of [["POST", `/auth/keys/${id}/rotate`], ["DELETE", `/auth/keys/${id}`]]) {
    assert.equal((await other.fetch(path, { method })).status, 404);
  }
  const rotated = JSON.parse((await browser.fetch(`/auth/keys/${id}/rotate`, { method: "POST" })).body);
  assert.equal(rotated.id, id);
  assert.deepEqual([await opens(key), await opens(rotated.key)], [200, 200]);
  await browser.navigate(`/auth/keys/${id}/delete`, { method: "POST", fields: [], initiator: postern.origin });
  assert.deepEqual([await opens(key), await opens(rotated.key)], [401, 401]);
});

test("the key before a rotation is ended at once, on the page and by a program, and the new one works on", async () => {
  //
  const browser = await signedIn();
  const { key, id } = await made(browser);
  const rotate = async () => JSON.parse((await browser.fetch(`/auth/keys/${id}/rotate`, { method: "POST" })).body).key;
  const second = await rotate();
  assert.deepEqual([await opens(key), await opens(second)], [200, 200]);
  const ended = await browser.fetch(`/auth/keys/${id}/end-old`, { method: "POST" });
  assert.deepEqual([ended.status, JSON.parse(ended.body).old_until], [200, undefined]);
  assert.deepEqual([await opens(key), await opens(second)], [401, 200]);
  assert.equal((await browser.fetch(`/auth/keys/${id}/end-old`, { method: "POST" })).status, 404);
  const third = await rotate();
  const page = await browser.navigate("/auth/keys", { initiator: postern.origin });
  assert.ok(page.body.includes(`action="/auth/keys/${id}/end-old"`), page.body);
  await browser.navigate(`/auth/keys/${id}/end-old`, { method: "POST", fields: [], initiator: postern.origin });
  // The object out of memory knows the same.
  await postern.evict("API_KEYS");
  assert.deepEqual([await opens(second), await opens(third)], [401, 200]);
});

test("a key that is deleted, replaced or reported in one isolate is dead on the next request in the other", async () => {
  //
  const browser = await signedIn();
  const [deleted, reportedHere, reportedThere, rotated] = await Promise.all(Array.from({ length: 4 }, () => made(browser)));
  const next = JSON.parse((await browser.fetch(`/auth/keys/${rotated.id}/rotate`, { method: "POST" })).body).key;
  const all = [deleted.key, reportedHere.key, reportedThere.key, rotated.key, next];
  for (const key of all) assert.deepEqual(await opensInBoth(key), [200, 200]);
  assert.equal((await browser.fetch(`/auth/keys/${deleted.id}`, { method: "DELETE" })).status, 200);
  assert.deepEqual(await opensInBoth(deleted.key), [401, 401]);
  const leaked = (key) => ({ method: "POST", body: key, headers: [["content-type", "text/plain"]] });
  assert.equal((await postern.send("/auth/keys/leaked", leaked(reportedHere.key))).status, 202);
  assert.deepEqual(await opensInBoth(reportedHere.key), [401, 401]);
  assert.equal((await postern.sendToTwin("/auth/keys/leaked", leaked(reportedThere.key))).status, 202);
  assert.equal(await opens(reportedThere.key), 401);
  assert.deepEqual(await opensInBoth(reportedThere.key), [401, 401]);
  // The overlap of a rotation: a day.
  assert.deepEqual([await opensInBoth(rotated.key), await opensInBoth(next)], [[200, 200], [200, 200]]);
  await postern.advance(24 * 3600 + 1);
  assert.deepEqual([await opensInBoth(rotated.key), await opensInBoth(next)], [[401, 401], [200, 200]]);
});

test("a key makes no key, nor does anybody whose sign-in was long ago", async () => {
  //
  const browser = await signedIn();
  const { key } = await made(browser);
  const body = JSON.stringify({ name: "x", scopes: [] });
  const headers = [["authorization", `Bearer ${key}`], ["content-type", "application/json"]];
  assert.equal((await program("/auth/keys", headers, { method: "POST", body })).status, 401);
  await postern.advance(15 * 60 + 70);
  const answer = await json(browser, "POST", "/auth/keys", { name: "x", scopes: ["orders:read"] });
  assert.equal(answer.status, 401);
  assert.equal(JSON.parse(answer.body).type, "urn:postern:problem:insufficient-user-authentication");
  assert.equal(await opens(key), 200);
});

/** What GitHub would send. */
function report(keys, { name = "k1", pair = github.keys.get(name), body } = {}) {
  const text = body ?? JSON.stringify(keys.map((token) => ({ token, type: "acme_api_key", url: "https://github.com/x", source: "commit" })));
  const signature = sign("sha256", Buffer.from(text), pair.privateKey).toString("base64");
  const headers = [["content-type", "application/json"], ["github-public-key-identifier", name], ["github-public-key-signature", signature]];
  return { headers, body: text };
}
const newPair = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
const reported = ({ headers, body }) => program("/auth/keys/leaked/github", headers, { method: "POST", body });

test("GitHub ends the keys that it found, learns which were real, and nobody else ends any", async () => {
  //
  github.keys.set("k1", newPair());
  const browser = await signedIn();
  const [{ key, id }, { key: kept }] = [await made(browser), await made(browser)];
  for (const bad of [
    { ...report([key]), body: `${report([key]).body} ` },
    report([key], { pair: newPair() }),
    report([key], { name: "k2", pair: newPair() }),
    { ...report([key]), headers: [["content-type", "application/json"]] },
    report(Array(1001).fill(key)),
  ]) {
    assert.equal((await reported(bad)).status, 400);
  }
  assert.equal(await opens(key), 200);
  const answer = await reported(report([key, "acme_nothing", key]));
  assert.equal(answer.status, 200);
  const told = JSON.parse(answer.body);
  assert.deepEqual(told.map(({ label }) => label), ["true_positive", "false_positive", "true_positive"]);
  assert.equal(told[0].token_hash, createHash("sha256").update(key).digest("hex"));
  assert.deepEqual([await opens(key), await opens(kept)], [401, 200]);
  const gone = (await listed(browser)).find((one) => one.id === id);
  assert.equal(gone.ended.why, "leaked");
  // A key that GitHub begins to sign with is found at once.
  await postern.advance(60);
  github.keys.set("k3", newPair());
  assert.deepEqual(JSON.parse((await reported(report([kept], { name: "k3" }))).body).map(({ label }) => label), ["true_positive"]);
  assert.equal(await opens(kept), 401);
  assert.ok(github.asked <= 6, `${github.asked} questions`);
});

test("whoever holds a key ends it, and everybody gets the same answer", async () => {
  //
  const browser = await signedIn();
  const { key } = await made(browser);
  const answers = [];
  for (const body of ["nothing", key, key]) {
    answers.push(await program("/auth/keys/leaked", [["content-type", "text/plain"]], { method: "POST", body }));
  }
  assert.deepEqual(answers.map(({ status, body }) => [status, body]), Array(3).fill([202, ""]));
  assert.equal(await opens(key), 401);
});

test("an administrator revokes all keys of somebody, and makes one for a service", async () => {
  const browser = await signedIn("leaver");
  const keys = [(await made(browser)).key, (await made(browser)).key];
  const root = await signedIn("root");
  const revoked = await json(root, "POST", "/auth/admin/keys/revoke", { provider: "main", subject: "leaver" });
  assert.equal(JSON.parse(revoked.body).revoked.length, 2, revoked.body);
  assert.deepEqual([await opens(keys[0]), await opens(keys[1])], [401, 401]);
  const answer = await json(root, "POST", "/auth/admin/keys", { service: "billing", name: "nightly", scopes: ["orders:read"] });
  const { key } = JSON.parse(answer.body);
  assert.equal(await opens(key), 200);
  const all = JSON.parse((await root.fetch("/auth/admin/keys?service=billing")).body).keys;
  assert.deepEqual(all[0].holder, { service: "billing" });
  await json(root, "POST", "/auth/admin/keys/revoke", { service: "billing" });
  assert.equal(await opens(key), 401);
});
