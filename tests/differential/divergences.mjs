// Where our verdict is not that of npm `jose`: which property of the token or key makes it so, and why.
// A row that never applies in a run is as wrong as a divergence without a row.

const parts = ({ token }) => token.split(".");
const bytes = (part) => Buffer.from(part ?? "", "base64url");
const asText = (part) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes(part));

function parsed(part) {
  try {
    return JSON.parse(new TextDecoder().decode(bytes(part)));
  } catch {
    return undefined;
  }
}

const header = (one) => parsed(parts(one)[0]) ?? {};
const eitherText = (holds) => (one) => parts(one).slice(0, 2).some((part) => parsed(part) !== undefined && holds(asText(part), parsed(part)));

const withoutStrings = (json) => json.replace(/"(?:[^"\\]|\\.)*"/gs, '""');
const countMembers = (value) => (value === null || typeof value !== "object" ? 0 : Object.keys(value).length * !Array.isArray(value) + Object.values(value).map(countMembers).reduce((sum, count) => sum + count, 0));
const depth = (value) => (value === null || typeof value !== "object" ? 0 : 1 + Math.max(0, ...Object.values(value).map(depth)));
const isText = (value, longest) => typeof value === "string" && Buffer.byteLength(value) <= longest;
const JSON_CODES = ["jwt.header_json", "jwt.claims_json"];
const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/** `codes`: ours, that the row explains. `holds`: what has to be true of the case. */
export const STRICTER = [
  {
    name: "sloppy base64url", codes: ["jwt.encoding"],
    why: "R-095, RFC 7515 §2: one text for one sequence of bytes; jose skips white space and takes padding and stray bits",
    holds: (one) => parts(one).some((part) => bytes(part).toString("base64url") !== part),
  },
  {
    name: "doubled member", codes: JSON_CODES,
    why: "R-098, RFC 7515 §4: which of the two another reader takes is anybody's guess; JSON.parse takes the last",
    holds: eitherText((text, value) => withoutStrings(text).split(":").length - 1 > countMembers(value)),
  },
  {
    name: "byte order mark", codes: JSON_CODES,
    why: "R-099, RFC 8259 §8.1: not part of JSON; TextDecoder drops it",
    holds: eitherText((text) => text.startsWith("\ufeff")),
  },
  {
    name: "too deep", codes: JSON_CODES,
    why: "R-099: no honest token is nested deeper than 16",
    holds: eitherText((text, value) => depth(value) > 16),
  },
  {
    name: "number out of range", codes: JSON_CODES,
    why: "R-099, RFC 7493 §2.2: JSON.parse makes infinity of it",
    holds: eitherText((text) => /[eE]\+?999/.test(text)),
  },
  {
    name: "half a surrogate pair", codes: JSON_CODES,
    why: "R-099, RFC 7493 §2.1: no Unicode text has it, so it cannot be passed on",
    holds: eitherText((text) => /\\ud800"/.test(text)),
  },
  {
    name: "crit or b64", codes: ["jwt.crit", "jwt.b64"],
    why: "R-097, RFC 7797 §7: an extension for unencoded payloads has no place in a JWT, whatever its value",
    holds: (one) => "crit" in header(one) || "b64" in header(one),
  },
  {
    name: "compressed", codes: ["jwt.zip"],
    why: "R-101, RFC 8725 §3.6: jose does not look at `zip` of a JWS",
    holds: (one) => "zip" in header(one),
  },
  {
    name: "typ that is none", codes: ["jwt.typ_malformed"],
    why: "R-100, RFC 7515 §4.1.9: a string, and a short one; jose looks at it only where a `typ` is expected",
    holds: (one) => "typ" in header(one) && !isText(header(one).typ, 64),
  },
  {
    name: "too large", codes: ["jwt.too_large"],
    why: "R-100: size is checked before anything is decoded",
    holds: (one) => one.token.length > 16 * 1024,
  },
  {
    name: "private members", codes: ["jwt.key_unknown", "jwt.key_unsuitable", "jwt.bad_signature"],
    why: "R-090: a key set that shows parts of private or symmetric keys is no source of trust, and such a key is left out; jose looks for `d` only",
    holds: (one) => one.keys.some((key) => PRIVATE.some((name) => name in key)),
  },
  {
    name: "sloppy base64url in a key", codes: ["jwt.key_unknown", "jwt.key_unsuitable"],
    why: "R-095, RFC 7518 §6.2.1.2: as in a token",
    holds: (one) => one.keys.some((key) => [key.x, key.y, key.n, key.e].some((value) => typeof value === "string" && value.endsWith("="))),
  },
  {
    name: "kid of a key that is none", codes: ["jwt.key_unknown", "jwt.key_unsuitable"],
    why: "R-007, RFC 7517 §4.5: a string; jose does not look at it for a token without `kid`",
    holds: (one) => one.keys.some((key) => "kid" in key && typeof key.kid !== "string"),
  },
  {
    name: "many keys of one name", codes: ["jwt.bad_signature"],
    why: "R-100: at most four keys are tried on one token",
    holds: (one) => one.keys.filter((key) => key.kid === header(one).kid).length > 4,
  },
];

const names = (one) => [header(one).alg, ...one.keys.map((key) => key.alg)];

/** Where jose refuses what the specifications allow, and we go by them: all there is of it. `codes`: jose's. */
export const WIDER = [
  {
    name: "one algorithm by two names", codes: ["ERR_JWKS_NO_MATCHING_KEY"],
    why: "RFC 9864 §2.2: `Ed25519` is `EdDSA` with that curve, the only one that a key for it has here; jose compares names",
    holds: (one) => names(one).includes("EdDSA") && names(one).includes("Ed25519"),
  },
  {
    name: "a public key that says sign and verify", codes: [12, "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"],
    why: "RFC 7517 §4.3 allows these two together; jose hands them to WebCrypto as usages, which fails for want of a private key",
    holds: (one) => one.keys.some((key) => Array.isArray(key.key_ops) && key.key_ops.includes("sign")),
  },
  {
    name: "a member that says nothing", codes: ["ERR_JWKS_NO_MATCHING_KEY", "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"],
    why: "ours: an optional member that says nothing is not there; jose looks for a key of that very name or use",
    holds: (one) => saysNothing(header(one).kid) || one.keys.some((key) => [key.alg, key.kid, key.use].some(saysNothing)),
  },
];

const saysNothing = (value) => value === null || value === "" || (Array.isArray(value) && value.length === 0);

/** The same of access tokens. */
export const ACCESS_TOKENS_WIDER = [
  {
    name: "a time that says nothing", codes: ["ERR_JWT_INVALID", "ERR_JWT_CLAIM_VALIDATION_FAILED"],
    why: "ours: an optional member that says nothing is not there, as many serialisers write it",
    holds: ({ claims }) => ["iat", "nbf"].some((name) => name in claims && saysNothing(claims[name])),
  },
];

const NOW_OF = (one) => one.expected.now;
const odd = (value) => typeof value !== "string" || value === "" || value.length > 255 || /[^\x00-\x7f]/.test(value);
const TIMES = ["exp", "iat", "nbf", "auth_time"];
const isTime = (value) => typeof value === "number" && value >= 0 && value < 253_402_300_800;
const IDENTITIES = ["client_id", "azp"];
const FOREIGN = ["events", "nonce", "at_hash", "token_use", "typ"];

/** Of access tokens whose signature is right. */
export const ACCESS_TOKENS_STRICTER = [
  {
    name: "nobody's name", codes: ["access_token.sub_malformed", "access_token.client_id_malformed", "access_token.jti_malformed"],
    why: "R-049, RFC 9068 §2.2: strings that say something; jose asks only whether they are there",
    holds: ({ claims }) => odd(claims.sub) || (claims.jti !== undefined && odd(claims.jti)) || IDENTITIES.some((name) => claims[name] !== undefined && odd(claims[name])),
  },
  {
    name: "an audience that is none", codes: ["access_token.aud_malformed"],
    why: "RFC 7519 §4.1.3: a string or an array of strings; jose looks for its own in whatever array",
    holds: ({ claims }) => Array.isArray(claims.aud) && claims.aud.some((one) => typeof one !== "string"),
  },
  {
    name: "a time out of range", codes: TIMES.map((name) => `access_token.${name}_malformed`),
    why: "R-103: between the epoch and the year 9999, so that no sum overflows; jose takes any number, and does not look at auth_time",
    holds: ({ claims }) => TIMES.some((name) => name in claims && !isTime(claims[name])),
  },
  {
    name: "issued in the future", codes: ["access_token.iat_in_future", "access_token.auth_time_in_future"],
    why: "R-104; jose looks at iat only where it is told how old a token may be",
    holds: (one) => one.claims.iat > NOW_OF(one) + 60 || one.claims.auth_time > NOW_OF(one) + 60,
  },
  {
    name: "the last half second", codes: ["access_token.expired"],
    why: "R-103: time passes in whole seconds here, and fractions are cut off",
    holds: (one) => one.claims.exp % 1 !== 0 && one.claims.exp > NOW_OF(one) - 60 && Math.floor(one.claims.exp) <= NOW_OF(one) - 60,
  },
  {
    name: "another kind of token", codes: ["access_token.kind_refused"],
    why: "R-106, RFC 8725 §3.12: claims that only ID tokens, logout tokens or events have",
    holds: ({ claims }) => FOREIGN.some((name) => name in claims),
  },
  {
    name: "another typ", codes: ["access_token.typ_refused"],
    why: "R-114: a legacy issuer's tokens say JWT, at+jwt or nothing; jose cannot be told so and is not asked to look",
    holds: ({ header, expected }) => expected.issuer.tokens === "legacy" && header.typ !== undefined,
  },
  {
    name: "a chain of actors that is none", codes: ["access_token.act_malformed"],
    why: "RFC 8693 §4.1; jose does not look at act",
    holds: ({ claims }) => "act" in claims,
  },
];
