// A certified provider over real HTTP: its own pages, its own sessions, its own ideas of what is right.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { ACR, DEMO_RESOURCE, SECOND_FACTOR_CODE } from "../../demo/provider/provider.mjs";
import { ScriptedBrowser } from "../../demo/provider/scripted-browser.mjs";
import { Browser, formOf } from "./support/browser.mjs";
import { begin, whoIs } from "./support/login.mjs";
import { ROUTES, startPostern } from "./support/postern.mjs";
import { ORIGIN, closeAll, finish, ours, signInAt, signedIn, startRealProviders } from "./support/real_provider.mjs";

const SECRET = "s3cret:%+&/=?~";
const METHODS = { basic: "client_secret_basic", post: "client_secret_post", form: "client_secret_basic", es: "client_secret_basic", ed: "client_secret_basic" };
const ALGORITHMS = { es: "ES256", ed: "EdDSA" };

const providers = await startRealProviders(Object.fromEntries(Object.entries(METHODS).map(([id, method]) => [id, {
  client: { client_secret: SECRET, token_endpoint_auth_method: method, ...(ALGORITHMS[id] && { id_token_signed_response_alg: ALGORITHMS[id] }) },
}])));
const configured = Object.fromEntries(Object.entries(METHODS).map(([id, auth]) => [id, {
  issuer: { url: providers[id].issuer, alg: ALGORITHMS[id] ?? "RS256", client: { id, secret: SECRET, auth } },
  scopes: ["openid", "profile", "email", "hello:read"],
  resource: DEMO_RESOURCE,
  ...(id === "form" && { response_mode: "form_post" }),
}]));
const safe = { upstream: "service:ECHO", require: { acr: [ACR.secondFactor], max_age: "1h" } };
const postern = await startPostern({ providers: configured, routes: { ...ROUTES, "/safe": safe } });
after(async () => {
  await postern.close();
  await closeAll(providers);
});

for (const id of Object.keys(METHODS)) {
  test(`a person signs in at a certified provider (${id}) and is known by name`, async () => {
    const { browser } = await signedIn(postern, id);
    const me = await whoIs(browser);
    assert.equal(me.claims.name, "Alice Liddell");
    assert.equal(me.issuer, providers[id].issuer);
    assert.equal((await browser.fetch("/api/echo")).status, 200);
    const relayed = JSON.parse((await browser.fetch("/api/relay")).body).headers.authorization;
    assert.match(relayed, /^Bearer ey/);
  });
}

test("a login asks the provider three times for itself, a second one once", async () => {
  // discovery, keys, code; then only the code
  const backChannel = ({ path }) => path.startsWith("/.well-known") || path === "/jwks" || path === "/token" || path === "/me";
  await postern.restart();
  for (const { name } of (await (await postern.cache()).list()).keys) await (await postern.cache()).delete(name);
  const counts = [];
  for (let login = 0; login < 2; login += 1) {
    const before = providers.basic.requests.filter(backChannel).length;
    await signedIn(postern, "basic");
    counts.push(providers.basic.requests.filter(backChannel).length - before);
  }
  assert.deepEqual(counts, [3, 1]);
});

test("a person who says no there is not signed in here", async () => {
  const browser = new Browser(postern);
  const { url } = await begin(browser, { provider: "basic" });
  const person = new ScriptedBrowser();
  const login = await person.navigate(url.href, { stop: ours });
  const end = await person.submit(login.url, { cancel: "1" }, { stop: ours });
  assert.ok(ours(end.url), end.body.slice(0, 200));
  const answer = await finish(browser, end);
  assert.equal(answer.status, 403);
  assert.equal(await whoIs(browser), undefined);
});

test("a second factor that was asked for is in the session", async () => {
  const browser = new Browser(postern);
  const { url } = await begin(browser, { provider: "basic", acr_values: ACR.secondFactor });
  const end = await signInAt(new ScriptedBrowser(), url.href, { login: "bob", password: "builder", code: SECOND_FACTOR_CODE });
  assert.equal((await finish(browser, end)).status, 200);
  assert.equal((await whoIs(browser)).session.acr, ACR.secondFactor);
});

test("a person who signed in by password is asked for the second factor where a route wants it, and comes back", async () => {
  //
  const browser = new Browser(postern);
  const person = new ScriptedBrowser();
  const bob = { login: "bob", password: "builder" };
  const plain = await signInAt(person, (await begin(browser, { provider: "basic" })).url.href, bob);
  assert.equal((await finish(browser, plain)).status, 200);
  assert.equal((await whoIs(browser)).session.acr, ACR.password);
  assert.equal((await browser.fetch("/safe")).status, 401);

  const { next } = await browser.navigate("/safe", { initiator: ORIGIN, stopAt: (url) => url.origin !== ORIGIN });
  const end = await signInAt(person, next.url.href, { ...bob, code: SECOND_FACTOR_CODE });
  const answer = await finish(browser, end);
  assert.match(answer.body, /0;url=\/safe"/);
  assert.equal((await whoIs(browser)).session.acr, ACR.secondFactor);
  assert.equal((await browser.fetch("/safe")).status, 200);
});

test("a sign-out ends the session here and at the provider", async () => {
  const person = new ScriptedBrowser();
  const { browser } = await signedIn(postern, "basic", person);
  const answer = await browser.navigate("/auth/logout", { method: "POST", fields: [], initiator: ORIGIN, follow: false });
  assert.equal(answer.status, 303);
  assert.equal(await whoIs(browser), undefined);
  const page = await person.navigate(answer.headers.location, { stop: ours });
  const { action, fields } = formOf(page.body);
  const end = await person.submit(action, { ...Object.fromEntries(fields), logout: "yes" }, { stop: ours });
  assert.equal(new URL(end.url).pathname, "/auth/logged-out");
  const again = await person.navigate((await begin(browser, { provider: "basic" })).url.href, { stop: ours });
  assert.match(again.body, /<h1>Sign in<\/h1>/);
});
