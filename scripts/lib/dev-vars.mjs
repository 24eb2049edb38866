// Development secrets: made once, kept in `.dev.vars` (ignored by git), read by wrangler and by the demo provider.

import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './paths.mjs';

const FILE = join(root, '.dev.vars');
const random = () => randomBytes(32).toString('base64url');

/** How each secret is made. A key ring entry is `id:secret`, 32 random bytes in base64url. */
const SECRETS = {
  POSTERN_KEYS: () => `dev1:${random()}`,
  PROVIDER_DEMO_CLIENT_SECRET: random,
  PROVIDER_PARTNER_CLIENT_SECRET: random,
  // As public as the passwords of the demo: see DEMO_ROBOT.
  SERVICE_ROBOT_CLIENT_SECRET: () => 'beep',
};

/** The development secrets by name; those that are missing are made and written first. */
export function ensureDevVars() {
  const vars = existsSync(FILE) ? parse(readFileSync(FILE, 'utf8')) : {};
  const missing = Object.keys(SECRETS).filter((name) => !vars[name]);
  if (missing.length) {
    for (const name of missing) vars[name] = SECRETS[name]();
    const lines = Object.entries(vars).map(([name, value]) => `${name}="${value}"\n`);
    writeFileSync(FILE, `# Development only; made by npm start. Delete the file to get new ones.\n${lines.join('')}`, { mode: 0o600 });
  }
  return vars;
}

function parse(text) {
  const lines = text.matchAll(/^([A-Z][A-Z0-9_]*)\s*=\s*"?([^"\n]*)"?\s*$/gm);
  return Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
}
