// How many requests pass, counted by the objects, by the isolate and by the platform's rate limiting, in the runtime itself.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { logIn } from "./support/login.mjs";
import { assertRefusalBody, SESSION_COOKIE } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const SPA = "http://localhost:5173";
const BURST = 10;
const exactly = { rate: "1/1h", burst: BURST };
const cors = { origins: [SPA], credentials: true };

const world = await startWorld(
  { main: {} },
  {
    twin: true,
    // The defaults of a deployment.
    vars: { LIMITS: {} },
    session: { idle: "12h", absolute: "12h" },
    ratelimits: { EDGE: { namespace_id: "1001", simple: { limit: BURST, period: 60 } } },
    routes: {
      "/api/subject": { methods: ["GET"], upstream: "service:ECHO", limits: { subject: exactly }, cors },
      "/api/route": { methods: ["GET"], upstream: "service:ECHO", limits: { route: exactly } },
      "/api/address": { methods: ["GET"], upstream: "service:ECHO", public: true, limits: { address: exactly } },
      "/api/soon": { methods: ["GET"], upstream: "service:ECHO", public: true, limits: { address: { rate: "60/1m", burst: 2 } } },
      "/api/edge": { methods: ["GET"], upstream: "service:ECHO", public: true, limits: { address: { rate: `${BURST}/1m`, counter: "binding:EDGE" } } },
      "/api/unbound": { methods: ["GET"], upstream: "service:ECHO", public: true, limits: { address: { rate: "1/1m", counter: "binding:NOT_BOUND" } } },
      "/api/echo": { methods: ["GET"], upstream: "service:ECHO" },
      "/page": { methods: ["GET"], upstream: "service:ECHO" },
    },
  },
);
const { postern } = world;
afterEach(() => postern.break({}));

/** Who was never here before: subjects and addresses of their own for every test. */
let people = 0;
async function person() {
  people += 1;
  const sub = `person-${people}`;
  world.issuers.main.bend.idToken = ({ claims }) => void (claims.sub = sub);
  const browser = world.browser();
  assert.equal((await logIn(browser)).status, 200);
  return [["cookie", `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}`], ["sec-fetch-site", "same-origin"]];
}

const at = (address) => [["cf-connecting-ip", address]];
const ask = (path, headers = []) => postern.send(path, { headers });
const many = (count, one) => Promise.all(Array.from({ length: count }, one));
const statuses = (answers) => answers.reduce((counts, { status }) => ({ ...counts, [status]: (counts[status] ?? 0) + 1 }), {});

test("of forty requests at once, in two isolates, exactly as many pass as are allowed", async () => {
  const headers = await person();
  const answers = await Promise.all([
    ...Array.from({ length: 20 }, () => ask("/api/subject", headers)),
    ...Array.from({ length: 20 }, () => postern.sendToTwin("/api/subject", { headers })),
  ]);
  assert.deepEqual(statuses(answers), { 200: BURST, 429: 40 - BURST });
});

test("the answer says what is allowed, what is left, and when there is more", async () => {
  //
  const address = at("192.0.2.1");
  const first = await ask("/api/address", address);
  assert.equal(first.headers["ratelimit-policy"], `"address";q=${BURST};w=${BURST * 3600}`);
  assert.match(first.headers.ratelimit, /^"address";r=9;t=(3600|3599)$/);
  await many(BURST - 1, () => ask("/api/address", address));
  const mark = await postern.mark();
  const forwarded = (await postern.forwarded()).length;
  const refused = await ask("/api/address", address);
  assert.equal(refused.status, 429);
  const [event] = await postern.eventsSince(mark);
  assert.deepEqual([event.reason, event.outcome, event.route], ["limit.address", "deny", "/api/address"]);
  assertRefusalBody(refused, { requestId: event.request_id });
  assert.equal(JSON.parse(refused.body).type, "urn:postern:problem:too-many-requests");
  const [, seconds] = /^"address";r=0;t=(\d+)$/.exec(refused.headers.ratelimit);
  assert.ok(Number(seconds) > 3500 && Number(seconds) <= 3600, seconds);
  assert.equal(refused.headers["retry-after"], seconds);
  assert.equal((await postern.forwarded()).length, forwarded);
  const page = await ask("/api/address", [...address, ["accept", "text/html"], ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"]]);
  assert.equal(page.status, 429);
  assert.match(page.headers["content-type"], /^text\/html/);
  assert.match(page.body, /Too many requests/);
});

test("what is used up comes back with time, also when the object was thrown out of memory in between", async () => {
  const address = at("192.0.2.2");
  assert.deepEqual(statuses(await many(20, () => ask("/api/address", address))), { 200: BURST, 429: 20 - BURST });
  await postern.evict("BUCKETS");
  await postern.advance(3600);
  assert.deepEqual(statuses(await many(20, () => ask("/api/address", address))), { 200: 1, 429: 19 });
  assert.equal((await ask("/api/soon", address)).status, 200);
  await postern.advance(60);
  // One comes back with each second, so the clock stands still.
  const soon = await postern.timeless(() => many(3, () => ask("/api/soon", address)));
  assert.deepEqual(statuses(soon), { 200: 2, 429: 1 });
});

test("an IPv6 customer has one bucket, and a mapped IPv4 address is itself", async () => {
  const use = (address) => ask("/api/address", at(address));
  assert.deepEqual(statuses(await Promise.all(Array.from({ length: 20 }, (_, host) => use(`2001:db8:7:1::${host}`)))), { 200: BURST, 429: 20 - BURST });
  assert.equal((await use("2001:db8:7:2::1")).status, 200);
  await many(BURST, () => use("192.0.2.3"));
  assert.equal((await use("::ffff:192.0.2.3")).status, 429);
  assert.equal((await use("::ffff:192.0.2.4")).status, 200);
});

test("neither a forged cookie nor a stolen and ended one uses up what is its subject's", async () => {
  const headers = await person();
  const [[, cookie]] = headers;
  const forged = [["cookie", `${cookie}A`], ["sec-fetch-site", "same-origin"]];
  assert.deepEqual(statuses(await many(20, () => ask("/api/subject", forged))), { 401: 20 });
  // The same person's other session, which they end.
  const sub = `person-${people}`;
  world.issuers.main.bend.idToken = ({ claims }) => void (claims.sub = sub);
  const other = world.browser();
  await logIn(other);
  const stolen = [["cookie", `${SESSION_COOKIE}=${other.jar.cookies.get(SESSION_COOKIE).value}`], ["sec-fetch-site", "same-origin"]];
  await other.fetch("/auth/logout", { method: "POST" });
  assert.deepEqual(statuses(await many(20, () => ask("/api/subject", stolen))), { 401: 20 });
  assert.deepEqual(statuses(await many(BURST, () => ask("/api/subject", headers))), { 200: BURST });
});

test("whoever is not let in takes nothing of what all share", async () => {
  assert.deepEqual(statuses(await many(20, () => ask("/api/route"))), { 401: 20 });
  const [one, other] = [await person(), await person()];
  assert.deepEqual(statuses(await many(BURST - 1, () => ask("/api/route", one))), { 200: BURST - 1 });
  assert.deepEqual(statuses(await many(5, () => ask("/api/route", other))), { 200: 1, 429: 4 });
});

test("a page elsewhere reads the refusal, and what is left of what passes", async () => {
  const headers = [...(await person()).slice(0, 1), ["origin", SPA], ["sec-fetch-site", "same-site"], ["sec-fetch-mode", "cors"], ["sec-fetch-dest", "empty"]];
  const exposed = (answer) => answer.headers["access-control-expose-headers"].split(", ");
  const passed = await ask("/api/subject", headers);
  assert.deepEqual([passed.status, passed.headers["access-control-allow-origin"]], [200, SPA]);
  assert.deepEqual(exposed(passed), ["ratelimit", "ratelimit-policy"]);
  assert.match(passed.headers.ratelimit, /^"subject";r=9;t=\d+$/);
  await many(BURST, () => ask("/api/subject", headers));
  const refused = await ask("/api/subject", headers);
  assert.deepEqual([refused.status, refused.headers["access-control-allow-origin"]], [429, SPA]);
  for (const name of ["ratelimit", "ratelimit-policy", "retry-after"]) assert.ok(exposed(refused).includes(name), name);
});

test("the platform's rate limiting counts where it is bound", async () => {
  // Its windows begin with the minute, and nobody can move its clock: there may be one more window in between.
  const answers = await many(3 * BURST, () => ask("/api/edge", at("192.0.2.5")));
  const passed = answers.filter(({ status }) => status === 200);
  assert.ok(passed.length === BURST || passed.length === 2 * BURST, `${passed.length} passed`);
  assert.equal(passed[0].headers["ratelimit-policy"], `"address";q=${BURST};w=60`);
  assert.equal(passed[0].headers.ratelimit, undefined);
  const refused = answers.find(({ status }) => status === 429);
  assert.equal(refused.headers["retry-after"], "60");
  assert.equal((await ask("/api/edge", at("192.0.2.6"))).status, 200);
});

test("where nobody can count, requests pass, soon, and the log says so", async () => {
  const address = at("192.0.2.7");
  for (const [fault, path] of [["throw", "/api/address"], ["status", "/api/address"], ["garbage", "/api/address"], ["overloaded", "/api/address"], ["hang", "/api/address"], [undefined, "/api/unbound"]]) {
    await postern.break(fault ? { BUCKETS: fault } : {});
    const mark = await postern.mark();
    const answer = await ask(path, address);
    assert.equal(answer.status, 200, `${fault}: ${answer.body}`);
    assert.equal(answer.headers["ratelimit-policy"], undefined);
    const [event] = await postern.eventsSince(mark);
    assert.deepEqual(event.uncounted, ["address"], fault);
  }
});

test("sign-ins from one network are limited without a word in the configuration, others' are not", async () => {
  const navigation = [["accept", "text/html"], ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"], ["sec-fetch-site", "same-origin"]];
  const login = (address) => ask("/auth/login?return_to=/page", [...navigation, ...at(address)]);
  const mark = await postern.mark();
  // One comes back with each second, so the clock stands still.
  const ninety = (one) => postern.timeless(async () => {
    const answers = [];
    for (let count = 0; count < 90; count += 1) answers.push(await one());
    return answers;
  });
  const answers = await ninety(() => login("2001:db8:9::1"));
  assert.deepEqual(statuses(answers), { 302: 60, 429: 30 });
  const refused = answers.find(({ status }) => status === 429);
  assert.ok(Number(refused.headers["retry-after"]) >= 1);
  assert.match(refused.headers["ratelimit-policy"], /^"login";q=60;w=60$/);
  assert.deepEqual(refused.setCookies, []);
  assert.ok((await postern.eventsSince(mark)).some(({ reason }) => reason === "limit.login"));
  assert.equal((await login("2001:db8:9:1::1")).status, 302);
  // Callbacks have their own: those that carry nothing worth anything, and not those of images in pages elsewhere.
  const garbage = (more) => ask("/auth/callback/main?state=x&code=y", [...more, ...at("2001:db8:9::1")]);
  const image = [["sec-fetch-mode", "no-cors"], ["sec-fetch-dest", "image"], ["sec-fetch-site", "cross-site"]];
  assert.deepEqual(statuses(await ninety(() => garbage(image))), { 400: 90 });
  assert.deepEqual(statuses(await ninety(() => garbage(navigation))), { 400: 60, 429: 30 });
});

test("a route without limits asks no counter", async () => {
  await postern.break({ BUCKETS: "throw" });
  const headers = await person();
  const mark = await postern.mark();
  const answer = await ask("/api/echo", headers);
  assert.deepEqual([answer.status, answer.headers["ratelimit-policy"]], [200, undefined]);
  assert.equal((await postern.eventsSince(mark))[0].uncounted, undefined);
});
