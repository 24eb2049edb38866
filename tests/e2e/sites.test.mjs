// Several sites in one deployment: each has its own providers, cookies, sessions and routes, and one that cannot be used
// leaves the others alone.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { authorize, begin, callback, logIn, whoIs } from "./support/login.mjs";
import { assertOneRefusalEvent, assertRefusalBody, LOGIN_COOKIE, SESSION_COOKIE, sessionCookies } from "./support/refusals.mjs";
import { startSites } from "./support/sites.mjs";
import { until } from "./support/until.mjs";
import { handshake } from "./support/websocket.mjs";

const FAR = { upstream: "service:ECHO", methods: ["GET"] };
const { postern, issuers, sites } = await startSites(
  { main: {}, other: { alg: "ES256" } },
  {
    shop: { origin: "http://localhost:8787", providers: ["main", "other"], routes: { "/page": FAR, "/cart": FAR, "/open": { ...FAR, public: true } } },
    admin: {
      origin: "http://127.0.0.2:8787", providers: ["main"], routes: { "/page": FAR, "/users/{id}": FAR },
      vars: { ADMIN: { principals: ["main|root"] } },
    },
    brief: { origin: "http://127.0.0.3:8787", providers: ["main"], session: { idle: "5s" } },
    broken: { origin: "http://127.0.0.4:8787", providers: ["main"], routes: { "/page": { upstream: "nowhere" } } },
  },
);
const { shop, admin, brief, broken } = sites;
afterEach(async () => {
  await postern.break({});
  for (const issuer of Object.values(issuers)) issuer.reset();
});

let people = 0;

/** A browser at `site`, signed in as `sub`. */
async function signedIn(site, { sub = `person-${(people += 1)}`, sid = `sid-${people}` } = {}) {
  issuers.main.bend.idToken = ({ claims }) => void Object.assign(claims, { sub, sid });
  const browser = site.browser();
  const answer = await logIn(browser, { provider: "main" });
  assert.equal(answer.status, 200, answer.body);
  return Object.assign(browser, { sub, sid });
}

/** The same person, in the same provider's session, at both sites. */
async function atBoth() {
  const one = await signedIn(shop);
  return [one, await signedIn(admin, one)];
}

const areIn = async (...browsers) => (await Promise.all(browsers.map(whoIs))).map(Boolean);
const cookie = (browser) => ["cookie", `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}`];
const sessionsOf = async (browser) => JSON.parse((await browser.fetch("/auth/sessions")).body).sessions;
const program = [["accept", "application/json"]];

/** How often an object was asked for while `act` ran. Every one that is asked fails. */
async function asked(act) {
  const mark = await postern.mark();
  await postern.break({ SUBJECTS: "overloaded", ONCE: "overloaded", SID_INDEX: "overloaded" });
  const answer = await act();
  const lines = await postern.linesSince(mark);
  await postern.break({});
  return { answer, count: lines.filter((line) => line.includes("test_fault")).length };
}

// First, while there are no other objects: throwing many out of memory takes longer than this session lives.
test("an object that wakes by itself knows whose it is", async () => {
  // the session ends by its site's clock, and its refresh token is revoked as its site's client
  await signedIn(brief);
  const before = issuers.main.aliveRefreshTokens.length;
  assert.ok(before > 0);
  const mark = await postern.mark();
  await postern.evict("SUBJECTS");
  const log = async () => `what the alarm does, in ${(await postern.linesSince(mark)).join("\n")}`;
  await until(() => issuers.main.aliveRefreshTokens.length < before, log);
  const revoked = await postern.logged(mark, ({ event }) => event === "token.revoke");
  assert.deepEqual([revoked.site, revoked.outcome], ["brief", "allow"]);
});

test("each site has its own providers and routes", async () => {
  const browser = shop.browser();
  const choice = await browser.navigate("/auth/login", { initiator: shop.origin, follow: false });
  assert.match(choice.body, /provider=main/);
  assert.match(choice.body, /provider=other/);
  assert.equal((await begin(admin.browser())).url.pathname, "/main/authorize");
  assert.equal((await admin.browser().navigate("/auth/login?provider=other", { initiator: admin.origin })).status, 400);
  assert.equal((await logIn(shop.browser(), { provider: "other" })).status, 200);
  const [one, two] = await atBoth();
  const statuses = async (who, ...paths) => Promise.all(paths.map(async (path) => (await who.fetch(path)).status));
  assert.deepEqual(await statuses(one, "/page", "/cart", "/users/7"), [200, 200, 404]);
  assert.deepEqual(await statuses(two, "/page", "/cart", "/users/7", "/open"), [200, 404, 200, 404]);
  assert.equal((await shop.send("/open")).status, 200);
});

test("every event says which site it is about, and by which configuration that was decided", async () => {
  const mark = await postern.mark();
  for (const site of [shop, admin]) await site.send("/page");
  const events = await postern.eventsSince(mark);
  assert.deepEqual(events.map(({ site, reason }) => [site, reason]), [["shop", "authn.no_credential"], ["admin", "authn.no_credential"]]);
  assert.equal(new Set(events.map(({ config }) => config)).size, 2);
});

test("a site that cannot be used answers 500, says why in the log once, and the others work", async () => {
  for (const path of ["/page", "/auth/login", "/auth/health"]) {
    const mark = await postern.mark();
    const answer = await broken.send(path, { headers: program });
    assert.equal(answer.status, 500);
    const [line] = (await postern.linesSince(mark)).map((text) => JSON.parse(text));
    assert.equal(line.event, "failed");
    assert.match(line.reason, /configuration of site `broken` cannot be used$/);
    // It is below `localhost`: the developer is told. `gateway/deployment/tests.rs` has who is not.
    assert.match(answer.body, /^The configuration cannot be used/);
    assert.match(answer.body, /BROKEN_ROUTES.*upstream: expected/);
    assert.ok(answer.body.includes(line.request_id));
  }
  const told = (await postern.linesSince(0)).filter((line) => line.includes('"misconfigured"'));
  assert.equal(told.length, 1, told.join("\n"));
  assert.match(told[0], /BROKEN_ROUTES.*upstream: expected/);
  for (const site of [shop, admin]) assert.equal((await site.send("/auth/health")).status, 200);
  assert.ok(await whoIs(await signedIn(shop)));
});

const HOSTS = ["localhost", "localhost:8788", "127.0.0.5:8787", "xlocalhost:8787", "localhost.evil.example:8787", "evil.example", "localhost.:8787"];
for (const host of HOSTS) {
  test(`${host} is no site's`, async () => {
    //
    const forwarded = (await postern.forwarded()).length;
    const mark = await postern.mark();
    for (const path of ["/open", "/auth/health"]) {
      const headers = [["x-forwarded-host", "localhost:8787"], ["forwarded", "host=localhost:8787"], ...program];
      const answer = await postern.send(path, { url: `http://${host}/`, headers });
      assert.equal(answer.status, 421, answer.body);
      const [event] = (await postern.eventsSince(mark)).slice(-1);
      assert.deepEqual([event.reason, event.outcome, event.path, event.site], ["request.unknown_host", "deny", path, undefined]);
      assertRefusalBody(answer, { navigation: false, requestId: event.request_id });
    }
    assert.equal((await postern.forwarded()).length, forwarded);
  });
}

test("a session cookie of one site is nobody's at another, and no object is asked", async () => {
  //
  const [one, two] = await atBoth();
  for (const [there, browser] of [[admin, one], [shop, two], [brief, one]]) {
    const mark = await postern.mark();
    const { answer, count } = await asked(() => there.send("/page", { headers: [cookie(browser), ...program] }));
    assert.equal(answer.status, 401);
    assert.equal(count, 0, "an object was asked");
    await assertOneRefusalEvent(postern, mark, "session.cookie_forged");
  }
  // Where it belongs, it does reach one.
  const { answer, count } = await asked(() => shop.send("/page", { headers: [cookie(one), ...program] }));
  assert.deepEqual([answer.status, count], [503, 1]);
  assert.deepEqual(await areIn(one, two), [true, true]);
});

test("a WebSocket is not opened by another site's cookie", async () => {
  const one = await signedIn(shop);
  const answer = await handshake(admin, "/page", [cookie(one), ["origin", admin.origin]]);
  assert.equal(answer.status, 401);
});

test("an object that a WebSocket wakes knows whose it is", async () => {
  // what the browser sends is use of the session
  const one = await signedIn(shop);
  const { status, socket } = await handshake(shop, "/page", [cookie(one), ["origin", shop.origin]]);
  assert.equal(status, 101);
  assert.equal(await socket.next(), "hello");
  const { session: before } = await whoIs(one);
  await postern.advance(120);
  await postern.evict("SUBJECTS");
  socket.send("still here");
  await until(async () => (await whoIs(one)).session.idle_expires_at >= before.idle_expires_at + 110, "the use of the session");
  await one.fetch("/auth/logout", { method: "POST" });
  assert.equal((await socket.closed).code, 4401);
});

test("a login that began at one site does not end at another", async () => {
  //
  const [here, there] = [shop.browser(), admin.browser()];
  const step = await authorize(here, await begin(here, { provider: "main" }));
  const [[name, { value }]] = [...here.jar.cookies].filter(([name]) => name.startsWith(LOGIN_COOKIE));
  const mark = await postern.mark();
  const tokens = issuers.main.count("token");
  const { answer, count } = await asked(() =>
    admin.send(step.url.pathname + step.url.search, { headers: [["cookie", `${name}=${value}`], ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"]] }),
  );
  assert.equal(answer.status, 400, answer.body);
  assert.deepEqual([sessionCookies(answer), count, issuers.main.count("token") - tokens], [[], 0, 0]);
  await assertOneRefusalEvent(postern, mark, /^callback\./);
  assert.equal(await whoIs(there), undefined);
  assert.equal((await callback(here, step)).status, 200, "where it began it ends well");
});

test("the same person's sessions at two sites are listed and ended apart", async () => {
  const [one, two] = await atBoth();
  const again = await signedIn(shop, one);
  assert.deepEqual([(await sessionsOf(one)).length, (await sessionsOf(two)).length], [2, 1]);
  const [{ id }] = await sessionsOf(two);
  const del = (browser, path) => browser.fetch(path, { method: "DELETE" });
  assert.equal((await del(one, `/auth/sessions/${id}`)).status, 404, "another site's session has no name here");
  await del(one, "/auth/sessions");
  assert.deepEqual(await areIn(one, again, two), [true, false, true]);
  await one.fetch("/auth/logout", { method: "POST" });
  assert.deepEqual(await areIn(one, two), [false, true]);
});

test("an administrator of one site ends nobody's session at another", async () => {
  const [one, two] = await atBoth();
  const root = await signedIn(admin, { sub: "root", sid: "sid-root" });
  const revoke = await root.fetch("/auth/admin/revoke", {
    method: "POST", headers: [["content-type", "application/json"]], body: JSON.stringify({ provider: "main", subject: one.sub }),
  });
  assert.equal(revoke.status, 200, revoke.body);
  assert.deepEqual(await areIn(one, two), [true, false]);
});

for (const [what, claims] of [["a sub", ({ sub }) => ({ sub })], ["a sid", ({ sid }) => ({ sid })], ["both", ({ sub, sid }) => ({ sub, sid })]]) {
  test(`a provider that ends a session at one site, by ${what}, ends none at another; told there too, it does`, async () => {
    //
    const [one, two] = await atBoth();
    const token = issuers.main.logoutToken(claims(one));
    const tell = (site) =>
      site.send("/auth/backchannel-logout/main", {
        method: "POST", headers: [["content-type", "application/x-www-form-urlencoded"]], body: `logout_token=${token}`,
      });
    const mark = await postern.mark();
    assert.equal((await tell(shop)).status, 200);
    assert.deepEqual(await areIn(one, two), [false, true]);
    assert.equal((await tell(shop)).status, 400, "a token counts once at a site …");
    assert.equal((await tell(admin)).status, 200, "… and what was used at another is not used here");
    assert.deepEqual(await areIn(one, two), [false, false]);
    const told = (await postern.eventsSince(mark)).filter(({ event }) => event === "logout.backchannel");
    assert.deepEqual(told.map(({ site, outcome }) => [site, outcome]), [["shop", "allow"], ["shop", "deny"], ["admin", "allow"]]);
  });
}

test("the timed refresh is every site's own, and one that fails stops no other", async () => {
  await postern.restart();
  issuers.other.bend.discovery = (answer) => void (answer.status = 500);
  const mark = await postern.mark();
  const discovered = () => issuers.main.count("discovery");
  const before = discovered();
  const worker = await postern.miniflare.getWorker("postern");
  await postern.advance(6 * 3600);
  assert.equal((await worker.scheduled({ cron: "*/5 * * * *" })).outcome, "ok");
  await until(() => discovered() >= before + 3, () => `${discovered() - before} of three sites asked`);
  const failures = (await postern.allEventsSince(mark)).filter(({ event, outcome }) => event === "document.fetch" && outcome === "deny");
  assert.deepEqual([...new Set(failures.map(({ site }) => site))], ["shop"]);
});

test("a new key in front of the ring logs nobody out at any site", async () => {
  //
  const [one, two] = await atBoth();
  const unused = await signedIn(shop);
  const { POSTERN_KEYS: old } = postern.bindings;
  await postern.restart({ POSTERN_KEYS: `k2:${"E".repeat(43)} ${old}` });
  assert.deepEqual(await areIn(one, two), [true, true]);
  // Where it is used, a cookie is made anew by an answer that may do so.
  for (const browser of [one, two]) assert.equal((await browser.fetch("/auth/me")).status, 200);
  await postern.restart({ POSTERN_KEYS: `k2:${"E".repeat(43)}` });
  assert.deepEqual(await areIn(one, two, unused), [true, true, false]);
});

test("two sites with one host are both refused, and `SITES` that cannot be read lets nobody in anywhere", async () => {
  await postern.restart({ ADMIN_PUBLIC_URL: shop.origin });
  assert.deepEqual([(await shop.send("/auth/health")).status, (await brief.send("/auth/health")).status], [500, 200]);
  await postern.restart({ ADMIN_PUBLIC_URL: admin.origin, SITES: "shop" });
  const statuses = await Promise.all([shop, admin].map(async (site) => (await site.send("/auth/health")).status));
  assert.deepEqual(statuses, [500, 500]);
});
