// A program that gets tokens for itself from a real provider, with and without proof of its key.

import { createHash, randomUUID } from "node:crypto";

import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose";

import { DEMO_RESOURCE } from "../../../demo/provider/provider.mjs";

/** Options of startProvider for a provider whose clients get tokens for themselves. */
export const FOR_MACHINES = {
  accessTokenTtl: 3600,
  features: { clientCredentials: { enabled: true } },
  configuration: { enabledJWA: { dPoPSigningAlgValues: ["ES256", "ES384", "PS256", "EdDSA", "Ed25519"] } },
};

/** Metadata of a client that gets tokens for itself. */
export const machine = (id, more = {}) => ({
  client_id: id,
  client_secret: "s3cret",
  grant_types: ["client_credentials"],
  response_types: [],
  redirect_uris: [],
  ...more,
});

/** What `ISSUERS` says of a provider of startProvider. */
export const issuerTable = (provider, more = {}) => ({ issuer: provider.issuer, audience: DEMO_RESOURCE, kind: "service", ...more });

/** Gets a token by client credentials; `headers` go along. */
export async function tokenFor(id, provider, headers = {}) {
  const answer = await fetch(`${provider.issuer}/token`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${id}:s3cret`).toString("base64")}`, ...headers },
    body: new URLSearchParams({ grant_type: "client_credentials", resource: DEMO_RESOURCE, scope: "hello:read" }),
  });
  const { access_token: token, token_type: type } = await answer.json();
  if (!token) throw new Error(`no token: ${answer.status}`);
  return { token, type };
}

/** A key that proofs are made with. */
export class DpopKey {
  static async generate(alg = "ES256") {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    return Object.assign(new DpopKey(), { alg, privateKey, jwk: await exportJWK(publicKey), secret: await exportJWK(privateKey) });
  }

  thumbprint() {
    return calculateJwkThumbprint(this.jwk);
  }

  /** A proof; what is `undefined` in `claims` or `header` is left out. */
  proof({ method = "GET", url, token, now = Date.now(), claims = {}, header = {} }) {
    const ath = token && createHash("sha256").update(token).digest("base64url");
    const all = { jti: randomUUID(), htm: method, htu: url, iat: Math.floor(now / 1000), ath, ...claims };
    return new SignJWT(JSON.parse(JSON.stringify(all)))
      .setProtectedHeader({ alg: this.alg, typ: "dpop+jwt", jwk: this.jwk, ...header })
      .sign(this.privateKey);
  }

  /** A token of the provider's, bound to this key. */
  async tokenFor(id, provider) {
    return tokenFor(id, provider, { dpop: await this.proof({ method: "POST", url: `${provider.issuer}/token` }) });
  }
}
