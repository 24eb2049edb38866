// What is said at the end: what was written, what to register where, and what to do next.

import { relative } from 'node:path';

import { numbered } from './answers.mjs';
import { viteParts } from './files.mjs';
import { wrapped } from './paint.mjs';
import { commandAgain } from './platform.mjs';
import { placeholder, secretName } from './providers.mjs';

/** The file of the new keys, which .gitignore has. */
const KEYS = 'postern-keys.txt';

/** The oldest Node that wrangler runs on. */
const WRANGLER_NODE = [22, 12];

export function report({ answers, outcome, names, project, from, node, paint }) {
  return [
    '',
    paint.bold(`Postern is set up for ${answers.name}.`),
    '',
    ...outcomes(outcome, answers),
    ...registration(answers, paint),
    ...missing(answers, paint),
    ...apiOf(answers, paint),
    ...oldNode(node, paint),
    ...next(answers, names, relative(from, project.folder), paint),
    '',
  ].join('\n');
}

function outcomes({ written, changed, replaced }, { kept }) {
  const told = changed.map((path) => (path === '.dev.vars' && kept.has('POSTERN_KEYS') ? `${path} (its keys stay)` : path));
  const copied = replaced.map(([path, copy]) => `${path} (the old one is ${copy})`);
  return [['Written   ', written], ['Changed   ', told], ['Replaced  ', copied]]
    .filter(([, paths]) => paths.length).map(([first, paths]) => wrapped(first, paths.join(', ')));
}

function registration({ isDemo, isTold, title, register }, paint) {
  return isDemo || isTold ? [] : ['', paint.bold(`At ${title}`), numbered(register)];
}

function missing(answers, paint) {
  const { isDemo, clientId, secret, url, api, kept, later = [] } = answers;
  const todo = later.map((one) => `wrangler.jsonc: put ${one.what} in the place of ${placeholder(one)}.`);
  if (!isDemo && !clientId) todo.push('wrangler.jsonc: put the client id in the place of CLIENT_ID.');
  if (!isDemo && !secret && !kept.has(secretName(answers))) todo.push(`.dev.vars: put what the provider gave you into ${secretName(answers)}.`);
  if (!isDemo && !url) todo.push('wrangler.jsonc, before you deploy: set PUBLIC_URL and `routes` to your address.');
  const knowsAddress = isDemo || (api.kind === 'new' && url) || !['new', 'own'].includes(api.kind);
  if (!knowsAddress) todo.push(`api/wrangler.jsonc, before you deploy: set POSTERN_URL to ${url ?? 'the same address'}.`);
  if (api.isLocal) {
    todo.push(
      `wrangler.jsonc, before you deploy: in ROUTES, put the https:// address of your API in the place of ${api.upstream}, and give it to \`verifier\` too. `
      + 'To keep both, give the deployment an environment: docs/guides/spa-and-api.md.',
    );
  }
  return todo.length ? ['', paint.bold('To fill in'), ...todo.map((text) => wrapped('  - ', text))] : [];
}

/** Without the plugin, Vite serves the front end and no request meets Postern. */
function viteSteps(answers, paint) {
  if (!answers.vite || !answers.viteConfig || answers.knowsPlugin) return [];
  const { imported, plugin, server } = viteParts(answers);
  return [
    wrapped('  ', `Edit ${answers.viteConfig}. Without this, Postern guards nothing in development.`),
    paint.dim('    at the top:'), `      ${imported}`,
    paint.dim('    in `plugins`:'), `      ${plugin},`,
    paint.dim('    beside `plugins`:'), `      ${server}`,
    paint.dim('    A `proxy` for `/api` must go: Postern sends these requests on.'),
    '',
  ];
}

function apiOf({ api }, paint) {
  if (!['worker', 'origin'].includes(api.kind)) return [];
  const upstream = api.kind === 'worker' ? 'service:API' : api.upstream;
  return [
    '', paint.bold('In your API'),
    wrapped('  - ', 'Each request has the header X-Postern-Assertion, which says who asks. Verify it, and answer 401 without it:'),
    "      import { verifier } from 'postern/verify';  // and npm install jose",
    `      const verify = verifier(PUBLIC_URL, '${upstream}');`,
    "      const caller = await verify(request.headers.get('x-postern-assertion'));",
    ...(api.service && !api.config ? [wrapped('  - ', `For development, start ${api.service} with \`wrangler dev\` in another terminal.`)] : []),
  ];
}

/** Wrangler says so itself, but only once all is installed. */
function oldNode(node, paint) {
  const [major, minor] = node.split('.').map(Number);
  const isRecent = major > WRANGLER_NODE[0] || (major === WRANGLER_NODE[0] && minor >= WRANGLER_NODE[1]);
  return isRecent ? [] : ['', wrapped('', `${paint.bold('First')}, install Node ${WRANGLER_NODE.join('.')} or later, which wrangler needs: this is ${node}.`)];
}

function next(answers, { dev, check, deploy }, folder, paint) {
  const { isDemo, origin } = answers;
  const step = (command, why) => `  ${paint.cyan(command)}${why ? `${' '.repeat(Math.max(1, 34 - command.length))}${paint.dim(why)}` : ''}`;
  return [
    '', paint.bold('Next'),
    ...(folder ? [step(`cd ${folder}`)] : []),
    ...viteSteps(answers, paint),
    step('npm install'),
    step(`npm run ${dev}`, `then open ${origin}`),
    ...(isDemo ? [`  ${paint.dim('Sign in as')} alice / wonderland ${paint.dim('or')} bob / builder`] : []),
    step(`npm run ${check}`, 'what the configuration means'),
    ...(isDemo ? ownProvider(step) : deployment(answers, deploy, step, paint)),
  ];
}

const ownProvider = (step) => [
  '', 'For a provider of your own:',
  step(`${commandAgain()} --provider NAME --force`),
  wrapped('', '--force replaces wrangler.jsonc and keeps a copy, wrangler.jsonc.bak. The keys in .dev.vars stay.'),
];

/** The steps of docs/guides/spa-and-api.md. */
function deployment(answers, deploy, step, paint) {
  return [
    '', paint.bold('To deploy'),
    step('npx wrangler login'),
    step(`npx postern keys new > ${KEYS}`),
    step(`npx wrangler secret put POSTERN_KEYS < ${KEYS}`),
    step(`npx wrangler secret put ${secretName(answers)}`),
    step(`npm run ${deploy}`),
    wrapped('  ', `Move ${KEYS} to where you keep secrets: a rotation needs the old key, and Cloudflare does not show it again.`),
  ];
}
