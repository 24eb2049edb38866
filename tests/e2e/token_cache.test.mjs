// Signed access tokens that an isolate has seen before: as good as at first sight, and no better.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { newKey } from "../provider/keys.mjs";
import { DpopKey } from "./support/machine.mjs";
import { assertTokenRefused, call } from "./support/tokens.mjs";
import { startWorld } from "./support/world.mjs";

const bearer = (more = {}) => ({ upstream: "service:ECHO", authenticate: ["bearer"], ...more });
const IDS = ["main", "removed", "swapped", "down"];
const world = await startWorld(Object.fromEntries(IDS.map((id) => [id, {}])), {
  tokens: Object.fromEntries(IDS.map((id) => [id, {}])),
  routes: { "/v1/{*rest}": bearer(), "/write": bearer({ require: { scopes: ["write"] } }) },
});
const { postern, issuers } = world;
afterEach(() => world.mend());

/** The event of one call that goes through. */
async function allowed(token, path = "/v1/a") {
  const mark = await postern.mark();
  const answer = await call(postern, path, token);
  assert.equal(answer.status, 200, answer.body);
  const [event] = await postern.eventsSince(mark);
  return event;
}

const refused = (token, reason, { path = "/v1/a", status = 401, error = "invalid_token" } = {}) =>
  assertTokenRefused(postern, () => call(postern, path, token), { tokens: [token], status, error, reason });

test("a token is remembered after its first request, and the second sees the same caller", async () => {
  const token = issuers.main.accessToken({ sub: "alice", act: { sub: "bot" } });
  const [first, second] = [await allowed(token), await allowed(token)];
  assert.deepEqual([first.remembered, second.remembered], [undefined, true]);
  for (const name of ["subject", "issuer", "client_id", "kind", "token_id", "token_issuer", "actors"]) assert.deepEqual(second[name], first[name], name);
});

test("a known token with any byte of it changed is another token", async () => {
  //
  const token = issuers.main.accessToken();
  await allowed(token);
  const [header, payload, signature] = token.split(".");
  const other = issuers.main.accessToken({ sub: "mallory" }, { key: newKey("RS256"), header: { kid: issuers.main.keys[0].kid } });
  const changed = [
    `${header}.${payload}.${other.split(".")[2]}`, `${header}.${other.split(".")[1]}.${signature}`, `${header}.${payload}.`,
    `${header}.${payload}.${signature}A`, `${header}.${payload}.${signature.slice(0, -1)}`, `${header}.${payload}.${signature.replace(/^./, (c) => (c === "A" ? "B" : "A"))}`,
  ];
  for (const one of changed) await refused(one, /^jwt\./);
  assert.equal((await allowed(token)).remembered, true);
});

test("everybody's token answers for its owner alone, however the requests are mixed", async () => {
  const people = Array.from({ length: 12 }, (_, number) => `person-${number}`);
  const tokens = people.map((sub) => issuers.main.accessToken({ sub }));
  const mark = await postern.mark();
  const order = Array.from({ length: 300 }, (_, number) => (number * 7 + (number % 5)) % people.length);
  const answers = await Promise.all(order.map((person, number) => call(postern, `/v1/${person}-${number}`, tokens[person])));
  assert.ok(answers.every(({ status }) => status === 200));
  const events = await postern.eventsSince(mark);
  assert.equal(events.length, order.length);
  for (const { path, subject } of events) assert.equal(subject, people[Number(/^\/v1\/(\d+)-/.exec(path)[1])], path);
  assert.ok(events.filter(({ remembered }) => remembered).length >= 200);
});

test("a known token ends when it says", async () => {
  //
  const token = issuers.main.accessToken({ exp: issuers.main.clock() + 20 });
  await allowed(token);
  await postern.advance(60);
  assert.equal((await allowed(token)).remembered, true);
  await postern.advance(20);
  await refused(token, "access_token.expired");
});

test("a known token ends with the key that signed it, within the documented bound", async () => {
  //
  const token = issuers.removed.accessToken({ exp: issuers.removed.clock() + 10_000 });
  await allowed(token);
  issuers.removed.keys = [newKey("RS256")];
  // Whoever comes when it is time to ask may still be let in; the others are not.
  await postern.advance(3600);
  await call(postern, "/v1/a", token);
  await postern.settled();
  await refused(token, "jwt.key_unknown");
});

test("another key under the name of the old one ends a known token too", async () => {
  //
  const token = issuers.swapped.accessToken({ exp: issuers.swapped.clock() + 10_000 });
  await allowed(token);
  const { kid } = issuers.swapped.keys[0];
  issuers.swapped.keys = [Object.assign(newKey("RS256"), { kid })];
  await postern.advance(3600);
  await call(postern, "/v1/a", token);
  await postern.settled();
  await refused(token, "jwt.bad_signature");
});

test("what a route asks for is asked of a known token too", async () => {
  //
  const token = issuers.main.accessToken({ scope: "read" });
  await allowed(token);
  await refused(token, "authz.insufficient_scope", { path: "/write", status: 403, error: "insufficient_scope" });
  await allowed(token);
});

test("a token that is bound to a key needs a new proof for every request, known or not", async () => {
  //
  const key = await DpopKey.generate();
  const token = issuers.main.accessToken({ cnf: { jkt: await key.thumbprint() } });
  const mark = await postern.mark();
  const prove = () => key.proof({ url: `${postern.origin}/v1/a`, token, now: postern.now() });
  const presented = (...proofs) =>
    postern.send("/v1/a", { headers: [["authorization", `DPoP ${token}`], ...proofs.map((proof) => ["dpop", proof])] });
  const proof = await prove();
  assert.equal((await presented(proof)).status, 200);
  assert.equal((await presented(proof)).status, 401, "the same proof again");
  assert.equal((await presented()).status, 401, "no proof");
  assert.equal((await call(postern, "/v1/a", token)).status, 401, "as if it were not bound");
  assert.equal((await presented(await prove())).status, 200);
  const events = await postern.eventsSince(mark);
  assert.deepEqual(events.map(({ remembered }) => remembered ?? false), [false, true, true, true, true]);
});
