// The demo API in workerd: it believes a token of a known issuer for itself, and nothing else.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { createTestHarness } from 'wrangler';

import { DEMO_RESOURCE, DEMO_ROBOT, startProvider } from '../provider/provider.mjs';

const OTHER = 'https://other.demo.test';

let trusted;
let stranger;
let harness;
before(async () => {
  const resources = { [DEMO_RESOURCE]: { scopes: ['hello:read'] }, [OTHER]: { scopes: ['hello:read'] } };
  [trusted, stranger] = await Promise.all(['Trusted', 'Stranger'].map((name) => startProvider({
    name, clients: [DEMO_ROBOT], resources,
  })));
  harness = createTestHarness({ workers: [{
    configPath: fileURLToPath(new URL('wrangler.toml', import.meta.url)),
    vars: { AUDIENCE: DEMO_RESOURCE, ISSUERS: { [trusted.issuer]: `${trusted.issuer}/jwks` } },
  }] });
  await harness.listen();
});
after(() => Promise.all([harness?.close(), trusted?.close(), stranger?.close()]));

async function token(op, resource = DEMO_RESOURCE) {
  const response = await fetch(`${op.issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${DEMO_ROBOT.client_id}:${DEMO_ROBOT.client_secret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'hello:read', resource }),
  });
  return (await response.json()).access_token;
}

const hello = (headers) => harness.fetch('/api/hello', { headers });

test('a token of the trusted issuer for this API is answered with who and what arrived', async () => {
  const response = await hello({ authorization: `Bearer ${await token(trusted)}`, 'x-seen': '1' });
  assert.equal(response.status, 200);
  const body = await response.json();
  assert.equal(body.issuer, trusted.issuer);
  assert.deepEqual(body.scopes, ['hello:read']);
  assert.ok(body.received.headers.includes('x-seen'));
});

test('ticks come one by one, and only to who has a token', async () => {
  assert.equal((await harness.fetch('/api/ticks')).status, 401);
  const response = await harness.fetch('/api/ticks', { headers: { authorization: `Bearer ${await token(trusted)}` } });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let heard = '';
  while (heard.split('\n\n').length < 3) heard += (await reader.read()).value;
  await reader.cancel();
  const ticks = heard.split('\n\n').slice(0, 2).map((event) => JSON.parse(event.replace(/^data: /, '')));
  assert.deepEqual(ticks.map(({ count }) => count), [1, 2]);
  assert.ok(Date.parse(ticks[1].at) - Date.parse(ticks[0].at) >= 900);
});

test('a WebSocket answers what it is told, and only who has a token', async () => {
  const ask = (headers) => harness.fetch('/api/talk', { headers });
  assert.equal((await ask({ upgrade: 'websocket' })).status, 401);
  const authorization = `Bearer ${await token(trusted)}`;
  assert.equal((await ask({ authorization })).status, 426);
  const { status, webSocket } = await ask({ authorization, upgrade: 'websocket' });
  assert.equal(status, 101);
  const heard = [];
  const twice = new Promise((resolve) => webSocket.addEventListener('message', ({ data }) => heard.push(data) === 2 && resolve()));
  webSocket.accept();
  webSocket.send('good morning');
  await twice;
  webSocket.close(1000);
  assert.match(heard[0], /^Hello, /);
  assert.match(heard[1], / said “good morning”$/);
});

const refused = [
  ['no token', () => ({})],
  ['a cookie instead of a token', () => ({ cookie: '__Host-postern=x' })],
  ['a token for another API', async () => ({ authorization: `Bearer ${await token(trusted, OTHER)}` })],
  ['a token of an issuer nobody configured', async () => ({ authorization: `Bearer ${await token(stranger)}` })],
  ['a token whose payload was changed', async () => {
    const [header, payload, signature] = (await token(trusted)).split('.');
    const claims = { ...JSON.parse(Buffer.from(payload, 'base64url')), sub: 'someone-else' };
    return { authorization: `Bearer ${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}` };
  }],
  ['what is no token at all', () => ({ authorization: 'Bearer x.y.z' })],
];
for (const [what, headers] of refused) {
  test(`${what} gets 401`, async () => {
    const response = await hello(await headers());
    assert.equal(response.status, 401);
    assert.deepEqual(await response.json(), { error: 'invalid_token' });
  });
}
