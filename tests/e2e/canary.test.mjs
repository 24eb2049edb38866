// Codes, tokens and secrets are canaries: none of them ever shows in an answer, a log line, or upstream.

import assert from "node:assert/strict";
import { test } from "node:test";

import { authorize, begin, callback, logIn } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({
  main: {},
  form: { settings: { response_mode: "form_post" } },
  post: { client: { auth: "client_secret_post" } },
});
const { postern, issuers } = world;

/** The `id_token_hint` in a redirect to the provider's own end_session_endpoint is the one exception. */
function withoutHint(location = "") {
  const ends = Object.values(issuers).map((issuer) => `${issuer.base}/end-session?`);
  return ends.some((start) => location.startsWith(start)) ? location.replace(/id_token_hint=[\w.-]+/, "") : location;
}

/** Everything an answer says. */
const saidBy = ({ status, headers: { location, ...headers }, body }) => JSON.stringify([status, headers, withoutHint(location), body]);

const BENDS = [
  (issuer) => issuer,
  (issuer) => void (issuer.bend.idToken = (token) => void (token.claims.nonce = "wrong")),
  (issuer) => void (issuer.bend.idToken = (token) => void (token.claims.aud = issuer.client.secret)),
  (issuer) => void (issuer.bend.token = (answer) => void Object.assign(answer, { status: 400, body: { error: "invalid_grant", error_description: JSON.stringify(answer.body) } })),
  (issuer) => void (issuer.bend.token = (answer) => void (answer.body = `${JSON.stringify(answer.body)}}`)),
  (issuer) => void (issuer.bend.token = (answer) => void (answer.status = 500)),
  (issuer) => void (issuer.bend.token = (answer) => void (answer.body.token_type = answer.body.access_token)),
  (issuer) => void (issuer.bend.token = (answer) => void (answer.body.id_token = answer.body.access_token)),
  (issuer) => void (issuer.bend.authorization = (draft) => void draft.params.push(["code", draft.params[0][1]])),
  (issuer) => void (issuer.bend.authorization = (draft) => void draft.params.push(["error", draft.params[0][1]])),
  (issuer) => void (issuer.bend.authorization = (draft) => void (draft.params[2][1] = draft.params[0][1])),
  (issuer) => void (issuer.bend.authorization = (draft) => void (draft.params[1][1] = draft.params[0][1])),
];

async function livesThrough(provider) {
  const browser = world.browser();
  await logIn(browser, { provider });
  await browser.fetch("/auth/me");
  await browser.fetch("/api/echo");
  await browser.navigate("/page", { initiator: postern.origin });
  await browser.navigate("/nothing", { initiator: postern.origin });
  const again = await authorize(browser, await begin(browser, { provider }));
  await callback(browser, again);
  await callback(browser, again);
  await browser.fetch("/auth/logout", { method: "POST" });
  await logIn(browser, { provider });
  await browser.navigate("/auth/logout", { method: "POST", fields: [], initiator: postern.origin });
  await browser.fetch("/auth/me");
  return browser.answers;
}

test("no code, token or secret shows in any answer, any log line or any upstream request", async () => {
  // field row 17
  const mark = await postern.mark();
  const answers = [];
  for (const provider of Object.keys(issuers)) {
    for (const bend of BENDS) {
      world.mend();
      bend(issuers[provider]);
      answers.push(...(await livesThrough(provider)));
    }
  }
  world.mend();
  const canaries = Object.values(issuers).flatMap((issuer) => [...issuer.canaries]);
  assert.ok(canaries.length > 100, "the canaries were planted");
  const said = answers.map(saidBy);
  assert.ok(said.length > 200);
  const logged = await postern.linesSince(mark);
  assert.ok(logged.length > 200);
  const forwarded = (await postern.forwarded()).map((request) => JSON.stringify(request));
  assert.ok(forwarded.length > 5);
  for (const [where, texts] of Object.entries({ said, logged, forwarded })) {
    const all = texts.join("\n");
    for (const canary of canaries) assert.ok(!all.includes(canary), `${where}: ${texts.find((text) => text.includes(canary))?.slice(0, 400)}`);
  }
});

test("neither session cookie nor transaction cookie, state, nonce or verifier shows in a log line", async () => {
  //
  const mark = await postern.mark();
  const browser = world.browser();
  const started = await begin(browser, { provider: "main" });
  const secrets = [started.asked.state, started.asked.nonce, started.asked.code_challenge];
  secrets.push(...[...browser.jar.cookies.values()].map(({ value }) => value));
  await callback(browser, await authorize(browser, started));
  secrets.push(new URLSearchParams(issuers.main.last("token").body).get("code_verifier"));
  secrets.push(browser.jar.cookies.get("__Host-postern").value);
  await browser.fetch("/api/echo?token=canary-query");
  await browser.fetch("/auth/me");
  const logged = (await postern.linesSince(mark)).join("\n");
  for (const secret of [...secrets, "canary-query"]) assert.ok(!logged.includes(secret), secret);
});
