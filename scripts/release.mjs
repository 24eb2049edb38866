// `npm run release`: everything that a release holds, into `build/release/`, with checksums. It publishes nothing.
// It refuses where the changelog does not describe the version, or where files are not committed; `--draft` builds all the same.

import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';

import { bootstrap } from './lib/bootstrap.mjs';
import { notesOf } from './lib/changelog.mjs';
import { buildPackages, version } from './lib/packages.mjs';
import { root } from './lib/paths.mjs';
import { CannotGoOn, bold, dim, main, run, step } from './lib/progress.mjs';
import { billOfMaterials } from './lib/sbom.mjs';
import { ensureRust } from './lib/toolchain.mjs';
import { WORKER_FILES } from './lib/worker.mjs';

const OUT = join(root, 'build', 'release');
/** By name in the release: what the Worker consists of, and the command line. */
const BUILT = { ...Object.fromEntries(WORKER_FILES.map((name) => [`worker/${name}`, name])), 'postern-cli.wasm': 'cli.wasm' };

await main(async () => {
  const { values: { draft } } = parseArgs({ options: { draft: { type: 'boolean' } } });
  await bootstrap({ keep: true });
  await ensureRust();
  const notes = notesOf(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version());
  if (!draft) await refuseUnlessReady(notes);
  const tarballs = await buildPackages();
  rmSync(OUT, { recursive: true, force: true });
  for (const [name, source] of Object.entries(BUILT)) put(join(root, 'build', source), name);
  for (const tarball of tarballs) put(tarball, basename(tarball));
  await step('bill of materials', async () => write('postern.cdx.json', `${JSON.stringify(await billOfMaterials(version()), null, 1)}\n`));
  write('NOTES.md', notes ?? 'A draft: the changelog does not describe this version.\n');
  write('SHA256SUMS', checksums());
  console.log(`\n  ${bold(`Postern ${version()}`)}${draft ? ', a draft,' : ''} is in ${relative(root, OUT)}`);
  for (const name of files()) console.log(`      ${name} ${dim(`${Math.ceil(statSync(join(OUT, name)).size / 1024)} KiB`)}`);
});

async function refuseUnlessReady(notes) {
  if (!notes) throw new CannotGoOn(`CHANGELOG.md has no section \`## [${version()}] - DATE\`: write it, or build a draft with --draft.`);
  const changed = await run('git', ['status', '--porcelain'], { cwd: root });
  if (changed.trim()) throw new CannotGoOn(`These files are not committed:\n${changed}\nCommit them, or build a draft with --draft.`);
}

function put(source, name) {
  mkdirSync(dirname(join(OUT, name)), { recursive: true });
  copyFileSync(source, join(OUT, name));
}

function write(name, text) {
  writeFileSync(join(OUT, name), text);
}

function files() {
  return readdirSync(OUT, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(OUT, name)).isFile()).map((name) => name.replaceAll('\\', '/')).sort();
}

/** As `sha256sum --check` reads them. */
function checksums() {
  return files().map((name) => `${createHash('sha256').update(readFileSync(join(OUT, name))).digest('hex')}  ${name}\n`).join('');
}
