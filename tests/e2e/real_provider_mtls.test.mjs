// A certified provider of FAPI 2.0 that knows Postern by its certificate, or binds tokens to it (RFC 8705), over real TLS: from the
// pushed request to the sign-out, at its addresses for those that show one.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { ScriptedBrowser } from "../../demo/provider/scripted-browser.mjs";
import { newKey, publicJwk } from "../provider/keys.mjs";
import { Browser } from "./support/browser.mjs";
import { MTLS, openDoor, showing, thumbprint } from "./support/certificate_door.mjs";
import { whoIs } from "./support/login.mjs";
import { startPostern } from "./support/postern.mjs";
import { asScript, closeAll, finish, signedIn, signInAt, startRealProviders } from "./support/real_provider.mjs";
import { call, certificate } from "./support/tls_edge.mjs";
import { forwardedBy } from "./support/tokens.mjs";
import { until } from "./support/until.mjs";

// Short, for the clock of the provider does not move along.
const LIFE = 30;
const SCOPES = ["openid", "profile", "email", "offline_access"];
const signing = newKey("ES256");
const CERTIFICATES = { PARTNER: "partner", OTHER: "common-name", STRANGER: "stranger", BARE: undefined };
const print = (binding) => thumbprint(certificate(CERTIFICATES[binding]));

/** How the provider knows Postern, which certificate Postern shows, and what tokens are bound to. */
const KINDS = {
  // By what an authority says of the certificate.
  authority: { auth: "tls_client_auth", binding: "PARTNER", client: { tls_client_auth_san_dns: "api.partner.example" } },
  // By the certificate itself, which nobody else signed.
  itself: {
    auth: "self_signed_tls_client_auth", binding: "STRANGER",
    client: { jwks: { keys: [{ ...certificate("stranger").publicKey.export({ format: "jwk" }), x5c: [certificate("stranger").raw.toString("base64")] }] } },
  },
  // By a key; the certificate is for the tokens.
  key: { auth: "private_key_jwt", binding: "PARTNER", client: { token_endpoint_auth_signing_alg: "ES256", jwks: { keys: [publicJwk(signing)] } } },
  // By an authority too, and its tokens are bound to a key.
  proving: { auth: "tls_client_auth", binding: "PARTNER", to: "dpop", client: { tls_client_auth_san_dns: "api.partner.example" } },
};
const BOUND = Object.keys(KINDS).filter((id) => !KINDS[id].to);

const doors = Object.fromEntries(await Promise.all(Object.keys(KINDS).map(async (id) => [id, await openDoor()])));
const providers = await startRealProviders(Object.fromEntries(Object.entries(KINDS).map(([id, { auth, client, to }]) => [id, {
  accessTokenTtl: LIFE,
  client: {
    token_endpoint_auth_method: auth,
    grant_types: ["authorization_code", "refresh_token"],
    id_token_signed_response_alg: "ES256",
    ...(to ? { dpop_bound_access_tokens: true } : { tls_client_certificate_bound_access_tokens: true }),
    ...client,
  },
  features: {
    fapi: { enabled: true, profile: "2.0" },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
    dPoP: { enabled: true },
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

const configured = (id, binding = KINDS[id].binding) => ({
  issuer: { url: providers[id].issuer, alg: "ES256", client: { id, auth: KINDS[id].auth, key: signing } },
  profile: "fapi2", sender_constrained: KINDS[id].to ?? "mtls", mtls_certificate: binding, scopes: SCOPES, prompt: "consent", userinfo: true,
});
const postern = await startPostern({
  providers: Object.fromEntries(Object.keys(KINDS).map((id) => [id, configured(id)])),
  routes: {
    "/": { upstream: "service:ECHO", public: true },
    "/api/{*rest}": { upstream: "service:ECHO", token: "dpop", require: { providers: ["proving"] } },
    "/{*rest}": { upstream: "service:ECHO" },
  },
  services: Object.fromEntries(Object.entries(CERTIFICATES).map(([binding, name]) => [binding, showing(name)])),
});
after(async () => {
  await postern.close();
  await closeAll(providers);
  Object.values(doors).forEach((door) => door.close());
});

/** The requests of Postern that need the certificate, while `act` ran: where it is asked for, and everywhere. */
async function askedDuring(id, act) {
  await postern.settled();
  const [atDoor, everywhere] = [doors[id].requests.length, providers[id].requests.length];
  await act();
  const needing = ({ path }) => Object.values(doors[id].aliases).some((alias) => alias.endsWith(path));
  return { atDoor: doors[id].requests.slice(atDoor), everywhere: providers[id].requests.slice(everywhere).filter(needing) };
}

/** Each was asked once, by this certificate, and none elsewhere. */
function assertShown({ atDoor, everywhere }, id, paths) {
  assert.deepEqual(atDoor, paths.map((path) => ({ path, shown: print(KINDS[id].binding) })));
  assert.deepEqual(everywhere.map(({ path }) => path), paths);
}

/** Has Postern show other certificates, by provider, while `act` runs. */
async function showingOthers(bindings, act) {
  const { PROVIDERS } = postern.bindings;
  const changed = Object.entries(bindings).map(([id, mtls_certificate]) => [id, { ...PROVIDERS[id], mtls_certificate }]);
  await postern.restart({ PROVIDERS: { ...PROVIDERS, ...Object.fromEntries(changed) } });
  try {
    await act();
  } finally {
    await postern.restart({ PROVIDERS });
  }
}

/** A question at the provider's address for certificates, by whoever has this one. */
async function askedBy(binding, id, path, { token, form } = {}) {
  const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(form && { "content-type": "application/x-www-form-urlencoded" }) };
  const body = form && new URLSearchParams({ client_id: id, ...form }).toString();
  const answer = await call(doors[id].port, path, { as: CERTIFICATES[binding], method: form ? "POST" : "GET", headers, body });
  return { status: answer.status, said: JSON.parse(answer.body) };
}

/** Why a sign-in fails. */
async function failedLogin(id) {
  const browser = new Browser(postern);
  const mark = await postern.mark();
  const { next } = await browser.navigate(`/auth/login?provider=${id}&return_to=/page`, { initiator: postern.origin, stopAt: ({ origin }) => origin !== postern.origin });
  if (next) await finish(browser, await signInAt(new ScriptedBrowser(), next.url.href));
  const [denied] = (await postern.eventsSince(mark)).filter(({ outcome }) => outcome === "deny");
  assert.equal(await whoIs(browser), undefined);
  return denied?.reason;
}

for (const id of Object.keys(KINDS)) {
  test(`a person signs in and out, and every address of the provider that wants the certificate sees it (${id})`, async () => {
    //
    let browser;
    const signIn = await askedDuring(id, async () => {
      ({ browser } = await signedIn(postern, id));
    });
    assertShown(signIn, id, ["/request", "/token", "/me"]);
    const me = await whoIs(browser);
    assert.deepEqual([me.claims.name, me.issuer], ["Alice Liddell", providers[id].issuer]);
    const signOut = await askedDuring(id, async () => {
      await browser.navigate("/auth/logout", { method: "POST", fields: [], initiator: postern.origin, follow: false });
      await until(() => doors[id].requests.at(-1).path === "/token/revocation", "the refresh token is revoked");
    });
    assertShown(signOut, id, ["/token/revocation"]);
  });
}

for (const id of BOUND) {
  test(`its access token is of use with the certificate alone (${id})`, async () => {
    //
    await signedIn(postern, id);
    const own = KINDS[id].binding;
    const token = given[id].access.at(-1);
    assert.equal((await providers[id].provider.AccessToken.find(token))["x5t#S256"], print(own));
    const { status, said } = await askedBy(own, id, "/me", { token });
    assert.deepEqual([status, said.name], [200, "Alice Liddell"]);
    for (const binding of Object.keys(CERTIFICATES).filter((other) => other !== own)) {
      const refused = await askedBy(binding, id, "/me", { token });
      assert.deepEqual([refused.status, refused.said.error], [401, "invalid_token"], binding);
    }
    const elsewhere = await fetch(`${providers[id].issuer}/me`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(elsewhere.status, 401);
  });
}

for (const id of BOUND.filter((one) => KINDS[one].auth !== "private_key_jwt")) {
  test(`its refresh token is of use with the certificate alone (${id})`, async () => {
    await signedIn(postern, id);
    const own = KINDS[id].binding;
    const form = { grant_type: "refresh_token", refresh_token: given[id].refresh.at(-1) };
    for (const binding of Object.keys(CERTIFICATES).filter((other) => other !== own)) {
      const refused = await askedBy(binding, id, "/token", { form });
      assert.deepEqual([refused.status, refused.said.error], [401, "invalid_client"], binding);
    }
    const { status, said } = await askedBy(own, id, "/token", { form });
    assert.equal(status, 200, JSON.stringify(said));
    const { said: about } = await askedBy(own, id, "/token/introspection", { form: { token: said.access_token } });
    assert.deepEqual([about.active, about.cnf], [true, { "x5t#S256": print(own) }]);
  });
}

test("with the certificate of somebody else, or none, nobody signs in", async () => {
  for (const [bindings, reasons] of [
    // Another name by the same authority; the right name by nobody; another's; none.
    [{ authority: "OTHER", itself: "PARTNER", key: "BARE" }, { authority: "par.invalid_client", itself: "par.invalid_client", key: "token.invalid_grant" }],
    [{ authority: "STRANGER", itself: "BARE" }, { authority: "par.invalid_client", itself: "par.invalid_client" }],
  ]) {
    await showingOthers(bindings, async () => {
      for (const [id, reason] of Object.entries(reasons)) {
        const before = given[id].access.length;
        assert.equal(await failedLogin(id), reason, `${id} by ${bindings[id]}`);
        assert.equal(given[id].access.length, before);
      }
    });
  }
});

test("tokens are renewed by the certificate, also where they are bound to a key", async () => {
  //
  const { browser } = await signedIn(postern, "proving");
  const relayed = async () => {
    const { answer, seen } = await forwardedBy(postern, () => postern.send("/api/a", { headers: asScript(browser) }));
    return { status: answer.status, token: seen[0]?.headers.authorization };
  };
  const first = await relayed();
  assert.deepEqual([first.status, first.token], [200, `DPoP ${given.proving.access.at(-1)}`]);
  const renewal = await askedDuring("proving", async () => {
    await postern.advance(LIFE);
    const second = await relayed();
    assert.deepEqual([second.status, second.token], [200, `DPoP ${given.proving.access.at(-1)}`]);
    assert.notEqual(second.token, first.token);
  });
  assertShown(renewal, "proving", ["/token"]);
  // With another one they are not, and the session waits for the right one.
  await showingOthers({ proving: "OTHER" }, async () => {
    await postern.advance(LIFE);
    const mark = await postern.mark();
    const refused = await relayed();
    assert.deepEqual([refused.status, refused.token], [503, undefined]);
    const renewals = (await postern.allEventsSince(mark)).filter(({ event }) => event === "session.refresh");
    assert.deepEqual(renewals.map(({ reason }) => reason), ["token.invalid_client"]);
  });
  await postern.advance(LIFE);
  assert.equal((await relayed()).status, 200);
});
