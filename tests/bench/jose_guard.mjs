// The guard that one would write with npm `jose`, in front of the same upstream: what tokens.mjs compares Postern with.

import { env } from "cloudflare:workers";
import { createRemoteJWKSet, jwtVerify } from "jose";

/** By path: the issuer's keys, fetched once and kept imported, and all that `jwtVerify` can be told of an access token (RFC 9068). */
const GUARDS = new Map(
  Object.entries(env.GUARDS).map(([path, { jwks, issuer, audience, algorithms }]) => {
    const requiredClaims = ["exp", "iat", "sub", "client_id", "jti"];
    return [path, { keys: createRemoteJWKSet(new URL(jwks)), options: { issuer, audience, algorithms, typ: "at+jwt", clockTolerance: 60, requiredClaims } }];
  }),
);

export default {
  async fetch(request) {
    const guard = GUARDS.get(new URL(request.url).pathname);
    if (guard) {
      const token = request.headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
      try {
        await jwtVerify(token, guard.keys, guard.options);
      } catch {
        return new Response(null, { status: 401, headers: { "www-authenticate": "Bearer" } });
      }
    }
    return env.ECHO.fetch(request);
  },
};
