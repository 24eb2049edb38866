// The tests' own provider of FAPI 2.0, asked by an independent implementation: honest when nothing bends it.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";

import { calculateJwkThumbprint, createRemoteJWKSet, decodeJwt, exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";

import { startProviders } from "./host.mjs";

const REDIRECT = "http://localhost:1/auth/callback/x";
const ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const sha256 = (text) => createHash("sha256").update(text).digest("base64url");
let providers;
before(async () => (providers = await startProviders()));
after(() => providers.close());

/** What proves who the client is, in a form. */
async function proving({ client, url }, key = client.key) {
  const jwt = new SignJWT({ jti: randomBytes(9).toString("hex") }).setProtectedHeader({ alg: "ES256" });
  const client_assertion = await jwt.setIssuer(client.id).setSubject(client.id).setAudience(url).setExpirationTime("1m").sign(key.privateKey);
  return { client_id: client.id, client_assertion_type: ASSERTION, client_assertion };
}

const post = (url, form, headers = {}) => fetch(url, { method: "POST", headers, body: new URLSearchParams(form) });

/** A request with `extra`, pushed. */
async function push(issuer, extra = {}, key) {
  const verifier = randomBytes(32).toString("base64url");
  const form = {
    ...(await proving(issuer, key)), response_type: "code", redirect_uri: REDIRECT, scope: "openid", state: "s", nonce: "n",
    code_challenge: sha256(verifier), code_challenge_method: "S256", ...extra,
  };
  const answer = await post(`${issuer.base}/par`, form);
  return { verifier, status: answer.status, ...(await answer.json()) };
}

const authorize = (issuer, query) =>
  fetch(`${issuer.base}/authorize?${new URLSearchParams({ client_id: issuer.client.id, ...query })}`, { redirect: "manual" });

/** The parameters of the response to a pushed request, and the verifier. */
async function responseTo(issuer, extra) {
  const { verifier, request_uri } = await push(issuer, extra);
  const answer = await authorize(issuer, { request_uri });
  return { verifier, params: new URL(answer.headers.get("location")).searchParams };
}

const keyPair = () => generateKeyPair("ES256", { extractable: true });

/** A proof of this key for a request; `changes` are of its claims. */
async function proof({ publicKey, privateKey }, htm, htu, changes = {}) {
  const claims = { htm, htu, jti: randomBytes(9).toString("hex"), ...changes };
  return new SignJWT(claims).setProtectedHeader({ typ: "dpop+jwt", alg: "ES256", jwk: await exportJWK(publicKey) }).setIssuedAt().sign(privateKey);
}

/** A token request for a code, with this proof. */
async function redeem(issuer, { verifier, code }, dpop) {
  const form = { ...(await proving(issuer)), grant_type: "authorization_code", code, redirect_uri: REDIRECT, code_verifier: verifier };
  const answer = await post(`${issuer.base}/token`, form, { dpop });
  return { status: answer.status, nonce: answer.headers.get("dpop-nonce"), ...(await answer.json()) };
}

/** An access token that is bound to `keys`. */
async function boundToken(issuer, keys) {
  const { verifier, params } = await responseTo(issuer);
  const dpop = await proof(keys, "POST", `${issuer.base}/token`, { nonce: issuer.nonces.token });
  return redeem(issuer, { verifier, code: params.get("code") }, dpop);
}

test("a pushed request counts once, and one that was not pushed never does", async () => {
  const issuer = providers.issuer("pushed", { fapi: "dpop" });
  const { status, request_uri } = await push(issuer);
  assert.equal(status, 201);
  assert.equal((await authorize(issuer, { request_uri })).status, 303);
  assert.equal((await authorize(issuer, { request_uri })).status, 400);
  assert.equal((await authorize(issuer, { response_type: "code", redirect_uri: REDIRECT, scope: "openid" })).status, 400);
  const other = await push(issuer);
  assert.equal((await authorize(issuer, { request_uri: other.request_uri, client_id: "another" })).status, 400);
  assert.deepEqual(issuer.violations, []);
  await authorize(issuer, { request_uri: (await push(issuer)).request_uri, state: "s" });
  assert.deepEqual(issuer.violations, ["authorization request: client_id and request_uri alone"]);
});

test("who pushes without the client's key is refused", async () => {
  const issuer = providers.issuer("assertion", { fapi: "dpop" });
  const { privateKey } = await keyPair();
  const { status, error } = await push(issuer, {}, { privateKey });
  assert.deepEqual([status, error], [401, "invalid_client"]);
});

test("tokens are bound to the key of a proof, which holds the nonce", async () => {
  const issuer = providers.issuer("bound", { fapi: "dpop" });
  const keys = await keyPair();
  const tokens = await boundToken(issuer, keys);
  assert.equal(tokens.token_type, "DPoP");
  assert.deepEqual(decodeJwt(tokens.access_token).cnf, { jkt: await calculateJwkThumbprint(await exportJWK(keys.publicKey)) });
  const { verifier, params } = await responseTo(issuer);
  const grant = { verifier, code: params.get("code") };
  const asked = await redeem(issuer, grant, await proof(keys, "POST", `${issuer.base}/token`));
  assert.deepEqual([asked.status, asked.error, asked.nonce], [400, "use_dpop_nonce", issuer.nonces.token]);
  issuer.nonces.token = undefined;
  assert.equal((await redeem(issuer, grant, await proof(keys, "POST", `${issuer.base}/token`))).status, 200);
});

test("a proof about something else is none, and neither is one of another key or one that was used", async () => {
  const issuer = providers.issuer("proofs", { fapi: "dpop" });
  const keys = await keyPair();
  issuer.nonces.token = undefined;
  const { verifier, params } = await responseTo(issuer, { dpop_jkt: await calculateJwkThumbprint(await exportJWK(keys.publicKey)) });
  const grant = { verifier, code: params.get("code") };
  const url = `${issuer.base}/token`;
  const others = [
    [await proof(keys, "GET", url), "invalid_dpop_proof"],
    [await proof(keys, "POST", `${issuer.base}/userinfo`), "invalid_dpop_proof"],
    [await proof(keys, "POST", url, { ath: sha256("x") }), "invalid_dpop_proof"],
    ["x", "invalid_dpop_proof"],
    [await proof(await keyPair(), "POST", url), "invalid_grant"],
  ];
  for (const [other, error] of others) assert.equal((await redeem(issuer, grant, other)).error, error);
  const good = await proof(keys, "POST", url);
  assert.equal((await redeem(issuer, grant, good)).status, 200);
  assert.equal((await redeem(issuer, grant, good)).error, "invalid_dpop_proof");
});

test("UserInfo answers the key that a token is bound to, and no other", async () => {
  const issuer = providers.issuer("userinfo", { fapi: "dpop" });
  const keys = await keyPair();
  const { access_token: token } = await boundToken(issuer, keys);
  const url = `${issuer.base}/userinfo`;
  const ask = async (by, changes, scheme = "DPoP") =>
    fetch(url, { headers: { authorization: `${scheme} ${token}`, dpop: await proof(by, "GET", url, { ath: sha256(token), ...changes }) } });
  assert.equal((await (await ask(keys)).json()).name, "Alice");
  for (const refused of [await ask(await keyPair()), await ask(keys, { ath: sha256("x") }), await ask(keys, {}, "Bearer")]) assert.equal(refused.status, 401);
  issuer.nonces.userinfo = "n2";
  issuer.scheme = "dPoP";
  const asked = await ask(keys);
  assert.deepEqual([asked.headers.get("www-authenticate"), asked.headers.get("dpop-nonce")], ['dPoP error="use_dpop_nonce"', "n2"]);
  assert.equal((await ask(keys, { nonce: "n2" })).status, 200);
});

test("a signed response satisfies an independent verifier, unless a hook bends it", async () => {
  const issuer = providers.issuer("signed", { fapi: "dpop" });
  const keys = createRemoteJWKSet(new URL(`${issuer.base}/jwks`));
  const expected = { issuer: issuer.url, audience: issuer.client.id, algorithms: ["ES256"], requiredClaims: ["exp"] };
  const signed = async () => {
    const { params } = await responseTo(issuer, { response_mode: "jwt" });
    assert.deepEqual([...params.keys()], ["response"]);
    return jwtVerify(params.get("response"), keys, expected);
  };
  const { payload } = await signed();
  assert.equal(payload.state, "s");
  assert.ok(issuer.codes.has(payload.code));
  issuer.bend.response = ({ claims }) => void delete claims.exp;
  await assert.rejects(signed(), { code: "ERR_JWT_CLAIM_VALIDATION_FAILED" });
  issuer.bend.response = (parts) => Object.assign(parts, { signer: () => Buffer.alloc(64, 1) });
  await assert.rejects(signed(), { code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" });
});
