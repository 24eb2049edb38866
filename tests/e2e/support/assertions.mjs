// What upstreams do with Postern's word for who asks.

import { createECDH, createPrivateKey, hkdfSync } from "node:crypto";

import { createLocalJWKSet, jwtVerify } from "jose";

import { send } from "./http.mjs";

const KEYS = "/.well-known/jwks.json";
export const HEADER = "x-postern-assertion";

/** The answer of the endpoint with the keys. */
export const askForKeys = (postern, options) => postern.send(KEYS, options);

/** The key set as it is now. */
export async function publishedKeys(postern) {
  const { body } = await send({ port: postern.port, url: `${postern.origin}/`, path: KEYS });
  return JSON.parse(body);
}

/** The private key of a ring's entry as a JWK, derived as SECURITY.md says: HKDF-SHA256 with the label and a counter. */
export function derivedKey(entry) {
  const root = Buffer.from(entry.split(":")[1], "base64url");
  const pair = createECDH("prime256v1");
  pair.setPrivateKey(Buffer.from(hkdfSync("sha256", root, "", Buffer.from("postern/v1/assertion\0"), 32)));
  const point = pair.getPublicKey();
  const text = (bytes) => bytes.toString("base64url");
  return { kty: "EC", crv: "P-256", x: text(point.subarray(1, 33)), y: text(point.subarray(33)), d: text(pair.getPrivateKey()) };
}

/** What Postern itself would sign with: for assertions that it never makes. */
export async function ownKey(postern) {
  const { keys: [{ kid }] } = await publishedKeys(postern);
  return { kid, alg: "ES256", privateKey: createPrivateKey({ key: derivedKey(postern.bindings.POSTERN_KEYS), format: "jwk" }) };
}

/** Who asks, by an assertion that `audience` got: `{ payload, protectedHeader }`. Throws where it does not count. */
export async function verify(postern, token, audience, keys) {
  return jwtVerify(token, createLocalJWKSet(keys ?? (await publishedKeys(postern))), {
    issuer: postern.origin, audience, typ: "postern-assertion+jwt", algorithms: ["ES256"], currentDate: new Date(postern.now()),
    requiredClaims: ["sub", "sub_id", "kind", "jti", "iat", "exp"],
  });
}
