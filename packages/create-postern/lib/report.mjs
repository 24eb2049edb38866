// What is said at the end: what was written, what to register where, and what to do next.

import { relative } from 'node:path';

import { numbered } from './answers.mjs';
import { viteConfigFile } from './files.mjs';
import { wrapped } from './paint.mjs';
import { secretName } from './providers.mjs';

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
    ...vite(answers, paint),
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
  const { isDemo, clientId, secret, url, api, kept } = answers;
  const todo = [];
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

function vite(answers, paint) {
  if (!answers.vite || !answers.viteConfig || answers.knowsPlugin) return [];
  const lines = viteConfigFile(answers).trimEnd().split('\n').map((line) => `    ${line}`.trimEnd());
  return ['', paint.bold(`Add to ${answers.viteConfig}`), ...lines];
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
    step('npm install'),
    step(`npm run ${dev}`, `then open ${origin}`),
    ...(isDemo ? [`  ${paint.dim('Sign in as')} alice / wonderland ${paint.dim('or')} bob / builder`] : []),
    step(`npm run ${check}`, 'what the configuration means'),
    ...(isDemo
      ? ['', wrapped('', 'For a provider of your own: npm create postern -- --provider NAME --force')]
      : ['', paint.bold('To deploy'), ...secrets(answers).map(([command, why]) => step(command, why)), step(`npm run ${deploy}`)]),
  ];
}

function secrets(answers) {
  return [
    ['npx postern keys new', 'a key, for the next command'],
    ['npx wrangler secret put POSTERN_KEYS'],
    [`npx wrangler secret put ${secretName(answers)}`],
  ];
}
