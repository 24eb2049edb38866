// Sign-ins at a certified provider, by its own pages: what the files `real_provider*.test.mjs` have in common.

import assert from "node:assert/strict";

import { startProvider } from "../../../demo/provider/provider.mjs";
import { ScriptedBrowser } from "../../../demo/provider/scripted-browser.mjs";
import { Browser, formOf } from "./browser.mjs";
import { begin } from "./login.mjs";
import { SESSION_COOKIE } from "./refusals.mjs";

export const ORIGIN = "http://localhost:8787";
const ALICE = { login: "alice", password: "wonderland" };
const ELSEWHERE = "http://127.0.0.1:1";

/** What a provider knows of the client that Postern is. */
export const clientOf = (id, more) => ({
  client_id: id,
  client_name: "Postern",
  redirect_uris: [`${ORIGIN}/auth/callback/${id}`],
  post_logout_redirect_uris: [`${ORIGIN}/auth/logged-out`],
  ...more,
});

/**
 * Starts a provider for each client: Postern knows an issuer once.
 * @param {Record<string, object>} kinds by id: what `startProvider` takes, with its one `client`
 */
export async function startRealProviders(kinds) {
  const started = Object.entries(kinds).map(async ([id, { client, ...options }]) =>
    [id, await startProvider({ clients: [clientOf(id, client)], name: `Provider ${id}`, ...options })]);
  return Object.fromEntries(await Promise.all(started));
}

export const closeAll = (providers) => Promise.all(Object.values(providers).map((provider) => provider.close()));

/** Whether an address is Postern's: there a person's way through the provider's pages ends. */
export const ours = (url) => url.startsWith(`${ORIGIN}/`);

/** Signs in on the provider's own pages; resolves with its last answer: a redirect to us, or a form for us. */
export async function signInAt(person, url, form = ALICE) {
  const login = await person.navigate(url, { stop: ours });
  assert.match(login.body, /<h1>Sign in<\/h1>/);
  const consent = await person.submit(login.url, form, { stop: ours });
  return consent.body.includes("Allow ") ? person.submit(consent.url, {}, { stop: ours }) : consent;
}

/** Brings the provider's last answer to the callback. */
export function finish(browser, end) {
  if (ours(end.url)) return browser.navigate(end.url, { initiator: ELSEWHERE, follow: false });
  const { action, fields } = formOf(end.body);
  return browser.navigate(action, { initiator: ELSEWHERE, method: "POST", fields, follow: false });
}

/** The whole sign-in, which succeeds; with what the browser asked the provider for. */
export async function signedIn(postern, provider, person = new ScriptedBrowser()) {
  const browser = new Browser(postern);
  const { url, asked } = await begin(browser, { provider });
  const answer = await finish(browser, await signInAt(person, url.href));
  assert.equal(answer.status, 200, answer.body.slice(0, 300) + postern.logs.slice(-2).join("\n"));
  return { browser, asked };
}

/** What a script of ours sends with this browser's session: for requests that go past the browser. */
export const asScript = (browser) => [
  ["cookie", `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}`], ["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "cors"],
];
