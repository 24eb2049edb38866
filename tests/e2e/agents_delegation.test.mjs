// What agents hand on, and what a person allows call by call, over HTTP and in two isolates.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { compactVerify, createLocalJWKSet } from "jose";

import { call, consent, isolate, program, register, token } from "./support/agents.mjs";
import { logIn } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const AT_ONCE = 50;
const world = await startWorld({ main: {} }, {
  twin: true,
  routes: { "/mcp": { upstream: "service:ECHO", mcp: { approve: ["tools/call:delete_*"] } } },
  vars: { AGENTS: { register: true }, LIMITS: { login: false, callback: false } },
});
const { postern, issuers } = world;
afterEach(() => world.mend());

let people = 0;
async function person() {
  issuers.main.user = { sub: `person-${(people += 1)}` };
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  return browser;
}

const atOnce = (work) => Promise.all(Array.from({ length: AT_ONCE }, (_, at) => work(at)));
const count = (answers, status) => answers.filter((answer) => answer.status === status).length;
const decide = (browser, page, decision) =>
  browser.navigate(page, { method: "POST", fields: [["decision", decision]], initiator: postern.origin, follow: false });

test("a call waits until the person allows it, and of fifty at once one goes on", async () => {
  //
  const browser = await person();
  const { access_token: access } = await consent(browser, await register(postern));
  assert.equal((await call(postern, access, "search", {})).status, 200);
  const args = { id: 7, note: "<script>alert(1)</script>" };
  const asked = await call(postern, access, "delete_doc", args);
  assert.equal(asked.status, 403, asked.body);
  const { type, approval_url: url } = JSON.parse(asked.body);
  assert.equal(type, "urn:postern:problem:approval-required");
  const page = await browser.navigate(url, { initiator: postern.origin });
  assert.ok(page.body.includes("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.body.includes("<script"), page.body);
  // The agent is nobody there.
  const path = new URL(url).pathname;
  const bearer = [["authorization", `Bearer ${access}`], ["content-type", "application/x-www-form-urlencoded"]];
  assert.equal((await program(postern, path, { headers: bearer, body: "decision=allow" })).status, 401);
  assert.equal((await decide(await person(), path, "allow")).status, 403);
  assert.equal((await decide(browser, path, "allow")).status, 303);
  const answers = await atOnce((at) => call(postern, access, "delete_doc", args, { to: isolate(at) }));
  assert.deepEqual([count(answers, 200), count(answers, 403)], [1, AT_ONCE - 1]);
  const receipt = await browser.fetch(`${path}/receipt`);
  assert.equal(receipt.headers["content-type"], "application/jwt");
  const [header, payload] = receipt.body.split(".").map((part) => Buffer.from(part, "base64url").toString());
  assert.equal(JSON.parse(header).typ, "postern-receipt+jwt");
  assert.equal(JSON.parse(payload).call.name, "delete_doc");
  const keys = JSON.parse((await program(postern, "/.well-known/jwks.json", { method: "GET" })).body);
  await compactVerify(receipt.body, createLocalJWKSet(keys));
});

test("a no is a no", async () => {
  //
  const browser = await person();
  const { access_token: access } = await consent(browser, await register(postern));
  const { approval_url: url } = JSON.parse((await call(postern, access, "delete_doc", {})).body);
  await decide(browser, new URL(url).pathname, "deny");
  const again = await call(postern, access, "delete_doc", {});
  assert.equal(JSON.parse(again.body).type, "urn:postern:problem:approval-denied");
});

const ACCESS = "urn:ietf:params:oauth:token-type:access_token";
const exchanged = (client, subject_token, more) =>
  token(postern, {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange", subject_token, client_id: client, subject_token_type: ACCESS, ...more,
  });

test("what an agent hands on is less, for less long, and ends with the person's other sessions", async () => {
  //
  const browser = await person();
  const client = await register(postern);
  const { access_token: access, expires_in: life } = await consent(browser, client);
  await postern.advance(60);
  const { issued_token_type: type, expires_in: left, access_token: narrowed, refresh_token: none } = JSON.parse((await exchanged(client, access)).body);
  assert.deepEqual([type, none], [ACCESS, undefined]);
  assert.ok(left > 0 && left <= life - 60, `${left} of ${life}`);
  assert.equal((await call(postern, narrowed, "search", {})).status, 200);
  for (const [more, error] of [[{ scope: "admin" }, "invalid_scope"], [{ resource: `${postern.origin}/other` }, "invalid_target"]]) {
    const refused = await exchanged(client, access, more);
    assert.deepEqual([refused.status, JSON.parse(refused.body).error], [400, error]);
  }
  assert.equal((await browser.fetch("/auth/sessions", { method: "DELETE" })).status, 200);
  for (const to of [undefined, "twin"]) assert.equal((await call(postern, narrowed, "search", {}, { to })).status, 401);
  assert.equal((await exchanged(client, access)).status, 400);
});

test("a token for one use opens once, of fifty requests at once, and ends with the grant", async () => {
  //
  const browser = await person();
  const client = await register(postern);
  const { access_token: access } = await consent(browser, client);
  const exchange = async (more) => {
    const answer = await exchanged(client, access, more);
    assert.equal(answer.status, 200, answer.body);
    return JSON.parse(answer.body).access_token;
  };
  const once = await exchange({ task: "Book a room", uses: "1" });
  const answers = await atOnce((id) => call(postern, once, "search", {}, { id, to: isolate(id) }));
  assert.deepEqual([count(answers, 200), count(answers, 401)], [1, AT_ONCE - 1]);
  const narrowed = await exchange({});
  assert.equal((await call(postern, narrowed, "search", {})).status, 200);
  const { sessions } = JSON.parse((await browser.fetch("/auth/sessions")).body);
  // What was exchanged is there too, and ends sooner.
  const [parent] = sessions.filter((one) => one.grant).sort((one, other) => other.expires_at - one.expires_at);
  await browser.fetch(`/auth/sessions/${parent.id}`, { method: "DELETE" });
  assert.equal((await call(postern, access, "search", {})).status, 401);
  assert.equal((await call(postern, narrowed, "search", {})).status, 401);
});

test("what an object did before it was reset is not done twice", async () => {
  //
  const browser = await person();
  const client = await register(postern);
  const { access_token: access } = await consent(browser, client);
  const breaking = async (work) => {
    await postern.break({ SUBJECTS: "reset_after" });
    const answer = await work();
    await postern.break({});
    return answer;
  };
  assert.equal((await breaking(() => exchanged(client, access))).status, 503);
  const made = await exchanged(client, access, { task: "Book a room", uses: "2" });
  const { access_token: twice } = JSON.parse(made.body);
  assert.equal((await breaking(() => call(postern, twice, "search", {}))).status, 503);
  const statuses = [];
  for (let use = 0; use < 2; use += 1) statuses.push((await call(postern, twice, "search", {})).status);
  assert.deepEqual(statuses, [200, 401]);
  const { approval_url: url } = JSON.parse((await call(postern, access, "delete_doc", { id: 8 })).body);
  const { pathname } = new URL(url);
  assert.equal((await breaking(() => decide(browser, pathname, "allow"))).status, 503);
  assert.equal((await call(postern, access, "delete_doc", { id: 8 })).status, 200);
});
