// The Rust side of the build: the toolchain by rustup, and by cargo what only tests need.
// Versions come from `rust-toolchain.toml` and `Cargo.lock`; only that of `cargo-fuzz`, which neither knows, is written here.

import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { root, tools } from './paths.mjs';
import { CannotGoOn, probe, run, step } from './progress.mjs';

const TARGET = 'wasm32-unknown-unknown';
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
    await step(`Rust ${name}`, () => run('rustup', ['toolchain', 'install', name, '--profile', 'minimal', '--target', TARGET, ...wanted]));
    return;
  }
  const [targets, parts] = await Promise.all([
    run('rustup', ['target', 'list', '--installed', '--toolchain', name]),
    run('rustup', ['component', 'list', '--installed', '--toolchain', name]),
  ]);
  // Asked for explicitly: rustup may be told not to install by itself (RUSTUP_AUTO_INSTALL=0).
  if (!targets.split('\n').includes(TARGET)) {
    await step(`${TARGET} for Rust ${name}`, () => run('rustup', ['target', 'add', TARGET, '--toolchain', name]));
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

/** Finds or builds what runs Rust tests in wasm; returns its path. */
export const ensureTestRunner = () => ensureCargoTool(
  'wasm-bindgen-cli', 'wasm-bindgen-test-runner', lockedVersion('wasm-bindgen'), 'about 2 minutes',
  // It runs for seconds, and is not worth more; without the TLS that it has for remote browsers.
  ['--no-default-features'], { CARGO_PROFILE_RELEASE_OPT_LEVEL: '1', CARGO_PROFILE_RELEASE_LTO: 'off', CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16' },
);

/** Finds or builds `cargo-fuzz`; returns its path. */
export const ensureCargoFuzz = () => ensureCargoTool('cargo-fuzz', 'cargo-fuzz', CARGO_FUZZ, 'about a minute');

async function ensureCargoTool(crate, binary, version, duration, options = [], env = {}) {
  for (const candidate of [join(tools, 'bin', binary), ...onPath(binary)]) {
    if (existsSync(candidate) && (await probe(candidate, ['--version']))?.split(/\s+/).includes(version)) return candidate;
  }
  await step(`${crate} ${version}, built once (${duration} on two cores)`, () => run('cargo', [
    'install', '--locked', '--quiet', '--root', tools, '--version', `=${version}`, ...options, crate,
  ], { env }));
  return join(tools, 'bin', binary);
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

function lockedVersion(crate) {
  const lock = readFileSync(join(root, 'Cargo.lock'), 'utf8');
  const [, version] = new RegExp(`name = "${crate}"\\nversion = "([^"]+)"`).exec(lock) ?? [];
  if (!version) throw new CannotGoOn(`Cargo.lock does not name \`${crate}\``);
  return version;
}
