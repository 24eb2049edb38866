// The types of the package: TypeScript finds them by its exports, and the code keeps what they promise.

import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import ts from "typescript";

import { TARBALLS, emptyFolder } from "./support/project.mjs";

const MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));
const OPTIONS = {
  strict: true, noEmit: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022,
  moduleResolution: ts.ModuleResolutionKind.Bundler, lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"], types: [],
};

const FILES = {
  "good.ts": `
    import * as postern from 'postern/client';
    import { guard, isPosterns, type GuardEnv } from 'postern/guard';
    import { verifier } from 'postern/verify';
    import { configured } from 'postern';
    export const worker = configured({ PUBLIC_URL: 'https://app.example.com' });
    export * from 'postern';
    export { default } from 'postern';
    export async function hello(request: Request, env: GuardEnv): Promise<Response> {
      if (isPosterns(request)) return env.POSTERN.fetch(request);
      const { refusal, caller, finish } = await guard(request, env);
      if (refusal) return refusal;
      return finish(Response.json({ hello: caller?.subject ?? 'everybody' }));
    }
    export const kind: Promise<'human' | 'service' | 'agent'> = verifier('https://app.example.com', 'service:API')('a.b.c').then((one) => one.kind);
    export const session = postern.me();`,
  "bad.ts": `
    import { guard, type GuardEnv } from 'postern/guard';
    import { verifier } from 'postern/verify';
    export async function wrong(request: Request, env: GuardEnv): Promise<Response> {
      const { finish } = await guard(request, env);
      return finish(new Response());
    }
    export const missing = verifier('https://app.example.com');
    export const text: string = verifier('https://app.example.com', 'service:API')('a.b.c');`,
};

function compile() {
  const folder = emptyFolder();
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(TARBALLS.postern.replace(/-[\d.]+\.tgz$/, ""), join(folder, "node_modules/postern"));
  symlinkSync(join(MODULES, "jose"), join(folder, "node_modules/jose"));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
  const program = ts.createProgram(Object.keys(FILES).map((name) => join(folder, name)), { ...OPTIONS, preserveSymlinks: true });
  return Object.fromEntries(Object.keys(FILES).map((name) => {
    const file = program.getSourceFile(join(folder, name));
    return [name, program.getSemanticDiagnostics(file).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))];
  }));
}

test("what people write against the package compiles, and what forgets the refusal does not", () => {
  const said = compile();
  assert.deepEqual(said["good.ts"], []);
  assert.equal(said["bad.ts"].length, 3, said["bad.ts"].join("\n"));
  assert.match(said["bad.ts"][0], /possibly 'undefined'/, "the refusal was not looked at");
});

test("the code has what the types name", async () => {
  const folder = TARBALLS.postern.replace(/-[\d.]+\.tgz$/, "");
  const names = async (path) => Object.keys(await import(join(folder, path))).sort();
  assert.deepEqual(await names("guard/guard.js"), ["guard", "isPosterns"]);
});
