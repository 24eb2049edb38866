// A login, step by step, so that a test can stop anywhere and bend what comes next.

import assert from "node:assert/strict";

/** Whether a URL is one of Postern's callbacks. */
const isCallback = (postern) => (url) => url.origin === postern.origin && url.pathname.startsWith("/auth/callback/");

/**
 * Asks Postern for a login and stops before the provider is asked.
 * @returns {Promise<{ url: URL, asked: Record<string, string>, answer: import("./http.mjs").Answer }>}
 */
export async function begin(browser, { provider, returnTo = "/page", ...more } = {}) {
  const query = new URLSearchParams({ return_to: returnTo, ...(provider && { provider }), ...more });
  const { next, ...answer } = await browser.navigate(`/auth/login?${query}`, {
    initiator: browser.postern.origin,
    stopAt: (url) => url.origin !== browser.postern.origin,
  });
  assert.ok(next, `the login did not lead to the provider but to ${answer.status}: ${answer.body.slice(0, 500)}`);
  return { url: next.url, asked: Object.fromEntries(next.url.searchParams), answer };
}

/**
 * Lets the provider answer an authorization request and stops before Postern's callback is asked.
 * @returns {Promise<import("./browser.mjs").Step>}
 */
export async function authorize(browser, { url }) {
  const { next, ...answer } = await browser.navigate(url.href, { initiator: browser.postern.origin, stopAt: isCallback(browser.postern) });
  assert.ok(next, `the provider did not lead back but answered ${answer.status}: ${answer.body.slice(0, 500)}`);
  return next;
}

/** Asks the callback as the provider's redirect or form would; nothing after it. */
export function callback(browser, step) {
  const initiator = step.initiator === browser.postern.origin ? "http://127.0.0.1:9" : step.initiator;
  return browser.navigate(step.url.href, { initiator, method: step.method, fields: step.fields, follow: false });
}

/** The whole login as far as the callback's own answer. */
export async function logIn(browser, options) {
  return callback(browser, await authorize(browser, await begin(browser, options)));
}

/** The whole login, to the page it was for. */
export async function logInAndArrive(browser, { provider, returnTo = "/page", ...more } = {}) {
  const query = new URLSearchParams({ return_to: returnTo, ...(provider && { provider }), ...more });
  return browser.navigate(`/auth/login?${query}`, { initiator: browser.postern.origin });
}

/** What `/auth/me` says of a browser, or undefined when it is nobody. */
export async function whoIs(browser) {
  const answer = await browser.fetch("/auth/me?touch=false");
  if (answer.status === 401) return undefined;
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body);
}
