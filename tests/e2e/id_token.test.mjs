// The ID token, bent claim by claim: each bend ends the login with its own reason.

import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { afterEach, test } from "node:test";

import { CompactEncrypt } from "jose";

import { compactJws, hmac, leftHalf, newKey, publicJwk, sharedKey, signature } from "../provider/keys.mjs";
import { logIn, whoIs } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({
  main: {},
  es: { alg: "ES256" },
  ed: { alg: "EdDSA" },
  several: { settings: { id_token_algs: ["RS256", "ES256"] } },
  aged: { settings: { max_age: "10m" } },
  strong: { settings: { acr_values: ["urn:mfa"] } },
});
const { issuers } = world;
const { main } = issuers;
afterEach(() => world.mend());

const now = () => main.clock();
const claims = (change) => (token) => void (typeof change === "function" ? change(token.claims) : Object.assign(token.claims, change));
const without = (name) => (token) => void delete token.claims[name];
const header = (change) => (token) => void Object.assign(token.header, change);
const clientId = main.client.id;

/** Signs the claims' JSON as it comes out of `edit`: what no object can say, a member twice or a huge number. */
const rawClaims = (edit) => (token) => {
  const text = edit(JSON.stringify(token.claims));
  return compactJws(token.header, text, (input) => signature(token.key, input));
};

const publicKeyTexts = () => {
  const { publicKey } = sharedKey("RS256");
  return [publicKey.export({ format: "pem", type: "spki" }), publicKey.export({ format: "der", type: "spki" }), JSON.stringify(publicJwk(sharedKey("RS256")))];
};

const flipSignature = (token) => {
  token.signer = (input) => {
    const bytes = signature(token.key, input);
    bytes[10] ^= 1;
    return bytes;
  };
};

const REFUSED = [
  //
  ["R-041: another issuer", claims({ iss: "https://evil.example" }), "id_token.iss_mismatch"],
  ["R-041: no issuer", without("iss"), "id_token.iss_mismatch"],
  ["R-041: an issuer with a slash more", claims((all) => { all.iss += "/"; }), "id_token.iss_mismatch"],
  ["R-041: issuers in an array", claims((all) => { all.iss = [all.iss]; }), "id_token.iss_mismatch"],
  ["R-041: a number as issuer", claims({ iss: 1 }), "id_token.iss_mismatch"],
  //
  ["R-042: no audience", without("aud"), "id_token.aud_malformed"],
  ["R-042: another audience", claims({ aud: "other" }), "id_token.aud_mismatch"],
  ["R-042: an empty audience", claims({ aud: [] }), "id_token.aud_malformed"],
  ["R-042: an audience that starts with ours", claims({ aud: `${clientId}-2` }), "id_token.aud_mismatch"],
  ["R-042: an audience of which ours is more", claims({ aud: clientId.slice(0, -1) }), "id_token.aud_mismatch"],
  ["R-042: a number as audience", claims({ aud: 7 }), "id_token.aud_malformed"],
  ["R-043: an audience beside ours and no azp", claims({ aud: [clientId, "other"] }), "id_token.azp_missing"],
  ["R-043: an audience beside ours and its azp", claims({ aud: [clientId, "other"], azp: "other" }), "id_token.azp_mismatch"],
  ["R-043: a wrong azp with the right audience", claims({ azp: "other" }), "id_token.azp_mismatch"],
  ["R-043: a number as azp", claims({ azp: 7 }), "id_token.azp_mismatch"],
  //
  ["R-044: a signature with one bit changed", flipSignature, "jwt.bad_signature"],
  ["R-044: the signature of another key", (token) => { token.key = newKey("RS256"); }, "jwt.bad_signature"],
  ["R-044: an empty signature", (token) => { token.signer = () => Buffer.alloc(0); }, /^jwt\.(bad_signature|malformed|encoding)/],
  ["R-044: a truncated signature", (token) => { token.signer = (input) => signature(token.key, input).subarray(0, 128); }, "jwt.bad_signature"],
  ["R-044: claims changed after signing", (token) => { token.signer = (input) => signature(token.key, input.replace(/\..*/, ".e30")); }, "jwt.bad_signature"],
  ...["none", "None", "nOnE", "NONE"].map((alg) => [`R-045: alg ${alg}`, (token) => { token.header.alg = alg; token.signer = () => Buffer.alloc(0); }, /^jwt\./]),
  ...publicKeyTexts().map((text, index) => [`R-045: HS256 under the public key, written way ${index + 1}`, (token) => { token.header.alg = "HS256"; token.signer = hmac(text); }, /^jwt\.alg_/]),
  ["R-045: HS256 under the client secret", (token) => { token.header.alg = "HS256"; token.signer = hmac(main.client.secret); }, /^jwt\.alg_/],
  ["R-045: PS256 where RS256 is configured", (token) => { token.header.alg = "PS256"; token.signer = (input) => signature(token.key, input, "PS256"); }, /^jwt\.alg_/],
  ["R-045: RS512 where RS256 is configured", (token) => { token.header.alg = "RS512"; token.signer = (input) => signature(token.key, input, "RS512"); }, /^jwt\.alg_/],
  ["R-045: no alg", (token) => { delete token.header.alg; }, "jwt.alg_missing"],
  ["an extension that must be understood", header({ crit: ["exp"], exp: 1 }), "jwt.crit"],
  ["unencoded payload (RFC 7797)", header({ crit: ["b64"], b64: false }), "jwt.crit"],
  //
  ["R-046: expired 61 seconds ago", claims(() => {}), "id_token.expired", (all) => { all.exp = now() - 61; all.iat = now() - 120; }],
  ["R-046: exp as text", claims((all) => { all.exp = String(all.exp); }), "id_token.exp_malformed"],
  ["R-046: exp beyond all numbers", rawClaims((text) => text.replace(/"exp":\d+/, '"exp":1e400')), /^(id_token\.exp_malformed|jwt\.claims_json)$/],
  ["R-046: no exp", without("exp"), "id_token.exp_malformed"],
  ["R-046: a negative exp", claims({ exp: -1 }), "id_token.exp_malformed"],
  ["R-046: exp null", claims({ exp: null }), "id_token.exp_malformed"],
  //
  ["R-047: no iat", without("iat"), "id_token.iat_malformed"],
  ["R-047: a week old", claims((all) => { all.iat = now() - 7 * 86400; }), "id_token.iat_too_old"],
  ["R-047: five minutes in the future", claims((all) => { all.iat = now() + 300; }), "id_token.iat_in_future"],
  ["a token that is not yet valid", claims((all) => { all.nbf = now() + 300; }), "id_token.not_yet_valid"],
  //
  ["R-048: a wrong nonce", claims({ nonce: "wrong" }), "id_token.nonce_mismatch"],
  ["R-048: no nonce", without("nonce"), "id_token.nonce_missing"],
  ["R-048: nonces in an array", claims((all) => { all.nonce = [all.nonce]; }), "id_token.nonce_missing"],
  //
  ["R-049: no subject", without("sub"), "id_token.sub_malformed"],
  ["R-049: an empty subject", claims({ sub: "" }), "id_token.sub_malformed"],
  ["R-049: a number as subject", claims({ sub: 7 }), "id_token.sub_malformed"],
  ["R-049: a subject of 256 characters", claims({ sub: "x".repeat(256) }), "id_token.sub_malformed"],
  ["R-049: a subject that is null", claims({ sub: null }), "id_token.sub_malformed"],
  //
  ["R-050: a wrong at_hash", claims({ at_hash: leftHalf("other") }), "id_token.at_hash_mismatch"],
  ["R-050: an at_hash by another hash", (token, { accessToken }) => { token.claims.at_hash = leftHalf(accessToken, "sha512"); }, "id_token.at_hash_mismatch"],
  ["R-050: an at_hash that is a number", claims({ at_hash: 7 }), "id_token.at_hash_mismatch"],
  //
  ...["at+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "application/at+jwt", "AT+JWT"].map((typ) => [`R-051: a token of type ${typ}`, header({ typ }), "id_token.typ_refused"]),
  ["R-051: a logout token without its type", claims({ events: { "http://schemas.openid.net/event/backchannel-logout": {} } }), "id_token.events_present"],
  // shape
  ["a claim twice", rawClaims((text) => text.replace("{", '{"sub":"mallory",')), "jwt.claims_json"],
  ["claims that are an array", rawClaims((text) => `[${text}]`), "jwt.claims_json"],
  ["not a JWT at all", () => "hello", "jwt.malformed"],
  ["two parts", (token) => compactJws(token.header, token.claims, () => Buffer.alloc(0)).split(".").slice(0, 2).join("."), "jwt.malformed"],
  ["base64 of the wrong alphabet", (token) => `${compactJws(token.header, token.claims, (input) => signature(token.key, input))}==`, "jwt.encoding"],
];

for (const [what, bend, reason, late] of REFUSED) {
  test(`${what} ends the login`, async () => {
    main.bend.idToken = (token, context) => {
      late?.(token.claims);
      return bend(token, context);
    };
    await world.loginFails({ provider: "main", reason });
  });
}

test("the nonce of this browser's other login ends this one", async () => {
  //
  const asked = [];
  main.bend.idToken = (token, context) => {
    asked.push(context.asked.nonce);
    token.claims.nonce = asked[0];
  };
  const browser = world.browser();
  await logIn(browser, { provider: "main" });
  await world.loginFails({ provider: "main", reason: "id_token.nonce_mismatch" });
});

test("an encrypted ID token is refused where none is configured", async () => {
  //
  main.bend.idToken = (token) => {
    const inner = compactJws(token.header, token.claims, (input) => signature(token.key, input));
    return new CompactEncrypt(Buffer.from(inner)).setProtectedHeader({ alg: "dir", enc: "A256GCM" }).encrypt(new Uint8Array(32));
  };
  await world.loginFails({ provider: "main", reason: "jwt.encrypted" });
});

for (const id of ["es", "ed"]) {
  test(`a bad signature under ${issuers[id].alg} ends the login`, async () => {
    //
    issuers[id].bend.idToken = flipSignature;
    await world.loginFails({ provider: id, reason: "jwt.bad_signature" });
  });
}

test("an ECDSA signature in DER is not a JWS signature", async () => {
  // RFC 7518 §3.4
  issuers.es.bend.idToken = (token) => void (token.signer = (input) => sign("sha256", Buffer.from(input), token.key.privateKey));
  await world.loginFails({ provider: "es", reason: "jwt.bad_signature" });
});

test("an algorithm must fit its key, whatever else is configured", async () => {
  // RS256 and ES256 are both allowed, the key is RSA
  issuers.several.bend.idToken = (token) => void (token.header.alg = "ES256");
  await world.loginFails({ provider: "several", reason: /^jwt\.key/ });
});

const ACCEPTED = [
  ["R-042: our client id alone in an array", claims({ aud: [clientId] })],
  ["R-043: our own azp", claims({ azp: clientId })],
  ["R-046: expired 30 seconds ago, within the leeway", claims((all) => { all.exp = now() - 30; })],
  ["R-046: clocks as floats", claims((all) => { all.exp += 0.5; all.iat += 0.25; all.auth_time += 0.1; })],
  ["R-047: 30 seconds in the future", claims((all) => { all.iat = now() + 30; })],
  ["R-049: a subject of 255 characters", claims({ sub: "x".repeat(255) })],
  ["R-050: no at_hash", without("at_hash")],
  ["R-051: no type", (token) => void delete token.header.typ],
  ["R-051: the type in lower case", header({ typ: "jwt" })],
  ["claims that nobody knows", claims({ "https://example.com/x": { y: [1, null] } })],
];
for (const [what, bend] of ACCEPTED) {
  test(`${what} is fine`, async () => {
    main.bend.idToken = bend;
    const browser = world.browser();
    const answer = await logIn(browser, { provider: "main" });
    assert.equal(answer.status, 200, answer.body.slice(0, 400));
    assert.ok(await whoIs(browser));
  });
}

const AGED = [
  ["no auth_time", without("auth_time"), "id_token.auth_time_missing"],
  ["an auth_time too long ago", claims((all) => { all.auth_time = now() - 601 - 60; }), "id_token.auth_time_too_old"],
  ["an auth_time in the future", claims((all) => { all.auth_time = now() + 300; }), "id_token.auth_time_in_future"],
  ["an auth_time as text", claims((all) => { all.auth_time = String(all.auth_time); }), "id_token.auth_time_malformed"],
];
for (const [what, bend, reason] of AGED) {
  test(`R-052: ${what} ends a login that asked for max_age`, async () => {
    issuers.aged.bend.idToken = bend;
    await world.loginFails({ provider: "aged", reason });
  });
}

test("R-052: a max_age that a link asked for counts too", async () => {
  main.bend.idToken = claims((all) => { all.auth_time = now() - 200; });
  await world.loginFails({ provider: "main", login: { max_age: "60" }, reason: "id_token.auth_time_too_old" });
});

test("R-052: an auth_time within max_age is fine", async () => {
  issuers.aged.bend.idToken = claims((all) => { all.auth_time = now() - 300; });
  assert.equal((await logIn(world.browser(), { provider: "aged" })).status, 200);
});

const WEAK = [
  ["another acr", claims({ acr: "urn:pwd" }), "id_token.acr_unsatisfied"],
  ["no acr", without("acr"), "id_token.acr_unsatisfied"],
  ["the acr in other case", claims({ acr: "URN:MFA" }), "id_token.acr_unsatisfied"],
  ["acrs in an array", claims({ acr: ["urn:mfa"] }), "id_token.acr_unsatisfied"],
];
for (const [what, bend, reason] of WEAK) {
  test(`R-053: ${what} ends a login that requires one`, async () => {
    issuers.strong.bend.idToken = bend;
    await world.loginFails({ provider: "strong", reason });
  });
}

test("R-053: a failed step-up leaves the session that was there as it was", async () => {
  const browser = world.browser();
  await logIn(browser, { provider: "main" });
  const before = await whoIs(browser);
  issuers.strong.bend.idToken = claims({ acr: "urn:pwd" });
  assert.equal((await logIn(browser, { provider: "strong" })).status, 400);
  const after = await whoIs(browser);
  assert.equal(after.session.created_at, before.session.created_at);
  assert.equal(after.session.acr, before.session.acr);
});

test("R-053: the acr that was asked for ends in the session", async () => {
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "strong" })).status, 200);
  assert.equal((await whoIs(browser)).session.acr, "urn:mfa");
});
