// Registrations and proofs of passkeys, good and bent in every part, with every algorithm.

import { randomBytes } from "node:crypto";

import { KEYS, Raw, authenticator, cbor, good, made, url } from "./passkey_authenticator.mjs";

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
