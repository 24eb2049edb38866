// The fuzz targets of `fuzz/`: built once with nightly, seeded, and run one after the other.

import { mkdirSync, readdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

import { writeSeeds } from './fuzz-seeds.mjs';
import { root } from './paths.mjs';
import { CannotGoOn, run } from './progress.mjs';
import { NIGHTLY } from './toolchain.mjs';

const CORPUS = join(root, 'fuzz/corpus');
const LONGEST_INPUT = 20_000;
const SLOWEST_INPUT_SECONDS = 25;
const MEMORY_MIB = 2048;

/** The names of all targets. */
export const fuzzTargets = () => readdirSync(join(root, 'fuzz/fuzz_targets')).map((file) => file.replace(/\.rs$/, '')).sort();

/** Builds the targets, and writes what they start from. */
export async function prepareFuzzing(cargoFuzz) {
  const manifest = join(root, 'fuzz/Cargo.toml');
  await run('cargo', ['fmt', '--manifest-path', manifest, '--check']);
  await cargo(cargoFuzz, 'build', '--release');
  const seeds = writeSeeds(CORPUS);
  return `${Object.values(seeds).reduce((sum, count) => sum + count, 0)} seeds`;
}

/** Runs one target for so many seconds. Resolves with what it did; rejects with the input that it fell over. */
export async function fuzz(cargoFuzz, target, seconds) {
  if (!fuzzTargets().includes(target)) throw new CannotGoOn(`there is no target \`${target}\`; there are: ${fuzzTargets().join(', ')}`);
  mkdirSync(join(CORPUS, target), { recursive: true });
  const limits = [`-max_total_time=${seconds}`, `-max_len=${LONGEST_INPUT}`, `-timeout=${SLOWEST_INPUT_SECONDS}`, `-rss_limit_mb=${MEMORY_MIB}`];
  const output = await cargo(cargoFuzz, 'run', '--release', target, join(CORPUS, target), '--', ...limits, '-print_final_stats=1');
  const runs = Number(/stat::number_of_executed_units:\s*(\d+)/.exec(output)?.[1]);
  if (!runs) throw new CannotGoOn(`${target} ran nothing:\n${output}`);
  const coverage = [...output.matchAll(/ cov: (\d+) /g)].at(-1)?.[1];
  return `${runs} inputs, ${coverage} edges`;
}

function cargo(cargoFuzz, command, ...args) {
  const env = { CARGO_TERM_COLOR: 'never', PATH: dirname(cargoFuzz) + delimiter + process.env.PATH };
  return run('cargo', [`+${NIGHTLY}`, 'fuzz', command, ...args], { cwd: root, env });
}
