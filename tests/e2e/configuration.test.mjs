// What a deployment is configured with: keys that rotate without anybody noticing, and mistakes that let nobody in.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { authorize, begin, callback, logIn, whoIs } from "./support/login.mjs";
import { newKeyRing } from "./support/postern.mjs";
import { assertNothingLeaks } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const [first, second] = [newKeyRing("k1"), newKeyRing("k2")];
const world = await startWorld({ main: {} }, { keys: first });
const { postern, issuers } = world;
const PROVIDER = { issuer: issuers.main.url, client_id: issuers.main.client.id };

test("a new key in front of the ring logs nobody out, nor out of a login that is under way", async () => {
  const browser = world.browser();
  await logIn(browser);
  const other = world.browser();
  const step = await authorize(other, await begin(other));
  await postern.restart({ POSTERN_KEYS: `${second} ${first}` });
  assert.ok(await whoIs(browser));
  assert.equal((await callback(other, step)).status, 200);
  assert.ok(await whoIs(other));
});

test("what an old key made is made anew when it is used, which the log counts, and then outlives that key", async () => {
  //
  await postern.restart({ POSTERN_KEYS: first });
  const [used, unused] = [world.browser(), world.browser()];
  for (const browser of [used, unused]) await logIn(browser);
  const token = async (browser) => JSON.parse((await browser.fetch("/api/relay")).body).headers?.authorization;
  const before = await token(used);
  assert.match(before, /^Bearer /);
  await postern.restart({ POSTERN_KEYS: `${second} ${first}` });
  // Later than what counts as the same moment, so that the stored session is written again.
  await postern.advance(61);
  const mark = await postern.mark();
  for (let round = 0; round < 2; round += 1) assert.equal(await token(used), before);
  // No answer to a request in the background changes the cookie; this one may.
  assert.equal((await used.fetch("/auth/me")).status, 200);
  assert.equal(await token(used), before);
  const oldKey = (await postern.eventsSince(mark)).map(({ old_key: isOld }) => isOld ?? false);
  assert.deepEqual(oldKey, [true, true, true, false], "until the browser has a new cookie");
  await postern.restart({ POSTERN_KEYS: second });
  assert.equal(await token(used), before);
  assert.equal(await whoIs(unused), undefined);
  await postern.restart({ POSTERN_KEYS: `${second} ${first}` });
});

/** The name of a configuration, as an operator may compute it: 48 bits of SHA-256 over the variables as JSON, sorted. */
function stampOf(bindings) {
  const sorted = (value) => (value?.constructor === Object ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])])) : value);
  const { PUBLIC_URL, PROVIDERS, ISSUERS, SESSION, LIMITS, ROLES, ROUTES, ADMIN, DECISIONS, VERIFY, SECURITY_HEADERS } = bindings;
  const variables = sorted({ PUBLIC_URL, PROVIDERS, ISSUERS, SESSION, LIMITS, ROLES, ROUTES, ADMIN, DECISIONS, VERIFY, SECURITY_HEADERS });
  return createHash("sha256").update(JSON.stringify(variables)).digest("hex").slice(0, 12);
}

test("every event names the configuration that decided, which changes with the variables and not with the secrets", async () => {
  // field row 24
  const stamps = async () => {
    const mark = await postern.mark();
    const browser = world.browser();
    await logIn(browser);
    await browser.fetch("/api/echo");
    await browser.fetch("/nowhere");
    await browser.fetch("/auth/logout", { method: "POST" });
    const events = await postern.allEventsSince(mark);
    assert.ok(events.length >= 5);
    return [...new Set(events.map(({ config }) => config))];
  };
  assert.deepEqual(await stamps(), [stampOf(postern.bindings)]);
  await postern.restart({ POSTERN_KEYS: `${newKeyRing("k3")} ${first}` });
  assert.deepEqual(await stamps(), [stampOf(postern.bindings)]);
  const before = stampOf(postern.bindings);
  await postern.restart({ SESSION: { idle: "59m" } });
  assert.deepEqual(await stamps(), [stampOf(postern.bindings)]);
  assert.notEqual(stampOf(postern.bindings), before);
  await postern.restart({ SESSION: {}, POSTERN_KEYS: `${second} ${first}` });
});

test("a key that leaves the ring ends what it had made, and nothing else", async () => {
  const newer = world.browser();
  await postern.restart({ POSTERN_KEYS: first });
  const older = world.browser();
  await logIn(older);
  await postern.restart({ POSTERN_KEYS: `${second} ${first}` });
  await logIn(newer);
  await postern.restart({ POSTERN_KEYS: second });
  assert.equal(await whoIs(older), undefined);
  assert.ok(await whoIs(newer));
});

const MISTAKES = [
  ["an unknown variable of a provider", { PROVIDERS: { main: { ...PROVIDER, client_secert: "x" } } }, "PROVIDERS.main.client_secert"],
  ["a provider without issuer", { PROVIDERS: { main: { client_id: "x" } } }, "PROVIDERS.main.issuer"],
  ["an issuer with a query", { PROVIDERS: { main: { ...PROVIDER, issuer: "https://login.example.com/?x=1" } } }, "PROVIDERS.main.issuer"],
  ["an issuer without TLS", { PROVIDERS: { main: { ...PROVIDER, issuer: "http://login.example.com" } } }, "PROVIDERS.main.issuer"],
  ["ID tokens without signature", { PROVIDERS: { main: { ...PROVIDER, id_token_algs: ["none"] } } }, "PROVIDERS.main.id_token_algs"],
  ["scopes without openid", { PROVIDERS: { main: { ...PROVIDER, scopes: ["profile"] } } }, "PROVIDERS.main.scopes"],
  ["no providers", { PROVIDERS: {} }, "PROVIDERS"],
  ["a public URL with a path", { PUBLIC_URL: "https://app.example.com/path" }, "PUBLIC_URL"],
  ["a clock that is no time", { SESSION: { idle: "soon" } }, "SESSION.idle"],
  ["a route to nowhere", { ROUTES: { "/x": { upstream: "ftp://x" } } }, "upstream"],
  ["a route over Postern's own paths", { ROUTES: { "/auth/me": { upstream: "service:ECHO" } } }, "/auth/me"],
  ["a route with a word misspelt", { ROUTES: { "/x": { upstream: "service:ECHO", pubilc: true } } }, "pubilc"],
  ["no keys", { POSTERN_KEYS: "" }, "POSTERN_KEYS"],
  ["keys that are too short", { POSTERN_KEYS: "k1:c2hvcnQtc2VjcmV0" }, "POSTERN_KEYS"],
  ["no client secret", { PROVIDER_MAIN_CLIENT_SECRET: "" }, "PROVIDER_MAIN_CLIENT_SECRET"],
];
for (const [what, bindings, named] of MISTAKES) {
  test(`${what}: every request is refused, and the log names what is wrong`, async () => {
    const good = { PUBLIC_URL: postern.origin, PROVIDERS: { main: PROVIDER }, SESSION: {}, ROUTES: { "/page": { upstream: "service:ECHO" } }, POSTERN_KEYS: second, PROVIDER_MAIN_CLIENT_SECRET: issuers.main.client.secret };
    await postern.restart({ ...good, ...bindings });
    const before = (await postern.forwarded()).length;
    const mark = await postern.mark();
    for (const path of ["/page", "/auth/login", "/auth/me"]) {
      // On the developer's own machine the answer says more: `first_run.test.mjs`.
      const answer = await postern.send(path, { url: "http://app.example.com/", headers: [["accept", "application/json"]] });
      assert.equal(answer.status, 500, path);
      assert.match(answer.headers["content-type"], /^application\/problem\+json/);
      assert.ok(!answer.body.includes(named), "the log alone says what is wrong");
      assert.match(answer.headers["cache-control"], /no-store/);
    }
    const logged = (await postern.linesSince(mark)).join("\n");
    assert.ok(logged.includes(named), logged.slice(0, 500));
    assertNothingLeaks(logged, Object.values(issuers), "the log");
    for (const secret of [second, "c2hvcnQtc2VjcmV0"]) assert.ok(!logged.includes(secret.split(":").at(-1)), "the log holds a key");
    assert.equal((await postern.forwarded()).length, before);
  });
}
