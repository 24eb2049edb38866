// An authenticator and its browser, each part of which can be bent: what they say of new passkeys, and proofs of known ones.

import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

export const [RP_ID, ORIGIN] = ["app.example", "https://app.example"];
const USER_HANDLE = randomBytes(32).toString("base64url");

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const url = (bytes) => Buffer.from(bytes).toString("base64url");
const bytes = (text) => Buffer.from(text, "base64url");

// ---- CBOR ----

function head(kind, value) {
  if (value < 24) return Buffer.from([(kind << 5) | value]);
  if (value < 0x100) return Buffer.from([(kind << 5) | 24, value]);
  if (value < 0x10000) return Buffer.from([(kind << 5) | 25, value >> 8, value & 0xff]);
  return Buffer.concat([Buffer.from([(kind << 5) | 26]), Buffer.from(Uint32Array.of(value).buffer).reverse()]);
}

class Raw {
  constructor(bytes) {
    this.bytes = Buffer.from(bytes);
  }
}

function cbor(value) {
  if (value instanceof Raw) return value.bytes;
  if (typeof value === "number") return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === "boolean") return Buffer.from([value ? 0xf5 : 0xf4]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
  return Buffer.concat([head(5, value.size), ...[...value].flatMap(([name, inner]) => [cbor(name), cbor(inner)])]);
}

// ---- keys ----

const KEYS = {
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
function authenticator(alg) {
  const { publicKey, privateKey } = KEYS[alg]();
  const jwk = publicKey.export({ format: "jwk" });
  return { alg, jwk: { ...jwk, alg }, cose: cose(alg, jwk), sign: (message) => sign(alg === "EdDSA" ? null : "sha256", message, privateKey) };
}

// ---- what is bent, part by part ----

/** A good registration or proof. */
function good(device, kind) {
  return {
    kind, device, type: kind === "registration" ? "webauthn.create" : "webauthn.get", challenge: url(randomBytes(32)), origin: ORIGIN,
    also: { crossOrigin: false }, clientData: (text) => text, rpId: RP_ID, flags: 0x05, count: 0, id: randomBytes(16), named: null,
    cose: new Map(device.cose), fmt: "none", statement: null, object: (buffer) => buffer, data: (buffer) => buffer, extensions: null,
    signature: (buffer) => buffer, signer: device, credentialType: "public-key", userHandle: USER_HANDLE,
    known: { backup_eligible: false, sign_count: 0, user_handle: USER_HANDLE }, asked: {},
  };
}

const bend = (name, change) => ({ name, change });
const flags = [0x00, 0x01, 0x04, 0x05, 0x0d, 0x15, 0x1d, 0x19, 0x27].map((value) => bend(`flags ${value.toString(16)}`, (one) => ({ ...one, flags: value, known: { ...one.known, backup_eligible: !!(value & 8) } })));
const origins = ["http://app.example", "https://app.example:8443", "https://www.app.example", "https://app.example.evil.test", "https://APP.example", "https://app.example/", "null", ""];
const clientData = [
  ["unknown members", (one) => ({ ...one, also: { ...one.also, extraData: "…", nested: { a: [1] } } })],
  ["no crossOrigin", (one) => ({ ...one, also: {} })],
  ["crossOrigin", (one) => ({ ...one, also: { crossOrigin: true } })],
  ["topOrigin", (one) => ({ ...one, also: { crossOrigin: true, topOrigin: "https://evil.test" } })],
  ["a byte order mark", (one) => ({ ...one, clientData: (text) => `\ufeff${text}` })],
  ["a doubled member", (one) => ({ ...one, clientData: (text) => text.replace("{", '{"type":"x",') })],
  ["no JSON", (one) => ({ ...one, clientData: (text) => text.slice(1) })],
  ["something behind", (one) => ({ ...one, clientData: (text) => `${text}x` })],
  ["white space behind", (one) => ({ ...one, clientData: (text) => `${text} ` })],
  ["not UTF-8", (one) => ({ ...one, clientData: (text) => Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0x2c, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])]) })],
  ["another type", (one) => ({ ...one, type: one.kind === "registration" ? "webauthn.get" : "webauthn.create" })],
  ["the type in capitals", (one) => ({ ...one, type: one.type.toUpperCase() })],
  ["another challenge", (one) => ({ ...one, asked: { challenge: url(randomBytes(32)) } })],
  ["a padded challenge", (one) => ({ ...one, asked: { challenge: one.challenge }, challenge: `${one.challenge}=` })],
].map(([name, change]) => bend(name, change));
const common = [
  bend("nothing", (one) => one),
  ...flags,
  ...origins.map((origin) => bend(`origin ${origin}`, (one) => ({ ...one, origin }))),
  ...clientData,
  ...["evil.test", "www.app.example", "example", "APP.example"].map((rpId) => bend(`rp id ${rpId}`, (one) => ({ ...one, rpId }))),
  bend("another credential type", (one) => ({ ...one, credentialType: "password" })),
  bend("extensions", (one) => ({ ...one, flags: 0x85, extensions: new Map([["credProtect", 2]]) })),
  bend("extensions that are said and missing", (one) => ({ ...one, flags: 0x85 })),
  bend("extensions with a doubled key", (one) => ({ ...one, flags: 0x85, extensions: new Raw([0xa2, 0x61, 0x61, 1, 0x61, 0x61, 2]) })),
  bend("data that is cut", (one) => ({ ...one, data: (buffer) => buffer.subarray(0, -1) })),
  bend("data with a byte behind", (one) => ({ ...one, data: (buffer) => Buffer.concat([buffer, Buffer.from([0])]) })),
];

const withKey = (name, change) => bend(name, (one) => ({ ...one, cose: change(new Map(one.cose)) }));
const registrations = [
  bend("self attestation", (one) => ({ ...one, fmt: "packed", statement: "own" })),
  bend("self attestation by another key", (one) => ({ ...one, fmt: "packed", statement: "own", signer: authenticator(one.device.alg) })),
  bend("self attestation by another algorithm", (one) => ({ ...one, fmt: "packed", statement: new Map([["alg", -35], ["sig", randomBytes(70)]]) })),
  bend("none with a statement", (one) => ({ ...one, statement: new Map([["x", 1]]) })),
  bend("certificates that are none", (one) => ({ ...one, fmt: "packed", statement: new Map([["alg", -7], ["sig", randomBytes(70)], ["x5c", [randomBytes(40)]]]) })),
  ...["None", "tpm", "fido-u2f", "apple", "unheard-of"].map((fmt) => bend(`format ${fmt}`, (one) => ({ ...one, fmt }))),
  bend("no credential", (one) => ({ ...one, cose: null })),
  bend("an id of 1023 bytes", (one) => ({ ...one, id: randomBytes(1023) })),
  bend("an id of 1024 bytes", (one) => ({ ...one, id: randomBytes(1024) })),
  bend("an empty id", (one) => ({ ...one, id: Buffer.alloc(0) })),
  bend("the name of another credential", (one) => ({ ...one, named: randomBytes(16) })),
  bend("something behind the object", (one) => ({ ...one, object: (buffer) => Buffer.concat([buffer, Buffer.from([0])]) })),
  bend("an object that is cut", (one) => ({ ...one, object: (buffer) => buffer.subarray(0, -1) })),
  bend("an object of indefinite length", (one) => ({ ...one, object: (buffer) => Buffer.concat([Buffer.from([0xbf]), buffer.subarray(1), Buffer.from([0xff])]) })),
  bend("an object with a longer head", (one) => ({ ...one, object: (buffer) => Buffer.concat([Buffer.from([0xb8, 0x03]), buffer.subarray(1)]) })),
  bend("an object with one more member", (one) => ({ ...one, object: (buffer) => Buffer.concat([Buffer.from([0xa4]), buffer.subarray(1), cbor("x"), cbor(1)]) })),
  bend("an object with a doubled member", (one) => ({ ...one, object: (buffer) => Buffer.concat([Buffer.from([0xa4]), buffer.subarray(1), cbor("fmt"), cbor("none")]) })),
  ...[-35, -36, -47, -65535, 1].map((alg) => withKey(`algorithm ${alg}`, (key) => key.set(3, alg))),
  withKey("no algorithm", (key) => (key.delete(3), key)),
  withKey("another kty", (key) => key.set(1, 4)),
  withKey("a private key beside", (key) => key.set(-4, randomBytes(32))),
  withKey("a name beside", (key) => key.set(2, randomBytes(4))),
  withKey("no second number", (key) => (key.delete(-2), key)),
  withKey("a short second number", (key) => key.set(-2, key.get(-2).subarray(1))),
];
const proofs = [
  bend("another key", (one) => ({ ...one, signer: authenticator(one.device.alg) })),
  bend("a signature that is cut", (one) => ({ ...one, signature: (buffer) => buffer.subarray(0, -1) })),
  bend("a signature with a byte behind", (one) => ({ ...one, signature: (buffer) => Buffer.concat([buffer, Buffer.from([0])]) })),
  bend("a signature with a bit flipped", (one) => ({ ...one, signature: (buffer) => (buffer[buffer.length - 3] ^= 1, buffer) })),
  bend("a signature with a longer head", (one) => ({ ...one, signature: (buffer) => (one.device.alg === "ES256" ? Buffer.concat([Buffer.from([0x30, 0x81]), buffer.subarray(1)]) : buffer.subarray(1)) })),
  bend("no signature", (one) => ({ ...one, signature: () => Buffer.alloc(0) })),
  bend("another credential", (one) => ({ ...one, named: randomBytes(16) })),
  bend("no user handle", (one) => ({ ...one, userHandle: undefined })),
  bend("another user handle", (one) => ({ ...one, userHandle: url(randomBytes(32)) })),
  bend("backup that became possible", (one) => ({ ...one, flags: 0x0d })),
  bend("backup that is possible no more", (one) => ({ ...one, known: { ...one.known, backup_eligible: true } })),
  ...[[0, 0], [0, 1], [1, 0], [5, 5], [5, 6], [5, 4], [5, 4_294_967_295]].map(([before, count]) => bend(`counter ${before} to ${count}`, (one) => ({ ...one, count, known: { ...one.known, sign_count: before } }))),
];

// ---- put together ----

function authenticatorData({ rpId, flags, count, extensions, data }, credential) {
  const counter = Buffer.alloc(4);
  counter.writeUInt32BE(count);
  return data(Buffer.concat([sha256(rpId), Buffer.from([flags]), counter, credential, extensions ? cbor(extensions) : Buffer.alloc(0)]));
}

function made(one) {
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

/** Every way of bending, with every algorithm. */
export function makePasskeyCases() {
  const cases = [];
  for (const alg of Object.keys(KEYS)) {
    const device = authenticator(alg);
    for (const [kind, bends] of [["registration", [...common, ...registrations]], ["proof", [...common, ...proofs]]]) {
      for (const { name, change } of bends) cases.push({ name: `${alg} ${kind}: ${name}`, bent: name, alg, kind, ...made(change(good(device, kind))) });
    }
  }
  return cases;
}
