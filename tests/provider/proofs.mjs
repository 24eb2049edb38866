// What a provider makes of a DPoP proof (RFC 9449 §4.3), by a library that shares nothing with ours.

import { createHash } from "node:crypto";

import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from "jose";

const MAX_AGE_SECONDS = 60;

/**
 * Reads the proof of a request; rejects if it is none, or is about something else.
 * @param {{ method: string, url: string, headers: Record<string, string> }} request `url` as it was asked
 * @param {{ origin: string, now: number, accessToken?: string }} expected
 * @returns {Promise<{ claims: object, jkt: string }>} what it says, and the thumbprint of its key
 */
export async function readProof({ method, url, headers }, { origin, now, accessToken }) {
  const { payload, protectedHeader } = await jwtVerify(headers.dpop ?? "", EmbeddedJWK, {
    typ: "dpop+jwt", algorithms: ["ES256"], requiredClaims: ["jti", "iat", "htm", "htu"],
    maxTokenAge: MAX_AGE_SECONDS, currentDate: new Date(now * 1000), clockTolerance: 5,
  });
  const ath = accessToken && createHash("sha256").update(accessToken).digest("base64url");
  const { origin: own, pathname } = new URL(url, origin);
  const held = payload.htm === method && payload.htu === own + pathname && payload.ath === ath;
  if (!held) throw new Error("the proof is about something else");
  return { claims: payload, jkt: await calculateJwkThumbprint(protectedHeader.jwk) };
}
