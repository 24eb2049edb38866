// Signing out: here at once, and at the provider where it offers that.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { logIn, whoIs } from "./support/login.mjs";
import { assertNothingLeaks, SESSION_COOKIE } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({ main: {}, quiet: {}, nohint: { settings: { id_token_hint: false } }, down: {} });
const { postern, issuers } = world;
const endpointless = (answer) => void delete answer.body.end_session_endpoint;
issuers.quiet.bend.discovery = endpointless;
afterEach(() => {
  world.mend();
  issuers.quiet.bend.discovery = endpointless;
});

async function signedIn(provider = "main") {
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider })).status, 200);
  return browser;
}

const signOut = (browser, options = {}) => browser.navigate("/auth/logout", { method: "POST", fields: [], initiator: postern.origin, follow: false, ...options });
const sessionLine = (browser) => `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}`;

test("a person who signs out is nobody, here at once and at the provider next", async () => {
  // R-037, R-177-like: the old cookie is dead, not only gone
  const browser = await signedIn();
  const line = sessionLine(browser);
  const answer = await signOut(browser);
  assert.equal(answer.status, 303);
  assert.equal(browser.jar.cookies.get(SESSION_COOKIE), undefined);
  assert.equal((await postern.send("/auth/me", { headers: [["cookie", line]] })).status, 401);
  const target = new URL(answer.headers.location);
  assert.equal(target.href.split("?")[0], `${issuers.main.base}/end-session`);
  const asked = Object.fromEntries(target.searchParams);
  assert.equal(asked.client_id, issuers.main.client.id);
  assert.equal(asked.post_logout_redirect_uri, `${postern.origin}/auth/logged-out`);
  assert.ok(asked.state.length >= 16);
  assert.ok(issuers.main.canaries.has(asked.id_token_hint));
});

test("the provider leads back to a page that says so", async () => {
  const browser = await signedIn();
  const answer = await signOut(browser, { follow: true });
  assert.equal(new URL(answer.url).pathname, "/auth/logged-out");
  assert.equal(answer.status, 200);
  assert.match(answer.headers["content-type"], /^text\/html/);
  assertNothingLeaks(answer.body, Object.values(issuers), "the page");
});

test("a program gets the provider's address to go on to, without the ID token", async () => {
  const browser = await signedIn();
  const answer = await browser.fetch("/auth/logout", { method: "POST", headers: [["accept", "application/json"]] });
  assert.equal(answer.status, 200);
  const { location } = JSON.parse(answer.body);
  assert.ok(location.startsWith(`${issuers.main.base}/end-session?`));
  // script reads this answer, so the ID token is not in it
  assertNothingLeaks(answer.body, Object.values(issuers), "the answer");
  assert.equal(new URL(location).searchParams.get("client_id"), issuers.main.client.id);
  assert.equal(await whoIs(browser), undefined);
});

test("a provider without end_session_endpoint: the sign-out ends here", async () => {
  const browser = await signedIn("quiet");
  const answer = await signOut(browser);
  assert.equal(answer.status, 303);
  assert.equal(new URL(answer.headers.location, postern.origin).href, `${postern.origin}/auth/logged-out`);
  assert.equal(await whoIs(browser), undefined);
});

test("where the ID token shall not travel, it does not", async () => {
  const answer = await signOut(await signedIn("nohint"));
  const asked = new URL(answer.headers.location).searchParams;
  assert.equal(asked.get("id_token_hint"), null);
  assert.equal(asked.get("client_id"), issuers.nohint.client.id);
});

test("a provider that is down does not keep anybody signed in", async () => {
  const browser = await signedIn("down");
  issuers.down.bend.discovery = (answer) => void (answer.drop = true);
  await postern.advance(2 * 3600 - 3600 / 2);
  const fresh = await signedIn();
  assert.ok([200, 303].includes((await signOut(fresh)).status));
  const answer = await signOut(browser);
  assert.ok(answer.status < 500, String(answer.status));
  assert.equal(await whoIs(browser), undefined);
});

const REFUSED = [
  ["a form on another site", [["sec-fetch-site", "cross-site"], ["origin", "https://evil.example"]]],
  ["a form on a sibling", [["sec-fetch-site", "same-site"], ["origin", "http://sibling.localhost:8787"]]],
  ["a form with a null origin", [["origin", "null"]]],
  ["a sandboxed frame on another site", [["sec-fetch-site", "cross-site"], ["origin", "null"]]],
  ["a request that says nothing", []],
];
for (const [who, headers] of REFUSED) {
  test(`${who} signs nobody out`, async () => {
    //
    const browser = await signedIn();
    const answer = await postern.send("/auth/logout", {
      method: "POST",
      headers: [["cookie", sessionLine(browser)], ["content-length", "0"], ...headers],
    });
    assert.equal(answer.status, 403);
    assert.deepEqual(answer.setCookies, []);
    assert.ok(await whoIs(browser));
  });
}

test("a link signs nobody out", async () => {
  const browser = await signedIn();
  const answer = await browser.navigate("/auth/logout", { initiator: postern.origin, follow: false });
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.allow, "POST");
  assert.ok(await whoIs(browser));
});

test("a form on a page of ours that sends no referrer signs out, though its origin is null", async () => {
  const browser = await signedIn();
  const answer = await postern.send("/auth/logout", {
    method: "POST",
    headers: [["cookie", sessionLine(browser)], ["sec-fetch-site", "same-origin"], ["origin", "null"], ["content-length", "0"]],
  });
  assert.ok([200, 303].includes(answer.status), String(answer.status));
  assert.equal(await whoIs(browser), undefined);
});

test("a script without Fetch Metadata proves itself by a header", async () => {
  const browser = await signedIn();
  const answer = await postern.send("/auth/logout", {
    method: "POST",
    headers: [["cookie", sessionLine(browser)], ["x-postern-csrf", "1"], ["accept", "application/json"], ["content-length", "0"]],
  });
  assert.equal(answer.status, 200);
});

test("who is not signed in may sign out all the same, and goes nowhere strange", async () => {
  const answer = await signOut(world.browser());
  assert.equal(answer.status, 303);
  assert.equal(new URL(answer.headers.location, postern.origin).origin, postern.origin);
});

test("no parameter leads the sign-out elsewhere", async () => {
  //
  for (const query of ["post_logout_redirect_uri=https://evil.example", "return_to=//evil.example", "redirect=https://evil.example"]) {
    const answer = await signOut(await signedIn("quiet"), {});
    assert.equal(new URL(answer.headers.location, postern.origin).origin, postern.origin, query);
    const page = await world.browser().navigate(`/auth/logged-out?${query}&state=%22%3E%3Cscript%3E`, { initiator: null, follow: false });
    assert.equal(page.status, 200);
    assert.doesNotMatch(page.body, /evil\.example|<script/);
    assert.equal(page.headers.location, undefined);
  }
});

test("signing out in one browser leaves the other one's session alone", async () => {
  const [one, other] = [await signedIn(), await signedIn()];
  await signOut(one);
  assert.equal(await whoIs(one), undefined);
  assert.ok(await whoIs(other));
});

test("a sign-out wins over requests that are under way", async () => {
  // field row 8
  const browser = await signedIn();
  const line = sessionLine(browser);
  const requests = Array.from({ length: 20 }, () => postern.send("/auth/me", { headers: [["cookie", line]] }));
  await Promise.all([...requests, signOut(browser)]);
  assert.equal((await postern.send("/auth/me", { headers: [["cookie", line]] })).status, 401);
});
