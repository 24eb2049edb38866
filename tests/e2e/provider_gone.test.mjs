// A session counts only while its provider is configured, with the very issuer that it began with.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn, whoIs } from "./support/login.mjs";
import { order, read } from "./support/management.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { handshake } from "./support/websocket.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({ main: {}, other: {} }, { vars: { ADMIN: { principals: ["other|root"] } } });
const { postern, issuers } = world;
const { PROVIDERS } = postern.bindings;
const { main, other } = PROVIDERS;

const cookieOf = (browser) => ["cookie", `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}`];

async function signedIn(provider, sub) {
  issuers[provider].user = { sub };
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider })).status, 200);
  return browser;
}

/** What becomes of a session of `main` when the providers are these. */
async function withProviders(providers, act) {
  const browser = await signedIn("main", "alice");
  await postern.restart({ PROVIDERS: providers });
  try {
    await act(browser);
  } finally {
    await postern.restart({ PROVIDERS });
  }
  return browser;
}

for (const [way, providers] of Object.entries({
  "taken out": { other },
  "given to another issuer": { main: { ...main, issuer: "https://other.example" }, other },
})) {
  test(`a session is over when its provider is ${way}, and so is what would go on with it`, async () => {
    //
    const browser = await withProviders(providers, async (browser) => {
      const mark = await postern.mark();
      const { status, body } = await handshake(postern, "/api/echo", [cookieOf(browser), ["origin", postern.origin]]);
      assert.equal(status, 401, body);
      const answer = await browser.fetch("/api/echo");
      assert.equal(answer.status, 401);
      const reasons = (await postern.eventsSince(mark)).map(({ reason }) => reason);
      assert.deepEqual(reasons, ["session.provider_not_configured", "session.gone"]);
    });
    assert.equal(await whoIs(browser), undefined, "it has ended for good");
  });
}

test("another name for the provider and another secret end nothing", async () => {
  await withProviders({ main: { ...main, name: "Renamed" }, other }, async (browser) => {
    assert.equal((await whoIs(browser)).subject, "alice");
  });
});

test("an administrator sees and ends what is stored of an issuer that is not configured any more", async () => {
  //
  const root = await signedIn("other", "root");
  const named = { issuer: issuers.main.url, subject: "bob" };
  const browser = await signedIn("main", "bob");
  await postern.restart({ PROVIDERS: { other } });
  const listed = await read(root, `/auth/admin/sessions?${new URLSearchParams(named)}`);
  assert.deepEqual([listed.status, listed.json], [200, { sessions: [] }]);
  assert.equal((await order(root, "/auth/admin/revoke", { provider: "main", subject: "bob" })).status, 400);
  const ended = await order(root, "/auth/admin/revoke", named);
  assert.deepEqual([ended.status, ended.json], [200, { ended: 1 }]);
  await postern.restart({ PROVIDERS });
  assert.equal(await whoIs(browser), undefined);
});

test("how long a provider's sessions may live holds for those that are there", async () => {
  //
  await withProviders({ main: { ...main, session_max: "10m" }, other }, async (browser) => {
    const { session } = await whoIs(browser);
    assert.equal(session.expires_at - session.created_at, 600);
    await postern.advance(600);
    assert.equal(await whoIs(browser), undefined);
  });
});
