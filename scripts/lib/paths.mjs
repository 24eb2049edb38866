// Where things are.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What the scripts install or remember; ignored by git. */
export const tools = join(root, '.tools');

/** Where cargo puts what it makes. */
export const targetFolder = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
