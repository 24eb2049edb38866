// The fuzz targets of `fuzz/`, in two ways.
//
// `npm test` runs each for a moment: built by the pinned toolchain alone, without a sanitizer. All of our code is free of
// `unsafe`, so what a moment can find, the targets' own assertions find.
// `npm run fuzz` runs them for as long as one likes: by cargo-fuzz and a nightly toolchain, with AddressSanitizer, which also
// sees what goes wrong with memory in dependencies.

import { mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

import { writeSeeds } from './fuzz-seeds.mjs';
import { root, targetFolder } from './paths.mjs';
import { CannotGoOn, probe, run, step } from './progress.mjs';
import { NIGHTLY, ensureCargoFuzz } from './toolchain.mjs';

const FOLDER = join(root, 'fuzz');
const MANIFEST = join(FOLDER, 'Cargo.toml');
const LONGEST_INPUT = 20_000;
const SLOWEST_INPUT_SECONDS = 25;
const MEMORY_MIB = 2048;

// Optimised; what they depend on is as in the native tests.
const OURS = ['postern', 'postern-fuzz', 'postern-policy-cedar'];
const OPTIMISED = OURS.flatMap((crate) => ['--config', `profile.dev.package.${crate}.opt-level=1`]);

const cargo = (args, env = {}) => run('cargo', args, { cwd: root, env: { CARGO_TERM_COLOR: 'never', ...env } });

/** All targets: the name of each, and the features of `fuzz/Cargo.toml` that it needs. */
export async function fuzzTargets() {
  const metadata = JSON.parse(await cargo(['metadata', '--no-deps', '--format-version', '1', '--manifest-path', MANIFEST]));
  const binaries = metadata.packages.find(({ name }) => name === 'postern-fuzz').targets.filter(({ kind }) => kind.includes('bin'));
  return binaries.map((one) => ({ name: one.name, features: one['required-features'] ?? [] })).sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** Writes what the targets start from. Resolves with how much that is. */
async function prepare() {
  await cargo(['fmt', '--manifest-path', MANIFEST, '--check']);
  const seeds = writeSeeds(join(FOLDER, 'corpus'));
  return `${Object.values(seeds).reduce((sum, count) => sum + count, 0)} seeds`;
}

/**
 * Builds the targets by the pinned toolchain: our own crates with coverage for libFuzzer, what they depend on shared with
 * the native tests. Resolves with what `fuzz` needs, and how many seeds there are.
 */
export async function buildByStable(targets) {
  const env = { RUSTC_WORKSPACE_WRAPPER: join(root, 'scripts', 'lib', 'rustc-with-coverage.sh') };
  // Apart, so that nothing is linked into a target that it did not ask for.
  for (const features of new Set(targets.map((one) => one.features.join()))) {
    const names = targets.filter((one) => one.features.join() === features).flatMap(({ name }) => ['--bin', name]);
    await cargo(['build', '--locked', ...OPTIMISED, '--package', 'postern-fuzz', '--features', features, ...names], env);
  }
  const start = ({ name }, args) => run(join(targetFolder, 'debug', name), [`-artifact_prefix=${artifacts(name)}/`, ...args]);
  return { start, seeds: await prepare() };
}

/** Builds them by cargo-fuzz and nightly, with AddressSanitizer; installs both where they are missing. The same. */
export async function buildWithSanitizer(targets) {
  if (await probe('rustup', ['run', NIGHTLY, 'rustc', '--version']) === null) {
    await step(`Rust ${NIGHTLY}, which AddressSanitizer needs`, () => run('rustup', ['toolchain', 'install', NIGHTLY, '--profile', 'minimal']));
  }
  // With coverage everywhere nothing is shared with the native tests, so all of it may be optimised.
  // What is found is told with the lines that led to it.
  const profile = { CARGO_PROFILE_DEV_OPT_LEVEL: '2', CARGO_PROFILE_DEV_DEBUG: 'line-tables-only', CARGO_PROFILE_DEV_STRIP: 'none' };
  const env = { PATH: dirname(await ensureCargoFuzz()) + delimiter + process.env.PATH, ...profile };
  const cargoFuzz = (command, { name, features }, ...more) =>
    cargo([`+${NIGHTLY}`, 'fuzz', command, '--dev', ...(features.length ? ['--features', features.join()] : []), name, ...more], env);
  const seeds = await step('fuzz targets', async () => {
    for (const target of targets) await cargoFuzz('build', target);
    return prepare();
  }, String);
  return { start: (target, args) => cargoFuzz('run', target, '--', ...args), seeds };
}

/** Runs one target for so many seconds. Resolves with what it did; rejects with the input that it fell over. */
export async function fuzz({ start }, target, seconds) {
  const corpus = join(FOLDER, 'corpus', target.name);
  for (const folder of [corpus, artifacts(target.name)]) mkdirSync(folder, { recursive: true });
  const limits = [`-max_total_time=${seconds}`, `-max_len=${LONGEST_INPUT}`, `-timeout=${SLOWEST_INPUT_SECONDS}`, `-rss_limit_mb=${MEMORY_MIB}`];
  const output = await start(target, [corpus, ...limits, '-print_final_stats=1']);
  const runs = Number(/stat::number_of_executed_units:\s*(\d+)/.exec(output)?.[1]);
  if (!runs) throw new CannotGoOn(`${target.name} ran nothing:\n${output}`);
  const coverage = [...output.matchAll(/ cov: (\d+) /g)].at(-1)?.[1];
  return `${runs} inputs, ${coverage} edges`;
}

const artifacts = (name) => join(FOLDER, 'artifacts', name);
