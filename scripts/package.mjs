// `npm run package`: the npm packages `postern` and `create-postern` as tarballs in `build/packages/`.

import { statSync } from 'node:fs';
import { join, relative } from 'node:path';

import { bootstrap } from './lib/bootstrap.mjs';
import { buildPackages, packagesFolder } from './lib/packages.mjs';
import { root } from './lib/paths.mjs';
import { bold, dim, main } from './lib/progress.mjs';
import { ensureRust } from './lib/toolchain.mjs';

await main(async () => {
  await bootstrap({ keep: true });
  await ensureRust();
  const tarballs = await buildPackages();
  const create = relative(root, join(packagesFolder, 'create-postern', 'index.mjs'));
  for (const file of tarballs) console.log(`      ${relative(root, file)} ${dim(`${Math.ceil(statSync(file).size / 1024)} KiB`)}`);
  console.log([
    '',
    `  Until a release is published, ${bold('npm create postern')} is`,
    '',
    `      node ${create} FOLDER --demo`,
    '',
    '  and then, in FOLDER: npm install, npm run dev.',
  ].join('\n'));
});
