// A certified provider of FAPI 2.0 over real HTTP: pushed requests, signed or not, and signed responses, encrypted or not.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { ScriptedBrowser } from "../../demo/provider/scripted-browser.mjs";
import { encryptionKey, newKey, publicJwk } from "../provider/keys.mjs";
import { Browser, formOf } from "./support/browser.mjs";
import { begin, whoIs } from "./support/login.mjs";
import { startPostern } from "./support/postern.mjs";
import { ORIGIN, closeAll, finish, ours, signInAt, startRealProviders } from "./support/real_provider.mjs";

const FAPI = { fapi: { enabled: true, profile: "2.0" }, dPoP: { enabled: true } };
const signedRequests = { requestObjects: { enabled: true, requireSignedRequestObject: true } };
/** What each provider does, and what Postern is told of it. */
const KINDS = {
  // What `profile` sets is enough.
  fapi: { features: FAPI, settings: { profile: "fapi2" } },
  // Message Signing: requests are signed because the provider says so.
  signing: { features: { ...FAPI, ...signedRequests }, settings: { profile: "fapi2", response_mode: "jwt" } },
  form: { settings: { par: "always", signed_request: true, response_mode: "form_post.jwt", max_age: "1h" } },
  query: { settings: { response_mode: "query.jwt" } },
  sealed: { features: { encryption: { enabled: true } }, settings: { response_mode: "jwt", encrypted_id_token: "accepted" }, encrypts: true },
};

const keys = Object.fromEntries(Object.keys(KINDS).map((id) => [id, newKey("ES256")]));
const sealing = encryptionKey("ECDH-ES");
const encrypted = {
  jwks: { keys: [publicJwk(keys.sealed), sealing.jwk] }, authorization_encrypted_response_alg: "ECDH-ES", authorization_encrypted_response_enc: "A128GCM",
};
const enabledJWA = { authorizationEncryptionAlgValues: ["ECDH-ES"], authorizationEncryptionEncValues: ["A128GCM"] };
const providers = await startRealProviders(Object.fromEntries(Object.entries(KINDS).map(([id, { features, settings, encrypts }]) => [id, {
  client: {
    token_endpoint_auth_method: "private_key_jwt",
    token_endpoint_auth_signing_alg: "ES256",
    jwks: { keys: [publicJwk(keys[id])] },
    id_token_signed_response_alg: "ES256",
    authorization_signed_response_alg: "ES256",
    ...(settings.profile && { dpop_bound_access_tokens: true }),
    ...(encrypts && encrypted),
  },
  features: {
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
    requestObjects: { enabled: true },
    jwtResponseModes: { enabled: true },
    ...features,
  },
  ...(encrypts && { configuration: { enabledJWA } }),
}])));
const configured = Object.fromEntries(Object.entries(KINDS).map(([id, { settings }]) => [id, {
  issuer: { url: providers[id].issuer, alg: "ES256", client: { id, auth: "private_key_jwt", key: keys[id] } }, ...settings,
}]));
const routes = { "/": { upstream: "service:ECHO", public: true }, "/{*rest}": { upstream: "service:ECHO" } };
const postern = await startPostern({ providers: configured, routes, vars: { PROVIDER_SEALED_DECRYPTION_KEY: sealing.secret } });
after(async () => {
  await postern.close();
  await closeAll(providers);
});

for (const id of Object.keys(KINDS)) {
  test(`a person signs in at a provider that requires pushed requests (${id})`, async () => {
    //
    const browser = new Browser(postern);
    const { url, asked } = await begin(browser, { provider: id, login_hint: "alice" });
    assert.deepEqual(Object.keys(asked).sort(), ["client_id", "request_uri"]);
    assert.match(asked.request_uri, /^urn:ietf:params:oauth:request_uri:/);
    const end = await signInAt(new ScriptedBrowser(), url.href);
    const isSigned = KINDS[id].settings.response_mode !== undefined;
    if (end.url.startsWith(ORIGIN)) {
      const names = [...new URL(end.url).searchParams.keys()].sort();
      assert.deepEqual(names, isSigned ? ["response"] : ["code", "iss", "state"]);
      if (isSigned) assert.equal(new URL(end.url).searchParams.get("response").split(".").length, KINDS[id].encrypts ? 5 : 3);
    } else {
      assert.deepEqual(formOf(end.body).fields.map(([name]) => name), ["response"]);
    }
    const answer = await finish(browser, end);
    assert.equal(answer.status, 200, answer.body.slice(0, 300));
    const me = await whoIs(browser);
    assert.equal(me.claims.name, "Alice Liddell");
    assert.equal(me.issuer, providers[id].issuer);
  });
}

test("a request that was pushed is used once", async () => {
  //
  const browser = new Browser(postern);
  const { url } = await begin(browser, { provider: "query" });
  const again = await begin(browser, { provider: "query" });
  assert.notEqual(url.searchParams.get("request_uri"), again.url.searchParams.get("request_uri"));
  assert.equal((await finish(browser, await signInAt(new ScriptedBrowser(), url.href))).status, 200);
  const used = await new ScriptedBrowser().navigate(url.href, { stop: ours });
  assert.equal(new URL(used.url).searchParams.get("error"), "invalid_request_uri");
});

test("a person who says no there is not signed in here, by word of a signed response", async () => {
  const browser = new Browser(postern);
  const { url } = await begin(browser, { provider: "query" });
  const person = new ScriptedBrowser();
  const login = await person.navigate(url.href, { stop: ours });
  const end = await person.submit(login.url, { cancel: "1" }, { stop: ours });
  assert.deepEqual([...new URL(end.url).searchParams.keys()], ["response"]);
  assert.equal((await finish(browser, end)).status, 403);
  assert.equal(await whoIs(browser), undefined);
});

test("an encrypted response signs in the person alone whose login it is for, and once", async () => {
  //
  const browser = new Browser(postern);
  const end = await signInAt(new ScriptedBrowser(), (await begin(browser, { provider: "sealed" })).url.href);
  const stranger = new Browser(postern);
  assert.equal((await finish(stranger, end)).status, 400);
  await begin(stranger, { provider: "sealed" });
  assert.equal((await finish(stranger, end)).status, 400);
  const changed = { ...end, url: end.url.replace(/.{4}$/, "AAAA") };
  assert.equal((await finish(browser, changed)).status, 400);
  assert.equal((await finish(browser, end)).status, 200);
  assert.equal((await finish(browser, end)).status, 400);
  assert.equal(await whoIs(stranger), undefined);
});

test("a response that was changed on the way, or is of another login, signs nobody in", async () => {
  //
  const browser = new Browser(postern);
  const end = await signInAt(new ScriptedBrowser(), (await begin(browser, { provider: "query" })).url.href);
  const changed = new URL(end.url);
  const [header, payload, signature] = changed.searchParams.get("response").split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  const forged = Buffer.from(JSON.stringify({ ...claims, code: `${claims.code}x` })).toString("base64url");
  changed.searchParams.set("response", `${header}.${forged}.${signature}`);
  assert.equal((await browser.navigate(changed.href, { initiator: "http://127.0.0.1:1", follow: false })).status, 400);
  // The login is over; and in another browser it never was.
  assert.equal((await finish(browser, end)).status, 400);
  assert.equal((await finish(new Browser(postern), end)).status, 400);
  assert.equal(await whoIs(browser), undefined);
});
