// Who may start a login: a person who goes somewhere, not a page that embeds us or a script.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Browser } from "./support/browser.mjs";
import { begin } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({ main: {}, other: {} });
const { issuers, postern } = world;
const EVIL = "http://127.0.0.1:1";
const startLogin = (headers, query = "provider=main&return_to=%2Fpage") => postern.send(`/auth/login?${query}`, { headers: Object.entries(headers) });

const NOT_PEOPLE = [
  ["an image on another site", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" }],
  ["a frame on another site", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" }],
  ["a frame of our own", { "sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" }],
  ["an object element", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "object" }],
  ["a script's fetch", { "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" }],
  ["a script's fetch that asks for HTML", { "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty", accept: "text/html" }],
  ["a style sheet", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "style" }],
  ["a program that takes anything", { accept: "*/*" }],
  ["a program that takes JSON", { accept: "application/json" }],
  ["a program that takes JSON before HTML", { accept: "text/html;q=0.1, application/json" }],
  ["a request that says nothing", {}],
];
for (const [who, headers] of NOT_PEOPLE) {
  test(`${who} starts no login`, async () => {
    //
    const answer = await startLogin(headers);
    assert.equal(answer.status, 403);
    assert.deepEqual(answer.setCookies, []);
    assert.equal(answer.headers.location, undefined);
  });
}

test("only GET starts a login", async () => {
  for (const method of ["POST", "PUT", "DELETE"]) {
    const answer = await postern.send("/auth/login?provider=main", {
      method,
      headers: [["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"], ["origin", postern.origin], ["content-length", "0"]],
    });
    assert.equal(answer.status, 405, method);
    assert.deepEqual(answer.setCookies, []);
  }
});

test("an old browser without Fetch Metadata that wants HTML may sign in", async () => {
  const answer = await startLogin({ accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" });
  assert.ok([302, 303].includes(answer.status));
});

test("a link on another site leads to the provider, and to no session of itself", async () => {
  // a top-level redirect, after which the provider asks the person
  const browser = world.browser();
  const answer = await browser.navigate("/auth/login?provider=main", { initiator: EVIL, follow: false });
  assert.ok([200, 302, 303].includes(answer.status));
  assert.ok(!browser.jar.cookies.has("__Host-postern"));
});

test("neither login nor callback page may be framed", async () => {
  //
  for (const answer of [await world.browser().navigate("/auth/login", { follow: false }), await world.browser().navigate("/auth/login?provider=nobody", { follow: false })]) {
    assert.match(answer.headers["content-security-policy"], /frame-ancestors 'none'/);
    assert.equal(answer.headers["x-frame-options"]?.toLowerCase() ?? "deny", "deny");
  }
});

test("a login that a configured issuer initiates starts at that issuer", async () => {
  // OIDC Core §4
  const browser = new Browser(postern);
  const query = new URLSearchParams({ iss: issuers.other.url, login_hint: "bob", target_link_uri: `${postern.origin}/page?x=1` });
  const { next } = await browser.navigate(`/auth/login?${query}`, { initiator: EVIL, stopAt: (url) => url.origin !== postern.origin });
  assert.ok(next.url.href.startsWith(`${issuers.other.base}/authorize`));
  assert.equal(next.url.searchParams.get("login_hint"), "bob");
  const page = await browser.navigate(next.url.href, { initiator: postern.origin });
  assert.equal(JSON.parse(page.body).path, "/page?x=1");
});

for (const iss of ["https://evil.example", "http://127.0.0.1:1", "", "javascript:alert(1)"]) {
  test(`a login initiated for the issuer ${JSON.stringify(iss)} is refused`, async () => {
    //
    const answer = await world.browser().navigate(`/auth/login?${new URLSearchParams({ iss })}`, { initiator: EVIL });
    assert.equal(answer.status, 400);
    assert.deepEqual(answer.setCookies, []);
  });
}

for (const target of ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]) {
  test(`a login initiated for the target ${target} is refused or leads home`, async () => {
    //
    const browser = world.browser();
    const query = new URLSearchParams({ iss: issuers.main.url, target_link_uri: target });
    const { next, ...answer } = await browser.navigate(`/auth/login?${query}`, { initiator: EVIL, stopAt: (url) => url.origin !== postern.origin });
    if (!next) {
      assert.equal(answer.status, 400);
      return;
    }
    const end = await browser.navigate(next.url.href, { initiator: postern.origin });
    assert.equal(new URL(end.url).origin, postern.origin);
    assert.equal(new URL(end.url).pathname, "/");
  });
}

test("no parameter of a login may come twice", async () => {
  for (const query of ["provider=main&provider=other", "provider=main&return_to=%2Fa&return_to=%2Fb", `iss=${issuers.main.url}&iss=${issuers.other.url}`]) {
    const answer = await world.browser().navigate(`/auth/login?${query}`, { follow: false });
    assert.equal(answer.status, 400, query);
  }
});

test("no other site may read or preflight login, callback or logout", async () => {
  //
  for (const path of ["/auth/login", "/auth/callback/main", "/auth/logout", "/auth/me"]) {
    const answer = await postern.send(path, {
      method: "OPTIONS",
      headers: [["origin", "https://evil.example"], ["access-control-request-method", "POST"], ["sec-fetch-site", "cross-site"], ["sec-fetch-mode", "cors"]],
    });
    assert.equal(answer.headers["access-control-allow-origin"], undefined, path);
    assert.ok(answer.status >= 400, path);
  }
});

test("a flood of requests that are not people's leaves no cookie at all", async () => {
  // field row 10
  const browser = world.browser();
  for (let count = 0; count < 50; count += 1) await browser.fetch("/page");
  assert.equal(browser.jar.cookies.size, 0);
  await begin(browser, { provider: "main" });
  assert.equal(browser.jar.cookies.size, 1);
});
