// What is in the folder already.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

import { Problem } from './problem.mjs';

const MAX_BYTES = 1024 * 1024;
const POSTERN = 'node_modules/postern/index.js';
const WRANGLER_FILES = ['wrangler.json', 'wrangler.jsonc', 'wrangler.toml'];
const VITE_CONFIGS = ['js', 'mjs', 'ts', 'mts', 'cjs', 'cts'].map((end) => `vite.config.${end}`);
/** What may be in a folder that counts as empty. */
const NOTHING = new Set(['.git', '.gitignore', '.DS_Store', '.idea', '.vscode', 'LICENSE', 'README.md']);

/** Looks at a folder, which need not exist. */
export function lookAt(folder) {
  const entries = existsSync(folder) ? readdirSync(folder) : [];
  const has = (name) => existsSync(join(folder, name));
  const manifest = readManifest(folder);
  const wranglerFiles = WRANGLER_FILES.filter(has);
  const wrangler = wranglerFiles.map((name) => readText(folder, name)).join('\n');
  const packages = { ...manifest?.value.dependencies, ...manifest?.value.devDependencies };
  return {
    folder,
    isEmpty: entries.every((name) => NOTHING.has(name)),
    manifest,
    has,
    read: (name) => (has(name) ? readText(folder, name) : undefined),
    wranglerFiles,
    hasPostern: wrangler.includes(POSTERN),
    hasVite: Boolean(packages.vite),
    viteConfig: VITE_CONFIGS.find(has),
    knowsPlugin: VITE_CONFIGS.filter(has).some((name) => readFileSync(join(folder, name), 'utf8').includes('@cloudflare/vite-plugin')),
    builds: Boolean(manifest?.value.scripts?.build),
    name: workerName(nameIn(wrangler) ?? manifest?.value.name?.split?.('/').at(-1) ?? basename(folder)),
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
  const name = nameIn(readText(folder, file));
  if (!name) throw new Problem(`--api: \`${join(shown, file)}\` has no \`name\``);
  return { name, file };
}

/** The first `name` in the text of a wrangler file. */
function nameIn(text) {
  return /^[ \t{]*"?name"?\s*[:=]\s*["']([\w-]+)["']/m.exec(text)?.[1];
}

function readText(folder, name) {
  const text = readFileSync(join(folder, name), 'utf8');
  if (text.length > MAX_BYTES) throw new Problem(`${name} is too large`);
  return text;
}

function readManifest(folder) {
  if (!existsSync(join(folder, 'package.json'))) return undefined;
  const text = readText(folder, 'package.json');
  try {
    const value = JSON.parse(text);
    if (!value || typeof value !== 'object' || Array.isArray(value)) throw new SyntaxError('it is no object');
    return { value, indent: /^([ \t]+)"/m.exec(text)?.[1] ?? '  ' };
  } catch (error) {
    throw new Problem(`package.json cannot be read: ${error.message}`);
  }
}
