// spid-sp-test, and xmlsec1, by which it signs.

import { ensureByApt } from './apt.mjs';
import { probe } from './progress.mjs';
import { ensurePython } from './python.mjs';

const isThere = async () => await probe('xmlsec1', ['--version']) !== null;

/** The path of a Python that has it; `undefined` where something is missing, and its tests do not run. */
export async function ensureSpid() {
  if (!(await ensureByApt('xmlsec1', isThere, ['xmlsec1']))) return undefined;
  // Never the Python of the other tests, which has other packages.
  return ensurePython(process.env.SPID_PYTHON ?? null, 'spid');
}
