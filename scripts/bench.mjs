// `npm run bench:NAME`: builds the Worker if it is not up to date, and measures what `tests/bench/NAME.mjs` says.
//   npm run bench:sessions -- --seconds 10 --json result.json

import { bootstrap } from './lib/bootstrap.mjs';
import { main, step } from './lib/progress.mjs';
import { ensureRust } from './lib/toolchain.mjs';
import { buildWorker } from './lib/worker.mjs';

/** What is measured, where it is not the Worker as it is. */
const VARIANTS = { tokens: ['verifier'], saml: ['saml'] };

await main(async () => {
  await bootstrap({ keep: true });
  await ensureRust();
  for (const variant of VARIANTS[process.argv[2]] ?? ['release']) await step(`Worker: ${variant}`, () => buildWorker(variant), String);
  // The rest of the arguments are the benchmark's own.
  const [name] = process.argv.splice(2, 1);
  await import(`../tests/bench/${name}.mjs`);
});
