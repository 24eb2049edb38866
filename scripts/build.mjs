// `npm run build` and the `[build]` command of wrangler.toml: the Worker into `build/`.
// `--fault` also builds the fault-injection variant into `build-fault/`, `--guarded` the example of a Worker that guards its
// own routes into its folder.

import { bootstrap } from './lib/bootstrap.mjs';
import { main, step } from './lib/progress.mjs';
import { ensureRust, ensureWasmTools } from './lib/toolchain.mjs';
import { buildWorker } from './lib/worker.mjs';

await main(async () => {
  await bootstrap({ keep: true });
  await ensureRust();
  const tools = await ensureWasmTools();
  await step('Worker', () => buildWorker('release', tools), String);
  if (process.argv.includes('--guarded')) await step('Worker that guards its own routes', () => buildWorker('guarded', tools), String);
  if (process.argv.includes('--fault')) await step('Worker with fault injection', () => buildWorker('fault', tools), String);
});
