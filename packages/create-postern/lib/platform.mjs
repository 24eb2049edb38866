// What the Worker runs on, and the versions of what is installed beside it: `platform.json`, and this package's own.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(dirname(fileURLToPath(import.meta.url)));
const read = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'));

export const PLATFORM = read('platform.json');

export const VERSION = read('package.json').version;

const beside = join(dirname(folder), `postern-${VERSION}.tgz`);

/** What runs this package again, in any folder: a package that comes from a file is not published. */
export function commandAgain() {
  const file = join(folder, 'index.mjs');
  return existsSync(beside) ? `node ${/^[\w./:\\@+-]+$/.test(file) ? file : `"${file}"`}` : 'npm create postern --';
}

/** Which package `postern` a project in `target` depends on: the one packed beside this folder, or the release of the same version. */
export function posternFor(target) {
  return existsSync(beside) ? `file:${relative(target, beside).replaceAll('\\', '/')}` : `^${VERSION}`;
}
