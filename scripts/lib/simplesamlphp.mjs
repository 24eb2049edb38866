// SimpleSAMLphp for the browser tests of SAML: the one that is there, or Debian's where apt may be used.

import { existsSync } from 'node:fs';

import { probe, run, step } from './progress.mjs';

const PACKAGES = ['simplesamlphp', 'php-cli', 'php-xml', 'php-mbstring'];

const isThere = async () => existsSync(process.env.SIMPLESAMLPHP ?? '/usr/share/simplesamlphp')
  && await probe('php', ['-r', 'exit(class_exists("DOMDocument") ? 0 : 1);']) !== null;

/** Installs it, where that can be done. Resolves with whether it is there: without it, its tests do not run. */
export async function ensureSimpleSaml() {
  if (await isThere()) return true;
  if (process.getuid?.() !== 0 || await probe('apt-get', ['--version']) === null) return false;
  // Installed, not started: port 80 may be somebody else's.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await step('SimpleSAMLphp, by apt-get', async () => {
    await run('apt-get', ['update', '-qq'], { env });
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...PACKAGES], { env });
  });
  return isThere();
}
