// Every command in docs/reference/command-line.md, run as it stands. `npx` is this repository's program; the providers of
// `wrangler.toml` are scriptable ones.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';

import { CLI } from '../../scripts/lib/cli.mjs';
import { root } from '../../scripts/lib/paths.mjs';
import { startProviders } from '../provider/host.mjs';

const page = readFileSync(join(root, 'docs', 'reference', 'command-line.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'postern-page-'));
const PROVIDERS = { demo: 'http://127.0.0.1:9001', partner: 'http://127.0.0.1:9002' };
/** Where the commands of a section are run. */
const FOLDERS = { policy: 'examples/policies', json: 'json' };
let host;

before(async () => {
  host = await startProviders();
  let config = readFileSync(join(root, 'wrangler.toml'), 'utf8');
  for (const [name, issuer] of Object.entries(PROVIDERS)) config = config.replaceAll(issuer, host.issuer(name).url);
  writeFileSync(join(folder, 'wrangler.toml'), config);
  cpSync(join(root, 'examples', 'policies'), join(folder, 'examples', 'policies'), { recursive: true });
  // `json` stands apart: its file would be one with `wrangler.toml`.
  mkdirSync(join(folder, 'json'));
  writeFileSync(join(folder, 'json', 'postern.toml'), 'PUBLIC_URL = "https://app.example.com"\n');
  mkdirSync(join(folder, 'bin'));
  const program = `#!/bin/sh\n[ "$1" = postern ] || exit 127\nshift\nexec "${process.execPath}" "${CLI.program}" "$@"\n`;
  writeFileSync(join(folder, 'bin', 'npx'), program, { mode: 0o755 });
});
after(async () => {
  await host.close();
  rmSync(folder, { recursive: true });
});

/** The blocks of shell, with the heading that each stands under. */
function blocks() {
  const found = [];
  let heading = '';
  for (const [, title, block] of page.matchAll(/^#+ (.+)$|^```sh\n([\s\S]*?)^```$/gm)) {
    if (title) heading = title;
    else found.push({ heading, block });
  }
  return found;
}

async function shell(text, cwd) {
  const env = { ...process.env, PATH: join(folder, 'bin') + delimiter + process.env.PATH, POSTERN_CLI: CLI.module };
  const child = spawn('bash', ['-euo', 'pipefail', '-c', text], { cwd, env });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk) => { out += chunk; });
  child.stderr.setEncoding('utf8').on('data', (chunk) => { err += chunk; });
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, out, err };
}

test('every command works as it is shown', async () => {
  assert.ok(blocks().length >= 6);
  for (const { heading, block } of blocks()) {
    const cwd = join(folder, FOLDERS[heading] ?? '.');
    const { code, out, err } = await shell(block, cwd);
    assert.equal(code, 0, `${heading}:\n${block}\n${out}${err}`);
  }
});

test('the step for GitHub makes an annotation of each finding, in its line', async () => {
  const annotate = blocks().map((one) => one.block).find((one) => one.includes('::${level}'));
  assert.ok(annotate);
  const { out } = await shell(annotate, folder);
  assert.match(out, /^::warning file=wrangler\.toml,line=\d+::PUBLIC_URL `PUBLIC_URL` is on this machine/m);
});

test('the page has every option of the usage', async () => {
  for (const help of ['npx postern --help', 'npx postern policy --help']) {
    const { out } = await shell(help, folder);
    const options = new Set(out.match(/--[a-z]+/g));
    assert.ok(options.size > 3);
    for (const option of options) assert.ok(page.includes(option), option);
  }
});
