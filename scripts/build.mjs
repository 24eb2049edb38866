// `npm run build` and the `[build]` command of wrangler.toml: the Worker into `build/`. `node scripts/build.mjs policies`:
// the one that knows policies, in its place.
// For tests, beside it: `--fault` also builds the fault-injection variant into `build-fault/`, `--policies` the one that knows
// policies into `build-policies/`, `--guarded` the example of a Worker that guards its own routes into its folder.

import { parseArgs } from 'node:util';

import { bootstrap } from './lib/bootstrap.mjs';
import { CannotGoOn, main, step } from './lib/progress.mjs';
import { ensureRust, ensureWasmTools } from './lib/toolchain.mjs';
import { buildWorker, VARIANTS } from './lib/worker.mjs';

const BESIDE = [['guarded', 'Worker that guards its own routes'], ['fault', 'Worker with fault injection'], ['policies', 'Worker with policies']];

await main(async () => {
  const known = { strict: true, allowPositionals: true, options: Object.fromEntries(BESIDE.map(([variant]) => [variant, { type: 'boolean' }])) };
  const { values, positionals: [variant = 'release', ...more] } = parseArgs(known);
  if (more.length || !['release', 'policies'].includes(variant)) throw new CannotGoOn('expected nothing, or `policies`');
  await bootstrap({ keep: true });
  await ensureRust();
  const tools = await ensureWasmTools();
  const title = variant === 'policies' ? 'Worker with policies' : 'Worker';
  await step(title, () => buildWorker(variant, tools, { outDir: VARIANTS.release.outDir }), String);
  for (const [beside, what] of BESIDE.filter(([name]) => values[name])) {
    await step(what, () => buildWorker(beside, tools), String);
  }
});
