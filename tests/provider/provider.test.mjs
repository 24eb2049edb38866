// The tests' own provider, seen by an independent implementation: honest when nothing bends it.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";

import { createRemoteJWKSet, jwtVerify, SignJWT } from "jose";

import { startCanaryHost } from "./canary_host.mjs";
import { startProviders } from "./host.mjs";
import { newKey } from "./keys.mjs";

const REDIRECT = "http://localhost:1/auth/callback/x";
let providers;
before(async () => (providers = await startProviders()));
after(() => providers.close());

function basicHeader({ id, secret }) {
  return `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`;
}

async function authorize(issuer, extra = {}) {
  const verifier = randomBytes(32).toString("base64url");
  const params = {
    response_type: "code", client_id: issuer.client.id, redirect_uri: REDIRECT, scope: "openid", state: "s", nonce: "n",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256", ...extra,
  };
  const response = await fetch(`${issuer.base}/authorize?${new URLSearchParams(params)}`, { redirect: "manual" });
  return { verifier, response };
}

function exchange(issuer, code, verifier, { headers, extra } = {}) {
  const form = { grant_type: "authorization_code", code, redirect_uri: REDIRECT, code_verifier: verifier, ...extra };
  return fetch(`${issuer.base}/token`, {
    method: "POST",
    headers: headers ?? { authorization: basicHeader(issuer.client) },
    body: new URLSearchParams(form),
  });
}

const codeOf = (response) => new URL(response.headers.get("location")).searchParams.get("code");

for (const alg of ["RS256", "PS256", "ES256", "EdDSA"]) {
  test(`an honest ID token under ${alg} satisfies an independent verifier`, async () => {
    const issuer = providers.issuer(`honest-${alg}`, { alg });
    const { verifier, response } = await authorize(issuer);
    const tokens = await (await exchange(issuer, codeOf(response), verifier)).json();
    const { payload } = await jwtVerify(tokens.id_token, createRemoteJWKSet(new URL(`${issuer.base}/jwks`)), {
      issuer: issuer.url, audience: issuer.client.id, algorithms: [alg],
    });
    assert.equal(payload.nonce, "n");
    assert.deepEqual(issuer.violations, []);
    assert.ok(issuer.canaries.has(tokens.access_token));
  });
}

test("a code works once, and its second use is noticed", async () => {
  const issuer = providers.issuer("once");
  const { verifier, response } = await authorize(issuer);
  assert.equal((await exchange(issuer, codeOf(response), verifier)).status, 200);
  assert.equal((await exchange(issuer, codeOf(response), verifier)).status, 400);
  assert.deepEqual(issuer.violations, ["token request: a code was sent twice"]);
});

test("the wrong verifier, redirect_uri or secret is refused", async () => {
  const issuer = providers.issuer("wrong");
  const attempts = [
    async ({ response }) => exchange(issuer, codeOf(response), "x".repeat(43)),
    async ({ verifier, response }) => exchange(issuer, codeOf(response), verifier, { extra: { redirect_uri: "http://localhost:1/other" } }),
    async ({ verifier, response }) => exchange(issuer, codeOf(response), verifier, { headers: { authorization: basicHeader({ id: issuer.client.id, secret: "no" }) } }),
  ];
  for (const attempt of attempts) {
    const answer = await attempt(await authorize(issuer));
    assert.equal(answer.status, 400);
  }
});

test("private_key_jwt is checked, its audience too", async () => {
  const key = newKey("ES256");
  const issuer = providers.issuer("jwt", { client: { auth: "private_key_jwt", key } });
  const assertion = (audience) =>
    new SignJWT({ jti: "1" }).setProtectedHeader({ alg: "ES256", kid: key.kid }).setIssuer(issuer.client.id).setSubject(issuer.client.id)
      .setAudience(audience).setExpirationTime("1m").sign(key.privateKey);
  for (const [audience, status] of [[issuer.url, 200], [`${issuer.base}/token`, 400]]) {
    const { verifier, response } = await authorize(issuer);
    const extra = {
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: await assertion(audience),
    };
    assert.equal((await exchange(issuer, codeOf(response), verifier, { headers: {}, extra })).status, status);
  }
});

test("form_post answers with a page that posts the response", async () => {
  const issuer = providers.issuer("form");
  const { response } = await authorize(issuer, { response_mode: "form_post" });
  const page = await response.text();
  assert.match(page, /<form method="post" action="http:\/\/localhost:1\/auth\/callback\/x">/);
  assert.match(page, /name="iss"/);
});

test("hooks bend answers, and an unlawful authorization request is noted", async () => {
  const issuer = providers.issuer("bent");
  issuer.bend.discovery = (answer) => void (answer.status = 503);
  assert.equal((await fetch(`${issuer.base}/.well-known/openid-configuration`)).status, 503);
  await authorize(issuer, { code_challenge_method: "plain", response_type: "token" });
  assert.deepEqual(issuer.violations, ["authorization request: response_type is code", "authorization request: PKCE is S256"]);
  assert.equal(issuer.count("discovery"), 1);
});

test("an issuer at the root and one with a trailing slash are found", async () => {
  const root = providers.issuer("");
  const tenant = providers.issuer("t1/");
  for (const issuer of [root, tenant]) {
    const metadata = await (await fetch(`${issuer.base}/.well-known/openid-configuration`)).json();
    assert.equal(metadata.issuer, issuer.url);
  }
});

test("the canary host tells who came by", async () => {
  const canary = await startCanaryHost();
  await fetch(`${canary.origin}/keys`);
  assert.deepEqual(canary.hits, ["GET /keys"]);
  await canary.close();
});
