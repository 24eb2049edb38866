// The Rust side of the build: the toolchain by rustup, and for `npm run fuzz` cargo-fuzz.
// Versions come from `rust-toolchain.toml`; only that of `cargo-fuzz` is written here.

import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { root, tools } from './paths.mjs';
import { CannotGoOn, probe, run, step } from './progress.mjs';

// The Worker, and the command line for those who have no Rust.
const TARGETS = ['wasm32-unknown-unknown', 'wasm32-wasip1'];
// What `npm run fuzz` needs for its sanitizer; nothing else does.
export const NIGHTLY = 'nightly';
const CARGO_FUZZ = '0.13.2';

/** Installs what is missing of the toolchain that `rust-toolchain.toml` pins. */
export async function ensureRust() {
  if (await probe('rustup', ['--version']) === null) {
    throw new CannotGoOn('Rust is not here, or not by rustup: install it from https://rustup.rs and run this again.');
  }
  const pinned = pinnedToolchain();
  const installed = (await run('rustup', ['toolchain', 'list'])).split('\n');
  await ensureToolchain(installed, pinned, ['rustfmt', 'clippy']);
}

async function ensureToolchain(installed, name, components) {
  if (!installed.some((line) => line === name || line.startsWith(`${name}-`))) {
    const wanted = components.flatMap((one) => ['--component', one]);
    await step(`Rust ${name}`, () => run('rustup', ['toolchain', 'install', name, '--profile', 'minimal', '--target', TARGETS.join(','), ...wanted]));
    return;
  }
  const [targets, parts] = await Promise.all([
    run('rustup', ['target', 'list', '--installed', '--toolchain', name]),
    run('rustup', ['component', 'list', '--installed', '--toolchain', name]),
  ]);
  // Asked for explicitly: rustup may be told not to install by itself (RUSTUP_AUTO_INSTALL=0).
  for (const target of TARGETS.filter((one) => !targets.split('\n').includes(one))) {
    await step(`${target} for Rust ${name}`, () => run('rustup', ['target', 'add', target, '--toolchain', name]));
  }
  for (const component of components) {
    if (parts.split('\n').some((line) => line === component || line.startsWith(`${component}-`))) continue;
    await step(`${component} for Rust ${name}`, () => run('rustup', ['component', 'add', component, '--toolchain', name]));
  }
}

/**
 * With this environment, clippy compiles the crates of this repository in the place of rustc, and a warning is an error:
 * so they are linted as they are built, and what they depend on is compiled once. What it makes is for tests alone, for
 * it optimises less.
 */
export async function lintingEnv() {
  const sysroot = (await run('rustc', ['--print', 'sysroot'], { cwd: root })).trim();
  return {
    RUSTC_WORKSPACE_WRAPPER: join(sysroot, 'bin', 'clippy-driver'),
    CLIPPY_ARGS: ['-D', 'warnings', ''].join('__CLIPPY_HACKERY__'),
  };
}

/** Finds or builds `cargo-fuzz`; returns its path. */
export async function ensureCargoFuzz() {
  const own = join(tools, 'bin', 'cargo-fuzz');
  for (const candidate of [own, ...onPath('cargo-fuzz')]) {
    if (existsSync(candidate) && (await probe(candidate, ['--version']))?.split(/\s+/).includes(CARGO_FUZZ)) return candidate;
  }
  await step(`cargo-fuzz ${CARGO_FUZZ}, built once (about a minute on two cores)`, () => run('cargo', [
    'install', '--locked', '--quiet', '--root', tools, '--version', `=${CARGO_FUZZ}`, 'cargo-fuzz',
  ]));
  return own;
}

/** Every file of that name on the PATH, in order. */
export function onPath(binary) {
  return (process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, binary)).filter((path) => existsSync(path));
}

function pinnedToolchain() {
  const [, channel] = /^channel\s*=\s*"([^"]+)"/m.exec(readFileSync(join(root, 'rust-toolchain.toml'), 'utf8')) ?? [];
  if (!channel) throw new CannotGoOn('rust-toolchain.toml names no channel');
  return channel;
}
