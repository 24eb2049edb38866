// `npm run bench:sessions`: builds the Worker if it is not up to date, and measures what a session costs.
//   npm run bench:sessions -- --seconds 10 --json result.json

import { bootstrap } from './lib/bootstrap.mjs';
import { main, step } from './lib/progress.mjs';
import { ensureRust, ensureWasmTools } from './lib/toolchain.mjs';
import { buildWorker } from './lib/worker.mjs';

await main(async () => {
  await bootstrap({ keep: true });
  await ensureRust();
  const tools = await ensureWasmTools();
  await step('Worker', () => buildWorker('release', tools), String);
  await import('../tests/bench/sessions.mjs');
});
