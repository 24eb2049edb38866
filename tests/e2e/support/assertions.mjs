// What upstreams do with Postern's word for who asks.

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

/** Who asks, by an assertion that `audience` got: `{ payload, protectedHeader }`. Throws where it does not count. */
export async function verify(postern, token, audience, keys) {
  return jwtVerify(token, createLocalJWKSet(keys ?? (await publishedKeys(postern))), {
    issuer: postern.origin, audience, typ: "postern-assertion+jwt", algorithms: ["ES256"], currentDate: new Date(postern.now()),
    requiredClaims: ["sub", "sub_id", "kind", "jti", "iat", "exp"],
  });
}
