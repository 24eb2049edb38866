// The files of the project → the folder. What is replaced has a copy beside it.

import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Writes `files` and says what became of each: `written` is new, `changed` has what it had before and more, `replaced` is a
 * list of `[path, copy]`. A file of `obsolete` is taken away, with a copy.
 */
export function write(folder, files, obsolete) {
  const outcome = { written: [], changed: [], replaced: [] };
  for (const [path, file] of Object.entries(files)) put(folder, path, file, outcome);
  for (const path of obsolete) {
    outcome.replaced.push([path, copy(folder, path)]);
    rmSync(join(folder, path));
  }
  return outcome;
}

/** `extends`: the text has what was in the file. */
function put(folder, path, { text, mode = 0o644, extends: isMore = false }, outcome) {
  const file = join(folder, path);
  const isThere = existsSync(file);
  if (!isThere || isMore) outcome[isThere ? 'changed' : 'written'].push(path);
  else if (readFileSync(file, 'utf8') !== text) outcome.replaced.push([path, copy(folder, path)]);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
  // A file that was there keeps its mode otherwise.
  if (mode !== 0o644) chmodSync(file, mode);
}

/** Copies a file to a name that is free; returns that name. */
function copy(folder, path) {
  let name = `${path}.bak`;
  for (let number = 2; existsSync(join(folder, name)); number += 1) name = `${path}.bak${number}`;
  copyFileSync(join(folder, path), join(folder, name));
  return name;
}
