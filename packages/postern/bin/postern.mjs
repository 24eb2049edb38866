#!/usr/bin/env node
// `postern`: the command line, compiled to WebAssembly. POSTERN_CLI names the module where it is not beside this package.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { checkOnline } from './online.mjs';
import { runModule } from './wasi.mjs';

const MODULE = process.env.POSTERN_CLI ?? fileURLToPath(new URL('../cli.wasm', import.meta.url));
const FAILED = 101;

async function main(args) {
  if (args[0] === 'relations') {
    const { relations } = await import('./relations.mjs');
    process.exitCode = await relations(args.slice(1));
    return;
  }
  let bytes;
  try {
    bytes = readFileSync(MODULE);
  } catch (error) {
    return end({ out: '', err: `postern: cannot read its own module \`${MODULE}\`: ${error.message}\n`, code: FAILED });
  }
  try {
    const module = new WebAssembly.Module(bytes);
    const online = args[0] === 'check' && args.includes('--online');
    return end(online ? await checkOnline((asked, input) => runModule(module, asked, input), args) : runModule(module, args));
  } catch (error) {
    return end({ out: '', err: `${error.said ?? ''}postern: this is a fault of its own: ${error.stack}\n`, code: FAILED });
  }
}

function end({ out, err, code }) {
  // A reader such as `head` that has seen enough closes the pipe.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  process.stdout.write(out);
  process.stderr.write(err);
  process.exitCode = code;
}

/** The program knows `/` alone. */
const withSlashes = (arg) => (existsSync(arg) ? arg.replaceAll('\\', '/') : arg);

const args = process.argv.slice(2);
await main(process.platform === 'win32' ? args.map(withSlashes) : args);
