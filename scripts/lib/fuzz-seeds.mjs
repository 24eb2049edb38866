// What the fuzz targets start from: every token, key set, claim and address in our fixtures and, where they are at
// hand, in the published vectors; the policies of the examples. Nothing of it is kept in the repository.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './paths.mjs';

const COMPACT = /^[\w-]*\.[\w-]*\.[\w-]*(\.[\w-]*\.[\w-]*)?$/;
const EXAMPLES = join(root, 'examples/policies');
const LARGEST = 16 * 1024;

/** The folder of the published vectors; null where it is not. */
export function vectorsFolder() {
  const folder = process.env.POSTERN_VECTORS ?? join(root, '../shared/vectors');
  return existsSync(folder) ? folder : null;
}

/** Writes the seeds of every target below `corpus`; resolves with how many there are of each. */
export function writeSeeds(corpus) {
  const seeds = collect([join(root, 'fixtures'), vectorsFolder()].filter(Boolean));
  for (const target of readdirSync(join(root, 'fuzz/seeds'))) {
    for (const file of readdirSync(join(root, 'fuzz/seeds', target))) seeds.add(target, readFileSync(join(root, 'fuzz/seeds', target, file)));
  }
  seeds.add('saml_gate', readFileSync(join(root, 'fixtures/saml/response.xml')));
  for (const entry of readdirSync(EXAMPLES, { withFileTypes: true })) {
    if (entry.isDirectory()) seeds.policies(join(EXAMPLES, entry.name));
  }
  for (const [target, contents] of seeds.byTarget) {
    mkdirSync(join(corpus, target), { recursive: true });
    for (const [name, bytes] of contents) writeFileSync(join(corpus, target, name), bytes);
  }
  return Object.fromEntries([...seeds.byTarget].map(([target, contents]) => [target, contents.size]));
}

class Seeds {
  byTarget = new Map();

  add(target, content) {
    const bytes = Buffer.from(content);
    if (bytes.length > LARGEST) return;
    if (!this.byTarget.has(target)) this.byTarget.set(target, new Map());
    this.byTarget.get(target).set(createHash('sha1').update(bytes).digest('hex'), bytes);
  }

  /** Whole, and as the lines that the targets put together again. */
  token(text) {
    this.add('jwt', text);
    this.add('dpop', text);
    this.add('jwe', text);
    this.add('authorization', `\nABearer ${text}\nD${text}`);
    const parts = text.split('.').map((part) => Buffer.from(part, 'base64url'));
    if (parts.length !== 3) return;
    const line = Buffer.from('\n');
    this.add('jwt', Buffer.concat([parts[0], line, parts[1], line, parts[2]]));
    for (const target of ['claims', 'access_token', 'workload', 'dpop']) this.add(target, Buffer.concat([parts[0], line, parts[1]]));
    for (const part of parts.slice(0, 2)) this.add('json', part);
  }

  keys(value) {
    const text = JSON.stringify(value);
    this.add('jwks', text);
    this.add('json', text);
  }

  /** The files of a version: as the target takes them apart, and as they are stored. */
  policies(folder) {
    const names = readdirSync(folder).filter((name) => /\.cedar(schema)?$/.test(name)).sort();
    const texts = names.map((name) => readFileSync(join(folder, name), 'utf8'));
    this.add('policy', texts.join('\n---\n'));
    this.add('policy', JSON.stringify({ files: Object.fromEntries(names.map((name, at) => [name, texts[at]])), format: 1 }));
  }

  /** An address of a test suite for URLs, where a provider would name its keys, and its path. */
  address(text, path) {
    for (const one of [text, path]) this.add('path', one ?? '');
    const endpoints = { authorization_endpoint: 'https://op.example/a', token_endpoint: 'https://op.example/t', jwks_uri: text };
    this.add('metadata', JSON.stringify({ issuer: 'https://op.example', ...endpoints }));
  }
}

function collect(folders) {
  const seeds = new Seeds();
  for (const folder of folders) {
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json')).sort()) {
      visit(JSON.parse(readFileSync(join(folder, file), 'utf8')), seeds);
    }
  }
  return seeds;
}

/** Finds by their looks, wherever they stand in a file: tokens, keys, key sets, addresses. */
function visit(value, seeds) {
  if (typeof value === 'string' && COMPACT.test(value)) seeds.token(value);
  if (value === null || typeof value !== 'object') return;
  if (Array.isArray(value.keys)) seeds.keys(value);
  else if (typeof value.kty === 'string') seeds.keys({ keys: [value] });
  if (typeof value.input === 'string' && 'base' in value) seeds.address(value.input, value.pathname);
  for (const inner of Object.values(value)) visit(inner, seeds);
}
