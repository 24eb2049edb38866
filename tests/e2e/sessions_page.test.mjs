// `/auth/sessions`: where a person is signed in, for programs and as a page; each ended at once.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { afterEach, test } from "node:test";

import { logIn, whoIs } from "./support/login.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({ main: {}, other: {} }, {
  routes: {
    "/api/echo": { methods: ["GET"], upstream: "service:ECHO" },
    "/api/late": { methods: ["GET"], upstream: "service:ECHO", revocation: "5s" },
    "/page": { methods: ["GET"], upstream: "service:ECHO" },
  },
  vars: { ADMIN: { principals: ["main|root"] } },
});
const { postern, issuers } = world;
afterEach(() => world.mend());

let people = 0;
/** Browsers of one new person. */
async function signedIn(count, sub = `person-${(people += 1)}`, provider = "main") {
  const browsers = [];
  for (let made = 0; made < count; made += 1) {
    issuers[provider].user = { sub };
    const browser = world.browser();
    assert.equal((await logIn(browser, { provider })).status, 200);
    browsers.push(browser);
  }
  return browsers;
}

const list = async (browser) => JSON.parse((await browser.fetch("/auth/sessions")).body).sessions;
const idOf = async (browser) => (await list(browser)).find(({ current }) => current).id;
const form = (browser, path, options = {}) => browser.navigate(path, { method: "POST", fields: [], initiator: postern.origin, follow: false, ...options });
const isIn = async (browser) => (await whoIs(browser)) !== undefined;

test("a program gets the person's sessions, the one at hand marked", async () => {
  const [one, other] = await signedIn(2);
  const sessions = await list(one);
  assert.equal(sessions.length, 2);
  assert.deepEqual(sessions.map(({ current }) => current).sort(), [false, true]);
  assert.deepEqual(Object.keys(sessions[0]).sort(), ["created_at", "current", "device", "expires_at", "id", "last_seen", "place"]);
  assert.ok(Math.abs(sessions[0].created_at - postern.now() / 1000) < 10);
  assert.notEqual(await idOf(one), await idOf(other));
});

test("a person gets a page with a form for each, of use without script", async () => {
  const [one] = await signedIn(2);
  const page = await one.navigate("/auth/sessions", { initiator: postern.origin });
  assert.equal(page.status, 200);
  assert.match(page.headers["content-type"], /^text\/html/);
  assert.match(page.headers["cache-control"], /no-store/);
  const actions = [...page.body.matchAll(/action="([^"]+)"/g)].map(([, action]) => action);
  const sessions = await list(one);
  const own = sessions.find(({ current }) => current).id;
  assert.deepEqual([actions[0], actions.at(-1)], [`/auth/sessions/${own}/end`, "/auth/sessions/end-others"]);
  assert.deepEqual(actions.slice(0, -1).sort(), sessions.map(({ id }) => `/auth/sessions/${id}/end`).sort());
  assert.match(page.body, /This browser/);
  assert.match(page.body, /<time datetime="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" dir="auto">[^<]* UTC</);
  // Its one script makes times local, and the policy names it alone.
  const [script, ...more] = page.body.split("<script>").slice(1);
  assert.deepEqual(more, []);
  const hash = createHash("sha256").update(script.split("</script>")[0]).digest("base64");
  assert.ok(page.headers["content-security-policy"].endsWith(`script-src 'sha256-${hash}'`));
});

test("who is not signed in is sent to sign in and comes back; a program is refused", async () => {
  const browser = world.browser();
  const page = await browser.navigate("/auth/sessions", { initiator: postern.origin, follow: false });
  assert.equal(page.status, 302);
  assert.equal(page.headers.location, "/auth/login?return_to=%2Fauth%2Fsessions&fragment=keep");
  assert.equal((await browser.fetch("/auth/sessions")).status, 401);
});

test("an ended session is nobody with its next request", async () => {
  //
  const [one, other, third] = await signedIn(3);
  const answer = await one.fetch(`/auth/sessions/${await idOf(other)}`, { method: "DELETE" });
  assert.deepEqual([answer.status, JSON.parse(answer.body)], [200, { ended: 1 }]);
  assert.equal((await other.fetch("/api/echo")).status, 401);
  const posted = await form(one, `/auth/sessions/${await idOf(third)}/end`);
  assert.deepEqual([posted.status, posted.headers.location], [303, "/auth/sessions"]);
  assert.equal(await isIn(third), false);
  assert.equal((await list(one)).length, 1);
});

test("ending the session at hand signs out", async () => {
  const [one] = await signedIn(1);
  const answer = await form(one, `/auth/sessions/${await idOf(one)}/end`);
  assert.deepEqual([answer.status, answer.headers.location], [303, "/auth/logged-out"]);
  assert.equal(one.jar.cookies.get(SESSION_COOKIE), undefined);
});

test("everywhere else is signed out, and this browser is not", async () => {
  //
  for (const end of [(browser) => browser.fetch("/auth/sessions", { method: "DELETE" }), (browser) => form(browser, "/auth/sessions/end-others")]) {
    const [one, ...others] = await signedIn(3);
    const [stranger] = await signedIn(1);
    assert.ok((await end(one)).status < 400);
    assert.deepEqual(await Promise.all([one, ...others, stranger].map(isIn)), [true, false, false, true]);
  }
});

test("nobody ends the session of another", async () => {
  const [alice] = await signedIn(1);
  const [mallory] = await signedIn(1);
  const id = await idOf(alice);
  assert.equal((await mallory.fetch(`/auth/sessions/${id}`, { method: "DELETE" })).status, 404);
  await form(mallory, `/auth/sessions/${id}/end`);
  assert.equal(await isIn(alice), true);
});

test("no page of another site ends a session", async () => {
  //
  const [one, other] = await signedIn(2);
  const id = await idOf(other);
  const line = `${SESSION_COOKIE}=${one.jar.cookies.get(SESSION_COOKIE).value}`;
  for (const [method, path] of [["DELETE", "/auth/sessions"], ["DELETE", `/auth/sessions/${id}`], ["POST", `/auth/sessions/${id}/end`], ["POST", "/auth/sessions/end-others"]]) {
    for (const headers of [[], [["origin", "https://evil.example"]], [["origin", "null"]], [["sec-fetch-site", "same-site"]], [["sec-fetch-site", "cross-site"], ["origin", postern.origin]]]) {
      const answer = await postern.send(path, { method, headers: [["cookie", line], ["content-length", "0"], ...headers] });
      assert.equal(answer.status, 403, `${method} ${path} ${JSON.stringify(headers)}`);
    }
  }
  assert.equal(await isIn(other), true);
});

test("an administrator ends the sessions of a person; nobody else does", async () => {
  //
  const [root] = await signedIn(1, "root");
  const [namesake] = await signedIn(1, "root", "other");
  const [one, other] = await signedIn(2, "target");
  const order = { method: "POST", headers: [["content-type", "application/json"]], body: JSON.stringify({ provider: "main", subject: "target" }) };
  for (const [browser, status] of [[world.browser(), 401], [one, 403], [namesake, 403]]) {
    assert.equal((await browser.fetch("/auth/admin/revoke", order)).status, status);
    assert.equal((await browser.fetch("/auth/admin/sessions?provider=main&subject=target")).status, status);
  }
  const listed = JSON.parse((await root.fetch("/auth/admin/sessions?provider=main&subject=target")).body);
  assert.equal(listed.sessions.length, 2);
  const answer = await root.fetch("/auth/admin/revoke", order);
  assert.deepEqual([answer.status, JSON.parse(answer.body)], [200, { ended: 2 }]);
  assert.deepEqual(await Promise.all([one, other, root].map(isIn)), [false, false, true]);
});

test("a route with a bounded staleness asks no object in between, and notices an end in this isolate at once", async () => {
  //
  const [one, other] = await signedIn(2);
  for (const browser of [one, other]) assert.equal((await browser.fetch("/api/late")).status, 200);
  // What the memory answers needs no object.
  await postern.break({ SUBJECTS: "throw" });
  const statuses = [(await one.fetch("/api/late")).status, (await one.fetch("/api/echo")).status];
  await postern.break({});
  assert.deepEqual(statuses, [200, 503]);
  await one.fetch("/auth/sessions", { method: "DELETE" });
  assert.equal((await other.fetch("/api/late")).status, 401);
});
