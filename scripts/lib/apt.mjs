// What only a system's package manager has, where apt may be used.

import { probe, run, step } from './progress.mjs';

/** Installs `packages` unless `isThere` says that they are, where that can be done. Resolves with whether they are there. */
export async function ensureByApt(title, isThere, packages) {
  if (await isThere()) return true;
  if (process.getuid?.() !== 0 || await probe('apt-get', ['--version']) === null) return false;
  // Installed, not started: port 80 may be somebody else's.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await step(`${title}, by apt-get`, async () => {
    await run('apt-get', ['update', '-qq'], { env });
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
  });
  return isThere();
}
