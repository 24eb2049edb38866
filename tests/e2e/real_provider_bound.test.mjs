// A certified provider that binds its tokens to a key (DPoP, with nonces of its own), and encrypts its ID tokens: over real HTTP,
// with the Worker's own WebCrypto.

import assert from "node:assert/strict";
import { createHash, createPublicKey, randomBytes, verify } from "node:crypto";
import { after, test } from "node:test";

import { encryptionKey, newKey, publicJwk } from "../provider/keys.mjs";
import { whoIs } from "./support/login.mjs";
import { startPostern } from "./support/postern.mjs";
import { ORIGIN, asScript, closeAll, signedIn, startRealProviders } from "./support/real_provider.mjs";
import { forwardedBy } from "./support/tokens.mjs";

// Short, for the clock of the provider does not move along.
const LIFE = 30;
const ALGS = { rsa: ["RSA-OAEP-256", "A256GCM"], agreed: ["ECDH-ES", "A128GCM"], wrapped: ["ECDH-ES+A256KW", "A256GCM"] };

const b64 = (bytes) => Buffer.from(bytes).toString("base64url");
const sha256 = (text) => b64(createHash("sha256").update(text).digest());

const signing = newKey("ES256");
const encryption = Object.fromEntries(Object.entries(ALGS).map(([id, [alg]]) => [id, encryptionKey(alg)]));
const providers = await startRealProviders(Object.fromEntries(Object.entries(ALGS).map(([id, [alg, enc]]) => [id, {
  accessTokenTtl: LIFE,
  client: {
    grant_types: ["authorization_code", "refresh_token"],
    token_endpoint_auth_method: "private_key_jwt",
    token_endpoint_auth_signing_alg: "ES256",
    jwks: { keys: [publicJwk(signing), encryption[id].jwk] },
    dpop_bound_access_tokens: true,
    id_token_encrypted_response_alg: alg,
    id_token_encrypted_response_enc: enc,
  },
  features: { dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true }, encryption: { enabled: true } },
  configuration: {
    // Then the name comes from UserInfo alone.
    conformIdTokenClaims: true,
    enabledJWA: {
      idTokenEncryptionAlgValues: Object.values(ALGS).map(([name]) => name),
      idTokenEncryptionEncValues: ["A128GCM", "A256GCM"],
    },
  },
}])));
const configured = Object.fromEntries(Object.entries(providers).map(([id, { issuer }]) => [id, {
  issuer: { url: issuer, alg: "RS256", client: { id, auth: "private_key_jwt", key: signing } },
  scopes: ["openid", "profile", "email", "offline_access"],
  prompt: "consent",
  // So that what binds the code is seen in the address; `real_provider_fapi.test.mjs` pushes it.
  par: "off",
  sender_constrained: "dpop",
  encrypted_id_token: "required",
  userinfo: true,
}]));
const postern = await startPostern({
  providers: configured,
  twin: true,
  vars: Object.fromEntries(Object.entries(encryption).map(([id, { secret }]) => [`PROVIDER_${id.toUpperCase()}_DECRYPTION_KEY`, secret])),
  routes: {
    "/": { upstream: "service:ECHO", public: true },
    "/api/{*rest}": { upstream: "service:ECHO", token: "dpop" },
    "/{*rest}": { upstream: "service:ECHO" },
  },
});
after(async () => {
  await postern.close();
  await closeAll(providers);
});

const requests = (id, path) => providers[id].requests.filter((request) => request.path === path).length;

/** A person, and the thumbprint of the key that the request named. */
async function signedInWithKey(id) {
  const { browser, asked: { dpop_jkt: jkt } } = await signedIn(postern, id);
  assert.match(jkt, /^[\w-]{43}$/);
  return { browser, jkt };
}

/** What the upstream gets: a token, and a proof for this request by the key that the provider bound it to. */
async function atUpstream(id, browser, jkt, send = "send") {
  const { answer, seen } = await forwardedBy(postern, () => postern[send]("/api/relay?a=b", { headers: asScript(browser) }));
  assert.equal(answer.status, 200, answer.body);
  const [{ headers: sent }] = seen;
  const token = sent.authorization.replace(/^DPoP /, "");
  assert.notEqual(token, sent.authorization);
  const [head, claims, signature] = sent.dpop.split(".");
  const { jwk, typ, alg } = JSON.parse(Buffer.from(head, "base64url"));
  assert.deepEqual([typ, alg, jwk.d], ["dpop+jwt", "ES256", undefined]);
  const key = createPublicKey({ key: jwk, format: "jwk" });
  assert.ok(verify("sha256", `${head}.${claims}`, { key, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url")));
  assert.equal(sha256(JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y })), jkt);
  const { htm, htu, ath } = JSON.parse(Buffer.from(claims, "base64url"));
  assert.deepEqual([htm, htu, ath], ["GET", `${ORIGIN}/api/relay`, sha256(token)]);
  const known = await providers[id].provider.AccessToken.find(token);
  assert.equal(known.jkt, jkt, "the provider bound the token to this key");
  return token;
}

for (const id of Object.keys(ALGS)) {
  test(`a person signs in by an encrypted ID token, and all tokens are bound to one key (${id})`, async () => {
    //
    const { browser, jkt } = await signedInWithKey(id);
    // From UserInfo, which wants a proof and a nonce too.
    assert.equal((await whoIs(browser)).claims.name, "Alice Liddell");
    const first = await atUpstream(id, browser, jkt);
    await postern.advance(LIFE);
    // The object asks for new tokens, whichever isolate the request came to.
    const second = await atUpstream(id, browser, jkt, "sendToTwin");
    assert.notEqual(first, second);
    // The key outlives the memory of the object, and the isolate.
    await postern.evict("SUBJECTS");
    await postern.advance(LIFE);
    const third = await atUpstream(id, browser, jkt);
    assert.notEqual(second, third);
    await postern.restart();
    await postern.advance(LIFE);
    assert.notEqual(third, await atUpstream(id, browser, jkt));
  });
}

test("a nonce costs one more request where none is known, and none where one is", async () => {
  //
  const before = [requests("rsa", "/token"), requests("rsa", "/me")];
  await signedIn(postern, "rsa");
  const between = [requests("rsa", "/token"), requests("rsa", "/me")];
  await signedIn(postern, "rsa");
  const end = [requests("rsa", "/token"), requests("rsa", "/me")];
  for (const place of [0, 1]) {
    assert.ok(between[place] - before[place] <= 2, "never more than one retry");
    assert.equal(end[place] - between[place], 1, "what is known is said at once");
  }
});

test("no key, token or nonce shows in the log", async () => {
  const { browser, jkt } = await signedInWithKey("agreed");
  const mark = await postern.mark();
  const token = await atUpstream("agreed", browser, jkt);
  const lines = (await postern.linesSince(mark)).join("\n");
  assert.ok(!lines.includes(token) && !lines.includes("proof_key"), lines);
});
