// `npm run build` and the `[build]` command of wrangler.toml: the Worker into `build/`. `node scripts/build.mjs policies`:
// the one that knows policies, in its place.
// For tests, beside it: `--test` also builds the one that has policies and faults on demand into `build-test/`, `--guarded`
// the example of a Worker that guards its own routes into its folder.

import { parseArgs } from 'node:util';

import { bootstrap } from './lib/bootstrap.mjs';
import { CannotGoOn, main, step } from './lib/progress.mjs';
import { ensureRust } from './lib/toolchain.mjs';
import { buildWorker, VARIANTS } from './lib/worker.mjs';

const BESIDE = [['guarded', 'Worker that guards its own routes'], ['test', 'Worker with policies and faults on demand']];

await main(async () => {
  const known = { strict: true, allowPositionals: true, options: Object.fromEntries(BESIDE.map(([variant]) => [variant, { type: 'boolean' }])) };
  const { values, positionals: [variant = 'release', ...more] } = parseArgs(known);
  if (more.length || !['release', 'policies'].includes(variant)) throw new CannotGoOn('expected nothing, or `policies`');
  await bootstrap({ keep: true });
  await ensureRust();
  const title = variant === 'policies' ? 'Worker with policies' : 'Worker';
  await step(title, () => buildWorker(variant, { outDir: VARIANTS.release.outDir }), String);
  for (const [beside, what] of BESIDE.filter(([name]) => values[name])) {
    await step(what, () => buildWorker(beside), String);
  }
});
