// What every answer of Postern's own looks like: its headers, its two faces, and the number by which the log knows it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { logIn } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({ main: {}, other: {} });
const { postern } = world;
const alice = world.browser();
await logIn(alice, { provider: "main" });

const navigate = (path) => () => world.browser().navigate(path, { follow: false });
const program = (path, options) => () => world.browser().fetch(path, options);

/** A form of ours, by who is not signed in any more. */
const lateForm = () => postern.send("/api/echo", {
  method: "POST",
  headers: [
    ["origin", postern.origin], ["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"],
  ],
});

/** `[what, ask, status]`: one of each kind of answer */
const OWN = [
  ["the chooser", navigate("/auth/login"), 200],
  ["a redirect to the provider", navigate("/auth/login?provider=main"), 302],
  ["the end of a login", () => logIn(world.browser(), { provider: "main" }), 200],
  ["a bounce", () => world.browser().navigate("/page", { initiator: "http://127.0.0.1:9", follow: false }), 200],
  ["a redirect to sign in", navigate("/page"), 302],
  ["the page that takes a fragment along", navigate("/auth/login?return_to=%2Fpage&fragment=keep"), 200],
  ["the way on with it", navigate("/auth/continue?to=%2Fpage%23a"), 200],
  ["a form that came too late", lateForm, 401],
  ["who I am", () => alice.fetch("/auth/me"), 200],
  ["nobody", program("/auth/me"), 401],
  ["the signed-out page", navigate("/auth/logged-out"), 200],
  ["a failed login, for people", navigate("/auth/callback/main?state=x&code=y"), 400],
  ["a failed login, for programs", program("/auth/callback/main?state=x&code=y"), 400],
  ["an unknown path, for people", navigate("/nothing"), 404],
  ["an unknown path, for programs", program("/nothing"), 404],
  ["a wrong method", program("/auth/me", { method: "POST" }), 405],
  ["a bad path", program("/a//b", { path: "/a//b" }), 400],
  ["a login that a script starts", program("/auth/login"), 403],
  ["an unsafe request from elsewhere", () => alice.fetch("/api/echo", { method: "POST", headers: [["sec-fetch-site", "cross-site"]] }), 403],
];

for (const [what, ask, status] of OWN) {
  test(`${what} carries every protective header`, async () => {
    //
    const { headers, ...answer } = await ask();
    assert.ok(answer.status === status || (status === 302 && answer.status === 303) || answer.status === 400 && status === 403, `${answer.status}: ${answer.body.slice(0, 200)}`);
    assert.match(headers["cache-control"], /no-store/);
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["referrer-policy"], "no-referrer");
    const policy = headers["content-security-policy"];
    for (const directive of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"]) assert.ok(policy.includes(directive), directive);
    assert.doesNotMatch(policy, /unsafe-|\*/);
    assert.equal(headers["access-control-allow-origin"], undefined);
    assert.equal(headers.server, undefined);
  });
}

for (const [what, ask, status] of OWN.filter(([, , code]) => code >= 400)) {
  test(`${what} has one event, and both know it by the same number`, async () => {
    //
    const mark = await postern.mark();
    const answer = await ask();
    const [event, ...more] = await postern.eventsSince(mark);
    assert.deepEqual(more, []);
    assert.equal(event.status, answer.status);
    assert.match(event.request_id, /^[0-9a-f]{16,}$/);
    assert.ok(answer.body.includes(event.request_id), status);
    assert.notEqual(event.reason, "undecided");
    assert.ok(!answer.body.includes(event.reason), "the reason is for the log alone");
  });
}

test("programs read problems, and all of one kind are alike", async () => {
  // nothing of the request is echoed
  const ask = (path) => world.browser().fetch(path);
  const [one, other] = [await ask("/nothing?canary=1234567"), await ask("/else/canary-in-path")].map((answer) => JSON.parse(answer.body));
  assert.deepEqual({ ...one, request_id: "" }, { ...other, request_id: "" });
  assert.equal(one.status, 404);
  assert.ok(!JSON.stringify([one, other]).includes("canary"));
});

test("pages are whole, speak a language and need no script; one that some have is named by the policy", async () => {
  //
  const scripted = [];
  for (const [what, ask] of OWN) {
    const { headers, body } = await ask();
    if (!/^text\/html/.test(headers["content-type"] ?? "")) continue;
    assert.match(body, /^<!doctype html>/i, what);
    assert.match(body, /<html lang="en" dir="ltr">/, what);
    assert.match(body, /<title>[^<]+<\/title>/, what);
    assert.match(body, /<main>/, what);
    assert.match(body, /<h1>/, what);
    assert.match(body, /name="viewport"/, what);
    assert.doesNotMatch(body, /javascript:|\son\w+=|style="/i, what);
    const [script, ...more] = body.split(/<script[^>]*>/).slice(1);
    assert.deepEqual(more, [], what);
    const hash = script && createHash("sha256").update(script.split("</script>")[0]).digest("base64");
    assert.equal(/script-src ([^;]*)/.exec(headers["content-security-policy"])?.[1], hash && `'sha256-${hash}'`, what);
    if (!script) continue;
    scripted.push(what);
    assert.match(body, /<noscript><meta http-equiv="refresh"|reload this page/, what);
  }
  assert.deepEqual(scripted, ["a bounce", "the page that takes a fragment along", "a form that came too late"]);
});

test("a HEAD has the headers of its GET and no body", async () => {
  const answer = await postern.send("/auth/logged-out", { method: "HEAD" });
  assert.equal(answer.status, 200);
  assert.equal(answer.body, "");
});

const INJECTIONS = ["\r\n{\"event\":\"forged\"}", "\u001b[31mred", "\u2028", "%0d%0a", "\"}{", "<script>", "x".repeat(100_000)];
for (const text of INJECTIONS) {
  test(`${JSON.stringify(text.slice(0, 12))} in a request makes no second line and no long one`, async () => {
    //
    const mark = await postern.mark();
    const query = encodeURIComponent(text).slice(0, 8000);
    await postern.send(`/auth/login?provider=${query}`, { headers: [["user-agent", text.replace(/[^\x20-\x7e]/g, "?").slice(0, 4000)]] });
    await postern.send(`/nothing/${query}`);
    const lines = await postern.linesSince(mark);
    assert.equal(lines.length, 2);
    for (const line of lines) {
      assert.ok(line.length < 2000, String(line.length));
      assert.doesNotMatch(line, /[\u0000-\u001f\u2028\u2029]/);
      assert.notEqual(JSON.parse(line).event, "forged");
    }
  });
}
