// The helper's types: the code keeps what they promise, and they let through what people write.

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import ts from "typescript";

const OPTIONS = {
  strict: true, noEmit: true, checkJs: true, allowJs: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true,
  target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022, moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"], types: [],
};
const IMPORTS = "import * as code from './code.js';\nimport type * as types from './postern.js';\n";

/** By name: a file of ours, or what stands in it. */
const FILES = {
  "postern.d.ts": { from: "client/postern.d.ts" },
  // Under another name, so that the compiler reads the code and not the types beside it.
  "code.js": { from: "client/postern.js" },
  "usage.ts": { from: "tests/client/usage.ts" },
  "kept.ts": { text: `${IMPORTS}export const kept: typeof types = code;\n` },
  "missing.ts": { text: `${IMPORTS}export const missing: typeof types & { more(): void } = code;\n` },
  "untyped.ts": { text: `${IMPORTS}export const untyped: Exclude<keyof typeof code, keyof typeof types> = 'none';\n` },
};

/** What the compiler says of each file. */
function compile() {
  const folder = mkdtempSync(join(tmpdir(), "postern-types-"));
  after(() => rmSync(folder, { recursive: true }));
  for (const [name, { from, text }] of Object.entries(FILES)) {
    if (text) writeFileSync(join(folder, name), text);
    else copyFileSync(fileURLToPath(new URL(`../../${from}`, import.meta.url)), join(folder, name));
  }
  const program = ts.createProgram(Object.keys(FILES).map((name) => join(folder, name)), OPTIONS);
  return Object.fromEntries(Object.keys(FILES).map((name) => {
    const file = program.getSourceFile(join(folder, name));
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    return [name, found.map(({ start, messageText }) => `line ${file.getLineAndCharacterOfPosition(start).line + 1}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`)];
  }));
}

const said = compile();

test("the code is what the types say", () => {
  for (const name of ["postern.d.ts", "code.js", "kept.ts"]) assert.deepEqual(said[name], [], name);
});

test("what a front end writes compiles, and what it must not write does not", () => {
  assert.deepEqual(said["usage.ts"], []);
});

test("a promise that the code does not keep is noticed, and so is what it has without a type", () => {
  assert.match(said["missing.ts"].join("\n"), /'more' is missing/);
  // Nothing is left over, so that not even this can be assigned.
  assert.match(said["untyped.ts"].join("\n"), /not assignable to type 'never'/);
});
