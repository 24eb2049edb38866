// Tokens by every algorithm, honest and bent. `DIFFERENTIAL_SEED` repeats a run's choices; keys and signatures are new
// every time.

import { randomInt } from "node:crypto";

import { MUTATIONS, weakCase } from "./mutations.mjs";
import { ALGORITHMS, encode, makePairs, signingInput } from "./pairs.mjs";
import { Random } from "./random.mjs";

export const SEED = Number(process.env.DIFFERENTIAL_SEED ?? randomInt(2 ** 31));
export const NAMES = Object.keys(ALGORITHMS);
/** All but that one, by whatever name. */
const allBut = (algorithm) => NAMES.filter((name) => ALGORITHMS[name].kind === "ed25519" ? ALGORITHMS[algorithm].kind !== "ed25519" : name !== algorithm);

/** How a key set may look that the honest token verifies with. */
const SETS = [
  { name: "one key", kid: "own", members: {} },
  { name: "one key of that algorithm", kid: "own", members: { use: "sig" }, alg: true },
  { name: "a key without name", members: {} },
  { name: "among others", kid: "own", members: { use: "sig" }, others: true },
];

function honest(pairs, algorithm, { kid, members, alg, others }) {
  const pair = pairs.own[ALGORITHMS[algorithm].kind];
  const stranger = pairs.stranger[ALGORITHMS[algorithm].kind];
  const name = kid && { kid };
  const own = { ...pair.jwk, ...name, ...members, ...(alg && { alg: algorithm }) };
  const decoys = others ? [{ ...stranger.jwk, kid: "other" }, { ...pairs.bystander.jwk, kid: "own" }, { kty: "oct", kid: "secret", k: "AAAA" }, { kty: "new" }] : [];
  const header = { alg: algorithm, ...name };
  const payload = { iss: "https://op.example", sub: "alice", n: 1.5, list: [true, null, { a: "ü" }] };
  const input = signingInput(header, payload);
  return { header, payload, algorithm, pair, stranger, own, keys: [...decoys, own], token: `${input}.${encode(pair.sign(algorithm, input))}` };
}

/** Every mutation of a token by every algorithm, so many times. */
export function makeCases(rounds) {
  const random = new Random(SEED);
  const pairs = makePairs();
  const cases = [{ name: "a weak key", algorithms: NAMES, ...weakCase(pairs) }];
  for (let round = 0; round < rounds; round += 1) {
    for (const algorithm of NAMES) {
      for (const { name, make } of MUTATIONS) {
        const set = random.pick(SETS);
        const one = honest(pairs, algorithm, set);
        const { token, keys } = make(one, random);
        cases.push({ name: `${algorithm}, ${set.name}, ${name}`, algorithms: random.below(8) ? NAMES : allBut(algorithm), keys, token });
      }
    }
  }
  return cases;
}
