// Prints the cases, one in a line, for `tests/wasm/vectors.rs`: both our backends are asked about them there.

import { makeCases } from "./cases.mjs";

const lines = makeCases(1).map(({ name, keys, algorithms, token }) => JSON.stringify({ name, keys: { keys }, algorithms, token }));
process.stdout.write(`${lines.join("\n")}\n`);
