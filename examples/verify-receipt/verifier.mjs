// Verifies Postern's receipts of allowed calls. Needs `npm install jose`; runs in Workers and in Node as it is.

import { createRemoteJWKSet, jwtVerify } from "jose";

/** SHA-256 in base64url over `parts`, each with its length before it: 8 bytes, big-endian. */
async function hash(parts) {
  const pieces = parts.flatMap((part) => {
    const bytes = new TextEncoder().encode(part);
    const length = new DataView(new ArrayBuffer(8));
    length.setBigUint64(0, BigInt(bytes.length));
    return [...new Uint8Array(length.buffer), ...bytes];
  });
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(pieces)));
  return btoa(String.fromCharCode(...digest)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The parameters as they were allowed: without `_meta`, members by name, nothing between them. */
function allowed(params) {
  const members = Object.entries(params ?? {}).filter(([name]) => name !== "_meta").sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`;
}

/**
 * Makes a function that verifies receipts. Make one per process: it keeps Postern's keys.
 *
 * `issuer` is Postern's PUBLIC_URL. The function takes `X-Postern-Receipt` and the body of the same request, and says what was
 * allowed, or throws. Numbers are compared as JavaScript reads and writes them: a call that says `1.0` is refused.
 */
export function receiptVerifier(issuer, options) {
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), options);
  return async (receipt, body) => {
    const { payload } = await jwtVerify(receipt, keys, {
      issuer, typ: "postern-receipt+jwt", algorithms: ["ES256"], requiredClaims: ["jti", "approved_by", "call", "used_at"],
    });
    const { method, params } = JSON.parse(body);
    const { route, name, hash: expected } = payload.call;
    if ((await hash([payload.grant, route, method, name, allowed(params)])) !== expected) throw new Error("the receipt is of another call");
    return payload;
  };
}
