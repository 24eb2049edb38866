// A person signs in, and a guarded upstream answers them: every provider setting that may legally vary.

import assert from "node:assert/strict";
import { test } from "node:test";

import { parseSetCookie } from "./support/cookies.mjs";
import { refreshTarget } from "./support/browser.mjs";
import { authorize, begin, callback, logIn, logInAndArrive, whoIs } from "./support/login.mjs";
import { LOGIN_COOKIE, SESSION_COOKIE, sessionCookies } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({
  main: {},
  ps: { alg: "PS256" },
  es: { alg: "ES256" },
  ed: { alg: "EdDSA" },
  post: { client: { auth: "client_secret_post" } },
  form: { settings: { response_mode: "form_post" } },
  named: { settings: { name: "Sign <in> & Co" } },
});
const { postern, issuers } = world;

const lower = ({ attributes }) => attributes.map((attribute) => attribute.toLowerCase());

test("a login asks the provider for a code and leaves one sealed transaction cookie", async () => {
  const browser = world.browser();
  const { asked, url, answer } = await begin(browser, { provider: "main", returnTo: "/page?x=1" });
  assert.ok([302, 303].includes(answer.status));
  assert.equal(url.href.split("?")[0], `${issuers.main.base}/authorize`);
  assert.equal(asked.redirect_uri, `${postern.origin}/auth/callback/main`);
  const [cookie, ...others] = answer.setCookies.map(parseSetCookie);
  assert.deepEqual(others, []);
  assert.ok(cookie.name.startsWith(LOGIN_COOKIE));
  assert.equal(cookie.maxAge, 600);
  assert.deepEqual(lower(cookie).toSorted(), ["httponly", "max-age=600", "path=/", "samesite=lax", "secure"]);
  for (const secret of [asked.state, asked.nonce, "/page"]) assert.ok(!cookie.value.includes(secret));
});

test("the callback sets an opaque session cookie and leads on by a page of our own", async () => {
  //
  const browser = world.browser();
  const answer = await logIn(browser, { provider: "main", returnTo: "/page?x=1&y=%20" });
  assert.equal(answer.status, 200);
  assert.equal(new URL(refreshTarget(answer.body), postern.origin).href, `${postern.origin}/page?x=1&y=%20`);
  assert.match(answer.body, /<a [^>]*href="/);
  const [cookie, ...others] = sessionCookies(answer);
  assert.deepEqual(others, []);
  assert.deepEqual(lower(cookie).toSorted(), ["httponly", "path=/", "samesite=strict", "secure"]);
  assert.ok(cookie.value.length < 200, cookie.value);
  assert.doesNotMatch(cookie.value, /alice|example|eyJ/);
  assert.deepEqual(browser.jar.named(LOGIN_COOKIE), []);
});

test("a person who opens a guarded page signs in and comes back to it", async () => {
  const browser = world.browser();
  const answer = await logInAndArrive(browser, { provider: "main", returnTo: "/page?deep=link" });
  assert.equal(answer.status, 200);
  const echoed = JSON.parse(answer.body);
  assert.equal(echoed.path, "/page?deep=link");
  assert.equal((await browser.fetch("/api/echo")).status, 200);
});

test("without the cookie the same API answers nobody", async () => {
  const answer = await world.browser().fetch("/api/echo");
  assert.equal(answer.status, 401);
});

test("`/auth/me` tells who it is and when the session ends", async () => {
  const browser = world.browser();
  await logIn(browser, { provider: "main" });
  const me = await whoIs(browser);
  assert.equal(me.issuer, issuers.main.url);
  assert.equal(me.subject, "alice");
  assert.equal(me.kind, "human");
  assert.equal(me.provider, "main");
  assert.equal(me.claims.name, "Alice");
  assert.equal(me.claims.email, "alice@example.com");
  for (const clock of ["created_at", "authenticated_at", "idle_expires_at", "expires_at"]) assert.ok(me.session[clock], clock);
});

for (const id of ["ps", "es", "ed", "post", "form"]) {
  test(`a login through the provider \`${id}\` ends in a session`, async () => {
    const browser = world.browser();
    const answer = await logIn(browser, { provider: id });
    assert.equal(answer.status, 200, answer.body);
    assert.equal((await whoIs(browser)).provider, id);
    assert.deepEqual(issuers[id].violations, []);
  });
}

test("an EdDSA token that names its algorithm `Ed25519` is the same token", async () => {
  const browser = world.browser();
  issuers.ed.bend.idToken = (token) => void (token.header.alg = "Ed25519");
  assert.equal((await logIn(browser, { provider: "ed" })).status, 200);
  world.mend();
});

test("a form_post login carries its transaction cookie across sites", async () => {
  const browser = world.browser();
  const started = await begin(browser, { provider: "form" });
  assert.equal(started.asked.response_mode, "form_post");
  const [cookie] = started.answer.setCookies.map(parseSetCookie);
  assert.equal(cookie.sameSite, "none");
  const step = await authorize(browser, started);
  assert.equal(step.method, "POST");
  assert.equal((await callback(browser, step)).status, 200);
});

test("a second login asks neither for metadata nor for keys again", async () => {
  await logIn(world.browser(), { provider: "main" });
  world.mend();
  await logIn(world.browser(), { provider: "main" });
  const { main } = issuers;
  assert.deepEqual(main.requests.map(({ endpoint }) => endpoint), ["authorization", "token"]);
});

test("a new login gives a new session id, and the old one is dead at once", async () => {
  //
  const browser = world.browser();
  await logIn(browser, { provider: "main" });
  const old = browser.jar.cookies.get(SESSION_COOKIE).value;
  await logIn(browser, { provider: "main" });
  assert.notEqual(browser.jar.cookies.get(SESSION_COOKIE).value, old);
  const answer = await postern.send("/auth/me", { headers: [["cookie", `${SESSION_COOKIE}=${old}`], ["sec-fetch-site", "same-origin"]] });
  assert.equal(answer.status, 401);
});

test("a session id planted before the login is not the session id after it", async () => {
  // fixation
  const attacker = world.browser();
  await logIn(attacker, { provider: "main" });
  const planted = attacker.jar.cookies.get(SESSION_COOKIE);
  const victim = world.browser();
  victim.jar.cookies.set(SESSION_COOKIE, planted);
  issuers.main.user = { sub: "victim" };
  await logIn(victim, { provider: "main" });
  assert.notEqual(victim.jar.cookies.get(SESSION_COOKIE).value, planted.value);
  assert.notEqual((await whoIs(attacker))?.subject, "victim");
  issuers.main.user = { sub: "alice" };
});

test("with several providers and none named, people choose", async () => {
  const browser = world.browser();
  const answer = await browser.navigate("/auth/login?return_to=%2Fpage", { initiator: postern.origin });
  assert.equal(answer.status, 200);
  assert.match(answer.headers["content-type"], /^text\/html/);
  for (const id of Object.keys(issuers)) assert.ok(answer.body.includes(`provider=${id}`), id);
  assert.ok(answer.body.includes("Sign &lt;in&gt; &amp; Co"));
  assert.ok(!answer.body.includes("Sign <in>"));
  assert.deepEqual(answer.setCookies, []);
});

test("an unknown provider is refused", async () => {
  //
  const answer = await world.browser().navigate("/auth/login?provider=nobody", { initiator: postern.origin });
  assert.ok([400, 404].includes(answer.status));
  assert.deepEqual(answer.setCookies, []);
});
