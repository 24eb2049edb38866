// Builds the command line as one WebAssembly module, which `packages/postern/bin/postern.mjs` runs in Node: whoever
// installs the npm package needs no Rust.

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { fingerprint } from './fingerprint.mjs';
import { root, targetFolder } from './paths.mjs';
import { probe, run } from './progress.mjs';

const TARGET = 'wasm32-wasip1';
const INPUTS = ['Cargo.toml', 'Cargo.lock', 'rust-toolchain.toml', 'src', 'crates/cli', 'crates/policy-cedar', 'scripts/lib/cli.mjs'];

/** The program in Node that runs the module, and the module once `buildCli` has run. */
export const CLI = {
  program: join(root, 'packages', 'postern', 'bin', 'postern.mjs'),
  module: join(root, 'build', 'cli.wasm'),
};

/**
 * Writes `build/cli.wasm`. Cargo compiles it only when something it is made of changed. Returns a short remark.
 *
 * A build of the Worker empties `build/`, so this comes after it.
 */
export async function buildCli() {
  const made = join(targetFolder, TARGET, 'release', 'postern.wasm');
  const stamp = join(targetFolder, TARGET, '.cli-built-from');
  const wanted = fingerprint(INPUTS, [TARGET, await probe('rustc', ['--version'])]);
  const fresh = existsSync(made) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
  if (!fresh) {
    // The names of functions are of no use to those who run it.
    const args = ['rustc', '--locked', '--release', '--package', 'postern-cli', '--bin', 'postern', '--target', TARGET];
    await run('cargo', [...args, '--', '-C', 'strip=symbols'], { cwd: root, env: { CARGO_TARGET_DIR: targetFolder } });
    writeFileSync(stamp, wanted);
  }
  mkdirSync(dirname(CLI.module), { recursive: true });
  copyFileSync(made, CLI.module);
  const kib = Math.ceil(gzipSync(readFileSync(made), { level: 9 }).length / 1024);
  return `${fresh ? 'up to date' : 'built'}, ${kib} KiB gzip`;
}
