// `npm test`: everything, in the order in which failures are cheapest to find.
//   npm test -- --only e2e,browser     some steps (what they build on is built too)
//   npm test -- --skip browser         all but some
//   npm test -- --keep-going           goes on after a step that failed, and tells all failures at the end
//   npm test -- --list                 their names
// `npm run test:long`: the same, with tests that take their time (kills of the process, deaths of the instance).

import { readdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { bootstrap } from './lib/bootstrap.mjs';
import { ensureChromium } from './lib/chromium.mjs';
import { CLI, buildCli } from './lib/cli.mjs';
import { roomNotice } from './lib/disk.mjs';
import { buildByStable, fuzz, fuzzTargets } from './lib/fuzz.mjs';
import { packAll } from './lib/packages.mjs';
import { root, targetFolder } from './lib/paths.mjs';
import { ensureProxies } from './lib/proxies.mjs';
import { ensurePython } from './lib/python.mjs';
import { ensureSimpleSaml } from './lib/simplesamlphp.mjs';
import { ensureSpid } from './lib/spid.mjs';
import { CannotGoOn, bold, dim, elapsed, green, main, run, step } from './lib/progress.mjs';
import { ensureRust, lintingEnv } from './lib/toolchain.mjs';
import { FOR_TESTS, VARIANTS, buildWorker, packedSizes } from './lib/worker.mjs';
import { WRANGLER_ENV, wranglerCommand } from './lib/wrangler.mjs';

// Budgets, so that growth is a decision: of the Worker, for the sake of cold starts, of the engine for policies beside it, and
// of the SAML Worker.
const MAX_GZIP_KIB = { worker: 1140, languages: 34, policies: 900, saml: 320 };
const NODE_TEST_TIMEOUT_MS = 180_000;
const LONG_TEST_TIMEOUT_MS = 3_600_000;
// What is built from nothing takes so much of the disk.
const NEEDS_GIB = 6;
const FUZZ_SECONDS = 10;
const FUZZ_AT_A_TIME = 2;

/** Native cargo, always with the same features and the same compiler: nothing is built twice. */
const cargo = async (...args) => run('cargo', args, { env: { CARGO_TERM_COLOR: 'never', ...(await lintingEnv()) } });

// The fuzz targets are built in their own way.
const NATIVE = ['--workspace', '--exclude', 'postern-fuzz'];

/** name, what it does, what it needs first, how. In this order. */
const STEPS = [
  { name: 'fmt', title: 'cargo fmt', work: () => cargo('fmt', '--all', '--check') },
  { name: 'rust', title: 'clippy and Rust tests', work: rustTests, count: countRust },
  { name: 'differential', title: 'against other implementations', needs: ['python'], work: differential, count: countNode },
  { name: 'wasm', title: 'Rust tests in wasm', work: wasmTests, count: countRust },
  { name: 'fuzz', title: `fuzzing, ${FUZZ_SECONDS} s each`, needs: ['fuzzing'], work: fuzzAll, count: String },
  { name: 'config', title: 'configuration check', work: configurations },
  { name: 'schema', title: 'schema of the configuration', work: () => nodeTests(1, 'tests/schema'), count: countNode },
  { name: 'cli', title: 'command line in Node', needs: ['cli'], work: cliTests, count: String },
  { name: 'client', title: 'helper for front ends', work: () => nodeTests(1, 'tests/client'), count: countNode },
  { name: 'demo', title: 'demo provider, API and MCP server', work: () => nodeTests(1, 'demo/provider', 'demo/api', 'demo/mcp'), count: countNode },
  { name: 'provider', title: 'scriptable provider', work: () => nodeTests(1, 'tests/provider'), count: countNode },
  { name: 'deploy', title: 'wrangler deploy --dry-run', needs: ['worker', 'saml'], work: dryRuns, count: String },
  { name: 'e2e', title: 'end to end', needs: ['worker', 'saml', 'test', 'guarded', 'proxies', 'python', 'spid'], work: () => nodeTests(2, 'tests/e2e'), count: countNode },
  { name: 'bench', title: 'benchmarks, each for a moment', needs: ['worker', 'verifier', 'saml'], work: benchmarks, count: String },
  { name: 'package', title: 'npm packages, without Rust', needs: ['packages', 'chromium'], work: () => nodeTests(1, 'tests/package'), count: countNode },
  { name: 'browser', title: 'browser', needs: ['worker', 'saml', 'chromium', 'python', 'simplesamlphp'], work: () => nodeTests(2, 'tests/browser'), count: countNode },
];

const state = { fuzzing: null, absent: [], notices: [], done: new Set() };
const NEEDS = {
  chromium: async () => { process.env.CHROMIUM_BIN = await ensureChromium(); },
  proxies: async () => { state.absent = await ensureProxies(); },
  python: async () => {
    const python = await ensurePython();
    if (python) process.env.PYTHON = python;
    else state.notices.push('No Python 3.10 or later that can install packages is here: what needs one did not run');
  },
  spid: async () => {
    const python = await ensureSpid();
    if (python) process.env.SPID_PYTHON = python;
    else state.notices.push('spid-sp-test or xmlsec1 cannot be installed: its tests did not run (Debian or Ubuntu: `sudo apt-get install xmlsec1`)');
  },
  simplesamlphp: async () => {
    if (!(await ensureSimpleSaml())) state.notices.push('SimpleSAMLphp is not installed: sign-in with it did not run (Debian or Ubuntu: `sudo apt-get install simplesamlphp php-cli php-xml`)');
  },
  fuzzing: async () => {
    const targets = await fuzzTargets();
    const built = await step('fuzz targets', () => buildByStable(targets), ({ seeds }) => seeds);
    state.fuzzing = { targets, built };
  },
  worker: () => build('release', 'Worker'),
  saml: () => build('saml', 'SAML Worker'),
  cli: async () => { await step('command line for Node', buildCli, String); },
  packages: async () => {
    for (const one of ['worker', 'saml', 'cli']) await ensure(one);
    await packAll();
  },
  verifier: () => build('verifier', 'engine alone, for its benchmark'),
  guarded: () => build('guarded', 'example of a guarded Worker'),
  test: () => build('test', 'clippy and Worker for tests, with faults on demand'),
};

const unmet = STEPS.flatMap(({ needs = [] }) => needs).find((need) => !NEEDS[need]);
if (unmet) throw new Error(`a step needs ${unmet}, which has no entry in NEEDS`);

await main(async () => {
  const since = performance.now();
  await bootstrap();
  const { chosen, keepGoing } = choose();
  if (!chosen) return;
  const tight = await roomNotice(NEEDS_GIB);
  if (tight) console.log(`  ${bold('Notice:')} ${tight}`);
  await ensureRust();
  const failures = [];
  for (const one of chosen) {
    try {
      await perform(one);
    } catch (error) {
      if (!keepGoing) throw error;
      failures.push([one.title, error]);
    }
  }
  if (failures.length) throw summary(failures);
  console.log(`\n  ${green('All passed')} ${dim(`${chosen.length} steps, ${elapsed(since)}`)}`);
  for (const notice of new Set(state.notices)) console.log(`  ${bold('Notice:')} ${notice}`);
  for (const name of state.absent) console.log(`  ${bold('Not run:')} forward-auth by ${name}, which is not installed (Debian or Ubuntu: \`sudo apt-get install ${name}\`)`);
});

async function perform({ title, needs = [], work, count }) {
  for (const need of needs) await ensure(need);
  await step(title, work, count);
}

function summary(failures) {
  const parts = failures.map(([title, error]) => `${bold(title)}\n${error.output ?? ''}\n${error.message}`);
  return new CannotGoOn(`${parts.join('\n\n')}\n\n${failures.length} steps failed: ${failures.map(([title]) => title).join(', ')}`);
}

function choose() {
  const list = { type: 'string', multiple: true, default: [] };
  const { values } = parseArgs({ options: { only: list, skip: list, list: { type: 'boolean' }, 'keep-going': { type: 'boolean' }, long: { type: 'boolean' } } });
  if (values.long) process.env.POSTERN_TEST_LONG = '1';
  const [only, skip] = [values.only, values.skip].map((names) => names.flatMap((name) => name.split(',')));
  const unknown = [...only, ...skip].find((name) => !STEPS.some((one) => one.name === name));
  if (unknown) throw new CannotGoOn(`there is no step \`${unknown}\`; there are: ${STEPS.map(({ name }) => name).join(', ')}`);
  if (values.list) {
    for (const { name, title } of STEPS) console.log(`  ${bold(name.padEnd(12))} ${title}`);
    return { chosen: null };
  }
  const chosen = STEPS.filter(({ name }) => (!only.length || only.includes(name)) && !skip.includes(name));
  return { chosen, keepGoing: values['keep-going'] };
}

async function ensure(need) {
  if (state.done.has(need)) return;
  await NEEDS[need]();
  state.done.add(need);
}

async function build(variant, title) {
  await step(title, () => buildWorker(variant), String);
}

function rustTests() {
  return cargo('test', '--locked', ...NATIVE, '--no-fail-fast');
}

/** All that the Rust tests are made of, programs and examples too: nothing is left to do after that step. */
function buildNative() {
  return cargo('test', '--locked', ...NATIVE, '--no-run');
}

async function differential() {
  await buildNative();
  process.env.POSTERN_VERDICTS = join(targetFolder, 'debug', 'examples', 'verdicts');
  // The other implementation of XML signatures has its own lock file.
  await run('cargo', ['test', '--locked', '--manifest-path', join(root, 'tests', 'saml-oracle', 'Cargo.toml'), '--target-dir', join(targetFolder, 'saml-oracle')]);
  return nodeTests(1, 'tests/differential');
}

async function wasmTests() {
  await buildNative();
  const env = { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: join(targetFolder, 'debug', 'examples', 'test_runner') };
  const args = ['test', '--locked', ...FOR_TESTS, '--target', 'wasm32-unknown-unknown', '--test', 'wasm'];
  return run('cargo', args, { env: { CARGO_TERM_COLOR: 'never', ...env, ...(await lintingEnv()) } });
}

/** Every target for a moment, some at a time; `npm run fuzz` takes its time. */
async function fuzzAll() {
  const { targets, built } = state.fuzzing;
  const waiting = [...targets];
  const done = [];
  const lane = async () => {
    for (let target = waiting.shift(); target; target = waiting.shift()) done.push(`${target.name}: ${await fuzz(built, target, FUZZ_SECONDS)}`);
  };
  await Promise.all(Array.from({ length: FUZZ_AT_A_TIME }, lane));
  return done.sort().join('; ');
}

/** That they work: what they measure in a moment means nothing. */
async function benchmarks() {
  const names = ['gateways', 'sessions', 'tokens', 'relations', 'decisions', 'saml'];
  for (const name of names) await run(process.execPath, [join(root, 'tests', 'bench', `${name}.mjs`), '--once']);
  return names.join(', ');
}

/** Both configurations are valid; their secrets are somewhere else. */
async function configurations() {
  await buildNative();
  const postern = join(targetFolder, 'debug', 'postern');
  for (const environment of [[], ['--env', 'production']]) await run(postern, ['check', '--secrets', 'none', ...environment]);
}

/** The tests of the native program, with the one in Node in its place: both say the same. Then what only that one has. */
async function cliTests() {
  const tests = ['cli', 'policies', 'mistakes'].flatMap((name) => ['--test', name]);
  const env = { CARGO_TERM_COLOR: 'never', POSTERN_PROGRAM: CLI.program, POSTERN_CLI: CLI.module };
  const native = await run('cargo', ['test', '--locked', ...NATIVE, ...tests], { env: { ...env, ...(await lintingEnv()) } });
  Object.assign(process.env, { POSTERN_CLI: CLI.module });
  return `${countRust(native)} as natively, ${countNode(await nodeTests(2, 'tests/cli'))}`;
}

/** Both configurations and the SAML Worker must be deployable without a word of warning, within the budgets. Resolves with the size. */
async function dryRuns() {
  let total;
  for (const which of [['--env', ''], ['--env', 'production'], ['--config', 'wrangler.saml.toml']]) {
    const [command, args] = wranglerCommand('deploy', '--dry-run', ...which, '--outdir', join(root, '.wrangler', 'dry-run'));
    const output = await run(command, args, { env: WRANGLER_ENV });
    if (/warning|▲|✘/i.test(output)) throw new CannotGoOn(`wrangler has objections:\n${output}`);
    total ??= /Total Upload: ([\d.]+) KiB \/ gzip: ([\d.]+) KiB/.exec(output);
  }
  if (!total) throw new CannotGoOn('wrangler told no size');
  const parts = Object.entries({ ...packedSizes(join(root, VARIANTS.release.outDir)), saml: packedSizes(join(root, VARIANTS.saml.outDir)).worker });
  const large = parts.find(([name, kib]) => kib > MAX_GZIP_KIB[name]);
  if (large) throw new CannotGoOn(`${large[0]}: ${large[1]} KiB gzip, more than the ${MAX_GZIP_KIB[large[0]]} allowed`);
  const [, raw, gzip] = total;
  return `${raw} KiB, ${gzip} KiB gzip: ${parts.map(([name, kib]) => `${name} ${kib} of ${MAX_GZIP_KIB[name]}`).join(', ')}`;
}

/** Runs `*.test.mjs` of folders, so many files at a time: each has a workerd and a provider of its own, on ports of its own. */
function nodeTests(atATime, ...folders) {
  const files = folders.flatMap((folder) => {
    const path = join(root, folder);
    const found = existsSync(path) ? readdirSync(path).filter((name) => name.endsWith('.test.mjs')).sort() : [];
    if (!found.length) throw new CannotGoOn(`no tests in ${folder}`);
    return found.map((name) => join(path, name));
  });
  return run(process.execPath, [
    '--test', `--test-concurrency=${atATime}`, `--test-timeout=${process.env.POSTERN_TEST_LONG ? LONG_TEST_TIMEOUT_MS : NODE_TEST_TIMEOUT_MS}`, '--test-reporter=spec',
    ...files,
  ], { env: { ...WRANGLER_ENV, NO_COLOR: '1' } });
}

/** A test that lacks its data passes, and says so in a line that begins with NOTICE. */
function countRust(output) {
  const counts = [...output.matchAll(/^test result: ok\. (\d+) passed/gm)].map(([, passed]) => Number(passed));
  const notices = [...output.matchAll(/^NOTICE: (.*)$/gm)].map(([, notice]) => notice);
  state.notices.push(...notices);
  return `${counts.reduce((sum, one) => sum + one, 0)} passed${notices.length ? `, ${notices.length} of them without their data` : ''}`;
}

function countNode(output) {
  const [passed, skipped] = ['pass', 'skipped'].map((word) => new RegExp(`^ℹ ${word} (\\d+)`, 'm').exec(output)?.[1]);
  return `${passed ?? 'an unknown number'} passed${Number(skipped) ? `, ${skipped} not run` : ''}`;
}
