// Verifies Postern's assertions. Needs `npm install jose`; runs in Workers and in Node as it is.

import { createRemoteJWKSet, jwtVerify } from "jose";

/**
 * Makes a function that verifies assertions. Make one per process: it fetches Postern's keys once, keeps them, and
 * fetches them again when an assertion names a key that it does not have.
 *
 * `issuer` is Postern's PUBLIC_URL. `audience` is this upstream as the route names it: `service:ORDERS` or
 * `https://api.example.com`. `options` are those of jose's `createRemoteJWKSet`.
 * @type {import("./verifier.d.mts").verifier}
 */
export function verifier(issuer, audience, options) {
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), options);
  const expected = {
    issuer,
    audience,
    typ: "postern-assertion+jwt",
    algorithms: ["ES256"],
    requiredClaims: ["exp", "sub", "sub_id"],
    clockTolerance: 5,
  };
  return async (assertion) => /** @type {any} */ ((await jwtVerify(assertion, keys, expected)).payload);
}
