// Thousands of tokens, honest and not, and the verdicts of two implementations on each: the same, or a reason why ours
// is stricter. `DIFFERENTIAL_SEED` repeats a run's choices; keys and signatures are new every time.

import assert from "node:assert/strict";
import { test } from "node:test";

import { NAMES, SEED, makeCases } from "./cases.mjs";
import { compare } from "./compare.mjs";
import { STRICTER, WIDER } from "./divergences.mjs";
import { joses, ours } from "./verdicts.mjs";

const ROUNDS = 4;

test(`the engine and jose agree on every token, or a reason is written down why not (seed ${SEED})`, async (t) => {
  const cases = makeCases(ROUNDS);
  const [codes, others] = [await ours(cases), await Promise.all(cases.map(joses))];
  const { accepted, summary } = compare(cases, codes, others, { stricter: STRICTER, wider: WIDER });
  t.diagnostic(summary);
  assert.ok(accepted > NAMES.length * 10 && accepted < cases.length / 2, `${accepted} of ${cases.length} accepted`);
});
