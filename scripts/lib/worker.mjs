// Builds a Worker, only when something it is made of changed: cargo compiles it, `crates/bindgen` writes what JavaScript
// needs to call it, esbuild joins that with our own entry.

import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { fingerprint } from './fingerprint.mjs';
import { root, targetFolder } from './paths.mjs';
import { probe, run } from './progress.mjs';
import { lintingEnv } from './toolchain.mjs';

const INPUTS = ['Cargo.toml', 'Cargo.lock', 'rust-toolchain.toml', 'src', 'crates', 'client', 'scripts/lib/worker.mjs'];

/** The files of a Worker: its entry, and what that loads, some of it only when it is needed. */
export const WORKER_FILES = ['index.js', 'index_bg.wasm', 'policies.wasm', 'languages.js'];
/** What a build writes; the folder may hold more. */
const MADE = ['.built-from', ...WORKER_FILES];

const JS = 'crates/worker/src/js';
const SAML = 'crates/saml-worker/src/js';
const GUARDED = 'examples/guarded-worker';
const VERIFIER = 'tests/bench/verifier';

/** How cargo is asked for whatever of the Worker only tests use: the same each time, so that nothing is built twice. */
export const FOR_TESTS = ['--package', 'postern-worker', '--features', 'fault-injection'];

/** The engine for policies, a module of its own beside that of the Worker. */
const POLICIES = { crate: 'postern_policy_module', cargo: ['--package', 'postern-policy-module'], profile: 'release' };

/**
 * What can be built: the Worker, the one for tests that has faults on demand as well, the SAML Worker, the example of a
 * Worker that guards its own routes, and the engine for tokens alone for its benchmark.
 *
 * `folder`: where its manifest is. `crate`: the name of its library. `entry`: the module that the runtime loads.
 * `profile`: that of cargo. `lint`: whether clippy compiles it. `policies`: what else cargo is told of the engine for policies,
 * where that goes with it. `target`: where cargo writes, if that is to be apart: the engine for tokens has the Worker's crate
 * below it, whose module would take the place of the Worker's. The one for tests shares what it depends on with the Rust tests
 * in wasm, and its macros with the native ones.
 */
export const VARIANTS = {
  release: { outDir: 'build', crate: 'postern_worker', cargo: ['--package', 'postern-worker'], entry: `${JS}/entry.js`, profile: 'release', policies: [] },
  test: { outDir: 'build-test', crate: 'postern_worker', cargo: FOR_TESTS, entry: `${JS}/entry.js`, profile: 'dev', lint: true, policies: ['--features', 'fault-injection'] },
  saml: { outDir: 'build-saml', crate: 'postern_saml_worker', cargo: ['--package', 'postern-saml-worker'], entry: `${SAML}/entry.js`, profile: 'release' },
  guarded: { folder: GUARDED, outDir: `${GUARDED}/build`, crate: 'guarded_worker', cargo: [], entry: `${JS}/library_entry.js`, profile: 'release' },
  verifier: { folder: VERIFIER, outDir: `${VERIFIER}/build`, target: join(targetFolder, 'verifier'), crate: 'verifier', cargo: [], entry: `${VERIFIER}/entry.mjs`, profile: 'release' },
};

/**
 * What rustc is told of a Worker that is shipped. The smallest functions become part of their callers: a request calls fewer, and
 * an isolate compiles fewer (CONTRIBUTING.md, "Size against speed"). No path of this machine goes along.
 */
const SHIPPED = [
  '-Cllvm-args=-inline-threshold=10',
  `--remap-path-prefix=${join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'registry/src')}/=`,
  `--remap-path-prefix=${root}/=`,
];

/** Builds `variant` if it is not up to date. Returns a short remark: what was done, and the size. */
export async function buildWorker(variant) {
  const out = join(root, VARIANTS[variant].outDir);
  const stamp = join(out, '.built-from');
  const wanted = await inputsOf(VARIANTS[variant]);
  const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
  if (!fresh) {
    const { entry, policies } = VARIANTS[variant];
    const glue = join(targetFolder, 'bindgen', variant);
    const engine = join(glue, 'policies');
    await bindgen(await compile(VARIANTS[variant]), glue);
    if (policies) await bindgen(await compile({ ...POLICIES, cargo: [...POLICIES.cargo, ...policies] }), engine);
    for (const name of MADE) rmSync(join(out, name), { force: true });
    mkdirSync(out, { recursive: true });
    await bundle(policies ? { bindgen: glue, policies_bindgen: engine } : { bindgen: glue }, join(root, entry), out);
    copyFileSync(join(glue, 'index_bg.wasm'), join(out, 'index_bg.wasm'));
    if (policies) copyFileSync(join(engine, 'index_bg.wasm'), join(out, 'policies.wasm'));
    if (policies) writeFileSync(join(out, 'languages.js'), languages());
    writeFileSync(stamp, wanted);
  }
  return `${fresh ? 'up to date' : 'built'}, ${size(out)}`;
}

/** What our pages say in other languages than English: a module that is loaded when one of them is first wanted. */
function languages() {
  const folder = join(root, 'src/pages/languages');
  const texts = readdirSync(folder).sort().map((file) => [file.replace('.json', ''), JSON.stringify(JSON.parse(readFileSync(join(folder, file), 'utf8')))]);
  return `export default ${JSON.stringify(Object.fromEntries(texts))};\n`;
}

/** Compiles it; resolves with the path of the module. */
async function compile({ folder = '.', target = targetFolder, crate, cargo, profile, lint }) {
  await run('cargo', ['build', '--locked', '--lib', '--target', 'wasm32-unknown-unknown', '--profile', profile, ...cargo], {
    cwd: join(root, folder),
    env: { ...cargoEnv(), CARGO_TARGET_DIR: target, ...(lint && (await lintingEnv())), ...(profile === 'release' && { CARGO_ENCODED_RUSTFLAGS: SHIPPED.join('\x1f') }) },
  });
  return join(target, 'wasm32-unknown-unknown', profile === 'dev' ? 'debug' : profile, `${crate}.wasm`);
}

async function bindgen(wasm, folder) {
  await run('cargo', ['build', '--locked', '--quiet', '--package', 'postern-bindgen'], { cwd: root, env: cargoEnv() });
  rmSync(folder, { recursive: true, force: true });
  await run(join(targetFolder, 'debug', 'postern-bindgen'), [wasm, folder]);
}

const cargoEnv = () => ({ CARGO_TERM_COLOR: process.stdout.isTTY ? 'always' : 'never', CARGO_TARGET_DIR: targetFolder });

/**
 * Joins glue and entry. The glue has variables of its own for one instance of the module, so it becomes a function that
 * makes all of it anew (`crates/worker/src/js/instance.js`). `glues`: the folder of each, by the name that the entry knows.
 */
async function bundle(glues, entry, out) {
  const { build } = await import('esbuild');
  const shared = { bundle: true, minify: true, target: 'esnext', logLevel: 'error' };
  const files = {};
  for (const [name, glue] of Object.entries(glues)) {
    files[name] = join(glue, 'bindgen.js');
    await build({
      ...shared, entryPoints: [inner(glue)], outfile: files[name], format: 'cjs',
      banner: { js: 'export default function load() { const module = { exports: {} };' }, footer: { js: 'return module.exports; }' },
    });
  }
  const resolve = ({ path }) => ({ path: files[path.slice('./'.length, -'.js'.length)] });
  const setup = (plugins) => {
    plugins.onResolve({ filter: /^\.\/(policies_)?bindgen\.js$/ }, resolve);
    plugins.onResolve({ filter: /^\.\/languages\.js$/ }, ({ path }) => ({ path, external: true }));
  };
  const made = { name: 'made', setup };
  await build({
    ...shared, entryPoints: [entry], outfile: join(out, 'index.js'), format: 'esm',
    external: ['cloudflare:*', '*.wasm'], plugins: [made],
  });
}

/** What has all of one module's glue: what bindgen made, and our own. */
function inner(glue) {
  const snippets = readdirSync(glue, { recursive: true, encoding: 'utf8' }).filter((file) => /postern-worker-.*glue\.js$/.test(file));
  const glues = snippets.map((file) => `export * as glue from "./${file}";\n`);
  writeFileSync(join(glue, 'inner.js'), `export * as bindgen from "./index_bg.js";\n${glues.join('')}`);
  return join(glue, 'inner.js');
}

async function inputsOf({ folder = '.', cargo, entry, profile }) {
  const own = folder === '.' ? [] : ['Cargo.toml', 'Cargo.lock', 'src'].map((input) => join(folder, input));
  if (!INPUTS.some((input) => entry.startsWith(`${input}/`))) own.push(entry);
  return fingerprint([...INPUTS, ...own], [folder, cargo, entry, profile, await probe('rustc', ['--version'])]);
}

/** How much is uploaded of what is built in a folder, in KiB after gzip: the Worker, the languages of its pages and the engine for policies where they are there. */
export function packedSizes(out) {
  const packed = (name) => Math.ceil(gzipSync(readFileSync(join(out, name)), { level: 9 }).length / 1024);
  const worker = packed('index_bg.wasm') + packed('index.js');
  if (!existsSync(join(out, 'policies.wasm'))) return { worker };
  return { worker, languages: packed('languages.js'), policies: packed('policies.wasm') };
}

function size(out) {
  const { worker, languages, policies } = packedSizes(out);
  return `${worker} KiB gzip${policies ? `, with languages ${worker + languages}, with policies as well ${worker + languages + policies}` : ''}`;
}
