// Builds the Worker with `worker-build`, only when something it is made of changed.

import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

import { root } from './paths.mjs';
import { probe, run } from './progress.mjs';

const INPUTS = ['Cargo.toml', 'Cargo.lock', 'rust-toolchain.toml', 'src', 'client', 'scripts/lib/worker.mjs'];

const ENTRY = 'src/edge/entry.js';
const GUARDED = 'examples/guarded-worker';
const VERIFIER = 'tests/bench/verifier';

/**
 * What can be built: the Worker, the Worker that knows policies, the Worker with the fault-injection endpoints that only
 * tests use, the example of a Worker that guards its own routes, and the engine alone for its benchmark. `folder`: where its manifest is. `entry`: what stands in
 * front of what `worker-build` makes.
 */
export const VARIANTS = {
  release: { outDir: 'build', cargo: [], entry: ENTRY },
  policies: { outDir: 'build-policies', cargo: ['--features', 'policies'], entry: ENTRY },
  fault: { outDir: 'build-fault', cargo: ['--features', 'fault-injection'], entry: ENTRY },
  guarded: { folder: GUARDED, outDir: `${GUARDED}/build`, cargo: [], entry: undefined },
  verifier: { folder: VERIFIER, outDir: `${VERIFIER}/build`, cargo: [], entry: `${VERIFIER}/entry.mjs` },
};

/** Builds `variant` if it is not up to date, into its own folder or `outDir`. Returns a short remark: what was done, and the size. */
export async function buildWorker(variant, toolEnv, { outDir = VARIANTS[variant].outDir, show = false } = {}) {
  const { folder = '.', cargo, entry } = VARIANTS[variant];
  const cwd = join(root, folder);
  const stamp = join(root, outDir, '.built-from');
  const wanted = await fingerprint(folder, entry, cargo, toolEnv);
  const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
  if (!fresh) {
    const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
    removeOthers(target);
    await run(toolEnv.WORKER_BUILD_BIN, ['--release', '--panic-unwind', '--out-dir', relative(cwd, join(root, outDir)), ...cargo, '--locked'], {
      cwd, env: { ...toolEnv, ...unwindEnv(), CARGO_TARGET_DIR: target }, show,
    });
    await shrink(join(root, outDir, 'index_bg.wasm'), toolEnv);
    if (entry) putEntryInFront(join(root, outDir), entry);
    writeFileSync(stamp, wanted);
  }
  return `${fresh ? 'up to date' : 'built'}, ${size(join(root, outDir, 'index_bg.wasm'))}`;
}

/**
 * All variants are built in one folder, for most of what they are made of is the same. But a `cdylib` has one file name
 * whatever its features are, so each would take the one before it for its own, were it still there.
 */
function removeOthers(target) {
  const release = join(target, 'wasm32-unknown-unknown/release');
  for (const folder of [release, join(release, 'deps')]) rmSync(join(folder, 'postern.wasm'), { force: true });
}

/** What `worker-build` makes becomes a module of an entry of our own, which steps requests through it. */
function putEntryInFront(build, entry) {
  renameSync(join(build, 'index.js'), join(build, 'gateway.js'));
  copyFileSync(join(root, entry), join(build, 'index.js'));
}

/**
 * Takes out the function names: a tenth of what is uploaded, and read by nobody, for a panic tells its file and line.
 * Done here because the bindgen step before needs them.
 */
function shrink(wasm, toolEnv) {
  return run(toolEnv.WASM_OPT_BIN, ['-Os', '--strip-debug', '--strip-producers', wasm, '-o', wasm]);
}

function unwindEnv() {
  return { CARGO_TERM_COLOR: process.stdout.isTTY ? 'always' : 'never' };
}

async function fingerprint(folder, entry, cargo, toolEnv) {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([folder, cargo, toolEnv, await probe('rustc', ['+nightly', '--version'])]));
  const own = folder === '.' ? [] : ['Cargo.toml', 'Cargo.lock', 'src'].map((input) => join(folder, input));
  if (entry && folder !== '.') own.push(entry);
  for (const input of [...INPUTS, ...own]) {
    for (const file of files(join(root, input))) hash.update(relative(root, file)).update('\0').update(readFileSync(file));
  }
  return hash.digest('hex');
}

function files(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).sort().flatMap((name) => files(join(path, name)));
}

function size(wasm) {
  const bytes = readFileSync(wasm);
  const kib = (count) => `${Math.round(count / 1024)} KiB`;
  return `${kib(bytes.length)} wasm, ${kib(gzipSync(bytes, { level: 9 }).length)} gzip`;
}
