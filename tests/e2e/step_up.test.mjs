// A better or a more recent sign-in, where a route asks for one (RFC 9470): in workerd, with real cookies and redirects.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { authorize, begin, callback, logIn, whoIs } from "./support/login.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { call, challengesOf, forwardedBy } from "./support/tokens.mjs";
import { startWorld } from "./support/world.mjs";

const strict = { acr: ["urn:gold"], max_age: "5m" };
/** `max_age`, and a minute for clocks that are apart. */
const LATEST = 360;

const world = await startWorld(
  { main: {} },
  {
    twin: true,
    session: { idle: "8h" },
    tokens: { main: { roles: ["roles"] } },
    vars: { ROLES: { viewer: ["read:*"], editor: ["*:orders"] } },
    routes: {
      "/page": { upstream: "service:ECHO" },
      "/pii": { upstream: "service:ECHO", require: strict },
      "/both": { upstream: "service:ECHO", authenticate: ["session", "bearer"], require: strict },
      "/scoped": { upstream: "service:ECHO", require: { ...strict, scopes: ["never"] } },
      "/relay": { upstream: "service:ECHO", token: "relay" },
      "/orders/{department}": {
        upstream: "service:ECHO", authenticate: ["bearer"],
        require: { permissions: ["write:orders"], claims: { department: "{department}" } },
      },
    },
  },
);
const { postern } = world;
const { main } = world.issuers;
afterEach(() => world.mend());

const goTo = (browser, path) => browser.navigate(path, { initiator: postern.origin });
const cookieOf = (browser) => browser.jar.cookies.get(SESSION_COOKIE)?.value;
const withCookie = (value) => ({ headers: [["cookie", `${SESSION_COOKIE}=${value}`]] });

async function signedIn() {
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  return browser;
}

test("a person comes back to the page with the session upgraded, and the old id is dead everywhere at once", async () => {
  //
  const browser = await signedIn();
  const before = cookieOf(browser);
  assert.equal((await postern.sendToTwin("/page", withCookie(before))).status, 200);
  const answer = await goTo(browser, "/pii?x=1");
  assert.equal(answer.status, 200, answer.body.slice(0, 300));
  assert.equal(JSON.parse(answer.body).path, "/pii?x=1");
  const asked = main.last("authorization").query;
  assert.deepEqual([asked.get("acr_values"), asked.get("max_age")], ["urn:gold", "300"]);
  assert.notEqual(cookieOf(browser), before);
  assert.equal((await whoIs(browser)).session.acr, "urn:gold");
  for (const answered of [await postern.send("/page", withCookie(before)), await postern.sendToTwin("/page", withCookie(before))]) {
    assert.equal(answered.status, 401);
  }
});

test("who is not signed in signs in once, and rightly", async () => {
  const browser = world.browser();
  const answer = await goTo(browser, "/pii");
  assert.equal(JSON.parse(answer.body).path, "/pii");
  assert.equal(main.count("token"), 1);
});

test("a sign-in grows old, whatever is refreshed meanwhile", async () => {
  //
  main.tokenLife = 120;
  const browser = world.browser();
  await goTo(browser, "/pii");
  await postern.advance(LATEST - 30);
  assert.equal((await browser.fetch("/relay")).status, 200);
  assert.equal(main.count("token"), 2, "the access token was renewed");
  assert.equal((await browser.fetch("/pii")).status, 200);
  await postern.advance(60);
  const refused = await browser.fetch("/pii");
  assert.equal(refused.status, 401);
  assert.equal(JSON.parse(refused.body).type, "urn:postern:problem:insufficient-user-authentication");
  assert.equal((await goTo(browser, "/pii")).status, 200);
});

test("a provider that does not do as asked leaves the session as it was", async () => {
  //
  const browser = await signedIn();
  const before = cookieOf(browser);
  for (const [name, value] of [["acr", "urn:silver"], ["auth_time", Math.floor(postern.now() / 1000) - 2 * LATEST]]) {
    main.bend.idToken = (draft) => void (draft.claims[name] = value);
    const mark = await postern.mark();
    const answer = await goTo(browser, "/pii");
    assert.equal(answer.status, 400, answer.body.slice(0, 300));
    const [event] = await postern.eventsSince(mark).then((events) => events.filter(({ event }) => event === "login.finish"));
    assert.match(event.reason, /^id_token\.(acr_unsatisfied|auth_time_too_old)$/);
    assert.equal(cookieOf(browser), before);
    assert.equal((await browser.fetch("/page")).status, 200);
  }
});

test("nobody is sent round in circles", async () => {
  //
  const browser = await signedIn();
  const stale = Math.floor(postern.now() / 1000) - LATEST + 3;
  main.bend.idToken = (draft) => void (draft.claims.auth_time = stale);
  const started = await begin(browser, { provider: "main", returnTo: "/pii", acr_values: "urn:gold", max_age: "300" });
  assert.equal((await callback(browser, await authorize(browser, started))).status, 200);
  await postern.advance(5);
  const answer = await browser.navigate("/pii", { initiator: postern.origin, follow: false });
  assert.equal(answer.status, 401);
  assert.match(answer.body, /href="\/auth\/login\?provider=main&amp;acr_values=urn%3Agold&amp;max_age=300&amp;return_to=%2Fpii"/);
});

test("a script is told which sign-in would do, and nobody is sent for what it would not mend", async () => {
  //
  const browser = await signedIn();
  const refused = await browser.fetch("/pii");
  const link = "/auth/login?provider=main&acr_values=urn%3Agold&max_age=300";
  const { type, login_url, acr_values, max_age } = JSON.parse(refused.body);
  assert.deepEqual({ status: refused.status, type, login_url, acr_values, max_age }, {
    status: 401, type: "urn:postern:problem:insufficient-user-authentication", login_url: link, acr_values: "urn:gold", max_age: 300,
  });
  assert.equal((await browser.fetch("/scoped")).status, 403);
  assert.equal((await goTo(browser, "/scoped")).status, 403);
});

test("a token of a poorer sign-in is answered by the book, and opens nothing", async () => {
  //
  const now = Math.floor(postern.now() / 1000);
  for (const claims of [{}, { acr: "urn:silver", auth_time: now }, { acr: "urn:gold" }, { acr: "urn:gold", auth_time: now - 2 * LATEST }]) {
    const { answer, seen } = await forwardedBy(postern, () => call(postern, "/both", main.accessToken({ sub: "alice", ...claims })));
    assert.deepEqual([answer.status, seen], [401, []]);
    const [scheme, { error, acr_values, max_age }] = challengesOf(answer)[0];
    assert.deepEqual({ scheme, error, acr_values, max_age }, {
      scheme: "Bearer", error: "insufficient_user_authentication", acr_values: "urn:gold", max_age: "300",
    });
  }
  const good = { acr: "urn:gold", auth_time: now };
  assert.equal((await call(postern, "/both", main.accessToken({ sub: "alice", ...good }))).status, 200);
  // A client's own token is nobody's sign-in, whatever it says.
  assert.equal((await call(postern, "/both", main.accessToken(good))).status, 403);
});

test("what roles may, and claims beside the path, are decided in the Worker as in the tests of its core", async () => {
  //
  const status = async (path, claims) => (await call(postern, path, main.accessToken(claims))).status;
  const sales = { roles: ["editor"], department: "sales" };
  assert.deepEqual(
    [
      await status("/orders/sales", sales),
      await status("/orders/support", sales),
      await status("/orders/sales", { ...sales, roles: ["viewer"] }),
      await status("/orders/sales", { ...sales, roles: ["*"], permissions: ["*"] }),
      await status("/orders/sales", { roles: ["editor"] }),
    ],
    [200, 403, 403, 403, 403],
  );
});
