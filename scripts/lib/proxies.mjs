// nginx and Caddy for the tests of forward-auth: those that are there, or Debian's where apt may be used.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { probe, run, step } from './progress.mjs';
import { onPath } from './toolchain.mjs';

// Where servers are kept out of an ordinary user's way.
const ELSEWHERE = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin'];

export const findNginx = () => find('nginx', process.env.NGINX_BIN);
export const findCaddy = () => find('caddy', process.env.CADDY_BIN);

const missing = () => [['nginx', findNginx()], ['caddy', findCaddy()]].filter(([, path]) => !path).map(([name]) => name);

/** Installs what is missing, where that can be done. Resolves with the names of what is missing still: its tests do not run. */
export async function ensureProxies() {
  const wanted = missing();
  if (!wanted.length || process.getuid?.() !== 0 || await probe('apt-get', ['--version']) === null) return wanted;
  // Installed, not started: port 80 may be somebody else's.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await step(`${wanted.join(' and ')}, by apt-get`, async () => {
    await run('apt-get', ['update', '-qq'], { env });
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...wanted], { env });
  });
  return missing();
}

function find(name, named) {
  const known = named ? [named] : [...onPath(name), ...ELSEWHERE.map((folder) => join(folder, name))];
  return known.find((path) => existsSync(path));
}
