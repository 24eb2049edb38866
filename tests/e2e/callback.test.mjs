// The authorization response: bound to this browser, this transaction and this provider, and used once.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { authorize, begin, callback, logIn, whoIs } from "./support/login.mjs";
import { assertLoginFails, assertNobody, LOGIN_COOKIE } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({
  a: {},
  b: {},
  form: { settings: { response_mode: "form_post" } },
  quiet: {},
});
const { issuers, postern } = world;
issuers.quiet.bend.discovery = undefined;
const withoutIss = (answer) => void delete answer.body.authorization_response_iss_parameter_supported;
afterEach(() => {
  world.mend();
  issuers.quiet.bend.discovery = withoutIss;
});
issuers.quiet.bend.discovery = withoutIss;

const tokenRequests = () => Object.values(issuers).reduce((sum, issuer) => sum + issuer.count("token"), 0);

/** Changes the response's parameters, wherever they travel. */
const parameters = (change) => (step) => void change(step.url.searchParams);
const set = (name, value) => parameters((query) => query.set(name, value));
const drop = (name) => parameters((query) => query.delete(name));
const twice = (name) => parameters((query) => query.append(name, query.get(name)));

async function failsWithoutTokenRequest(options) {
  const before = tokenRequests();
  const outcome = await world.loginFails(options);
  assert.equal(tokenRequests(), before, "a code was sent");
  return outcome;
}

const BENT = [
  ["R-021: a state of nobody's", set("state", "A".repeat(43)), "callback.no_transaction", { consumed: false }],
  ["R-021: no state", drop("state"), "callback.state_missing", { consumed: false }],
  ["R-023: two states", twice("state"), "callback.parameter_repeated", { consumed: false }],
  ["R-023: two codes", twice("code"), "callback.parameter_repeated", { consumed: false }],
  ["R-023: two issuers", twice("iss"), "callback.parameter_repeated", { consumed: false }],
  ["no code", drop("code"), "callback.code_missing", {}],
  ["an empty code", set("code", ""), "callback.code_missing", {}],
  ["R-025: no iss from a provider that promises it", drop("iss"), "callback.iss_missing", {}],
  ["R-025: an iss with a slash more", parameters((query) => query.set("iss", `${query.get("iss")}/`)), "callback.iss_mismatch", {}],
  ["R-025: an iss in other case", parameters((query) => query.set("iss", query.get("iss").toUpperCase())), "callback.iss_mismatch", {}],
  ["R-026: the iss of another configured provider", set("iss", issuers.b.url), "callback.iss_mismatch", {}],
  ["R-016: an answer of the implicit flow", parameters((query) => { query.delete("code"); query.set("access_token", "x"); query.set("id_token", "x"); }), "callback.unasked_token", {}],
];
for (const [what, change, reason, more] of BENT) {
  test(`${what} ends the login before any code is sent`, async () => {
    await failsWithoutTokenRequest({ provider: "a", change, reason, ...more });
  });
}

const ERRORS = [
  ["access_denied", [["error", "access_denied"]], 403, "callback.provider_refused"],
  ["login_required", [["error", "login_required"]], 401, "callback.person_wanted"],
  ["a script", [["error", "<script>alert(1)</script>"], ["error_description", "<img src=x onerror=alert(1)>"], ["error_uri", "javascript:alert(1)"]], 403, "callback.provider_refused"],
  ["a line break", [["error", "server_error"], ["error_description", 'x\r\n{"event":"forged"}']], 503, "callback.provider_failed"],
];
for (const [what, answer, status, reason] of ERRORS) {
  test(`an error response with ${what} ends the login with a page that repeats none of it`, async () => {
    //
    issuers.a.bend.authorization = (draft, { asked }) => void (draft.params = [...answer, ["state", asked.state], ["iss", issuers.a.url]]);
    const { answer: page } = await failsWithoutTokenRequest({ provider: "a", reason, status: [status] });
    for (const [name, value] of answer) if (name !== "error") assert.ok(!page.body.includes(value), name);
    assert.doesNotMatch(page.body, /<script|onerror|javascript:/);
  });
}

test("an error response without the promised iss is not believed either", async () => {
  //
  issuers.a.bend.authorization = (draft, { asked }) => void (draft.params = [["error", "access_denied"], ["state", asked.state]]);
  await failsWithoutTokenRequest({ provider: "a", reason: "callback.iss_missing" });
});

test("an iss from a provider that does not promise one may be missing", async () => {
  //
  issuers.quiet.bend.authorization = (draft) => void (draft.params = draft.params.filter(([name]) => name !== "iss"));
  assert.equal((await logIn(world.browser(), { provider: "quiet" })).status, 200);
});

test("an iss from a provider that does not promise one must be right when it is there", async () => {
  //
  await failsWithoutTokenRequest({ provider: "quiet", change: set("iss", "https://evil.example"), reason: "callback.iss_mismatch" });
});

test("parameters that nobody knows are ignored and shown nowhere", async () => {
  //
  const browser = world.browser();
  const mark = await postern.mark();
  const step = await authorize(browser, await begin(browser, { provider: "a" }));
  step.url.searchParams.set("foo", "<script>alert(1)</script>");
  step.url.searchParams.set("session_state", "x".repeat(200));
  const answer = await callback(browser, step);
  assert.equal(answer.status, 200);
  assert.doesNotMatch(answer.body, /alert\(1\)/);
  assert.ok(!(await postern.linesSince(mark)).some((line) => line.includes("<script>")));
});

test("a response that another browser started logs nobody in", async () => {
  // login CSRF
  const attacker = world.browser();
  const step = await authorize(attacker, await begin(attacker, { provider: "a" }));
  const victim = world.browser();
  const before = tokenRequests();
  await assertLoginFails(world.scene(victim), () => callback(victim, step), { reason: "callback.no_transaction", consumed: false });
  await assertNobody(victim);
  assert.equal(tokenRequests(), before);
});

test("a response that another browser started logs nobody in, even where a login of the victim's is under way", async () => {
  //
  const attacker = world.browser();
  const step = await authorize(attacker, await begin(attacker, { provider: "a" }));
  const victim = world.browser();
  await begin(victim, { provider: "a" });
  await assertLoginFails(world.scene(victim), () => callback(victim, step), { reason: "callback.no_transaction", consumed: false });
  await assertNobody(victim);
});

test("a transaction cookie under another transaction's name opens nothing", async () => {
  //
  const browser = world.browser();
  const one = await authorize(browser, await begin(browser, { provider: "a" }));
  await authorize(browser, await begin(browser, { provider: "a" }));
  const [first, second] = browser.jar.named(LOGIN_COOKIE).map((name) => browser.jar.cookies.get(name));
  [first.value, second.value] = [second.value, first.value];
  await assertLoginFails(world.scene(browser), () => callback(browser, one), { reason: "callback.no_transaction" });
  await assertNobody(browser);
});

test("a transaction cookie with one bit changed opens nothing", async () => {
  //
  const browser = world.browser();
  const step = await authorize(browser, await begin(browser, { provider: "a" }));
  const cookie = browser.jar.cookies.get(browser.jar.named(LOGIN_COOKIE)[0]);
  const middle = Math.floor(cookie.value.length / 2);
  cookie.value = `${cookie.value.slice(0, middle)}${cookie.value[middle] === "A" ? "B" : "A"}${cookie.value.slice(middle + 1)}`;
  await assertLoginFails(world.scene(browser), () => callback(browser, step), { reason: "callback.no_transaction" });
});

test("a response of provider A on provider B's redirect URI sends the code to neither", async () => {
  // mix-up
  for (const change of [
    (step) => void (step.url.pathname = "/auth/callback/b"),
    (step) => { step.url.pathname = "/auth/callback/b"; step.url.searchParams.set("iss", issuers.b.url); },
  ]) {
    await failsWithoutTokenRequest({ provider: "a", change, reason: /^callback\./ });
  }
});

test("a response older than the transaction is refused", async () => {
  // ten minutes
  await failsWithoutTokenRequest({ provider: "a", change: () => postern.advance(601), reason: "callback.no_transaction" });
});

test("a second use of the same response is refused, whether the first one succeeded or failed", async () => {
  //
  for (const bend of [undefined, (token) => void (token.claims.nonce = "wrong")]) {
    issuers.a.bend.idToken = bend;
    const browser = world.browser();
    const step = await authorize(browser, await begin(browser, { provider: "a" }));
    const transaction = browser.jar.cookies.get(browser.jar.named(LOGIN_COOKIE)[0]);
    await callback(browser, step);
    const before = tokenRequests();
    const replayer = world.browser();
    replayer.jar.cookies.set(transaction.name, transaction);
    await assertLoginFails(world.scene(replayer), () => callback(replayer, step), { reason: "callback.already_used" });
    assert.equal(tokenRequests(), before);
    await assertNobody(replayer);
  }
});

test("a code is sent once, however the token endpoint fails", async () => {
  //
  for (const fault of [{ drop: true }, { status: 500 }, { status: 503, body: "" }]) {
    issuers.a.bend.token = (answer) => void Object.assign(answer, fault);
    const before = issuers.a.count("token");
    await world.loginFails({ provider: "a", status: [400, 403, 502, 503], reason: /^(token|provider)\./ });
    assert.equal(issuers.a.count("token"), before + 1);
  }
});

test("a code is sent once when the token endpoint does not answer in time", async () => {
  //
  issuers.a.bend.token = (answer) => void (answer.hang = true);
  await world.loginFails({ provider: "a", status: [503], reason: "provider.timeout" });
  assert.equal(issuers.a.count("token"), 1);
});

/** Has the provider issue the code of one login for the other's request. */
async function inject(thief, victim, extra = () => {}) {
  const stolen = await authorize(victim, await begin(victim, { provider: "a" }));
  const own = await authorize(thief, await begin(thief, { provider: "a" }));
  own.url.searchParams.set("code", stolen.url.searchParams.get("code"));
  extra();
  return own;
}

test("a stolen code in another login fails at the provider, which checks PKCE", async () => {
  //
  const thief = world.browser();
  const step = await inject(thief, world.browser());
  await assertLoginFails(world.scene(thief), () => callback(thief, step), { reason: "token.invalid_grant" });
  await assertNobody(thief);
});

test("a stolen code in another login fails here by its nonce when the provider does not check PKCE", async () => {
  //
  const thief = world.browser();
  const step = await inject(thief, world.browser(), () => void (issuers.a.checks.pkce = false));
  await assertLoginFails(world.scene(thief), () => callback(thief, step), { reason: "id_token.nonce_mismatch" });
  await assertNobody(thief);
});

test("the callback page sends no referrer, is not stored and loads nothing", async () => {
  //
  const answer = await logIn(world.browser(), { provider: "a" });
  assert.equal(answer.headers["referrer-policy"], "no-referrer");
  assert.match(answer.headers["cache-control"], /no-store/);
  assert.match(answer.headers["content-security-policy"], /default-src 'none'/);
  assert.doesNotMatch(answer.body, /<script|<img|<iframe|<link[^>]+https?:/i);
});

test("after a form_post the browser goes on with GET", async () => {
  //
  const browser = world.browser();
  const step = await authorize(browser, await begin(browser, { provider: "form" }));
  const answer = await callback(browser, step);
  assert.ok([200, 303].includes(answer.status), String(answer.status));
  assert.ok(await whoIs(browser));
});

test("a form_post provider's answer does not count in the query, nor in both", async () => {
  //
  const asQuery = (step) => ({ ...step, method: "GET", fields: undefined, url: new URL(`${step.url}?${new URLSearchParams(step.fields)}`) });
  const inBoth = (step) => ({ ...step, url: new URL(`${step.url}?${new URLSearchParams(step.fields)}`) });
  for (const change of [asQuery, inBoth]) {
    await failsWithoutTokenRequest({ provider: "form", change, reason: /^callback\./, status: [400, 403, 405], consumed: false });
  }
});

test("a query provider's answer does not count in a form", async () => {
  const asForm = (step) => ({ ...step, method: "POST", fields: [...step.url.searchParams], url: new URL(step.url.pathname, step.url) });
  await failsWithoutTokenRequest({ provider: "a", change: asForm, reason: /./, status: [400, 403, 405], consumed: false });
});

test("a form larger than any authorization response is refused", async () => {
  const change = (step) => ({ ...step, fields: [...step.fields, ["padding", "x".repeat(300_000)]] });
  await failsWithoutTokenRequest({ provider: "form", change, reason: /^callback\./, status: [400, 403, 413], consumed: false });
});

test("the callback of a provider that is not configured is nothing", async () => {
  const answer = await world.browser().navigate("/auth/callback/nobody?code=x&state=y", { follow: false });
  assert.ok([400, 404].includes(answer.status));
});
