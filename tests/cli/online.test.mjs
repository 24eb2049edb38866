// `postern check --online` against a provider that is bent in one way at a time. What the program makes of answers is
// tested beside it (`crates/cli/src/online/tests.rs`); here is what it takes to get them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { CLI } from '../../scripts/lib/cli.mjs';
import { ask, checkOnline } from '../../packages/postern/bin/online.mjs';
import { startCanaryHost } from '../provider/canary_host.mjs';
import { startProviders } from '../provider/host.mjs';

const folder = mkdtempSync(join(tmpdir(), 'postern-online-'));
let host;
let issuer;

before(async () => {
  host = await startProviders();
  issuer = host.issuer('corp');
});
beforeEach(() => issuer.reset());
after(async () => {
  await host.close();
  rmSync(folder, { recursive: true });
});

const OBJECTS = { SUBJECTS: 'SubjectObject', ONCE: 'OnceObject', SID_INDEX: 'SidIndexObject' };

/** A configuration with this provider, and what `check --online` says of it. */
function check(provider = {}, { args = [], vars = {} } = {}) {
  const classes = Object.values(OBJECTS).map((name) => [name, { type: 'durable-object', storage: 'sqlite' }]);
  writeFileSync(join(folder, 'wrangler.json'), JSON.stringify({
    name: 'app', compatibility_date: '2026-11-17', compatibility_flags: ['global_fetch_strictly_public'],
    workers_dev: false, preview_urls: false, triggers: { crons: ['*/5 * * * *'] },
    kv_namespaces: [{ binding: 'POSTERN_CACHE' }],
    durable_objects: { bindings: Object.entries(OBJECTS).map(([name, className]) => ({ name, class_name: className })) },
    exports: Object.fromEntries(classes),
    vars: {
      PUBLIC_URL: 'http://localhost:8787',
      PROVIDERS: { corp: { issuer: issuer.url, client_id: 'app', logout: 'local', ...provider } },
      ROUTES: { '/{*rest}': { upstream: 'http://localhost:5173' } },
      ...vars,
    },
  }));
  return postern(['check', '--online', '--secrets', 'none', ...args]);
}

/** Beside the servers of this process, so it must not be waited for without them. */
async function postern(args) {
  const child = spawn(process.execPath, [CLI.program, ...args], { cwd: folder, env: { ...process.env, POSTERN_CLI: CLI.module } });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => { out += text; });
  child.stderr.setEncoding('utf8').on('data', (text) => { err += text; });
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, out, err };
}

/** Bends the metadata. */
const says = (members) => {
  issuer.bend.discovery = (answer) => { Object.assign(answer.body, members); };
};

test('a provider as it is configured is read: its metadata and its keys, once each', async () => {
  const { code, out, err } = await check();
  assert.equal(code, 0, out + err);
  assert.match(out, /\nRead online\n {2}corp \(http:\/\/127\.0\.0\.1:\d+\/corp\): metadata and 1 keys\n/);
  assert.deepEqual([issuer.count('discovery'), issuer.count('jwks'), issuer.count()], [1, 1, 2]);
  const { headers } = issuer.last('discovery');
  assert.deepEqual([headers.accept, headers['user-agent'], headers.cookie, headers.authorization], ['application/json', 'Postern', undefined, undefined]);
});

test('a slash too many in the issuer is told', async () => {
  says({ issuer: `${issuer.url}/` });
  const { code, out } = await check();
  assert.equal(code, 1);
  assert.ok(out.includes(`PROVIDERS.corp.issuer: \`issuer\` is \`${issuer.url}/\` there (a slash at the end): write it so\n`), out);
});

test('algorithms and client authentication that do not fit are told together', async () => {
  says({ id_token_signing_alg_values_supported: ['ES256'], token_endpoint_auth_methods_supported: ['client_secret_post'] });
  const { code, out } = await check();
  assert.equal(code, 1);
  assert.match(out, /^wrangler\.json: 2 problems\n/);
  assert.match(out, /PROVIDERS\.corp\.client_auth: it takes `client_secret_post`/);
  assert.match(out, /PROVIDERS\.corp\.id_token_algs: it signs ID tokens by `ES256`/);
});

test('programs get the same with its place', async () => {
  says({ code_challenge_methods_supported: ['plain'] });
  const { code, out } = await check({}, { args: ['--json'] });
  const { ok, problems } = JSON.parse(out);
  assert.deepEqual([code, ok, problems.length, problems[0].path], [1, false, 1, 'PROVIDERS.corp.issuer']);
  issuer.reset();
  const good = await check({}, { args: ['--json'] });
  assert.equal(JSON.parse(good.out).online.length, 1);
});

test('a redirect is not followed, wherever it leads', async () => {
  const canary = await startCanaryHost();
  issuer.bend.discovery = (answer) => { Object.assign(answer, { status: 302, headers: { location: `${canary.origin}/` } }); };
  const { code, out } = await check();
  await canary.close();
  assert.equal(code, 1);
  assert.ok(out.includes(`it redirects to \`${canary.origin}/\`, and redirects are not followed`), out);
  assert.deepEqual(canary.hits, []);
});

test('keys are only asked for where the metadata may name them', async () => {
  says({ jwks_uri: 'http://192.0.2.1/keys' });
  const { code, out } = await check();
  assert.ok(code === 1 && out.includes('names a `jwks_uri` that is not used'), out);
});

test('keys that do not verify are told', async () => {
  issuer.bend.jwks = (answer) => { answer.body.keys[0].use = 'enc'; };
  const { code, out } = await check();
  assert.ok(code === 1 && /none of the 1 keys at `.*\/corp\/jwks` verifies a signature by `RS256`/.test(out), out);
});

test('an answer without end is cut', async () => {
  issuer.bend.discovery = (answer) => { answer.endless = true; };
  const { code, out } = await check();
  assert.ok(code === 1 && out.includes('the answer is larger than any such document'), out);
});

test('a clock that is far off is a warning', async () => {
  issuer.bend.discovery = (answer) => { answer.headers.date = new Date(Date.now() - 3_600_000).toUTCString(); };
  const { code, out } = await check();
  assert.equal(code, 0, out);
  assert.match(out, /the clock at `.*` is 3\d\d\d s behind this machine's/);
});

test('nobody is asked while the configuration itself has problems', async () => {
  const { code, out } = await check({ client_id: 7 });
  assert.equal(code, 1, out);
  assert.equal(issuer.count(), 0);
});

test('connections that fail are told apart', async () => {
  const silent = createServer(() => {});
  await new Promise((listening) => silent.listen(0, '127.0.0.1', listening));
  const { port } = silent.address();
  assert.deepEqual(await ask(`http://127.0.0.1:${port}/`, { timeout: 50 }), { failed: 'time' });
  // TLS towards a server that speaks none.
  assert.notEqual((await ask(`https://127.0.0.1:${port}/`, { timeout: 5000 })).failed, undefined);
  silent.closeAllConnections();
  await new Promise((closed) => silent.close(closed));
  assert.deepEqual(await ask(`http://127.0.0.1:${port}/`), { failed: 'refused' });
  assert.deepEqual(await ask('https://postern.invalid/'), { failed: 'name' });
});

test('only https is asked, and http on this machine', async () => {
  for (const url of ['http://192.0.2.1/', 'http://localhost.example.com/', 'http://127.0.0.1.example.com/', 'file:///etc/passwd', 'data:text/plain,a']) {
    assert.deepEqual(await ask(url), { failed: 'other' }, url);
  }
});

test('a body that is no text is empty, and one at the limit is whole', async () => {
  const answers = { '/bytes': Buffer.from([0xff, 0xfe]), '/limit': 'x'.repeat(100) };
  const server = createServer(({ url }, response) => response.end(answers[url]));
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const at = (path) => ask(`http://127.0.0.1:${server.address().port}${path}`, { maxBytes: 100 });
  const [bytes, limit] = [await at('/bytes'), await at('/limit')];
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  assert.deepEqual([bytes.body, limit.body.length], ['', 100]);
});

test('a program that asks without end is stopped', async () => {
  let runs = 0;
  const run = () => {
    runs += 1;
    return { code: 3, out: Buffer.from('{"wanted":[]}'), err: Buffer.from('') };
  };
  await assert.rejects(checkOnline(run, ['check', '--online']), /without end/);
  assert.ok(runs < 10);
});
