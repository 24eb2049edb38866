// Room on the disk: a build that runs out of it fails with messages that name a linker.

import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';

import { root, targetFolder } from './paths.mjs';

const GIB = 2 ** 30;

/** What there is to say before a first run that needs `gib` GiB for what it builds; `null` where there is room. */
export async function roomNotice(gib) {
  if (existsSync(targetFolder)) return null;
  const { bavail, bsize } = await statfs(root);
  const free = (bavail * bsize) / GIB;
  return free < gib ? `${free.toFixed(1)} GiB are free on this disk, and a first run needs about ${gib} GiB` : null;
}
