// What was settled → the files of the project, by path.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { quoted, withLines } from './dev-vars.mjs';
import { jsonc } from './jsonc.mjs';
import { PLATFORM } from './platform.mjs';
import { secretName } from './providers.mjs';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
/** What git must not see; `postern-keys.txt` is what the printed steps write. */
const IGNORED = ['node_modules', '.dev.vars', '.wrangler', 'postern-keys.txt'];

/** The files that every project gets. */
export const ALWAYS = ['wrangler.jsonc', '.dev.vars', '.dev.vars.example'];

/** The files by their paths. `mode` is that of files that others must not read, `extends` says that a file keeps what it has. */
export function filesOf(answers, project) {
  const { api, front, vite, isDemo, viteConfig } = answers;
  return {
    'wrangler.jsonc': { text: wranglerFile(answers) },
    '.dev.vars': { text: devVars(answers), mode: 0o600, extends: true },
    '.dev.vars.example': { text: devVarsExample(answers, project.read('.dev.vars.example')), extends: true },
    ...(api.kind === 'new' && apiFiles(answers)),
    ...(front.isNew && (vite ? viteFront(answers) : plainFront(answers))),
    ...(vite && !viteConfig && { 'vite.config.js': { text: viteConfigFile(answers) } }),
    ...(isDemo && { 'dev.mjs': { text: template('dev.mjs', answers) } }),
  };
}

function wranglerFile(answers) {
  const { name, url, front, vite, api } = answers;
  const service = serviceOf(answers);
  const isOwnHost = Boolean(url) && !isWorkersDev(url);
  return jsonc([
    [undefined, {
      $schema: 'node_modules/postern/wrangler.schema.json',
      name, main: 'node_modules/postern/index.js',
      ...runtimeFor(answers),
    }],
    ['Where browsers reach it. Any other address would go past the rules of your zone.', {
      ...(isOwnHost && { routes: [{ pattern: new URL(url).host, custom_domain: true }] }),
      workers_dev: isWorkersDev(url), preview_urls: false,
    }],
    ['Every request meets Postern before a file is served.', {
      assets: {
        ...(!vite && { directory: front.directory }),
        binding: 'ASSETS', not_found_handling: 'single-page-application', run_worker_first: true,
      },
    }],
    ...(service ? [['Your API, which only Postern reaches.', { services: [{ binding: 'API', service }] }]] : []),
    ['What Postern stores: copies of what providers publish, sessions, and what is good for one use.', {
      kv_namespaces: [{ binding: 'POSTERN_CACHE' }],
      durable_objects: { bindings: Object.entries(PLATFORM.objects).map(([binding, className]) => ({ name: binding, class_name: className })) },
      exports: Object.fromEntries(Object.values(PLATFORM.objects).map((className) => [className, { type: 'durable-object', storage: 'sqlite' }])),
      triggers: { crons: PLATFORM.crons },
    }],
    ['Postern writes one line for each decision, so the platform need not write another for each request.\nAuthorization codes travel in query strings, which are kept out.', {
      observability: { enabled: true, redact_query_string: true, logs: { enabled: true, invocation_logs: false } },
    }],
    ...(vite ? [] : [['`wrangler dev`, which would take the host of `routes` otherwise.', { dev: { port: answers.port, host: new URL(answers.origin).host } }]]),
    ['What Postern does: `npx postern check` says what it means, and what is wrong with it.\nFor development, .dev.vars has other values and the secrets.', {
      vars: {
        PUBLIC_URL: url ?? answers.origin,
        PROVIDERS: { [answers.id]: { ...answers.settings, client_id: answers.clientId || 'CLIENT_ID' } },
        ROUTES: routes(api),
      },
    }],
  ]);
}

/** Vite's plugin brings a runtime of its own, which is older than wrangler's. */
const runtimeFor = ({ vite }) => (vite ? PLATFORM.vite : PLATFORM.wrangler);

/** Files are for everybody, the API is for people who signed in. */
function routes(api) {
  const files = { methods: ['GET'], upstream: 'assets', public: true };
  if (api.kind === 'none') return { '/{*rest}': files };
  const upstream = api.kind === 'origin' ? api.upstream : 'service:API';
  return { '/{*rest}': files, '/api/{*rest}': { methods: METHODS, upstream, token: 'assertion' } };
}

function serviceOf({ name, api }) {
  return api.kind === 'new' ? `${name}-api` : api.service;
}

const isWorkersDev = (url) => /\.workers\.dev$/.test(url ?? '');

const random = () => randomBytes(32).toString('base64url');

/** The lines of a file for development. Keys that are there stay: what was sealed with them could not be opened any more. */
function devVars(answers) {
  const { isDemo, secret, origin, vars, kept } = answers;
  const name = secretName(answers);
  const isSecretKept = kept.has(name) && (isDemo || !secret);
  return withLines(vars || '# For development on this machine: the secrets, and what differs from wrangler.jsonc. Never commit it.\n', {
    ...(!kept.has('POSTERN_KEYS') && { POSTERN_KEYS: `POSTERN_KEYS="dev1:${random()}"` }),
    ...withoutDemo(answers),
    ...(!isSecretKept && { [name]: `${name}=${quoted(isDemo ? random() : secret)}` }),
    PUBLIC_URL: `PUBLIC_URL="${origin}"`,
  });
}

/** The provider on this machine is gone, and so is its secret. */
const withoutDemo = ({ isDemo }) => !isDemo && { [secretName({ id: 'demo' })]: null };

function devVarsExample(answers, before) {
  const name = secretName(answers);
  const lines = { ...withoutDemo(answers), POSTERN_KEYS: 'POSTERN_KEYS=""', [name]: `${name}=""` };
  return before ? withLines(before, lines) : [
    '# Copy it to .dev.vars and fill it in. For the deployment: npx wrangler secret put NAME',
    '# Made by: npx postern keys new',
    lines.POSTERN_KEYS,
    '# From the provider.',
    lines[name],
    '# For development alone.',
    `# PUBLIC_URL="${answers.origin}"`,
    '',
  ].join('\n');
}

function apiFiles(answers) {
  const { name, url, origin } = answers;
  const config = jsonc([
    [undefined, {
      $schema: '../node_modules/wrangler/config-schema.json',
      name: `${name}-api`, main: 'index.js', compatibility_date: runtimeFor(answers).compatibility_date,
    }],
    ['Only Postern reaches it, over its service binding.', { workers_dev: false, preview_urls: false }],
    ['Whose assertions it believes: PUBLIC_URL of Postern.', { vars: { POSTERN_URL: url ?? origin } }],
  ]);
  return {
    'api/wrangler.jsonc': { text: config },
    'api/index.js': { text: template('api.js', answers) },
    ...Object.fromEntries(['api/.dev.vars', 'api/.dev.vars.example'].map((path) => [path, { text: `# For development.\nPOSTERN_URL="${origin}"\n` }])),
  };
}

function plainFront(answers) {
  const { front: { directory } } = answers;
  return {
    [`${directory}/index.html`]: { text: template('index.html', { ...answers, script: 'app.js', style: 'style.css' }) },
    [`${directory}/app.js`]: { text: template('app.js', { ...answers, client: '/auth/postern.js' }) },
    [`${directory}/style.css`]: { text: template('style.css', answers) },
  };
}

function viteFront(answers) {
  return {
    'index.html': { text: template('index.html', { ...answers, script: 'src/main.js', style: 'src/style.css' }) },
    'src/main.js': { text: template('app.js', { ...answers, client: 'postern/client' }) },
    'src/style.css': { text: template('style.css', answers) },
  };
}

/** What Postern needs of Vite's configuration: an import, a plugin, and the port. */
export function viteParts({ api, port }) {
  const others = api.config ? `{ auxiliaryWorkers: [{ configPath: './${api.config}' }] }` : '';
  return {
    imported: "import { cloudflare } from '@cloudflare/vite-plugin';",
    plugin: `cloudflare(${others})`,
    server: `server: { port: ${port}, strictPort: true },`,
  };
}

function viteConfigFile(answers) {
  const { imported, plugin, server } = viteParts(answers);
  return [
    imported,
    "import { defineConfig } from 'vite';",
    '',
    'export default defineConfig({',
    `  plugins: [${plugin}],`,
    '  // PUBLIC_URL in .dev.vars or wrangler.jsonc has this port.',
    `  ${server}`,
    '});',
    '',
  ].join('\n');
}

/** A file of `template/`, with what was settled in its places. */
function template(name, answers) {
  const { vite, api } = answers;
  const workers = ['wrangler.jsonc', api.config].filter(Boolean).flatMap((config) => ['-c', config]);
  const values = {
    ...answers,
    secretName: secretName(answers),
    hasApi: api.kind === 'new',
    freePort: answers.providerPort + (answers.providerPort > 65_533 ? -2 : 2),
    command: vite ? 'vite/bin/vite.js' : 'wrangler/bin/wrangler.js',
    args: (vite ? [] : ['dev', ...workers]).map((one) => `'${one}'`).join(', '),
  };
  const text = readFileSync(new URL(`../template/${name}`, import.meta.url), 'utf8');
  return text.replace(/__(\w+?)__/g, (_, key) => String(values[key]));
}

/** `.gitignore` with what must not be committed, or nothing if it has all of it. */
export function ignoring(text = '') {
  const lines = text.split('\n').map((line) => line.trim().replace(/^\/|\/$/g, ''));
  const missing = IGNORED.filter((name) => !lines.includes(name));
  if (!missing.length) return undefined;
  return `${text}${text && !text.endsWith('\n') ? '\n' : ''}${missing.join('\n')}\n`;
}
