// Signing keys and raw JWS making. A library would refuse to write most of what these tests need
// (`alg: none`, the wrong key, a member twice), so signing is done by hand over node:crypto.

import { createHmac, constants, createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

/** How each algorithm signs (RFC 7518 §3.1, RFC 8037 §3.1), and the key it needs. */
const ALGORITHMS = {
  RS256: { hash: "sha256", key: "rsa" },
  RS384: { hash: "sha384", key: "rsa" },
  RS512: { hash: "sha512", key: "rsa" },
  PS256: { hash: "sha256", key: "rsa", options: PSS },
  ES256: { hash: "sha256", key: "p256", options: { dsaEncoding: "ieee-p1363" } },
  ES384: { hash: "sha384", key: "p384", options: { dsaEncoding: "ieee-p1363" } },
  EdDSA: { hash: null, key: "ed25519" },
  Ed25519: { hash: null, key: "ed25519" },
};

const GENERATORS = {
  rsa: (bits = 2048) => generateKeyPairSync("rsa", { modulusLength: bits }),
  p256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  p384: () => generateKeyPairSync("ec", { namedCurve: "P-384" }),
  ed25519: () => generateKeyPairSync("ed25519"),
};

/** @typedef {{ kid: string, alg: string, publicKey: import("node:crypto").KeyObject, privateKey: import("node:crypto").KeyObject }} Key */

/**
 * A new key pair for `alg`.
 * @returns {Key}
 */
export function newKey(alg = "RS256", { kid = `key-${randomBytes(4).toString("hex")}`, bits } = {}) {
  const pair = GENERATORS[ALGORITHMS[alg].key](bits);
  return { kid, alg, ...pair };
}

const shared = new Map();

/** The one key of this process for `alg`: RSA keys take long to make. */
export function sharedKey(alg = "RS256") {
  if (!shared.has(alg)) shared.set(alg, newKey(alg, { kid: `shared-${alg.toLowerCase()}` }));
  return shared.get(alg);
}

/** The public JWK of `key`, as a JWKS lists it. */
export function publicJwk(key, members = {}) {
  return { ...key.publicKey.export({ format: "jwk" }), kid: key.kid, alg: key.alg, use: "sig", ...members };
}

/** The private JWK of `key`: what `private_key_jwt` is configured with. */
export function privateJwk(key) {
  return { ...key.privateKey.export({ format: "jwk" }), kid: key.kid, alg: key.alg };
}

export const base64url = (input) => Buffer.from(input).toString("base64url");

/** The signature of `key` over `input` under `alg`, which need not be the key's own. */
export function signature(key, input, alg = key.alg) {
  const { hash, options } = ALGORITHMS[alg];
  return sign(hash, Buffer.from(input), { key: key.privateKey, ...options });
}

/**
 * A compact JWS of whatever is asked for.
 * @param {object | string} header written as it stands when a string
 * @param {object | string} payload written as it stands when a string
 * @param {(input: string) => Buffer} signer
 */
export function compactJws(header, payload, signer) {
  const text = (part) => (typeof part === "string" ? part : JSON.stringify(part));
  const input = `${base64url(text(header))}.${base64url(text(payload))}`;
  return `${input}.${base64url(signer(input))}`;
}

/** HMAC under any secret: what a confused verifier takes for a signature (RFC 8725 §2.1). */
export const hmac = (secret, hash = "sha256") => (input) => createHmac(hash, secret).update(input).digest();

/** The left half of the hash, for `at_hash` and `c_hash` (OIDC Core §3.1.3.6). */
export function leftHalf(text, hash = "sha256") {
  const digest = createHash(hash).update(text).digest();
  return base64url(digest.subarray(0, digest.length / 2));
}

/** The hash that goes with an ID token's `alg`; Ed25519 goes with SHA-512. */
export const hashOf = (alg) => ALGORITHMS[alg]?.hash ?? "sha512";

/** A key to encrypt for, as a secret of ours and as the client registers it. */
export function encryptionKey(alg) {
  const { privateKey, publicKey } = GENERATORS[alg.startsWith("RSA") ? "rsa" : "p256"]();
  const named = (key) => ({ ...key.export({ format: "jwk" }), kid: `enc-${alg}`, use: "enc", alg });
  return { secret: JSON.stringify(named(privateKey)), jwk: named(publicKey) };
}

/** The thumbprint of a certificate as `cnf` has it (RFC 8705 §3.1). */
export const thumbprint = (x509) => Buffer.from(x509.fingerprint256.replaceAll(":", ""), "hex").toString("base64url");
