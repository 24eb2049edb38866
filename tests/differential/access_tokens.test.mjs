// Access tokens whose signature is right, with every claim bent in every way, before both validators.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ACCESS_TOKENS_STRICTER, ACCESS_TOKENS_WIDER } from "./divergences.mjs";
import { encode, makePairs, signingInput } from "./pairs.mjs";
import { compare } from "./compare.mjs";
import { josesOfAccessToken, ours } from "./verdicts.mjs";

const NOW = 1_800_000_000;
const ISSUER = "https://login.example.com/t1";
const AUDIENCE = "https://api.example.com";
const CLAIMS = { iss: ISSUER, aud: AUDIENCE, sub: "alice", client_id: "reporter", jti: "1", iat: NOW, exp: NOW + 300, scope: "read" };

const LONG = "x".repeat(256);
/** What any claim may wrongly be. */
const VALUES = [undefined, null, true, 0, -1, 1.5, "", " ", "alice", LONG, "ü", [], [""], ["alice"], [1], {}, { a: 1 }, [null]];
const TIMES = [-86_400, -61, -60.5, -60, -59.5, -59, -10, -0.5, 0, 0.5, 10, 59, 59.5, 60, 60.5, 61, 86_400].map((offset) => NOW + offset)
  .concat(String(NOW), -NOW, 1e11, 2 ** 53, 1e300, 253_402_300_799, 253_402_300_800, new Date(NOW * 1000).toISOString());
const AUDIENCES = [
  AUDIENCE, `${AUDIENCE}/`, AUDIENCE.toUpperCase(), "urn:other", "urn:third", [AUDIENCE], ["urn:third", AUDIENCE], ["urn:third"],
  [[AUDIENCE]], [AUDIENCE, 1], [AUDIENCE, null], { 0: AUDIENCE }, `${AUDIENCE} urn:other`, [],
];
const ISSUERS = [`${ISSUER}/`, ISSUER.slice(0, -1), "https://login.example.com", ISSUER.replace("https", "http"), ISSUER.toUpperCase(), [ISSUER]];
const TYPES = [undefined, "at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt", "JWT", "jwt", "application/jwt", "", "dpop+jwt", "logout+jwt", "at+jwt ", "x/at+jwt", "at"];
const OTHERS = {
  events: [{}, { "http://schemas.openid.net/event/backchannel-logout": {} }, null],
  nonce: ["n"], at_hash: ["h"], token_use: ["id", "access", 1], typ: ["ID", "Bearer", "Refresh"], azp: ["reporter", "", 1],
  auth_time: [NOW, NOW + 3600, "yesterday", NOW - 0.5],
  act: [{ sub: "bot" }, { sub: "" }, {}, "bot", null, { sub: "a", act: { sub: "b", act: { sub: "c" } } }, Array(10).fill().reduce((act) => ({ sub: "x", act }), { sub: "y" })],
  cnf: [{ jkt: "x" }, null], scope: [1, ["a"], null], unknown: [1],
};

function* bent() {
  for (const name of Object.keys(CLAIMS)) for (const value of VALUES) yield [{ [name]: value }];
  for (const name of ["exp", "nbf", "iat"]) for (const value of TIMES) yield [{ [name]: value }];
  for (const exp of TIMES) for (const nbf of TIMES) yield [{ exp, nbf }];
  for (const aud of AUDIENCES) yield [{ aud }];
  for (const iss of ISSUERS) yield [{ iss }];
  for (const typ of TYPES) yield [{}, typ];
  for (const [name, values] of Object.entries(OTHERS)) for (const value of values) yield [{ [name]: value }];
}

function makeCases() {
  const pair = makePairs().own.ed25519;
  const keys = [{ ...pair.jwk, kid: "own" }];
  const cases = [];
  for (const tokens of ["rfc9068", "legacy"]) {
    for (const [changes, ...typ] of bent()) {
      const header = { alg: "EdDSA", kid: "own", typ: typ.length ? typ[0] : "at+jwt" };
      const claims = { ...CLAIMS, ...changes };
      const input = signingInput(header, claims);
      const token = `${input}.${encode(pair.sign("EdDSA", input))}`;
      const expected = { issuer: { issuer: ISSUER, audience: [AUDIENCE, "urn:other"], tokens, algs: ["EdDSA"] }, now: NOW };
      cases.push({ name: `${tokens}, ${typ.length ? `typ ${typ[0]}` : JSON.stringify(changes)}`, algorithms: ["EdDSA"], keys, token, expected, header, claims });
    }
  }
  return cases;
}

test("the validator of access tokens and jose's agree on every claim, or a reason is written down why not", async (t) => {
  const cases = makeCases();
  const codes = await ours(cases);
  const others = await Promise.all(cases.map(josesOfAccessToken));
  const { accepted, summary } = compare(cases, codes, others, { stricter: ACCESS_TOKENS_STRICTER, wider: ACCESS_TOKENS_WIDER });
  t.diagnostic(summary);
  assert.ok(accepted > 100 && accepted < cases.length / 2, `${accepted} of ${cases.length} accepted`);
});
