// The npm packages: `postern` is put together from what was built and from the examples, `create-postern` is a folder of
// its own. Both are packed into `build/packages/`.

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { buildCli } from './cli.mjs';
import { root } from './paths.mjs';
import { CannotGoOn, run, step } from './progress.mjs';
import { WORKER_FILES, buildWorker } from './worker.mjs';

/** Where the packages are put together, each in a folder of its own, and packed beside it. */
export const packagesFolder = join(root, 'build', 'packages');

const EVERY = { 'LICENSE-MIT': 'LICENSE-MIT', 'LICENSE-APACHE': 'LICENSE-APACHE', 'CHANGELOG.md': 'CHANGELOG.md' };

/** By name in the package: where the file is in the repository. A folder is copied whole. */
const FILES = {
  postern: {
    ...EVERY,
    'README.md': 'packages/postern/README.md',
    ...Object.fromEntries(WORKER_FILES.map((name) => [name, `build/${name}`])),
    'index.d.ts': 'packages/postern/types/index.d.ts',
    'saml/index.js': 'build-saml/index.js',
    'saml/index_bg.wasm': 'build-saml/index_bg.wasm',
    'saml/wrangler.json': 'packages/postern/saml/wrangler.json',
    'client/postern.js': 'client/postern.js',
    'client/postern.d.ts': 'client/postern.d.ts',
    'guard/guard.js': 'examples/service-binding/guard.js',
    'guard/guard.d.ts': 'packages/postern/types/guard.d.ts',
    'verify/verifier.mjs': 'examples/verify-assertion/verifier.mjs',
    'verify/verifier.d.mts': 'examples/verify-assertion/verifier.d.mts',
    'verify/verify.mjs': 'examples/verify-assertion/verify.mjs',
    'verify/verify.py': 'examples/verify-assertion/verify.py',
    'verify/main.rs': 'examples/verify-assertion/rust/src/main.rs',
    'demo/provider.mjs': 'demo/provider/provider.mjs',
    'demo/interaction.mjs': 'demo/provider/interaction.mjs',
    'demo/pages.mjs': 'demo/provider/pages.mjs',
    'bin': 'packages/postern/bin',
    'cli.wasm': 'build/cli.wasm',
    'schema.json': 'packages/postern/schema.json',
    'wrangler.schema.json': 'packages/postern/wrangler.schema.json',
  },
  'create-postern': { ...EVERY, '.': 'packages/create-postern', 'providers.json': 'src/config/presets/catalog.json' },
};

/** The version of all of it: that of the repository's own package.json. */
export const version = () => manifest(root).version;

/** Builds what the packages contain and packs both; resolves with the paths of the tarballs. */
export async function buildPackages() {
  await step('Worker', () => buildWorker('release'), String);
  await step('SAML Worker', () => buildWorker('saml'), String);
  await step('command line', buildCli, String);
  return packAll();
}

/** Packs both. */
export const packAll = () => step('npm packages', async () => [await pack('postern'), await pack('create-postern')]);

/** Puts one package together and packs it; resolves with the path of the tarball. What it contains must have been built. */
export async function pack(name) {
  const folder = join(packagesFolder, name);
  rmSync(folder, { recursive: true, force: true });
  for (const [target, source] of Object.entries(FILES[name])) put(join(root, source), join(folder, target));
  const written = { ...manifest(join(root, 'packages', name)), version: version() };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(written, null, 2)}\n`);
  const [{ filename }] = JSON.parse(await run('npm', ['pack', '--json', '--loglevel=error', '--pack-destination', packagesFolder], { cwd: folder }));
  return join(packagesFolder, filename);
}

function put(source, target) {
  if (!existsSync(source)) throw new CannotGoOn(`\`${source}\` is not there`);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(source, target, { recursive: true });
}

function manifest(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}
