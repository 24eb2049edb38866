// `npm run build` and the `[build]` command of wrangler.toml: the Worker into `build/`.
// For tests, beside it: `--test` also builds the one that has faults on demand into `build-test/`, `--guarded` the example of
// a Worker that guards its own routes into its folder. `--cli` also builds the command line that runs in Node, `build/cli.wasm`.
// `--saml` builds the SAML Worker alone, into `build-saml/`: the `[build]` command of wrangler.saml.toml.

import { parseArgs } from 'node:util';

import { bootstrap } from './lib/bootstrap.mjs';
import { buildCli } from './lib/cli.mjs';
import { main, step } from './lib/progress.mjs';
import { ensureRust } from './lib/toolchain.mjs';
import { buildWorker } from './lib/worker.mjs';

const BESIDE = [['guarded', 'Worker that guards its own routes'], ['test', 'Worker with faults on demand']];

await main(async () => {
  const { values } = parseArgs({ strict: true, options: Object.fromEntries([...BESIDE, ['cli'], ['saml']].map(([name]) => [name, { type: 'boolean' }])) });
  await bootstrap({ keep: true });
  await ensureRust();
  if (values.saml) await step('SAML Worker', () => buildWorker('saml'), String);
  if (!values.saml || Object.keys(values).length > 1) await step('Worker', () => buildWorker('release'), String);
  for (const [beside, what] of BESIDE.filter(([name]) => values[name])) {
    await step(what, () => buildWorker(beside), String);
  }
  if (values.cli) await step('command line', buildCli, String);
});
