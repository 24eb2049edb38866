// The demo's MCP server in workerd: it believes the gateway's word for who asks, and nothing else.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createTestHarness } from 'wrangler';

let harness;
let gateway;
let keys;
before(async () => {
  keys = await generateKeyPair('ES256');
  const jwk = { ...await exportJWK(keys.publicKey), kid: 'k', alg: 'ES256', use: 'sig' };
  gateway = createServer((_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise((listening) => { gateway.listen(0, '127.0.0.1', listening); });
  harness = createTestHarness({ workers: [{
    configPath: fileURLToPath(new URL('wrangler.toml', import.meta.url)), vars: { POSTERN: issuer() },
  }] });
  await harness.listen();
});
after(async () => {
  await harness?.close();
  gateway?.close();
});

const issuer = () => `http://127.0.0.1:${gateway.address().port}`;

const assertion = (claims = {}, key = keys.privateKey) => new SignJWT({
  iss: issuer(), aud: 'service:MCP', sub: 'corp|alice', sub_id: { format: 'iss_sub', iss: 'https://op.example', sub: 'alice' }, kind: 'agent', ...claims,
}).setProtectedHeader({ alg: 'ES256', kid: 'k', typ: 'postern-assertion+jwt' }).setExpirationTime('1m').sign(key);

async function call(name, args, token) {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  };
  const response = await harness.fetch('/mcp', {
    method: 'POST',
    headers: {
      'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call', 'mcp-name': name, ...(token && { 'x-postern-assertion': token }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args, _meta } }),
  });
  return { status: response.status, body: await response.json() };
}

test('who the gateway speaks for is answered', async () => {
  const { status, body } = await call('search', { word: 'hedgehogs' }, await assertion());
  assert.equal(status, 200);
  assert.equal(body.result.content[0].text, 'croquet');
  const said = await call('whoami', {}, await assertion());
  const { iss, sub, kind } = JSON.parse(said.body.result.content[0].text);
  assert.deepEqual([iss, sub, kind], ['https://op.example', 'alice', 'agent']);
});

test('nobody else is', async () => {
  const stranger = await generateKeyPair('ES256');
  for (const token of [undefined, 'nonsense', await assertion({ aud: 'service:API' }), await assertion({ iss: 'https://else.example' }), await assertion({}, stranger.privateKey)]) {
    assert.equal((await call('search', { word: 'a' }, token)).status, 401);
  }
});
