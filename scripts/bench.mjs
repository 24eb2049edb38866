// `npm run bench:NAME`: builds the Worker if it is not up to date, and measures what `tests/bench/NAME.mjs` says.
//   npm run bench:sessions -- --seconds 10 --json result.json

import { bootstrap } from './lib/bootstrap.mjs';
import { main, step } from './lib/progress.mjs';
import { ensureRust, ensureWasmTools } from './lib/toolchain.mjs';
import { buildWorker } from './lib/worker.mjs';

await main(async () => {
  await bootstrap({ keep: true });
  await ensureRust();
  const tools = await ensureWasmTools();
  const variant = process.argv[2] === 'tokens' ? 'verifier' : 'release';
  await step('Worker', () => buildWorker(variant, tools), String);
  // The rest of the arguments are the benchmark's own.
  const [name] = process.argv.splice(2, 1);
  await import(`../tests/bench/${name}.mjs`);
});
