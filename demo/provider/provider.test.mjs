// The demo provider on its own, driven by a scripted client: what Postern will rely on is really there.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';

import { createRemoteJWKSet, jwtVerify } from 'jose';

import { ACR, DEMO_RESOURCE, SECOND_FACTOR_CODE, startProvider } from './provider.mjs';
import { ScriptedBrowser } from './scripted-browser.mjs';

const CALLBACK = 'http://localhost:8787/auth/callback/demo';
const SIGNED_OUT = 'http://localhost:8787/auth/logged-out';
const SECRET = 'not-a-secret-it-is-a-test';
const SCOPE = 'openid profile email hello:read';

let op;
before(async () => {
  op = await startProvider({
    clients: [{
      client_id: 'postern', client_secret: SECRET, client_name: 'Postern demo',
      redirect_uris: [CALLBACK], post_logout_redirect_uris: [SIGNED_OUT],
      grant_types: ['authorization_code', 'refresh_token'],
    }],
  });
});
after(() => op.close());

const outside = (url) => !url.startsWith(op.issuer);

function authorizationUrl(extra = {}) {
  const verifier = randomBytes(32).toString('base64url');
  const parameters = {
    client_id: 'postern', response_type: 'code', redirect_uri: CALLBACK, scope: SCOPE, resource: DEMO_RESOURCE,
    state: randomBytes(16).toString('base64url'), nonce: randomBytes(16).toString('base64url'),
    code_challenge_method: 'S256', code_challenge: createHash('sha256').update(verifier).digest('base64url'), ...extra,
  };
  return { verifier, parameters, url: `${op.issuer}/auth?${new URLSearchParams(parameters)}` };
}

async function signIn(browser, { extra, form = { login: 'alice', password: 'wonderland' } } = {}) {
  const request = authorizationUrl(extra);
  const login = await browser.navigate(request.url, { stop: outside });
  assert.match(login.body, /<h1>Sign in<\/h1>/);
  const consent = await browser.submit(login.url, form, { stop: outside });
  if (!consent.body.includes('Allow ')) return { ...request, end: consent };
  return { ...request, end: await browser.submit(consent.url, {}, { stop: outside }) };
}

async function redeem({ end, verifier }) {
  const code = new URL(end.url).searchParams.get('code');
  const response = await fetch(`${op.issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`postern:${SECRET}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: verifier }),
  });
  return response.json();
}

const keys = () => createRemoteJWKSet(new URL(`${op.issuer}/jwks`));

test('a sign-in ends at the callback with a code, the state and the issuer', async () => {
  const { end, parameters } = await signIn(new ScriptedBrowser());
  const answer = new URL(end.url);
  assert.equal(answer.origin + answer.pathname, CALLBACK);
  assert.ok(answer.searchParams.get('code'));
  assert.equal(answer.searchParams.get('state'), parameters.state);
  assert.equal(answer.searchParams.get('iss'), op.issuer);
});

test('the ID token carries profile and email, the nonce and how the person signed in', async () => {
  const login = await signIn(new ScriptedBrowser());
  const { id_token: idToken } = await redeem(login);
  const { payload } = await jwtVerify(idToken, keys(), { issuer: op.issuer, audience: 'postern', algorithms: ['RS256'] });
  assert.equal(payload.name, 'Alice Liddell');
  assert.equal(payload.email, 'alice@example.test');
  assert.equal(payload.nonce, login.parameters.nonce);
  assert.equal(payload.acr, ACR.password);
  assert.deepEqual(payload.amr, ['pwd']);
});

test('the access token is a JWT for the demo API with the scopes of the account', async () => {
  const tokens = await redeem(await signIn(new ScriptedBrowser(), { extra: { scope: `${SCOPE} hello:write` } }));
  const { payload } = await jwtVerify(tokens.access_token, keys(), { issuer: op.issuer, audience: DEMO_RESOURCE, typ: 'at+jwt' });
  assert.equal(payload.scope, 'hello:read', 'a scope the account does not have is not granted');
  assert.equal(tokens.refresh_token, undefined, 'no refresh token unless offline access was asked for');
});

test('offline access with consent brings a refresh token', async () => {
  const extra = { scope: `${SCOPE} offline_access`, prompt: 'consent' };
  assert.ok((await redeem(await signIn(new ScriptedBrowser(), { extra }))).refresh_token);
});

test('a wrong password shows the form again and no code', async () => {
  const { end } = await signIn(new ScriptedBrowser(), { form: { login: 'alice', password: 'builder' } });
  assert.equal(end.response.status, 400);
  assert.match(end.body, /do not match/);
});

test('cancelling comes back as access_denied', async () => {
  const { end } = await signIn(new ScriptedBrowser(), { form: { cancel: '1' } });
  assert.equal(new URL(end.url).searchParams.get('error'), 'access_denied');
});

test('a requested second factor is asked for, even of who is signed in already', async () => {
  const browser = new ScriptedBrowser();
  await signIn(browser);
  const extra = { acr_values: ACR.secondFactor };
  const without = await signIn(browser, { extra });
  assert.match(without.end.body, /That code is not right/);
  const form = { login: 'alice', password: 'wonderland', code: SECOND_FACTOR_CODE };
  const { id_token: idToken } = await redeem(await signIn(browser, { extra, form }));
  assert.equal((await jwtVerify(idToken, keys())).payload.acr, ACR.secondFactor);
});

test('logout asks, ends the session and returns to the application', async () => {
  const browser = new ScriptedBrowser();
  const { id_token: idToken } = await redeem(await signIn(browser));
  const query = new URLSearchParams({ id_token_hint: idToken, post_logout_redirect_uri: SIGNED_OUT, state: 's' });
  const asks = await browser.navigate(`${op.issuer}/session/end?${query}`, { stop: outside });
  assert.match(asks.body, /Sign out of Demo Identity\?/);
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(asks.body)[1];
  const end = await browser.submit(`${op.issuer}/session/end/confirm`, { xsrf, logout: 'yes' }, { stop: outside });
  assert.equal(end.url, `${SIGNED_OUT}?state=s`);
  const again = await browser.navigate(authorizationUrl().url, { stop: outside });
  assert.match(again.body, /<h1>Sign in<\/h1>/);
});

test('an unknown redirect URI gets an error page, never a redirect', async () => {
  const { url } = authorizationUrl({ redirect_uri: 'http://localhost:8787/elsewhere' });
  const { response, body } = await new ScriptedBrowser().navigate(url, { stop: outside });
  assert.equal(response.status, 400);
  assert.match(body, /invalid_redirect_uri/);
});
