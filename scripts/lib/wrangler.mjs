// wrangler as a child process: `dev` for the demo, `deploy --dry-run` for the tests.

import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { root } from './paths.mjs';
import { CommandFailed } from './progress.mjs';

const BIN = join(root, 'node_modules', 'wrangler', 'bin', 'wrangler.js');
const READY_WITHIN_MS = 90_000;
const STOP_WITHIN_MS = 5_000;
const KEPT_LINES = 40;

/** Quiet and offline: nothing is reported to or asked of anyone. */
export const WRANGLER_ENV = {
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  FORCE_COLOR: '0',
};

/** The command line of wrangler with these arguments. */
export const wranglerCommand = (...args) => [process.execPath, [BIN, ...args]];

/**
 * Starts `wrangler dev` over several Workers, the first one at `port`, and resolves when it answers.
 * `onLine` gets every line of its output; all of it also goes to `.wrangler/dev.log`.
 */
export async function startWranglerDev({ configs, port, vars = {}, onLine }) {
  const [command, args] = wranglerCommand(
    'dev', ...configs.flatMap((config) => ['-c', config]), '--port', String(port),
    ...Object.entries(vars).flatMap(([name, value]) => ['--var', `${name}:${value}`]),
    '--show-interactive-dev-session=false', '--inspector-port', '0',
  );
  // A group of its own: Ctrl-C reaches this script, which then stops everything in order.
  const child = spawn(command, args, {
    cwd: root, env: { ...process.env, ...WRANGLER_ENV }, stdio: ['ignore', 'pipe', 'pipe'], detached: true,
  });
  const last = keepLines(child, onLine);
  let ended = null;
  const exit = new Promise((resolve) => {
    child.on('close', (code, signal) => {
      ended = signal ?? code;
      resolve(ended);
    });
  });
  await untilReady(`http://localhost:${port}/`, () => {
    if (ended !== null) throw new CommandFailed('wrangler dev', ended, last.join('\n'));
  }, last).catch(async (error) => {
    await stop(child, exit);
    throw error;
  });
  return { exit, last, stop: () => stop(child, exit) };
}

function keepLines(child, onLine) {
  const last = [];
  mkdirSync(join(root, '.wrangler'), { recursive: true });
  const log = createWriteStream(join(root, '.wrangler', 'dev.log'));
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      log.write(`${line}\n`);
      last.push(line);
      if (last.length > KEPT_LINES) last.shift();
      onLine?.(line);
    });
  }
  return last;
}

async function untilReady(url, check, last) {
  const until = performance.now() + READY_WITHIN_MS;
  while (performance.now() < until) {
    check();
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(5000) }).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    await sleep(250);
  }
  throw new CommandFailed('wrangler dev', `no 200 from ${url}`, last.join('\n'));
}

async function stop(child, exit) {
  signal(child, 'SIGTERM');
  await Promise.race([exit, sleep(STOP_WITHIN_MS, undefined, { ref: false }).then(() => signal(child, 'SIGKILL'))]);
}

function signal(child, name) {
  try {
    process.kill(-child.pid, name);
  } catch {
    // Gone already.
  }
}
