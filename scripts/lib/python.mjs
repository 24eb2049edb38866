// A Python with the packages that tests hold ours against, in a place of its own: nothing of the system's is touched.

import { existsSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { root, tools } from './paths.mjs';
import { probe, run, step } from './progress.mjs';
import { onPath } from './toolchain.mjs';

/**
 * The path of a Python that has what `tests/NAME-requirements.txt` lists: the one that is given, or one made here. `undefined`
 * where none can be had: tests that want one say that they did not run.
 */
export async function ensurePython(given = process.env.PYTHON, name = 'python') {
  if (given) return given;
  const folder = join(tools, name);
  const place = { wants: join(root, 'tests', `${name}-requirements.txt`), folder, python: join(folder, 'bin', 'python') };
  // What is installed, as it was asked for.
  const installed = join(folder, 'installed.txt');
  const wanted = readFileSync(place.wants, 'utf8');
  if (existsSync(installed) && readFileSync(installed, 'utf8') === wanted) return place.python;
  for (const python of onPath('python3')) {
    if (await probe(python, ['-c', 'import ensurepip, sys; assert sys.version_info >= (3, 10)']) === null) continue;
    try {
      await step('Python packages to test against', () => make(python, place));
      await writeFile(installed, wanted);
      return place.python;
    } catch {
      await rm(folder, { recursive: true, force: true });
      return undefined;
    }
  }
  return undefined;
}

async function make(base, { wants, folder, python }) {
  await rm(folder, { recursive: true, force: true });
  await run(base, ['-m', 'venv', folder]);
  await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', wants]);
}
