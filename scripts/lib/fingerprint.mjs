// What something is built from, as one hash: where it is unchanged, nothing is built.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

import { root } from './paths.mjs';

/** A hash of `settings` and of every file in or below `inputs`, which are relative to the repository. */
export function fingerprint(inputs, settings) {
  const hash = createHash('sha256');
  hash.update(JSON.stringify(settings));
  for (const input of inputs) {
    for (const file of files(join(root, input))) hash.update(relative(root, file)).update('\0').update(readFileSync(file));
  }
  return hash.digest('hex');
}

function files(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).sort().flatMap((name) => files(join(path, name)));
}
