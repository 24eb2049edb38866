// Texts on their way into the module's memory: copied at once where they are long.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const source = readFileSync(new URL("../../crates/bindgen/src/pass_long_string.js", import.meta.url), "utf8");

/** Memory that moves with every allocation, as the module's may. */
const load = new Function(`
  const cachedTextEncoder = new TextEncoder();
  let WASM_VECTOR_LEN = 0, memory = new Uint8Array(0);
  const getUint8ArrayMemory0 = () => memory;
  const moved = (kept, bytes) => {
    const next = new Uint8Array(8 + bytes).fill(0xaa);
    next.set(memory.subarray(8, 8 + Math.min(kept, bytes)), 8);
    memory = next;
    return 8;
  };
  ${source}
  return (text) => {
    const ptr = passLongString(text, (bytes) => moved(0, bytes), (ptr, kept, bytes) => moved(kept, bytes));
    return memory.slice(ptr, ptr + WASM_VECTOR_LEN);
  };`);

const UNITS = ["a", "z", "0", "\0", "\x7f", "é", "ß", "€", "語", "😀", "\ud83d", "\ude00", "\uffff"];

test("a text arrives as its UTF-8, whatever stands in it", () => {
  const passed = load();
  const check = (text) => assert.deepEqual(passed(text), new TextEncoder().encode(text), JSON.stringify(text));
  for (const unit of UNITS) for (const other of UNITS) for (const count of [0, 1, 2, 25, 400]) check(unit.repeat(count) + other + unit);
  // Places of each kind, one after the other, by a generator of small numbers.
  let seed = 7;
  const next = (most) => (seed = (seed * 48271) % 2147483647) % most;
  for (let round = 0; round < 5000; round += 1) check(Array.from({ length: 1 + next(60) }, () => UNITS[next(next(2) ? UNITS.length : 3)]).join(""));
});
