// `npm run setup`: installs what is missing and nothing else. `npm start` and `npm test` do it by themselves.

import { bootstrap } from './lib/bootstrap.mjs';
import { ensureChromium } from './lib/chromium.mjs';
import { main } from './lib/progress.mjs';
import { ensureProxies } from './lib/proxies.mjs';
import { ensureRust } from './lib/toolchain.mjs';

await main(async () => {
  await bootstrap();
  await ensureRust();
  await ensureChromium();
  const absent = await ensureProxies();
  console.log(absent.length ? `  Everything is there but ${absent.join(' and ')}: their tests will not run.` : '  Everything is there.');
});
