// Where a login leads: to a path of our own, whatever the link said.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { refreshTarget } from "./support/browser.mjs";
import { authorize, callback } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({ main: {} });
const { postern } = world;

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const VECTORS = join(process.env.POSTERN_VECTORS ?? join(ROOT, "../shared/vectors"), "oauth2-proxy-openredirects/openredirects.txt");

/** Logs in with a raw `return_to=`, and the same as `target_link_uri=`; where it leads, or undefined when the login is refused with 400. */
async function destination(rawValue) {
  const browser = world.browser();
  const { next, ...answer } = await browser.navigate(`/auth/login?return_to=${rawValue}&target_link_uri=${rawValue}`, {
    initiator: postern.origin,
    stopAt: (url) => url.origin !== postern.origin,
  });
  if (!next) {
    assert.equal(answer.status, 400, answer.body.slice(0, 200));
    assert.deepEqual(answer.setCookies, []);
    return undefined;
  }
  const page = await callback(browser, await authorize(browser, next));
  assert.equal(page.status, 200);
  const links = [...page.body.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href]) => href);
  const targets = [refreshTarget(page.body), ...links.map((href) => href.replaceAll("&amp;", "&"))];
  for (const target of targets) assert.equal(new URL(target, postern.origin).origin, postern.origin, target);
  return new URL(targets[0], postern.origin).href.slice(postern.origin.length);
}

async function refusedOrHome(rawValue) {
  const target = await destination(rawValue);
  assert.ok(target === undefined || target === "/", `${rawValue} leads to ${target}`);
}

async function inBatches(values, act, size = 8) {
  for (let start = 0; start < values.length; start += size) await Promise.all(values.slice(start, start + size).map(act));
}

const missing = existsSync(VECTORS) ? false : `VECTORS MISSING: set POSTERN_VECTORS to the folder that holds ${VECTORS}`;

test("no line of oauth2-proxy's open redirects leads anywhere but home", { skip: missing }, async () => {
  //
  const lines = readFileSync(VECTORS, "utf8").split("\n").filter((line) => line !== "");
  assert.ok(lines.length > 500, String(lines.length));
  await inBatches(lines, (line) => refusedOrHome(encodeURIComponent(line)));
});

test("no line of oauth2-proxy's open redirects, decoded once more, leads anywhere but home", { skip: missing }, async () => {
  // as its own test does, every line percent-decoded once
  const lines = readFileSync(VECTORS, "utf8").split("\n").filter((line) => /%[0-9a-f]{2}/i.test(line) && !/[#&+]/.test(line));
  await inBatches(lines, (line) => refusedOrHome(line.replace(/[^!-~]/g, encodeURIComponent)));
});

test("no line of oauth2-proxy's open redirects leads away from a guarded page, or after a logout", { skip: missing }, async () => {
  //
  const lines = readFileSync(VECTORS, "utf8").split("\n").filter((line) => line !== "");
  await inBatches(lines, async (line) => {
    const query = new URLSearchParams(["return_to", "post_logout_redirect_uri", "rd"].map((name) => [name, line]));
    const guarded = await world.browser().navigate(`/api/orders/1?${query}`, { follow: false });
    assert.equal(guarded.status, 302);
    const login = new URL(guarded.headers.location, postern.origin);
    assert.deepEqual([login.origin, login.pathname, [...login.searchParams.keys()]], [postern.origin, "/auth/login", ["return_to", "fragment"]]);
    assert.equal(login.searchParams.get("return_to"), `/api/orders/1?${query}`);
    const logout = await world.browser().navigate(`/auth/logout?${query}`, { method: "POST", fields: [...query], initiator: postern.origin, follow: false });
    assert.deepEqual([logout.status, logout.headers.location], [303, "/auth/logged-out"]);
  }, 24);
});

const OFF_SITE = [
  "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "\t//evil.example",
  "/\n/evil.example", " //evil.example", "javascript:alert(1)", "data:text/html,x", "evil.example", "http:evil.example", "http:///evil.example",
  "/%5cevil.example", "/%2f/evil.example", "/%2fevil.example", "/..//evil.example", "/.//evil.example", "/page/..//evil.example", "/;@evil.example/..//x",
  "\u0000/page", "/page\r\nLocation: https://evil.example", "/\u2028/evil.example", "\u3002evil.example", "?//evil.example", "#//evil.example", "@evil.example",
];
for (const value of OFF_SITE) {
  test(`return_to ${JSON.stringify(value)} is refused or leads home`, async () => {
    //
    await refusedOrHome(encodeURIComponent(value));
  });
}

test("the absolute URL of another port or scheme of ours is not ours", async () => {
  //
  for (const value of [postern.origin.replace("http:", "https:"), `${postern.origin}1/`, postern.origin.replace("localhost", "localhost.evil.example")]) {
    await refusedOrHome(encodeURIComponent(value));
  }
});

const OWN = [["%2Fpage", "/page"], ["%2Fpage%3Fa%3Db%26c%3D%2525", "/page?a=b&c=%25"], ["%2Fpage%3Fnext%3Dhttps%3A%2F%2Fother.example", "/page?next=https://other.example"], ["", "/"]];
for (const [value, expected] of OWN) {
  test(`return_to ${decodeURIComponent(value) || "(empty)"} leads to ${expected}`, async () => {
    assert.equal(await destination(value), expected);
  });
}

test("a login without return_to leads home", async () => {
  const browser = world.browser();
  const { next } = await browser.navigate("/auth/login", { initiator: null, stopAt: (url) => url.origin !== postern.origin });
  const page = await callback(browser, await authorize(browser, next));
  assert.equal(refreshTarget(page.body), "/");
});

test("a return_to of any length either works or is refused, and its cookie stays small", async () => {
  // name and value within 4096 bytes
  for (const length of [1000, 3000, 10_000]) {
    const browser = world.browser();
    const answer = await browser.navigate(`/auth/login?return_to=%2Fpage%3Fx%3D${"y".repeat(length)}`, {
      initiator: postern.origin,
      stopAt: (url) => url.origin !== postern.origin,
    });
    if (!answer.next) assert.ok([400, 414].includes(answer.status), String(answer.status));
    for (const line of answer.setCookies) assert.ok(line.split(";")[0].length <= 4096);
  }
});

test("return_to never mixes with what the provider is asked", async () => {
  //
  const { next } = await world.browser().navigate(`/auth/login?return_to=${encodeURIComponent("/page?scope=admin&prompt=none&redirect_uri=x")}`, {
    initiator: postern.origin,
    stopAt: (url) => url.origin !== postern.origin,
  });
  assert.ok(!next.url.href.includes("admin"));
  assert.equal(next.url.searchParams.get("redirect_uri"), `${postern.origin}/auth/callback/main`);
});
