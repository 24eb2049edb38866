// Key pairs and honest tokens of every algorithm.

import { constants, createHmac, generateKeyPairSync, sign } from "node:crypto";

const PKCS1 = { padding: constants.RSA_PKCS1_PADDING };
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const RAW = { dsaEncoding: "ieee-p1363" };

/** RFC 7518 §3.1, RFC 8037, RFC 9864. */
export const ALGORITHMS = {
  RS256: { hash: "sha256", kind: "rsa", options: PKCS1 },
  RS384: { hash: "sha384", kind: "rsa", options: PKCS1 },
  RS512: { hash: "sha512", kind: "rsa", options: PKCS1 },
  PS256: { hash: "sha256", kind: "rsa", options: PSS },
  PS384: { hash: "sha384", kind: "rsa", options: PSS },
  PS512: { hash: "sha512", kind: "rsa", options: PSS },
  ES256: { hash: "sha256", kind: "p256", options: RAW },
  ES384: { hash: "sha384", kind: "p384", options: RAW },
  ES512: { hash: "sha512", kind: "p521", options: RAW },
  EdDSA: { hash: null, kind: "ed25519" },
  Ed25519: { hash: null, kind: "ed25519" },
};

const MAKE = {
  rsa: (modulusLength = 2048) => generateKeyPairSync("rsa", { modulusLength }),
  p256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  p384: () => generateKeyPairSync("ec", { namedCurve: "P-384" }),
  p521: () => generateKeyPairSync("ec", { namedCurve: "P-521" }),
  ed25519: () => generateKeyPairSync("ed25519"),
};

export class Pair {
  constructor(kind, ...options) {
    this.kind = kind;
    const { publicKey, privateKey } = MAKE[kind](...options);
    this.publicKey = publicKey;
    this.privateKey = privateKey;
    this.jwk = publicKey.export({ format: "jwk" });
  }

  sign(algorithm, input, options = ALGORITHMS[algorithm].options) {
    return sign(ALGORITHMS[algorithm].hash, Buffer.from(input), { key: this.privateKey, ...options });
  }
}

export const hmac = (secret, input) => createHmac("sha256", secret).update(input).digest();
export const encode = (bytes) => Buffer.from(bytes).toString("base64url");
export const text = (part) => (typeof part === "string" || Buffer.isBuffer(part) ? part : JSON.stringify(part));
export const signingInput = (header, payload) => `${encode(text(header))}.${encode(text(payload))}`;

/** Pairs for everything the cases need, made once: RSA keys take long. */
export function makePairs() {
  const of = (make) => Object.fromEntries(["rsa", "p256", "p384", "p521", "ed25519"].map((kind) => [kind, make(kind)]));
  return { own: of((kind) => new Pair(kind)), stranger: of((kind) => new Pair(kind)), weak: new Pair("rsa", 1024), bystander: new Pair("p384") };
}
