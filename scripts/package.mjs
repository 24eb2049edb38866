// `npm run package`: the npm packages `postern` and `create-postern` as tarballs in `build/packages/`.

import { statSync } from 'node:fs';
import { relative } from 'node:path';

import { bootstrap } from './lib/bootstrap.mjs';
import { buildPackages } from './lib/packages.mjs';
import { root } from './lib/paths.mjs';
import { dim, main } from './lib/progress.mjs';
import { ensureRust } from './lib/toolchain.mjs';

await main(async () => {
  await bootstrap({ keep: true });
  await ensureRust();
  const tarballs = await buildPackages();
  for (const file of tarballs) console.log(`      ${relative(root, file)} ${dim(`${Math.ceil(statSync(file).size / 1024)} KiB`)}`);
});
