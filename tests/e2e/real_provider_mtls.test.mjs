// A certified provider of FAPI 2.0 that knows Postern by its certificate, or binds tokens to it (RFC 8705), over real TLS: from the
// pushed request to the sign-out, at its addresses for those that show one.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { newKey, publicJwk } from "../provider/keys.mjs";
import { MTLS, openDoor, showing, thumbprint } from "./support/certificate_door.mjs";
import { begin, whoIs } from "./support/login.mjs";
import { startPostern } from "./support/postern.mjs";
import { asScript, closeAll, finish, signedIn, signInAt, startRealProviders } from "./support/real_provider.mjs";
import { call, certificate } from "./support/tls_edge.mjs";
import { until } from "./support/until.mjs";
import { Browser } from "./support/browser.mjs";
import { ScriptedBrowser } from "../../demo/provider/scripted-browser.mjs";

// Short, for the clock of the provider does not move along.
const LIFE = 30;
const SCOPES = ["openid", "profile", "email", "offline_access"];
const signing = newKey("ES256");
const CERTIFICATES = { PARTNER: "partner", OTHER: "common-name", STRANGER: "stranger", BARE: undefined };
const print = (binding) => thumbprint(certificate(CERTIFICATES[binding]));

/** How the provider knows Postern, which certificate Postern shows, and how that of somebody else fails: there, and at the token endpoint. */
const KINDS = {
  // By what an authority says of the certificate.
  authority: { auth: "tls_client_auth", binding: "PARTNER", client: { tls_client_auth_san_dns: "api.partner.example" }, refuses: ["OTHER", "STRANGER", "BARE"] },
  // By the certificate itself, which nobody signed.
  itself: {
    auth: "self_signed_tls_client_auth", binding: "STRANGER", refuses: ["PARTNER", "OTHER", "BARE"],
    client: { jwks: { keys: [{ ...certificate("stranger").publicKey.export({ format: "jwk" }), x5c: [certificate("stranger").raw.toString("base64")] }] } },
  },
  // By a key; tokens are bound to the certificate.
  key: { auth: "private_key_jwt", binding: "PARTNER", client: { token_endpoint_auth_signing_alg: "ES256", jwks: { keys: [publicJwk(signing)] } } },
};

const doors = Object.fromEntries(await Promise.all(Object.keys(KINDS).map(async (id) => [id, await openDoor()])));
const providers = await startRealProviders(Object.fromEntries(Object.entries(KINDS).map(([id, { auth, client }]) => [id, {
  accessTokenTtl: LIFE,
  client: {
    token_endpoint_auth_method: auth,
    grant_types: ["authorization_code", "refresh_token"],
    id_token_signed_response_alg: "ES256",
    tls_client_certificate_bound_access_tokens: true,
    ...client,
  },
  features: {
    fapi: { enabled: true, profile: "2.0" },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
    mTLS: MTLS,
  },
  configuration: {
    // Then the name comes from UserInfo alone.
    conformIdTokenClaims: true,
    clientAuthMethods: [auth],
    discovery: { mtls_endpoint_aliases: doors[id].aliases },
  },
}])));

/** What each provider gave out: access tokens and refresh tokens. */
const given = Object.fromEntries(Object.keys(KINDS).map((id) => [id, { access: [], refresh: [] }]));
for (const [id, door] of Object.entries(doors)) {
  door.leadTo(providers[id]);
  providers[id].provider.on("access_token.saved", (token) => given[id].access.push(token.jti));
  providers[id].provider.on("refresh_token.saved", (token) => given[id].refresh.push(token.jti));
}

const configured = (id) => ({
  issuer: { url: providers[id].issuer, alg: "ES256", client: { id, auth: KINDS[id].auth, key: signing } },
  profile: "fapi2", sender_constrained: "mtls", mtls_certificate: KINDS[id].binding, scopes: SCOPES, prompt: "consent", userinfo: true,
});
const postern = await startPostern({
  providers: Object.fromEntries(Object.keys(KINDS).map((id) => [id, configured(id)])),
  routes: { "/": { upstream: "service:ECHO", public: true }, "/{*rest}": { upstream: "service:ECHO" } },
  services: Object.fromEntries(Object.entries(CERTIFICATES).map(([binding, name]) => [binding, showing(name)])),
});
after(async () => {
  await postern.close();
  await closeAll(providers);
  Object.values(doors).forEach((door) => door.close());
});

/** What was asked of a provider while `act` ran: at its address for certificates, and at the usual one. */
async function askedDuring(id, act) {
  const [atDoor, everywhere] = [doors[id].requests.length, providers[id].requests.length];
  await act();
  return { atDoor: doors[id].requests.slice(atDoor), everywhere: providers[id].requests.slice(everywhere).map(({ path }) => path) };
}

for (const id of Object.keys(KINDS)) {
  test(`a person signs in where the certificate counts (${id})`, async () => {
    //
    let browser;
    const { atDoor, everywhere } = await askedDuring(id, async () => {
      ({ browser } = await signedIn(postern, id));
    });
    const me = await whoIs(browser);
    assert.deepEqual([me.claims.name, me.issuer], ["Alice Liddell", providers[id].issuer]);
    // Pushed, exchanged, asked who it is: each with the certificate, each at its own address alone.
    assert.deepEqual(atDoor, ["/request", "/token", "/me"].map((path) => ({ path, shown: print(KINDS[id].binding) })));
    for (const { path } of atDoor) assert.equal(everywhere.filter((other) => other === path).length, 1, path);
  });
}
