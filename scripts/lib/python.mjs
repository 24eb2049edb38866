// A Python with the packages that tests hold ours against, in a place of its own: nothing of the system's is touched.

import { existsSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { root, tools } from './paths.mjs';
import { probe, run, step } from './progress.mjs';
import { onPath } from './toolchain.mjs';

const WANTED = join(root, 'tests', 'python-requirements.txt');
const FOLDER = join(tools, 'python');
const PYTHON = join(FOLDER, 'bin', 'python');
/** What is installed, as it was asked for. */
const INSTALLED = join(FOLDER, 'installed.txt');

/**
 * The path of a Python that has them: the one that `PYTHON` names, or one made here. `undefined` where none can be had: tests that
 * want one say that they did not run.
 */
export async function ensurePython() {
  if (process.env.PYTHON) return process.env.PYTHON;
  const wanted = readFileSync(WANTED, 'utf8');
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, 'utf8') === wanted) return PYTHON;
  for (const python of onPath('python3')) {
    if (await probe(python, ['-c', 'import ensurepip, sys; assert sys.version_info >= (3, 10)']) === null) continue;
    try {
      await step('Python packages to test against', () => make(python, wanted));
      return PYTHON;
    } catch {
      await rm(FOLDER, { recursive: true, force: true });
      return undefined;
    }
  }
  return undefined;
}

async function make(python, wanted) {
  await rm(FOLDER, { recursive: true, force: true });
  await run(python, ['-m', 'venv', FOLDER]);
  await run(PYTHON, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', WANTED]);
  await writeFile(INSTALLED, wanted);
}
