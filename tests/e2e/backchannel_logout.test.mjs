// The provider says that it ended a session: exactly that one is over on its next request, wherever that is made.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { hmac, newKey } from "../provider/keys.mjs";
import { assertNothingLeaks, SESSION_COOKIE } from "./support/refusals.mjs";
import { authorize, begin, callback, logIn, whoIs } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({
  main: {},
  other: {},
  old: { settings: { logout_tokens: "legacy" } },
  framed: { settings: { frontchannel_logout: true } },
});
const { postern, issuers } = world;
afterEach(async () => {
  await postern.break({});
  world.mend();
});

const FORM = ["content-type", "application/x-www-form-urlencoded"];

/** Posts what a provider would; every cookie stays away. */
const post = (provider, body, headers = [FORM]) => postern.send(`/auth/backchannel-logout/${provider}`, { method: "POST", headers, body });

const tell = (provider, token) => post(provider, `logout_token=${token}`);

let sids = 0;

/** A browser signed in as `sub`, with a provider's session of its own. */
async function signedIn({ provider = "main", sub = "alice", sid = `sid-${(sids += 1)}` } = {}) {
  issuers[provider].bend.idToken = ({ claims }) => void Object.assign(claims, { sub, sid });
  const browser = world.browser();
  const answer = await logIn(browser, { provider });
  assert.equal(answer.status, 200, answer.body);
  return Object.assign(browser, { sid });
}

const areIn = async (...browsers) => (await Promise.all(browsers.map(whoIs))).map(Boolean);

function assertDone(answer) {
  assert.equal(answer.status, 200, answer.body);
  assert.equal(answer.body, "");
  assert.match(answer.headers["cache-control"], /no-store/);
  assert.deepEqual(answer.setCookies, []);
}

function assertInvalid(answer, what) {
  //
  assert.equal(answer.status, 400, `${what}: ${answer.body}`);
  assert.match(answer.headers["content-type"], /^application\/json/);
  assert.deepEqual(JSON.parse(answer.body), { error: "invalid_request" });
  assert.match(answer.headers["cache-control"], /no-store/);
  assert.equal(answer.headers["access-control-allow-origin"], undefined);
}

test("an index that was thrown out of memory still knows whose session it is", async () => {
  const browser = await signedIn();
  await postern.evict("SID_INDEX");
  await postern.evict("SUBJECTS");
  assertDone(await tell("main", issuers.main.logoutToken({ sid: browser.sid })));
  assert.equal(await whoIs(browser), undefined);
});

const MEANT = [
  ["a sid and a sub", (one) => ({ sub: "alice", sid: one.sid }), [false, true, true, true]],
  ["a sid alone", (one) => ({ sid: one.sid }), [false, true, true, true]],
  ["a sub alone", () => ({ sub: "alice" }), [false, false, true, true]],
  ["a sid of somebody else's", (one) => ({ sub: "bob", sid: one.sid }), [true, true, true, true]],
  ["a sub that nobody has", () => ({ sub: "carol" }), [true, true, true, true]],
  ["a sid that nobody has", () => ({ sid: "sid-of-nobody" }), [true, true, true, true]],
];
for (const [what, claims, expected] of MEANT) {
  test(`${what} ends exactly the sessions that are meant`, async () => {
    // two sessions of one person, one of another, and the same `sub` and `sid` at another provider
    const sub = `alice-${what.replaceAll(/\W/g, "-")}`;
    const one = await signedIn({ sub });
    const two = await signedIn({ sub });
    const three = await signedIn({ sub: `${sub}-bob` });
    const four = await signedIn({ sub, provider: "other", sid: one.sid });
    const named = claims(one);
    if (named.sub) named.sub = named.sub.replace("alice", sub).replace("bob", `${sub}-bob`);
    const mark = await postern.mark();
    assertDone(await tell("main", issuers.main.logoutToken(named)));
    const events = await postern.eventsSince(mark);
    assert.deepEqual(events.map(({ event, outcome }) => [event, outcome]), [["logout.backchannel", "allow"]]);
    assertNothingLeaks(JSON.stringify(events), Object.values(issuers), "the event");
    assert.deepEqual(await areIn(one, two, three, four), expected);
  });
}

test("the session is over in a new isolate too, on its first request", async () => {
  //
  const browser = await signedIn();
  const line = `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}`;
  assertDone(await tell("main", issuers.main.logoutToken({ sid: browser.sid })));
  await postern.restart();
  assert.equal((await postern.send("/api/echo", { headers: [["cookie", line]] })).status, 401);
});

test("a copy of a token does nothing to the session that came after it", async () => {
  //
  for (const named of [{ sub: "dora" }, { sid: "sid-dora" }, { sub: "dora", sid: "sid-dora" }]) {
    const before = await signedIn({ sub: "dora", sid: "sid-dora" });
    const token = issuers.main.logoutToken(named);
    assertDone(await tell("main", token));
    assert.equal(await whoIs(before), undefined);
    await postern.advance(2);
    const after = await signedIn({ sub: "dora", sid: "sid-dora" });
    assertInvalid(await tell("main", token), JSON.stringify(named));
    assert.ok(await whoIs(after));
  }
});

test("twenty copies at once: one counts", async () => {
  const browser = await signedIn();
  const token = issuers.main.logoutToken({ sid: browser.sid });
  const answers = await Promise.all(Array.from({ length: 20 }, () => tell("main", token)));
  const statuses = answers.map(({ status }) => status).toSorted();
  assert.deepEqual(statuses, [200, ...Array(19).fill(400)]);
});

test("a logout overtakes the login that is under way, and keeps nobody out later", async () => {
  //
  for (const named of [{ sub: "erin" }, { sid: "sid-erin" }]) {
    issuers.main.bend.idToken = ({ claims }) => void Object.assign(claims, { sub: "erin", sid: "sid-erin" });
    const browser = world.browser();
    const step = await authorize(browser, await begin(browser, { provider: "main" }));
    await postern.advance(1);
    assertDone(await tell("main", issuers.main.logoutToken(named)));
    assert.equal((await callback(browser, step)).status, 400);
    assert.equal(await whoIs(browser), undefined);
    await postern.advance(2);
    assert.ok(await whoIs(await signedIn({ sub: "erin", sid: "sid-erin" })));
  }
});

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
const stranger = newKey("RS256");
const BAD = [
  //
  ["alg none", (claims) => issuers.main.logoutToken(claims, { header: { alg: "none" }, signer: () => Buffer.alloc(0) }), /^jwt\./],
  ["an algorithm that is not allowed", (claims) => issuers.main.logoutToken(claims, { header: { alg: "PS256" } }), "jwt.alg_not_allowed"],
  ["HMAC with the client secret", (claims) => issuers.main.logoutToken(claims, { header: { alg: "HS256" }, signer: hmac(issuers.main.client.secret) }), "jwt.alg_unsupported"],
  ["a stranger's key", (claims) => issuers.main.logoutToken(claims, { key: stranger }), "jwt.key_unknown"],
  ["a stranger's key under the right name", (claims) => issuers.main.logoutToken(claims, { key: { ...stranger, kid: issuers.main.keys[0].kid } }), "jwt.bad_signature"],
  ["another provider's token", (claims) => issuers.other.logoutToken(claims), "logout_token.iss_mismatch"],
  //
  ["a wrong iss", { iss: "https://op.example" }, "logout_token.iss_mismatch"],
  ["a wrong aud", { aud: "someone-else" }, "logout_token.aud_mismatch"],
  ["another aud beside us", () => issuers.main.logoutToken({ sub: "alice", aud: [issuers.main.client.id, "someone-else"] }), "logout_token.aud_untrusted"],
  ["a past exp", { exp: 1_000_000_000 }, "logout_token.expired"],
  ["no exp", { exp: undefined }, "logout_token.exp_malformed"],
  ["an iat to come", { iat: 4_000_000_000 }, "logout_token.iat_in_future"],
  ["an iat long gone", { iat: 1_000_000_000 }, "logout_token.iat_too_old"],
  ["no iat", { iat: undefined }, "logout_token.iat_malformed"],
  //
  ["neither sub nor sid", { sub: undefined }, "logout_token.nobody_named"],
  ["an empty sub and no sid", { sub: "" }, "logout_token.nobody_named"],
  ["a number as sid", { sid: 7 }, "logout_token.sid_malformed"],
  //
  ["no events", { events: undefined }, "logout_token.events_malformed"],
  ["another event", { events: { "http://schemas.openid.net/event/other": {} } }, "logout_token.events_malformed"],
  ["events in an array", { events: [EVENT] }, "logout_token.events_malformed"],
  ["an event that is true", { events: { [EVENT]: true } }, "logout_token.events_malformed"],
  ["an event in other letters", { events: { [EVENT.replace("logout", "Logout")]: {} } }, "logout_token.events_malformed"],
  //
  ["a nonce", { nonce: "n" }, "logout_token.nonce_present"],
  ["no jti", { jti: undefined }, "logout_token.jti_malformed"],
  //
  ["neither typ nor exp", (claims) => issuers.main.logoutToken({ ...claims, exp: undefined }, { header: { typ: undefined } }), "logout_token.exp_malformed"],
  ["the typ of an ID token", (claims) => issuers.main.logoutToken(claims, { header: { typ: "JWT" } }), "logout_token.typ_refused"],
  ["the typ of an access token", (claims) => issuers.main.logoutToken(claims, { header: { typ: "at+jwt" } }), "logout_token.typ_refused"],
  ["no token at all", () => "", /^jwt\./],
];
for (const [what, bad, reason] of BAD) {
  test(`${what}: the token ends nothing`, async () => {
    const browser = await signedIn({ sub: "frank" });
    const make = typeof bad === "function" ? bad : (claims) => issuers.main.logoutToken({ ...claims, ...bad });
    const mark = await postern.mark();
    assertInvalid(await tell("main", make({ sub: "frank" })), what);
    const events = await postern.eventsSince(mark);
    assert.equal(events.length, 1);
    assert.ok(reason instanceof RegExp ? reason.test(events[0].reason) : events[0].reason === reason, events[0].reason);
    assertNothingLeaks(JSON.stringify(events), Object.values(issuers), "the event");
    assert.ok(await whoIs(browser));
  });
}

test("members that are null are not there, and the type may be missing", async () => {
  //
  let count = 0;
  for (const [claims, options] of [[{ sid: null, nbf: null, nonce: null }, {}], [{ sid: "" }, {}], [{}, { header: { typ: undefined } }], [{}, { header: { typ: "application/logout+jwt" } }]]) {
    // Somebody else each time: a logout wins over a login that began in the same second.
    const sub = `hugo-${(count += 1)}`;
    const browser = await signedIn({ sub });
    assert.equal((await tell("main", issuers.main.logoutToken({ sub, ...claims }, options))).status, 200);
    assert.equal(await whoIs(browser), undefined);
  }
});

test("an ID token ends no session, at a legacy provider either", async () => {
  //
  for (const provider of ["main", "old"]) {
    const browser = await signedIn({ provider, sub: "gina" });
    const idToken = [...issuers[provider].canaries].filter((canary) => canary.split(".").length === 3).at(-1);
    assertInvalid(await tell(provider, idToken), provider);
    assert.ok(await whoIs(browser));
  }
});

test("a legacy provider may leave out typ and exp, and nothing else", async () => {
  for (const typ of [undefined, "JWT", "logout+jwt"]) {
    const browser = await signedIn({ provider: "old" });
    const named = { sid: browser.sid, exp: undefined };
    const make = (claims) => issuers.old.logoutToken({ ...named, ...claims }, { header: { typ } });
    assertInvalid(await tell("old", make({ events: undefined })), "no events");
    assertInvalid(await tell("old", make({ nonce: "n" })), "nonce");
    assertDone(await tell("old", make({})));
    assert.equal(await whoIs(browser), undefined);
  }
});

test("only a form with one token is read, and what else is in it is not", async () => {
  //
  const browser = await signedIn();
  const token = issuers.main.logoutToken({ sid: browser.sid });
  const JSON_TYPE = ["content-type", "application/json"];
  assertInvalid(await post("main", JSON.stringify({ logout_token: token }), [JSON_TYPE]), "JSON");
  assertInvalid(await post("main", `logout_token=${token}`, [JSON_TYPE]), "a form that says it is JSON");
  assertInvalid(await post("main", `logout_token=${token}`, []), "no content type");
  assertInvalid(await post("main", `logout_token=${token}&logout_token=${token}`), "two tokens");
  assertInvalid(await post("main", "token=x"), "no token");
  assertInvalid(await post("main", `logout_token=${token}&pad=${"x".repeat(40_000)}`), "too long");
  for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) {
    const answer = await postern.send(`/auth/backchannel-logout/main?logout_token=${token}`, { method });
    assert.equal(answer.status, 405, method);
    assert.equal(answer.headers.allow, "POST");
  }
  assert.equal((await post("nobody", `logout_token=${token}`)).status, 404);
  assert.ok(await whoIs(browser));
  assertDone(await post("main", `state=1&logout_token=${token}&state=2`));
  assert.equal(await whoIs(browser), undefined);
});

test("who carries a session cookie is treated no better and no worse", async () => {
  const [browser, other] = [await signedIn({ sub: "hugo" }), await signedIn({ sub: "ida" })];
  const line = ["cookie", `${SESSION_COOKIE}=${other.jar.cookies.get(SESSION_COOKIE).value}`];
  const crossSite = [["origin", "https://evil.example"], ["sec-fetch-site", "cross-site"]];
  assertDone(await post("main", `logout_token=${issuers.main.logoutToken({ sid: browser.sid })}`, [FORM, line, ...crossSite]));
  assert.deepEqual(await areIn(browser, other), [false, true]);
});

for (const store of ["SUBJECTS", "ONCE", "SID_INDEX"]) {
  for (const fault of ["throw", "status", "garbage"]) {
    test(`${store} fails (${fault}): 503, and the same token works afterwards`, async () => {
      //
      const browser = await signedIn();
      const token = issuers.main.logoutToken({ sid: browser.sid });
      await postern.break({ [store]: fault });
      const answer = await tell("main", token);
      assert.equal(answer.status, 503);
      assert.ok(answer.headers["retry-after"]);
      await postern.break({});
      assert.ok(await whoIs(browser));
      assertDone(await tell("main", token));
      assert.equal(await whoIs(browser), undefined);
    });
  }
}

test("without the index nobody signs in whom the provider could not sign out", async () => {
  await postern.break({ SID_INDEX: "throw" });
  issuers.main.bend.idToken = ({ claims }) => void Object.assign(claims, { sid: "sid-unseen" });
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "main" })).status, 503);
  await postern.break({});
  assert.equal(await whoIs(browser), undefined);
});

const frame = (path) => postern.send(path, { headers: [["sec-fetch-site", "cross-site"], ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "iframe"]] });
const frameUrl = (provider, params) => `/auth/frontchannel-logout/${provider}?${new URLSearchParams(params)}`;

test("a frame of the provider's ends the named session, where that is turned on", async () => {
  //
  const browser = await signedIn({ provider: "framed" });
  const params = { iss: issuers.framed.url, sid: browser.sid };
  for (const wrong of [{ iss: params.iss }, { ...params, sid: "" }, { ...params, iss: issuers.main.url }]) {
    assert.equal((await frame(frameUrl("framed", wrong))).status, 400);
  }
  assert.equal((await frame(`${frameUrl("framed", params)}&sid=${params.sid}`)).status, 400);
  assert.equal((await frame(frameUrl("framed", {}))).status, 200);
  assert.ok(await whoIs(browser));
  const answer = await frame(frameUrl("framed", params));
  assert.equal(answer.status, 200);
  assert.match(answer.headers["cache-control"], /no-store/);
  assert.match(answer.headers["content-security-policy"], new RegExp(`frame-ancestors ${world.host.origin};`));
  assert.equal(await whoIs(browser), undefined);
  // The path says which provider it is about, so `sid` alone is enough.
  const another = await signedIn({ provider: "framed" });
  assert.equal((await frame(frameUrl("framed", { sid: another.sid }))).status, 200);
  assert.equal(await whoIs(another), undefined);
  const elsewhere = await signedIn();
  assert.equal((await frame(frameUrl("main", { iss: issuers.main.url, sid: elsewhere.sid }))).status, 404);
  assert.ok(await whoIs(elsewhere));
  assert.match((await frame("/auth/logged-out")).headers["content-security-policy"], /frame-ancestors 'none'/);
});
