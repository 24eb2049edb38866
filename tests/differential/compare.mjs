// Two lists of verdicts on the same cases, held together under the tables of divergences.

import assert from "node:assert/strict";

const SHOWN = 40;

/** Throws at a divergence without a reason, and at a reason without a divergence. */
export function compare(cases, codes, others, { stricter, wider }) {
  const seen = new Map([...stricter, ...wider].map(({ name }) => [name, 0]));
  const unexplained = [];
  cases.forEach((one, index) => {
    const [code, other] = [codes[index], others[index]];
    if ((code === "ok") === (other === "ok")) return;
    const [rows, refusal] = code === "ok" ? [wider, other] : [stricter, code];
    const reason = rows.find(({ codes: known, holds }) => known.includes(refusal) && holds(one));
    if (reason) seen.set(reason.name, seen.get(reason.name) + 1);
    else unexplained.push({ ours: code, theirs: other, ...one });
  });
  const short = unexplained.slice(0, SHOWN).map(({ name, ours, theirs }) => `${name}: we say ${ours}, they ${theirs}`);
  assert.equal(unexplained.length, 0, `${unexplained.length} divergences without a reason:\n${short.join("\n")}\nthe first: ${JSON.stringify(unexplained[0])}`);
  const unused = [...seen].filter(([, count]) => count === 0).map(([name]) => name);
  assert.deepEqual(unused, [], "reasons that explain nothing");
  const accepted = codes.filter((code) => code === "ok").length;
  return { accepted, summary: `${cases.length} cases, ${accepted} accepted; divergences: ${[...seen].map(([name, count]) => `${name} ${count}`).join(", ")}` };
}
