// What is in the folder already.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

import { Problem } from './problem.mjs';

const MAX_MANIFEST_BYTES = 1024 * 1024;
const WRANGLER_FILES = ['wrangler.json', 'wrangler.jsonc', 'wrangler.toml'];
const VITE_CONFIGS = ['js', 'mjs', 'ts', 'mts', 'cjs', 'cts'].map((end) => `vite.config.${end}`);
/** What may be in a folder that counts as empty. */
const NOTHING = new Set(['.git', '.gitignore', '.DS_Store', '.idea', '.vscode', 'LICENSE', 'README.md']);

/** Looks at a folder, which need not exist. */
export function lookAt(folder) {
  const entries = existsSync(folder) ? readdirSync(folder) : [];
  const has = (name) => existsSync(join(folder, name));
  const manifest = readManifest(join(folder, 'package.json'));
  const packages = { ...manifest?.value.dependencies, ...manifest?.value.devDependencies };
  return {
    folder,
    isEmpty: entries.every((name) => NOTHING.has(name)),
    manifest,
    has,
    hasVite: Boolean(packages.vite),
    viteConfig: VITE_CONFIGS.find(has),
    knowsPlugin: VITE_CONFIGS.filter(has).some((name) => readFileSync(join(folder, name), 'utf8').includes('@cloudflare/vite-plugin')),
    builds: Boolean(manifest?.value.scripts?.build),
    name: workerName(basename(folder)),
  };
}

/** A name that Cloudflare takes for a Worker. */
export function workerName(text) {
  const name = text.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 54).replace(/-+$/, '');
  return name || 'my-app';
}

/** The name of the Worker in a folder, and the file that says so. */
export function workerIn(folder, shown) {
  const file = WRANGLER_FILES.find((name) => existsSync(join(folder, name)));
  if (!file) throw new Problem(`--api: there is no wrangler file in \`${shown}\``);
  const text = readFileSync(join(folder, file), 'utf8');
  const [, name] = /^[ \t{]*"?name"?\s*[:=]\s*["']([\w-]+)["']/m.exec(text) ?? [];
  if (!name) throw new Problem(`--api: \`${join(shown, file)}\` has no \`name\``);
  return { name, file };
}

function readManifest(path) {
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, 'utf8');
  if (text.length > MAX_MANIFEST_BYTES) throw new Problem('package.json is too large');
  try {
    const value = JSON.parse(text);
    if (!value || typeof value !== 'object' || Array.isArray(value)) throw new SyntaxError('it is no object');
    return { value, indent: /^([ \t]+)"/m.exec(text)?.[1] ?? '  ' };
  } catch (error) {
    throw new Problem(`package.json cannot be read: ${error.message}`);
  }
}
