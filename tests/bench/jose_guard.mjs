// The guard that one would write with npm `jose`, in front of the same upstream: what gateways.mjs and tokens.mjs compare Postern with.
// With `LOG` it writes a line for each request, as Postern does.

import { env } from "cloudflare:workers";
import { createRemoteJWKSet, jwtVerify } from "jose";

/** By path: the issuer's keys, fetched once and kept imported, and all that `jwtVerify` can be told of an access token (RFC 9068). */
const GUARDS = new Map(
  Object.entries(env.GUARDS).map(([path, { jwks, issuer, audience, algorithms }]) => {
    const requiredClaims = ["exp", "iat", "sub", "client_id", "jti"];
    return [path, { keys: createRemoteJWKSet(new URL(jwks)), options: { issuer, audience, algorithms, typ: "at+jwt", clockTolerance: 60, requiredClaims } }];
  }),
);

const note = ({ method }, path, { payload }) => {
  const { iss: issuer, sub: subject, client_id, jti } = payload;
  const [time, request_id] = [Math.floor(Date.now() / 1000), crypto.randomUUID()];
  console.log(JSON.stringify({ time, event: "access", outcome: "allow", request_id, status: 200, method, path, issuer, subject, client_id, jti }));
};

/** As `verifier/` does: whether all of a request's tokens are good, one after another. */
async function verify(request) {
  const { url, judged, tokens } = JSON.parse(await request.text());
  const { keys, options } = GUARDS.get(new URL(url).pathname);
  let good = 0;
  for (const token of tokens) good += judged ? await jwtVerify(token, keys, options).then(() => 1, () => 0) : 1;
  return new Response(good, { status: good === tokens.length ? 200 : 403 });
}

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/verify") return verify(request);
    const guard = GUARDS.get(pathname);
    if (guard) {
      const token = request.headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
      try {
        const verified = await jwtVerify(token, guard.keys, guard.options);
        if (env.LOG) note(request, pathname, verified);
      } catch {
        return new Response(null, { status: 401, headers: { "www-authenticate": "Bearer" } });
      }
    }
    return env.ECHO.fetch(request);
  },
};
