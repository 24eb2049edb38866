// What Postern asks of a provider: a code, with PKCE, for the configured scopes, and nothing a link can widen.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { begin, logIn } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({
  main: { settings: { scopes: ["openid", "profile"] } },
  fixed: {
    settings: {
      prompt: "login", acr_values: ["urn:mfa"], max_age: "10m", resource: "https://api.example.com",
      authorization_params: { audience: "orders" }, pass_through: [],
    },
  },
  some: { settings: { pass_through: ["login_hint"] } },
  aged: { settings: { max_age: "10m" } },
  onlyplain: {},
  silent: {},
  refusing: {},
});
const { issuers, postern } = world;
afterEach(() => world.mend());

test("a code is asked for, by the exact client and redirect URI, with openid among the scopes", async () => {
  //
  const { url, asked } = await begin(world.browser(), { provider: "main" });
  assert.equal(asked.response_type, "code");
  assert.equal(asked.client_id, issuers.main.client.id);
  assert.equal(asked.redirect_uri, `${postern.origin}/auth/callback/main`);
  assert.equal(asked.scope, "openid profile");
  assert.equal(url.hash, "");
  for (const name of url.searchParams.keys()) assert.equal(url.searchParams.getAll(name).length, 1, name);
});

test("state, nonce and PKCE challenge are new, long and unguessable on every login", async () => {
  //
  const logins = [];
  for (let count = 0; count < 200; count += 1) logins.push((await begin(world.browser(), { provider: "main" })).asked);
  for (const name of ["state", "nonce", "code_challenge"]) {
    const values = new Set(logins.map((asked) => asked[name]));
    assert.equal(values.size, logins.length, name);
    for (const value of values) assert.match(value, /^[A-Za-z0-9_-]{22,}$/, name);
  }
  for (const asked of logins) assert.equal(asked.code_challenge_method, "S256");
});

test("the token request repeats the redirect URI and proves the challenge with a verifier of 43 to 128 characters", async () => {
  //
  await logIn(world.browser(), { provider: "main" });
  const form = new URLSearchParams(issuers.main.last("token").body);
  assert.equal(form.get("grant_type"), "authorization_code");
  assert.equal(form.get("redirect_uri"), `${postern.origin}/auth/callback/main`);
  assert.match(form.get("code_verifier"), /^[A-Za-z0-9._~-]{43,128}$/);
  assert.deepEqual(issuers.main.violations, []);
});

test("a provider whose metadata says nothing of PKCE gets S256 all the same", async () => {
  //
  issuers.silent.bend.discovery = (answer) => void delete answer.body.code_challenge_methods_supported;
  const { asked } = await begin(world.browser(), { provider: "silent" });
  assert.equal(asked.code_challenge_method, "S256");
});

test("a provider that only knows `plain` is not used", async () => {
  //
  issuers.onlyplain.bend.discovery = (answer) => void (answer.body.code_challenge_methods_supported = ["plain"]);
  const answer = await world.browser().navigate("/auth/login?provider=onlyplain", {
    initiator: postern.origin,
    stopAt: (url) => url.origin !== postern.origin,
  });
  assert.equal(answer.next, undefined);
  assert.ok(answer.status >= 500, String(answer.status));
});

test("a provider that answers PKCE with an error is not asked again without it", async () => {
  //
  issuers.refusing.bend.authorization = (draft, { asked }) =>
    void (draft.params = [["error", "invalid_request"], ["error_description", "code_challenge_method"], ["state", asked.state], ["iss", issuers.refusing.url]]);
  await world.loginFails({ provider: "refusing", reason: "callback.provider_refused" });
  const { asked } = await begin(world.browser(), { provider: "refusing" });
  assert.equal(asked.code_challenge_method, "S256");
});

test("a login link hands on prompt, login_hint, acr_values and max_age", async () => {
  //
  const link = { prompt: "login", login_hint: "alice@example.com", acr_values: "urn:mfa urn:phr", max_age: "60" };
  const { asked } = await begin(world.browser(), { provider: "main", ...link });
  for (const [name, value] of Object.entries(link)) assert.equal(asked[name], value, name);
});

test("what the configuration fixes is sent, and a link that may not set it cannot", async () => {
  //
  const { asked } = await begin(world.browser(), { provider: "fixed", prompt: "none", acr_values: "urn:pwd", max_age: "9999", login_hint: "x" });
  assert.equal(asked.prompt, "login");
  assert.equal(asked.acr_values, "urn:mfa");
  assert.equal(asked.max_age, "600");
  assert.equal(asked.login_hint, undefined);
  assert.equal(asked.resource, "https://api.example.com");
  assert.equal(asked.audience, "orders");
});

test("only the parameters that a provider passes through are taken from a link", async () => {
  const { asked } = await begin(world.browser(), { provider: "some", prompt: "none", login_hint: "bob", acr_values: "x", max_age: "1" });
  assert.equal(asked.login_hint, "bob");
  for (const name of ["prompt", "acr_values", "max_age"]) assert.equal(asked[name], undefined, name);
});

test("a link may lower max_age, never raise it", async () => {
  //
  assert.equal((await begin(world.browser(), { provider: "aged", max_age: "60" })).asked.max_age, "60");
  assert.equal((await begin(world.browser(), { provider: "aged", max_age: "99999" })).asked.max_age, "600");
});

const WIDENING = {
  scope: "openid admin", redirect_uri: "https://evil.example/cb", client_id: "other", response_type: "token", response_mode: "fragment",
  state: "fixed", nonce: "fixed", code_challenge: "fixed", code_challenge_method: "plain", resource: "https://evil.example", request: "eyJ", claims: "{}",
};

test("no other parameter of a login link reaches the provider", async () => {
  //
  const { asked } = await begin(world.browser(), { provider: "main", ...WIDENING });
  assert.equal(asked.scope, "openid profile");
  for (const [name, value] of Object.entries(WIDENING)) assert.notEqual(asked[name], value, name);
});

for (const [name, value] of [["max_age", "-1"], ["max_age", "soon"], ["prompt", "admin\r\nx"], ["login_hint", "x".repeat(5000)]]) {
  test(`a login link with the ${name} ${JSON.stringify(value.slice(0, 10))} does not hand it on`, async () => {
    const browser = world.browser();
    const query = new URLSearchParams({ provider: "main", [name]: value });
    const answer = await browser.navigate(`/auth/login?${query}`, { initiator: postern.origin, stopAt: (url) => url.origin !== postern.origin });
    assert.ok(answer.status === 400 || answer.next.url.searchParams.get(name) !== value);
  });
}
