// How Postern proves to a certified provider that it is the client: by a secret that signs, and by an Ed25519 key.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";

import { startProvider } from "../../demo/provider/provider.mjs";
import { ScriptedBrowser } from "../../demo/provider/scripted-browser.mjs";
import { newKey, publicJwk } from "../provider/keys.mjs";
import { Browser } from "./support/browser.mjs";
import { begin, whoIs } from "./support/login.mjs";
import { startPostern } from "./support/postern.mjs";

const ORIGIN = "http://localhost:8787";
const [secret, key, other] = [randomBytes(32).toString("base64url"), newKey("EdDSA"), newKey("EdDSA")];
const EDDSA = { settings: { client_assertion: { alg: "EdDSA" } }, method: "private_key_jwt", alg: "EdDSA" };
/** By id: what the provider knows, and what Postern has. The last two differ. */
const CLIENTS = {
  hmac: { method: "client_secret_jwt", alg: "HS256", registered: { client_secret: secret }, has: { secret } },
  ed: { ...EDDSA, registered: { jwks: { keys: [publicJwk(key)] } }, has: { key } },
  hmacwrong: { method: "client_secret_jwt", alg: "HS256", registered: { client_secret: secret }, has: { secret: "x".repeat(43) } },
  edwrong: { ...EDDSA, registered: { jwks: { keys: [publicJwk(key)] } }, has: { key: { ...other, kid: key.kid } } },
};

const providers = {};
const configured = {};
for (const [id, { method, alg, registered, has, settings }] of Object.entries(CLIENTS)) {
  const client = {
    client_id: id, client_name: "Postern", redirect_uris: [`${ORIGIN}/auth/callback/${id}`],
    token_endpoint_auth_method: method, token_endpoint_auth_signing_alg: alg, ...registered,
  };
  const configuration = {
    clientAuthMethods: ["client_secret_basic", "client_secret_jwt", "private_key_jwt"],
    enabledJWA: { clientAuthSigningAlgValues: ["HS256", "EdDSA"] },
  };
  providers[id] = await startProvider({ clients: [client], name: `Provider ${id}`, configuration });
  const bodies = [];
  providers[id].provider.on("grant.success", (ctx) => bodies.push(ctx.oidc.body));
  providers[id].bodies = bodies;
  configured[id] = { issuer: { url: providers[id].issuer, alg: "RS256", client: { id, auth: method, ...has } }, ...settings };
}
const postern = await startPostern({ providers: configured });
after(async () => {
  await postern.close();
  await Promise.all(Object.values(providers).map((provider) => provider.close()));
});

const ours = (url) => url.startsWith(`${ORIGIN}/`);

/** A sign-in on the provider's own pages, up to our answer. */
async function signIn(id) {
  const [browser, person] = [new Browser(postern), new ScriptedBrowser()];
  const { url } = await begin(browser, { provider: id });
  const login = await person.navigate(url.href, { stop: ours });
  const consent = await person.submit(login.url, { login: "alice", password: "wonderland" }, { stop: ours });
  const end = consent.body?.includes("Allow ") ? await person.submit(consent.url, {}, { stop: ours }) : consent;
  const answer = await browser.navigate(end.url, { initiator: "http://127.0.0.1:1", follow: false });
  return { browser, answer };
}

for (const id of ["hmac", "ed"]) {
  test(`a certified provider takes what ${CLIENTS[id].alg} signs for the client (${CLIENTS[id].method})`, async () => {
    //
    const { browser, answer } = await signIn(id);
    assert.equal(answer.status, 200, answer.body.slice(0, 300));
    const me = await whoIs(browser);
    assert.deepEqual([me.issuer, me.claims.name], [providers[id].issuer, "Alice Liddell"]);
    const [sent] = providers[id].bodies;
    const [header, claims] = sent.client_assertion.split(".").slice(0, 2).map((part) => JSON.parse(Buffer.from(part, "base64url")));
    assert.deepEqual([header.alg, header.kid, claims.iss, claims.sub, claims.aud], [CLIENTS[id].alg, CLIENTS[id].has.key?.kid, id, id, providers[id].issuer]);
    assert.equal(sent.client_secret, undefined);
  });

  test(`it refuses what another ${id === "ed" ? "key" : "secret"} signs, and nobody is signed in (${CLIENTS[id].method})`, async () => {
    //
    // The provider takes requests that the client pushes: it refuses the first of them.
    const mark = await postern.mark();
    const browser = new Browser(postern);
    const answer = await browser.navigate(`/auth/login?provider=${id}wrong`, { follow: false });
    assert.deepEqual([answer.status, answer.headers.location], [400, undefined]);
    const [event] = await postern.eventsSince(mark);
    assert.equal(event.reason, "par.invalid_client");
    assert.equal(await whoIs(browser), undefined);
  });
}
