// Runs on whatever Node is there (18 or later, nothing installed) and goes on in the one this
// repository pins: installs the npm packages if the lock file changed, then starts the same
// script again under `node_modules/.bin/node` where the system's Node is too old for wrangler.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { root } from './paths.mjs';
import { run, step } from './progress.mjs';

const WANTED = [22, 12];
const NODE_BIN = join(root, 'node_modules', '.bin');
const STAMP = join(root, 'node_modules', '.installed-from');

/**
 * Resolves in a process that may import anything; never resolves where a newer Node takes over.
 * With `keep`, packages that are there are left alone even if the lock file changed: for scripts
 * that run while others use those packages.
 */
export async function bootstrap({ keep = false } = {}) {
  process.chdir(root);
  if (process.env.POSTERN_BOOTSTRAPPED !== '1' && !(keep && existsSync(NODE_BIN))) await installPackages();
  if (!recentEnough(process.versions.node)) return handOver();
  if (!process.env.PATH.startsWith(NODE_BIN)) process.env.PATH = NODE_BIN + delimiter + process.env.PATH;
  process.env.POSTERN_BOOTSTRAPPED = '1';
  return undefined;
}

async function installPackages() {
  const wanted = createHash('sha256').update(readFileSync(join(root, 'package-lock.json'))).digest('hex');
  const installed = existsSync(NODE_BIN) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted;
  if (installed) return;
  // No install scripts: nothing here needs one, and none can then run unseen.
  await step('Node packages', () => run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']));
  writeFileSync(STAMP, wanted);
}

function recentEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > WANTED[0] || (major === WANTED[0] && minor >= WANTED[1]);
}

function handOver() {
  const node = join(NODE_BIN, 'node');
  if (!existsSync(node)) {
    console.error(`Node ${process.versions.node} is too old and no newer one is packaged for this machine: install Node ${WANTED.join('.')} or later.`);
    process.exit(1);
  }
  const env = { ...process.env, POSTERN_BOOTSTRAPPED: '1', PATH: NODE_BIN + delimiter + process.env.PATH };
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit', env });
  // Ctrl-C reaches the child through the terminal; a signal sent to this process alone is passed on.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
  return new Promise(() => {});
}
