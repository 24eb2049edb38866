// What is done to honest tokens and their keys. Each row: a name, and a function of the honest case and of chance.
// An honest case: `header` and `payload` (objects), `algorithm`, `pair`, `keys` (the JWKs), `token`.

import { createPublicKey, sign } from "node:crypto";

import { ALGORITHMS, encode, hmac, signingInput } from "./pairs.mjs";

const json = JSON.stringify;
const sealed = ({ pair, algorithm }, header, payload) => {
  const input = signingInput(header, payload);
  return `${input}.${encode(pair.sign(algorithm, input))}`;
};
const withHeader = (change) => (one, random) => sealed(one, change(one.header, random, one), one.payload);
const withPayload = (change) => (one, random) => sealed(one, one.header, change(one.payload, random));
const nested = (depth) => "[".repeat(depth) + "]".repeat(depth);
const inside = (object, members) => `${json(object).slice(0, -1)},${members}}`;
const BOM = "\ufeff";

/** Texts that are or are not JSON objects, for header and payload alike; each after the honest members. */
const TEXTS = [
  ["a member twice", (object) => inside(object, `"x":1,"x":1`)],
  ["a member twice, once escaped", (object) => inside(object, `"x":1,"\\u0078":1`)],
  ["a member twice, deeper", (object) => inside(object, `"x":[{"y":1,"y":2}]`)],
  ["a byte order mark", (object) => BOM + json(object)],
  ["white space around", (object) => ` \n\t${json(object)}\r `],
  ["a form feed", (object) => `\f${json(object)}`],
  ["something after it", (object) => `${json(object)}{}`],
  ["a comma too many", (object) => `${json(object).slice(0, -1)},}`],
  ["as deep as allowed", (object) => inside(object, `"x":${nested(15)}`)],
  ["deeper than allowed", (object) => inside(object, `"x":${nested(16)}`)],
  ["a number beyond doubles", (object) => inside(object, `"x":1e999`)],
  ["a large number", (object) => inside(object, `"x":123456789012345678901234567890`)],
  ["a number with leading zero", (object) => inside(object, `"x":01`)],
  ["NaN", (object) => inside(object, `"x":NaN`)],
  ["half a surrogate pair", (object) => inside(object, `"x":"\\ud800"`)],
  ["a surrogate pair", (object) => inside(object, `"x":"\\ud83d\\ude00"`)],
  ["a raw control character", (object) => inside(object, `"x":"\u0001"`)],
  ["a NUL, escaped", (object) => inside(object, `"x":"\\u0000"`)],
  ["bytes that are not UTF-8", (object) => Buffer.concat([Buffer.from(inside(object, `"x":"`).slice(0, -1)), Buffer.from([0xff, 0x22, 0x7d])])],
  ["an overlong encoding", (object) => Buffer.concat([Buffer.from(inside(object, `"x":"`).slice(0, -1)), Buffer.from([0xc0, 0xaf, 0x22, 0x7d])])],
  ["single quotes", (object) => json(object).replaceAll('"', "'")],
  ["an array", (object) => json([object])],
  ["a string", (object) => json(json(object))],
  ["null", () => "null"],
  ["nothing", () => ""],
  ["a member called __proto__", (object) => inside(object, `"__proto__":{"alg":"none"}`)],
  ["cut short", (object, random) => json(object).slice(0, 1 + random.below(json(object).length - 1))],
];

const set = (members) => (header) => ({ ...header, ...members });
const HEADERS = [
  ["crit naming nothing known", set({ crit: ["x"], x: 1 })],
  ["crit empty", set({ crit: [] })],
  ["crit no array", set({ crit: "b64" })],
  ["crit null", set({ crit: null })],
  ["crit b64, which is true", set({ crit: ["b64"], b64: true })],
  ["crit b64, which is false", set({ crit: ["b64"], b64: false })],
  ["b64 false without crit", set({ b64: false })],
  ["b64 true without crit", set({ b64: true })],
  ["compressed", set({ zip: "DEF" })],
  ["typ of an access token", set({ typ: "at+jwt" })],
  ["typ no string", set({ typ: 7 })],
  ["typ null", set({ typ: null })],
  ["typ too long", set({ typ: "x".repeat(65) })],
  ["cty JWT", set({ cty: "JWT" })],
  ["kid of nobody", set({ kid: "nobody" })],
  ["kid empty", set({ kid: "" })],
  ["kid no string", set({ kid: 1 })],
  ["kid null", set({ kid: null })],
  ["kid in an array", (header) => ({ ...header, kid: [header.kid ?? "own"] })],
  ["kid in other case", set({ kid: "OWN" })],
  ["kid a path", set({ kid: "../../dev/null" })],
  ["kid too long", set({ kid: "k".repeat(513) })],
  ["no kid", ({ kid, ...header }) => header],
  ["alg missing", ({ alg, ...header }) => header],
  ["alg null", set({ alg: null })],
  ["alg an array", (header) => ({ ...header, alg: [header.alg] })],
  ["alg in other case", (header) => ({ ...header, alg: header.alg.toLowerCase() === header.alg ? header.alg.toUpperCase() : header.alg.toLowerCase() })],
  ["alg with a space", (header) => ({ ...header, alg: `${header.alg} ` })],
  ["alg none", set({ alg: "none" })],
  ["alg NoNe", set({ alg: "NoNe" })],
  ["alg unknown", set({ alg: "ES521" })],
  ["alg constructor", set({ alg: "constructor" })],
  ["jku and x5u", set({ jku: "https://evil.example/keys", x5u: "https://evil.example/cert" })],
  ["the key beside it", (header, random, one) => ({ ...header, jwk: one.pair.jwk })],
];

/** A token put together otherwise than its issuer would. */
const FORGERIES = [
  ["signed by a stranger", (one) => sealed({ ...one, pair: one.stranger }, one.header, one.payload)],
  ["signed by a stranger whose key is in the header", (one) => sealed({ ...one, pair: one.stranger }, { ...one.header, jwk: one.stranger.jwk }, one.payload)],
  ["signed by HMAC with the public key", (one) => {
    const input = signingInput({ ...one.header, alg: "HS256" }, one.payload);
    return `${input}.${encode(hmac(one.pair.publicKey.export({ format: "pem", type: "spki" }), input))}`;
  }],
  ["signed by HMAC with an empty secret", (one) => {
    const input = signingInput({ ...one.header, alg: "HS256" }, one.payload);
    return `${input}.${encode(hmac("", input))}`;
  }],
  ["not signed, and says so", (one) => `${signingInput({ ...one.header, alg: "none" }, one.payload)}.`],
  ["not signed, and says nothing", (one) => `${signingInput(one.header, one.payload)}.`],
  ["another token's signature", (one) => `${signingInput(one.header, { ...one.payload, sub: "mallory" })}.${one.token.split(".")[2]}`],
  ["by another algorithm than it says", (one, random) => {
    const other = random.pick(Object.keys(ALGORITHMS).filter((name) => ALGORITHMS[name].kind === one.pair.kind && name !== one.algorithm)) ?? one.algorithm;
    const input = signingInput(one.header, one.payload);
    return `${input}.${encode(one.pair.sign(other, input))}`;
  }],
  ["says another algorithm than it is by", (one, random) => {
    const other = random.pick(Object.keys(ALGORITHMS).filter((name) => name !== one.algorithm));
    return sealed(one, { ...one.header, alg: other }, one.payload);
  }],
  ["a salt of another length", (one, random) => (one.algorithm.startsWith("PS") ? resalted(one, random.pick([0, 8, 20, 31])) : one.token)],
  ["a DER signature", (one) => (one.algorithm.startsWith("ES") ? der(one) : one.token)],
  ["the other s of ECDSA", (one) => (one.algorithm.startsWith("ES") ? negated(one) : one.token)],
  ["the modulus added", (one) => (one.pair.kind === "rsa" ? enlarged(one) : one.token)],
];

function resigned(one, options) {
  const input = signingInput(one.header, one.payload);
  return `${input}.${encode(one.pair.sign(one.algorithm, input, options))}`;
}
const resalted = (one, saltLength) => resigned(one, { ...ALGORITHMS[one.algorithm].options, saltLength });
const der = (one) => resigned(one, { dsaEncoding: "der" });

/** SEC 2 §2.4.2, §2.5.1. */
const ORDERS = {
  p256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  p384: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  p521: 0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
};
const integer = (bytes) => BigInt(`0x${Buffer.from(bytes).toString("hex") || "0"}`);
const octets = (number, length) => Buffer.from(number.toString(16).padStart(length * 2, "0"), "hex");

/** As good as the original: ECDSA does not say which of the two. */
function negated(one) {
  const [header, payload, signature] = one.token.split(".");
  const bytes = Buffer.from(signature, "base64url");
  const half = bytes.length / 2;
  const other = octets(ORDERS[one.pair.kind] - integer(bytes.subarray(half)), half);
  return `${header}.${payload}.${encode(Buffer.concat([bytes.subarray(0, half), other]))}`;
}

/** Congruent, and therefore not the same number: RFC 8017 §5.2.2 wants it below the modulus. */
function enlarged(one) {
  const [header, payload, signature] = one.token.split(".");
  const bytes = Buffer.from(signature, "base64url");
  const sum = octets(integer(bytes) + integer(Buffer.from(one.pair.jwk.n, "base64url")), bytes.length);
  return `${header}.${payload}.${encode(sum)}`;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const at = (token, place, what, removed = 0) => token.slice(0, place) + what + token.slice(place + removed);
const anywhere = (change) => (one, random) => change(one.token, random.below(one.token.length), random);
const inPart = (change) => (one, random) => {
  const parts = one.token.split(".");
  const which = random.below(3);
  parts[which] = change(parts[which], random);
  return parts.join(".");
};
const decoded = (change) => inPart((part, random) => encode(change(Buffer.from(part, "base64url"), random)));

/** Accidents and tricks on the way, without any key. */
const WIRE = [
  ["one bit", decoded((bytes, random) => (bytes[random.below(bytes.length)] ^= 1 << random.below(8), bytes))],
  ["one byte more", decoded((bytes, random) => Buffer.concat([bytes, random.bytes(1)]))],
  ["one byte more in front", decoded((bytes) => Buffer.concat([Buffer.from([0]), bytes]))],
  ["one byte less", decoded((bytes) => bytes.subarray(0, -1))],
  ["all zeros", decoded((bytes) => Buffer.alloc(bytes.length))],
  ["all ones", decoded((bytes) => Buffer.alloc(bytes.length, 0xff))],
  ["a part of chance", decoded((bytes, random) => random.bytes(bytes.length))],
  ["an empty part", inPart(() => "")],
  ["another character", anywhere((token, place, random) => at(token, place, random.pick(ALPHABET), 1))],
  ["a character less", anywhere((token, place) => at(token, place, "", 1))],
  ["a character more", anywhere((token, place, random) => at(token, place, random.pick(ALPHABET)))],
  ["a character of no alphabet", anywhere((token, place, random) => at(token, place, random.pick("?!*%~@#$,;:\"'\\")))],
  ["a line feed", anywhere((token, place) => at(token, place, "\n"))],
  ["a space", anywhere((token, place) => at(token, place, " "))],
  ["a tab at the end", (one) => `${one.token}\t`],
  ["a space in front", (one) => ` ${one.token}`],
  ["a NUL", anywhere((token, place) => at(token, place, "\0"))],
  ["a letter of no ASCII", anywhere((token, place) => at(token, place, "é"))],
  ["padding", inPart((part) => part + "=".repeat((4 - (part.length % 4)) % 4 || 4))],
  ["padding written as %3D", (one) => `${one.token}%3D`],
  ["the other alphabet", (one) => one.token.replaceAll("-", "+").replaceAll("_", "/")],
  ["stray bits", inPart((part) => part.slice(0, -1) + (part.length % 4 ? ALPHABET[ALPHABET.indexOf(part.at(-1)) | 1] : part.at(-1)))],
  ["a dot more", anywhere((token, place) => at(token, place, "."))],
  ["a dot at the end", (one) => `${one.token}.`],
  ["five parts", (one) => `${one.token}.AA.AA`],
  ["two parts", (one) => one.token.split(".").slice(0, 2).join(".")],
  ["parts in another order", (one) => one.token.split(".").reverse().join(".")],
  ["twice", (one) => `${one.token}${one.token}`],
  ["nothing", () => ""],
  ["the JSON serialization", (one) => { const [header, payload, signature] = one.token.split("."); return json({ protected: header, payload, signature }); }],
  ["larger than any token", (one) => sealed(one, one.header, { ...one.payload, x: "x".repeat(13_000) })],
  ["as large as may be", (one) => sealed(one, one.header, { ...one.payload, x: "x".repeat(10_000) })],
  ["untouched", (one) => one.token],
];

const withOwn = (change) => (one, random) => one.keys.map((key) => (key === one.own ? change({ ...key }, random, one) : key));
const zeros = (member) => encode(Buffer.alloc(Buffer.from(member, "base64url").length));
const flipped = (name) => withOwn((key, random) => {
  const bytes = Buffer.from(key[name] ?? "", "base64url");
  if (bytes.length) bytes[random.below(bytes.length)] ^= 1 << random.below(8);
  return { ...key, [name]: encode(bytes) };
});

/** The key set that the verifier has, instead of the honest one. */
const KEYS = [
  ["no keys", () => []],
  ["a stranger's key of that name", (one) => [{ ...one.stranger.jwk, kid: "own" }]],
  ["a stranger's key of that name first", (one) => [{ ...one.stranger.jwk, kid: "own" }, ...one.keys]],
  ["five strangers of that name first", (one) => [...Array(5).fill({ ...one.stranger.jwk, kid: "own" }), ...one.keys]],
  ["use enc", withOwn((key) => ({ ...key, use: "enc" }))],
  ["use sig", withOwn((key) => ({ ...key, use: "sig" }))],
  ["use null", withOwn((key) => ({ ...key, use: null }))],
  ["key_ops verify", withOwn((key) => ({ ...key, key_ops: ["verify"] }))],
  ["key_ops without verify", withOwn((key) => ({ ...key, key_ops: ["encrypt"] }))],
  ["key_ops sign and verify", withOwn((key) => ({ ...key, key_ops: ["sign", "verify"] }))],
  ["key_ops twice the same", withOwn((key) => ({ ...key, key_ops: ["verify", "verify"] }))],
  ["key_ops not all strings", withOwn((key) => ({ ...key, key_ops: ["verify", 1] }))],
  ["key_ops no array", withOwn((key) => ({ ...key, key_ops: "verify" }))],
  ["alg of another kind", withOwn((key, random) => ({ ...key, alg: random.pick(["RS256", "PS512", "ES256", "EdDSA", "ES384", "RSA-OAEP", "HS256", ""]) }))],
  ["alg by its other name", withOwn((key, random, one) => (one.pair.kind === "ed25519" ? { ...key, alg: one.algorithm === "EdDSA" ? "Ed25519" : "EdDSA" } : key))],
  ["alg no string", withOwn((key) => ({ ...key, alg: 256 }))],
  ["kid no string", withOwn((key) => ({ ...key, kid: 1 }))],
  ["no kid", withOwn(({ kid, ...key }) => key)],
  ["kty oct", withOwn((key) => ({ ...key, kty: "oct", k: encode("secret") }))],
  ["kty of another kind", withOwn((key, random) => ({ ...key, kty: random.pick(["RSA", "EC", "OKP", "rsa", ""]) }))],
  ["crv of another kind", withOwn((key, random) => ({ ...key, crv: random.pick(["P-256", "P-384", "Ed25519", "X25519", "p-256"]) }))],
  ["the private key", withOwn((key, random, one) => ({ ...one.pair.privateKey.export({ format: "jwk" }), kid: key.kid }))],
  ["a member of a symmetric key", withOwn((key) => ({ ...key, k: encode("secret") }))],
  ["a factor of the private key", withOwn((key) => ({ ...key, p: encode("factor") }))],
  ["a bit of x", flipped("x")],
  ["a bit of y", flipped("y")],
  ["a bit of n", flipped("n")],
  ["x cut short", withOwn((key) => ({ ...key, x: key.x?.slice(0, -2) }))],
  ["x with padding", withOwn((key) => ({ ...key, x: key.x && `${key.x}=` }))],
  ["n with a leading zero", withOwn((key) => ({ ...key, n: key.n && encode(Buffer.concat([Buffer.from([0]), Buffer.from(key.n, "base64url")])) }))],
  ["e even", withOwn((key) => ({ ...key, e: key.e && "AQAA" }))],
  ["e one", withOwn((key) => ({ ...key, e: key.e && "AQ" }))],
  ["the zero point", withOwn((key) => ({ ...key, ...(key.x && { x: zeros(key.x) }), ...(key.y && { y: zeros(key.y) }) }))],
  ["members that mean nothing", withOwn((key) => ({ ...key, x5t: "AA", foo: { bar: [1] }, nbf: 1 }))],
];

/** A token by a key that is too short, and the honest set with that key in it. */
export function weakCase({ weak }) {
  const input = signingInput({ alg: "RS256", kid: "own" }, { sub: "alice" });
  const signature = sign("sha256", Buffer.from(input), { key: weak.privateKey });
  return { keys: [{ ...createPublicKey(weak.privateKey).export({ format: "jwk" }), kid: "own" }], token: `${input}.${encode(signature)}` };
}

/** Every mutation there is, as functions that give a token and a key set. */
export const MUTATIONS = [
  ...HEADERS.map(([name, change]) => [`header: ${name}`, withHeader(change)]),
  ...TEXTS.map(([name, change]) => [`header: ${name}`, withHeader((header, random) => change(header, random))]),
  ...TEXTS.map(([name, change]) => [`payload: ${name}`, withPayload(change)]),
  ...FORGERIES.map(([name, make]) => [`forged: ${name}`, make]),
  ...WIRE.map(([name, make]) => [`on the way: ${name}`, make]),
].map(([name, make]) => ({ name, make: (one, random) => ({ token: make(one, random), keys: one.keys }) }))
  .concat(KEYS.map(([name, make]) => ({ name: `key: ${name}`, make: (one, random) => ({ token: one.token, keys: make(one, random) }) })));
