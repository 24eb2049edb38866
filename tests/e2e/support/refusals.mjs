// What every refusal must hold ("What bad input gets" in the requirements), asserted in one place.

import assert from "node:assert/strict";

import { parseSetCookie } from "./cookies.mjs";
import { whoIs } from "./login.mjs";

export const SESSION_COOKIE = "__Host-postern";
export const LOGIN_COOKIE = "__Host-postern-login-";

/** Words that only internals use. */
const INTERNALS = /panicked|\.rs:\d|stack backtrace|\bat [\w$.]+ \(|RuntimeError|JsValue|worker-/;

/** That no canary of these issuers, and nothing of Postern's insides, stands in a text. */
export function assertNothingLeaks(text, issuers, where) {
  for (const issuer of issuers) {
    for (const canary of issuer.canaries) assert.ok(!text.includes(canary), `${where} holds ${canary.slice(0, 16)}…`);
  }
  assert.doesNotMatch(text, INTERNALS, where);
}

/** The names and values of the session cookies an answer sets, deletions aside. */
export function sessionCookies(answer) {
  return answer.setCookies.map(parseSetCookie).filter(({ name, value, maxAge }) => name === SESSION_COOKIE && value !== "" && maxAge !== 0);
}

/** RFC 9457 for programs, a page for people; the same request id in it as in the log. */
export function assertRefusalBody(answer, { navigation, requestId }) {
  if (navigation) {
    assert.match(answer.headers["content-type"] ?? "", /^text\/html/);
  } else {
    assert.match(answer.headers["content-type"] ?? "", /^application\/problem\+json/);
    const problem = JSON.parse(answer.body);
    assert.equal(problem.status, answer.status);
    assert.equal(typeof problem.type, "string");
    assert.equal(typeof problem.title, "string");
  }
  assert.ok(answer.body.includes(requestId), "the answer does not tell the request id of its log line");
  assert.match(answer.headers["cache-control"] ?? "", /no-store/);
}

const matches = (actual, expected) => (expected instanceof RegExp ? expected.test(actual) : actual === expected);

/** That exactly one event tells of a decision since `mark`, and that it is this one. */
export async function assertOneRefusalEvent(postern, mark, reason) {
  const events = await postern.eventsSince(mark);
  assert.equal(events.length, 1, `one event was expected, not ${JSON.stringify(events)}`);
  const [event] = events;
  assert.ok(matches(event.reason, reason), `the reason is ${event.reason}, not ${reason}`);
  assert.ok(event.request_id);
  return event;
}

/**
 * Runs `act`, whose answer must be a login failure (LF), or CLOSED with `status: [503]`.
 * @param {{ postern: import("./postern.mjs").Postern, browser: import("./browser.mjs").Browser, issuers: object[] }} world
 * @param {() => Promise<import("./http.mjs").Answer>} act
 * @param {{ reason: string | RegExp, status?: number[], navigation?: boolean, consumed?: boolean }} expected `consumed`: false
 * where no login was under way that could end
 */
export async function assertLoginFails({ postern, browser, issuers }, act, { reason, status = [400, 403], navigation = true, consumed = true }) {
  const mark = await postern.mark();
  const forwarded = (await postern.forwarded()).length;
  const userinfo = issuers.map((issuer) => issuer.count("userinfo"));
  const logins = browser.jar.named(LOGIN_COOKIE).length;
  const answer = await act();
  assert.ok(status.includes(answer.status), `${answer.status} instead of ${status}: ${answer.body.slice(0, 300)}`);
  assert.deepEqual(sessionCookies(answer), [], "a session cookie was set");
  if (consumed) assert.equal(browser.jar.named(LOGIN_COOKIE).length, logins - 1, "the transaction cookie was not deleted");
  const event = await assertOneRefusalEvent(postern, mark, reason);
  assertRefusalBody(answer, { navigation, requestId: event.request_id });
  assertNothingLeaks(answer.body, issuers, "the answer");
  assertNothingLeaks(JSON.stringify(event), issuers, "the event");
  assert.equal((await postern.forwarded()).length, forwarded, "something was forwarded");
  assert.deepEqual(issuers.map((issuer) => issuer.count("userinfo")), userinfo, "userinfo was called");
  return { answer, event };
}

/** That a browser is nobody. */
export async function assertNobody(browser) {
  assert.equal(await whoIs(browser), undefined, "a session exists");
}
