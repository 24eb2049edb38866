// Steps with elapsed time, and child processes whose output is shown only when it matters.

import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { tools } from './paths.mjs';

const color = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code) => (text) => (color ? `\x1b[${code}m${text}\x1b[0m` : text);
export const bold = paint('1');
export const dim = paint('2');
export const red = paint('31');
export const green = paint('32');
export const cyan = paint('36');

const TAIL_LINES = 80;
const FAILURE_LOG = join(tools, 'last-failure.log');
const HEARTBEAT_MS = 30_000;

/** A command that ended badly; `output` is the end of what it said. */
export class CommandFailed extends Error {
  constructor(command, code, output) {
    super(`\`${command}\` ended with ${code}`);
    this.output = output;
  }
}

/** A step that cannot go on, with what a person can do about it. */
export class CannotGoOn extends Error {}

/** `3.2 s`, `1 min 05 s`. */
export function elapsed(since) {
  const seconds = (performance.now() - since) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${String(Math.round(seconds % 60)).padStart(2, '0')} s`;
}

/** Runs `work` under a title; says when it takes long, and how it ended, with `remark(result)` beside it. */
export async function step(title, work, remark = () => '') {
  const since = performance.now();
  const live = process.stdout.isTTY;
  const say = () => process.stdout.write(live ? `\r  ${cyan('…')} ${title} ${dim(elapsed(since))} ` : `  … ${title} (${elapsed(since)})\n`);
  if (live) say();
  else console.log(`  … ${title}`);
  const timer = setInterval(say, live ? 500 : HEARTBEAT_MS);
  try {
    const result = await work();
    clearInterval(timer);
    process.stdout.write(`${live ? '\r\x1b[2K' : ''}  ${green('✓')} ${title} ${dim([elapsed(since), remark(result)].filter(Boolean).join(' · '))}\n`);
    return result;
  } catch (error) {
    clearInterval(timer);
    process.stdout.write(`${live ? '\r\x1b[2K' : ''}  ${red('✗')} ${title} ${dim(elapsed(since))}\n`);
    throw error;
  }
}

/** Runs a command; resolves with its output, rejects with the end of it. `show` also prints it as it comes. */
export function run(command, args = [], { env, cwd, show = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks = [];
    const take = (stream) => (chunk) => {
      chunks.push(chunk);
      if (show) stream.write(chunk);
    };
    child.stdout.on('data', take(process.stdout));
    child.stderr.on('data', take(process.stderr));
    child.on('error', (error) => reject(new CommandFailed(command, error.code ?? error.message, '')));
    child.on('close', (code, signal) => {
      const output = Buffer.concat(chunks).toString('utf8');
      if (code === 0) return resolve(output);
      return reject(new CommandFailed([command, ...args].join(' '), signal ?? code, show ? '' : endOf(output)));
    });
  });
}

/** The last lines; where that is not all, the whole is kept in a file. */
function endOf(output) {
  const lines = output.trimEnd().split('\n');
  if (lines.length <= TAIL_LINES) return lines.join('\n');
  mkdirSync(tools, { recursive: true });
  writeFileSync(FAILURE_LOG, output);
  return [`… ${lines.length - TAIL_LINES} lines before these are in ${FAILURE_LOG}`, ...lines.slice(-TAIL_LINES)].join('\n');
}

/** The command's output, or null if it is not there or fails. */
export async function probe(command, args = []) {
  try {
    return (await run(command, args)).trim();
  } catch {
    return null;
  }
}

/** Runs a script's main; prints a failure for a person to read and sets the exit code. */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    if (error instanceof CommandFailed) console.error(`\n${error.output}\n\n${red(error.message)}`);
    else if (error instanceof CannotGoOn) console.error(`\n${red(error.message)}`);
    else console.error(error);
    process.exit(1);
  }
}
