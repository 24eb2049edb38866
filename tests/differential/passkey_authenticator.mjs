// An authenticator and its browser, each part of which can be bent: what they say of new passkeys, and proofs of known ones.

import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

export const [RP_ID, ORIGIN] = ["app.example", "https://app.example"];
const USER_HANDLE = randomBytes(32).toString("base64url");

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
export const url = (bytes) => Buffer.from(bytes).toString("base64url");
const bytes = (text) => Buffer.from(text, "base64url");

// ---- CBOR ----

function head(kind, value) {
  if (value < 24) return Buffer.from([(kind << 5) | value]);
  if (value < 0x100) return Buffer.from([(kind << 5) | 24, value]);
  if (value < 0x10000) return Buffer.from([(kind << 5) | 25, value >> 8, value & 0xff]);
  return Buffer.concat([Buffer.from([(kind << 5) | 26]), Buffer.from(Uint32Array.of(value).buffer).reverse()]);
}

/** CBOR as it stands. */
export class Raw {
  constructor(bytes) {
    this.bytes = Buffer.from(bytes);
  }
}

export function cbor(value) {
  if (value instanceof Raw) return value.bytes;
  if (typeof value === "number") return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === "boolean") return Buffer.from([value ? 0xf5 : 0xf4]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
  return Buffer.concat([head(5, value.size), ...[...value].flatMap(([name, inner]) => [cbor(name), cbor(inner)])]);
}

// ---- keys ----

export const KEYS = {
  ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: () => generateKeyPairSync("ed25519"),
  RS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
};
const NUMBERS = { ES256: -7, EdDSA: -8, RS256: -257 };

function cose(alg, { x, y, n, e }) {
  if (alg === "ES256") return new Map([[1, 2], [3, -7], [-1, 1], [-2, bytes(x)], [-3, bytes(y)]]);
  if (alg === "EdDSA") return new Map([[1, 1], [3, -8], [-1, 6], [-2, bytes(x)]]);
  return new Map([[1, 3], [3, -257], [-1, bytes(n)], [-2, bytes(e)]]);
}

/** An authenticator with one key; `cose`, and what follows from it, may be bent. */
export function authenticator(alg) {
  const { publicKey, privateKey } = KEYS[alg]();
  const jwk = publicKey.export({ format: "jwk" });
  return { alg, jwk: { ...jwk, alg }, cose: cose(alg, jwk), sign: (message) => sign(alg === "EdDSA" ? null : "sha256", message, privateKey) };
}

// ---- answers ----

/** A good registration or proof. */
export function good(device, kind) {
  return {
    kind, device, type: kind === "registration" ? "webauthn.create" : "webauthn.get", challenge: url(randomBytes(32)), origin: ORIGIN,
    also: { crossOrigin: false }, clientData: (text) => text, rpId: RP_ID, flags: 0x05, count: 0, id: randomBytes(16), named: null,
    cose: new Map(device.cose), fmt: "none", statement: null, object: (buffer) => buffer, data: (buffer) => buffer, extensions: null,
    signature: (buffer) => buffer, signer: device, credentialType: "public-key", userHandle: USER_HANDLE,
    known: { backup_eligible: false, sign_count: 0, user_handle: USER_HANDLE }, asked: {},
  };
}

function authenticatorData({ rpId, flags, count, extensions, data }, credential) {
  const counter = Buffer.alloc(4);
  counter.writeUInt32BE(count);
  return data(Buffer.concat([sha256(rpId), Buffer.from([flags]), counter, credential, extensions ? cbor(extensions) : Buffer.alloc(0)]));
}

/** What the browser says, what is stored of the passkey, and what was asked. */
export function made(one) {
  const { type, challenge, origin, also, id, named, fmt, statement, signer } = one;
  const text = one.clientData(JSON.stringify({ type, challenge, origin, ...also }));
  const attests = one.kind === "registration" && one.cose;
  const credential = attests ? Buffer.concat([Buffer.alloc(16, 0xaa), Buffer.from([id.length >> 8, id.length & 0xff]), id, cbor(one.cose)]) : Buffer.alloc(0);
  const data = authenticatorData({ ...one, flags: one.flags | (attests ? 0x40 : 0) }, credential);
  const response = { clientDataJSON: url(text) };
  const signed = () => one.signature(signer.sign(Buffer.concat([data, sha256(text)])));
  if (one.kind === "registration") {
    const own = () => new Map([["alg", NUMBERS[one.device.alg]], ["sig", signed()]]);
    const members = new Map([["fmt", fmt], ["attStmt", statement === "own" ? own() : (statement ?? new Map())], ["authData", data]]);
    Object.assign(response, { attestationObject: url(one.object(cbor(members))), transports: ["internal"] });
  } else {
    Object.assign(response, { authenticatorData: url(data), signature: url(signed()), userHandle: one.userHandle });
  }
  const name = url(named ?? id);
  const credentialOf = { id: name, rawId: name, type: one.credentialType, response, clientExtensionResults: {} };
  const known = one.kind === "proof" ? { id: url(id), jwk: one.device.jwk, ...one.known } : undefined;
  return { credential: credentialOf, known, cose: url(cbor(one.device.cose)), asked: { rp_id: RP_ID, origin: ORIGIN, challenge, ...one.asked } };
}
