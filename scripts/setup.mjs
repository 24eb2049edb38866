// `npm run setup`: installs what is missing and nothing else. `npm start` and `npm test` do it by themselves.

import { bootstrap } from './lib/bootstrap.mjs';
import { ensureChromium } from './lib/chromium.mjs';
import { main } from './lib/progress.mjs';
import { ensureRust, ensureWasmTools } from './lib/toolchain.mjs';

await main(async () => {
  await bootstrap();
  await ensureRust();
  await ensureWasmTools();
  await ensureChromium();
  console.log('  Everything is there.');
});
