// A real OpenID provider on loopback: the certified `oidc-provider` package with two accounts and
// pages of its own. For development and tests only: accounts and passwords are public, keys and all
// state live in memory and die with the process.

import { generateKeyPair, randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { promisify } from 'node:util';

import Provider, { errors, interactionPolicy } from 'oidc-provider';
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';

import { interactionHandler } from './interaction.mjs';
import { errorPage, logoutPage, page } from './pages.mjs';

/** Authentication contexts the sign-in page can vouch for, weakest first. */
export const ACR = { password: 'urn:demo:acr:password', secondFactor: 'urn:demo:acr:second-factor' };

/** The code the sign-in page asks for when the second factor is requested. */
export const SECOND_FACTOR_CODE = '424242';

/** Who can sign in. Passwords are shown on the sign-in page. */
export const DEMO_ACCOUNTS = [
  {
    login: 'alice', password: 'wonderland', sub: 'c5c1f0d4-alice', scopes: ['hello:read'],
    claims: {
      name: 'Alice Liddell', given_name: 'Alice', family_name: 'Liddell', nickname: 'alice',
      email: 'alice@example.test', email_verified: true, locale: 'en',
    },
  },
  {
    login: 'bob', password: 'builder', sub: '9a7e2b60-bob', scopes: ['hello:read'],
    claims: {
      name: 'Bob Ångström', given_name: 'Bob', family_name: 'Ångström', nickname: 'bob',
      email: 'bob@example.test', email_verified: false, locale: 'sv',
    },
  },
];

/** A program with a name of its own: it gets tokens for itself (RFC 6749 §4.4). Its secret is as public as the passwords. */
export const DEMO_ROBOT = {
  client_id: 'robot', client_secret: 'beep', client_name: 'a robot', grant_types: ['client_credentials'],
  redirect_uris: [], response_types: [],
};

/** The API that access tokens are for, with the scopes it knows (RFC 8707, RFC 9068). */
export const DEMO_RESOURCE = 'https://api.demo.test';
const DEMO_RESOURCES = { [DEMO_RESOURCE]: { scopes: ['hello:read', 'hello:write'] } };

/**
 * Starts a provider and resolves when it listens.
 *
 * @param {object} options
 * @param {object[]} options.clients        client metadata (OpenID Connect Dynamic Registration §2)
 * @param {number} [options.port]           0 picks a free one; the issuer follows
 * @param {string} [options.host]           loopback address or `localhost`
 * @param {string} [options.name]           shown on its pages; also keeps cookies of two providers apart
 * @param {object[]} [options.accounts]     in the shape of DEMO_ACCOUNTS
 * @param {object} [options.resources]      resource indicator → { scopes: string[], ttl?: seconds, format?: 'jwt' | 'opaque' }
 * @param {number} [options.accessTokenTtl] seconds
 * @param {object} [options.features]       further `oidc-provider` features
 * @param {object} [options.configuration]  laid over the `oidc-provider` configuration, top-level keys whole
 * @returns {Promise<{issuer: string, port: number, provider: Provider, server: import('node:http').Server, requests: {method: string, path: string}[], close: () => Promise<void>}>}
 */
export async function startProvider({
  clients,
  port = 0,
  host = '127.0.0.1',
  name = 'Demo Identity',
  accounts = DEMO_ACCOUNTS,
  resources = DEMO_RESOURCES,
  accessTokenTtl = 600,
  features = {},
  configuration = {},
}) {
  const server = createServer();
  await listen(server, port, host);
  const { port: bound } = server.address();
  const issuer = `http://${host}:${bound}`;

  const provider = new Provider(issuer, {
    ...await baseConfiguration({ name, clients, accounts, accessTokenTtl }),
    features: { ...standardFeatures(name, resources, accessTokenTtl), ...features },
    ...configuration,
  });
  const interact = interactionHandler({ provider, name, accounts, acr: ACR, code: SECOND_FACTOR_CODE });
  const protocol = provider.callback();
  const requests = [];
  server.on('request', (req, res) => {
    const path = new URL(req.url, issuer).pathname;
    requests.push({ method: req.method, path });
    if (requests.length > 10_000) requests.shift();
    if (path === '/') return home(res, name);
    return path.startsWith('/interaction/') ? interact(req, res) : protocol(req, res);
  });

  return { issuer, port: bound, provider, server, requests, close: () => close(server) };
}

async function baseConfiguration({ name, clients, accounts, accessTokenTtl }) {
  return {
    adapter: createMemoryAdapter(0),
    clients,
    jwks: { keys: await signingKeys() },
    acrValues: Object.values(ACR),
    claims: {
      iss: null, sid: null,
      // By default `acr`, `amr` and `auth_time` come only on request; here always, to be seen.
      openid: ['sub', 'acr', 'amr', 'auth_time'],
      profile: ['name', 'given_name', 'family_name', 'nickname', 'locale'],
      email: ['email', 'email_verified'],
    },
    // Claims of `profile` and `email` come in the ID token, so that no call to userinfo is needed.
    conformIdTokenClaims: false,
    cookies: { keys: [randomBytes(32).toString('base64url')], names: cookieNames(name) },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}`, policy: policy() },
    findAccount: (_ctx, sub) => findAccount(accounts, sub),
    scopes: ['openid', 'offline_access'],
    // `fetch` refuses loopback addresses by itself; here everything lives on loopback
    // (back-channel logout, `jwks_uri` of a client).
    fetch: (url, options) => globalThis.fetch(url, options),
    rotateRefreshToken: true,
    ttl: {
      AccessToken: accessTokenTtl, ClientCredentials: accessTokenTtl, AuthorizationCode: 60, Grant: 86_400, IdToken: 600,
      Interaction: 600, RefreshToken: 86_400, Session: 86_400,
    },
    clientBasedCORS: () => false,
    renderError: (ctx, out) => {
      ctx.type = 'html';
      ctx.body = errorPage(name, out);
    },
  };
}

function standardFeatures(name, resources, accessTokenTtl) {
  return {
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => { ctx.body = logoutPage(name, form); },
      postLogoutSuccessSource: (ctx) => {
        ctx.body = page(name, 'Signed out', `<p>You are signed out of ${name}.</p>`);
      },
    },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, indicator) => resourceServer(resources, indicator, accessTokenTtl),
    },
  };
}

function resourceServer(resources, indicator, accessTokenTtl) {
  const known = resources[indicator];
  if (!known) throw new errors.InvalidTarget();
  return {
    audience: indicator,
    scope: known.scopes.join(' '),
    accessTokenFormat: known.format ?? 'jwt',
    accessTokenTTL: known.ttl ?? accessTokenTtl,
    jwt: { sign: { alg: 'RS256' } },
  };
}

function findAccount(accounts, sub) {
  const account = accounts.find((one) => one.sub === sub);
  return account && { accountId: sub, claims: () => ({ sub, ...account.claims }) };
}

/** The standard policy, and: a requested `acr` the session does not have asks for a new sign-in. */
function policy() {
  const { base, Check } = interactionPolicy;
  const prompts = base();
  prompts.get('login').checks.add(new Check('acr_values', 'a requested acr could not be obtained', ({ oidc }) => {
    const wanted = oidc.params.acr_values?.split(' ').filter(Boolean) ?? [];
    return wanted.length > 0 && !wanted.includes(oidc.acr) && !oidc.result?.login;
  }));
  return prompts;
}

/** Cookies ignore ports, so two providers on one host need names of their own. */
function cookieNames(name) {
  const prefix = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return { session: `${prefix}-session`, interaction: `${prefix}-interaction`, resume: `${prefix}-resume` };
}

/** One key of each kind a client may ask for; made at start, never stored. */
async function signingKeys() {
  const generate = promisify(generateKeyPair);
  const pairs = await Promise.all([
    generate('rsa', { modulusLength: 2048 }),
    generate('ec', { namedCurve: 'P-256' }),
    generate('ed25519'),
  ]);
  return pairs.map(({ privateKey }) => ({ ...privateKey.export({ format: 'jwk' }), use: 'sig', kid: randomUUID() }));
}

function home(res, name) {
  res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  res.end(page(name, name, '<p>An OpenID provider for development. Start at the application, not here.</p>'));
}

function listen(server, port, host) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
}

function close(server) {
  return new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
}
