// `token = "assertion"` and `headers`: what upstreams are told of who asks, through the runtime's own signatures.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";

import { askForKeys, derivedKey, HEADER, publishedKeys, verify } from "./support/assertions.mjs";
import { logIn, whoIs } from "./support/login.mjs";
import { newKeyRing } from "./support/postern.mjs";
import { assertTokenRefused, call, forwardedBy } from "./support/tokens.mjs";
import { startWorld } from "./support/world.mjs";

const asked = [];
const origin = createServer((request, response) => {
  asked.push(request);
  response.end("{}");
});
await new Promise((listening) => origin.listen(0, "127.0.0.1", listening));
after(() => origin.close());
const FAR = `http://127.0.0.1:${origin.address().port}`;

const both = { authenticate: ["session", "bearer"], token: "assertion" };
const world = await startWorld({ main: {}, other: {} }, {
  tokens: { main: { roles: ["roles"] } },
  routes: {
    "/orders/{*rest}": { ...both, upstream: "service:ECHO" },
    "/far": { ...both, upstream: FAR },
    "/told": {
      upstream: "service:ECHO", authenticate: ["session", "bearer"],
      headers: { "Remote-User": "subject", "X-Auth-Email": "email", "Employee-Name": "claims.name", "X-Who-Roles": "roles", "X-Who-Kind": "kind" },
    },
    "/open": { upstream: "service:ECHO", public: true },
    "/{*rest}": { upstream: "service:ECHO", public: true },
  },
  keys: newKeyRing("k1"),
});
const { postern, issuers } = world;
const { main } = issuers;
after(() => world.mend());

async function signedIn(user = {}, provider = "main") {
  issuers[provider].user = { sub: "alice", name: "Alice", email: "alice@example.com", email_verified: true, ...user };
  const browser = world.browser();
  await logIn(browser, { provider });
  return browser;
}

/** The headers that the service got. */
async function seenBy(act) {
  const { answer, seen } = await forwardedBy(postern, act);
  assert.deepEqual([answer.status, seen.length], [200, 1], answer.body);
  return seen[0].headers;
}

const assertionOf = async (browser) => (await seenBy(() => browser.fetch("/orders/1")))[HEADER];
const service = (token, keys) => verify(postern, token, "service:ECHO", keys);

test("a service and an origin are told who asks, each by an assertion of its own", async () => {
  //
  const browser = await signedIn();
  const headers = await seenBy(() => browser.fetch("/orders/1?a=b"));
  const { payload, protectedHeader } = await service(headers[HEADER]);
  assert.deepEqual(protectedHeader, { alg: "ES256", typ: "postern-assertion+jwt", kid: (await publishedKeys(postern)).keys[0].kid });
  const { sub_id, kind, provider, email, email_verified, iat, exp, sid } = payload;
  assert.deepEqual({ sub_id, kind, provider, email, email_verified }, {
    sub_id: { format: "iss_sub", iss: main.url, sub: "alice" }, kind: "human", provider: "main", email: "alice@example.com", email_verified: true,
  });
  assert.ok(exp - iat === 60 && Math.abs(iat - postern.now() / 1000) < 10);
  assert.ok(JSON.parse((await browser.fetch("/auth/sessions")).body).sessions.some(({ id }) => id === sid));
  assert.equal(headers.authorization, undefined);
  assert.equal(headers.cookie, undefined);
  //
  const answer = await browser.fetch("/far");
  assert.deepEqual([answer.status, answer.headers["cache-control"], answer.headers[HEADER]], [200, "private, no-store", undefined]);
  const far = asked.at(-1).headers[HEADER];
  const other = await verify(postern, far, FAR);
  assert.ok(other.payload.sub === payload.sub && other.payload.jti !== payload.jti);
  await assert.rejects(service(far), /"aud"/);
  await assert.rejects(verify(postern, headers[HEADER], FAR), /"aud"/);
});

test("a program gets one as what it is, and its token stays here", async () => {
  //
  const token = main.accessToken({ roles: ["editor"], act: { sub: "desk" } });
  const headers = await seenBy(() => call(postern, "/orders/1", token));
  const { payload } = await service(headers[HEADER]);
  const { kind, client_id, scope, roles, act, sid } = payload;
  assert.deepEqual({ kind, client_id, scope, roles, act, sid }, {
    kind: "service", client_id: "reporter", scope: "read", roles: ["editor"], act: { iss: main.url, sub: "desk" }, sid: undefined,
  });
  assert.equal(headers.authorization, undefined);
});

test("one is made once for a while, and for each caller", async () => {
  //
  const browsers = [];
  for (const sub of ["a", "b", "c", "d"]) browsers.push([sub, await signedIn({ sub })]);
  const first = new Map();
  for (const [sub, browser] of browsers) first.set(sub, await assertionOf(browser));
  const again = async ([sub, browser]) => [sub, JSON.parse((await browser.fetch("/orders/2")).body).headers[HEADER]];
  for (const [sub, token] of await Promise.all([...browsers, ...browsers, ...browsers].map(again))) {
    assert.equal(token, first.get(sub));
    assert.equal((await service(token)).payload.sub_id.sub, sub);
  }
  await postern.advance(31);
  const later = await assertionOf(browsers[0][1]);
  assert.notEqual(later, first.get("a"));
  assert.equal((await service(later)).payload.sub, (await service(first.get("a"))).payload.sub);
});

test("one name at two providers is two callers", async () => {
  //
  const subjects = [];
  for (const provider of ["main", "other"]) subjects.push((await service(await assertionOf(await signedIn({}, provider)))).payload);
  assert.equal(subjects[0].sub_id.sub, subjects[1].sub_id.sub);
  assert.notEqual(subjects[0].sub, subjects[1].sub);
});

test("after the session's end nothing is sent, and the next session has another name", async () => {
  const browser = await signedIn();
  const before = (await service(await assertionOf(browser))).payload;
  await browser.fetch("/auth/logout", { method: "POST", headers: [["accept", "application/json"]] });
  const { answer, seen } = await forwardedBy(postern, () => browser.fetch("/orders/1"));
  assert.deepEqual([answer.status, seen], [401, []]);
  await logIn(browser, { provider: "main" });
  const next = (await service(await assertionOf(browser))).payload;
  assert.ok(next.sub === before.sub && next.sid !== before.sid);
});

test("what a caller says of who they are goes nowhere, at whatever route", async () => {
  // R-124; field row 4
  const browser = await signedIn();
  const names = [HEADER, "X-POSTERN-Assertion", "remote-user", "Employee-Name", "X-Who-Roles"];
  for (const path of ["/open", "/anything", "/told", "/orders/1"]) {
    for (const name of names) {
      const headers = await seenBy(() => browser.fetch(path, { headers: [[name, "forged"]] }));
      assert.ok(!JSON.stringify(headers).includes("forged"), `${path} ${name}: ${JSON.stringify(headers)}`);
    }
  }
  for (const name of ["x_postern_assertion", "x.postern.assertion", "X_Auth_Email", "employee_name", "employee.name", "x-who~roles"]) {
    const { answer, seen } = await forwardedBy(postern, () => browser.fetch("/open", { headers: [[name, "forged"]] }));
    assert.deepEqual([answer.status, seen], [400, []], name);
  }
});

test("headers tell what the route chose, and nothing that has another reading", async () => {
  //
  const told = ["remote-user", "x-auth-email", "employee-name", "x-who-roles", "x-who-kind"];
  const of = (headers) => told.map((name) => headers[name]);
  assert.deepEqual(of(await seenBy(async () => (await signedIn()).fetch("/told"))), ["alice", "alice@example.com", "Alice", undefined, "human"]);
  const mark = await postern.mark();
  const odd = await signedIn({ name: "Zoë\r\nX-Who-Roles: admin", email_verified: false });
  assert.deepEqual(of(await seenBy(() => odd.fetch("/told"))), ["alice", undefined, undefined, undefined, "human"]);
  const event = (await postern.eventsSince(mark)).find(({ path }) => path === "/told");
  assert.deepEqual(event.withheld, ["employee-name"]);
  const token = main.accessToken({ roles: ["editor", "auditor"] });
  assert.deepEqual(of(await seenBy(() => call(postern, "/told", token))), ["reporter", undefined, undefined, "editor,auditor", "service"]);
});

test("an assertion opens nothing here", async () => {
  //
  const own = await assertionOf(await signedIn());
  await assertTokenRefused(postern, () => call(postern, "/orders/1", own), { status: 401, error: "invalid_token", reason: "bearer.issuer_unknown", tokens: [own] });
});

test("no token of the provider's is in one, nor in a log line one", async () => {
  //
  const mark = await postern.mark();
  const browser = await signedIn();
  const token = await assertionOf(browser);
  const said = Buffer.from(token.split(".")[1], "base64url").toString();
  const logged = (await postern.linesSince(mark)).join("\n");
  for (const canary of main.canaries) assert.ok(!said.includes(canary));
  for (const part of token.split(".").slice(1)) assert.ok(!logged.includes(part));
  const cookie = browser.jar.cookies.get("__Host-postern").value;
  assert.ok(cookie.split(".").every((part) => part.length < 16 || !said.includes(part)));
});

test("the keys are a public document, whatever the routes say", async () => {
  //
  const answer = await askForKeys(postern);
  assert.equal(answer.status, 200);
  const { "content-type": type, "cache-control": caching, "access-control-allow-origin": readers, etag } = answer.headers;
  assert.deepEqual([type, caching, readers, answer.setCookies], ["application/json", "public, max-age=300", "*", []]);
  assert.ok(JSON.parse(answer.body).keys.every((key) => !("d" in key) && key.alg === "ES256" && key.use === "sig"));
  const again = await askForKeys(postern, { headers: [["if-none-match", etag]] });
  assert.deepEqual([again.status, again.body, again.headers.etag], [304, "", etag]);
  const head = await askForKeys(postern, { method: "HEAD" });
  assert.deepEqual([head.status, head.body, head.headers.etag], [200, "", etag]);
  for (const method of ["POST", "DELETE", "OPTIONS"]) {
    const { answer: refused, seen } = await forwardedBy(postern, () => askForKeys(postern, { method }));
    assert.deepEqual([refused.status, refused.headers.allow, seen], [405, "GET, HEAD", []], method);
  }
});

test("a rotation of the ring refuses no assertion, and publishes the new key before it signs", async () => {
  const browser = await signedIn();
  const [older, newer] = [postern.bindings.POSTERN_KEYS, newKeyRing("k2")];
  const publishes = async (...entries) => {
    const { keys } = await publishedKeys(postern);
    assert.deepEqual(keys.map(({ x, y }) => [x, y]), entries.map(derivedKey).map(({ x, y }) => [x, y]));
    return { keys };
  };
  const before = await publishes(older);
  const first = await assertionOf(browser);
  await postern.restart({ POSTERN_KEYS: `${older},${newer}` });
  const announced = await publishes(older, newer);
  const second = await assertionOf(browser);
  await postern.restart({ POSTERN_KEYS: `${newer},${older}` });
  const rotated = await publishes(newer, older);
  const third = await assertionOf(browser);
  assert.ok(await whoIs(browser), "nobody is logged out");
  for (const keys of [before, announced, rotated]) for (const token of [first, second]) await service(token, keys);
  for (const keys of [announced, rotated]) await service(third, keys);
  await assert.rejects(service(third, before), { code: "ERR_JWKS_NO_MATCHING_KEY" });
  const [head, , signature] = third.split(".");
  await assert.rejects(service([head, second.split(".")[1], signature].join("."), rotated), { code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" });
});
