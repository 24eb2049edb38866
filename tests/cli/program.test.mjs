// The command line in Node: what it adds to the native program, which `crates/cli/tests` compares it with.
// POSTERN_CLI names the module.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { CLI } from '../../scripts/lib/cli.mjs';
import { root } from '../../scripts/lib/paths.mjs';

const FIXTURES = join(root, 'fixtures', 'config');
const folder = mkdtempSync(join(tmpdir(), 'postern-cli-'));
after(() => rmSync(folder, { recursive: true }));

function postern(args, { cwd = FIXTURES, input = '', env = {} } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI.program, ...args], {
    cwd, input, encoding: 'utf8', maxBuffer: 2 ** 26, env: { ...process.env, POSTERN_CLI: CLI.module, ...env },
  });
  return { code: status, out: stdout, err: stderr };
}

test('paths are found from where the command is run, above it, by their whole name and through links', () => {
  symlinkSync(join(FIXTURES, 'deployment.toml'), join(folder, 'linked.toml'));
  const below = join(folder, 'a', 'b');
  mkdirSync(below, { recursive: true });
  const good = (cwd, file) => {
    const { code, out, err } = postern(['check', '--config', file], { cwd });
    assert.equal(code, 0, err + out);
    assert.equal(err, '', 'no warning of Node');
    assert.ok(out.startsWith(`${file}: no problems\n`), out);
  };
  good(FIXTURES, 'deployment.toml');
  good(join(root, 'fixtures'), './config/deployment.toml');
  good(join(root, 'fixtures', 'policy'), '../config/deployment.toml');
  good(folder, join(FIXTURES, 'deployment.toml'));
  good(below, '../../linked.toml');
});

test('secrets beside the configuration are found there', () => {
  const beside = join(folder, 'beside');
  mkdirSync(beside);
  copyFileSync(join(FIXTURES, 'development.toml'), join(beside, 'wrangler.toml'));
  writeFileSync(join(beside, '.dev.vars'), 'POSTERN_KEYS=short');
  const { code, out } = postern(['check', '--config', 'beside/wrangler.toml'], { cwd: folder });
  assert.ok(code === 1 && /POSTERN_KEYS: /.test(out), out);
});

test('a large file is read whole', () => {
  const file = join(folder, 'large.toml');
  writeFileSync(file, `${'# a comment\n'.repeat(400_000)}name = `);
  const { code, err } = postern(['check', '--config', file]);
  assert.equal(code, 2);
  assert.match(err, /line 400001: /);
});

test('what is written is whole, however long it is', () => {
  const file = join(folder, 'many.toml');
  const routes = Array.from({ length: 20_000 }, (_, index) => `[vars.ROUTES."/r${index}"]\nmethod = "GET"\n`);
  writeFileSync(file, `workers_dev = false\n${routes.join('')}`);
  const { code, out } = postern(['check', '--config', file]);
  assert.equal(code, 1);
  assert.ok(out.length > 1_000_000 && out.includes('/r19999') && out.endsWith('\n'), String(out.length));
});

test('a reader that has seen enough is no fault', async () => {
  const child = spawn(process.execPath, [CLI.program, '--help'], { env: { ...process.env, POSTERN_CLI: CLI.module } });
  child.stdout.destroy();
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text) => { err += text; });
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.deepEqual([code, err], [0, '']);
});

test('a ring comes from standard input, however slowly', async () => {
  const child = spawn(process.execPath, [CLI.program, 'keys', 'new', '--ring', '-'], { env: { ...process.env, POSTERN_CLI: CLI.module } });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text) => { out += text; });
  const old = `old:${'E'.repeat(43)}`;
  child.stdin.write(old.slice(0, 5));
  await new Promise((resolve) => setImmediate(resolve));
  child.stdin.end(old.slice(5));
  assert.equal(await new Promise((resolve) => child.on('close', resolve)), 0);
  assert.ok(out.trimEnd().endsWith(`,${old}`), out);
});

test('a module that is not there is told, with where it should be', () => {
  const { code, out, err } = postern(['check'], { env: { POSTERN_CLI: join(folder, 'absent.wasm') } });
  assert.deepEqual([code, out], [101, '']);
  assert.match(err, /cannot read its own module `.*absent\.wasm`/);
});
