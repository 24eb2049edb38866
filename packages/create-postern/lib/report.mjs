// What is said at the end: what was written, what to register where, and what to do next.

import { relative } from 'node:path';

import { numbered } from './answers.mjs';
import { secretName, viteConfigFile } from './files.mjs';
import { wrapped } from './paint.mjs';

export function report({ answers, written, names, project, from, paint }) {
  return [
    '',
    paint.bold(`Postern is set up for ${answers.name}.`),
    '',
    wrapped('Written   ', written.join(', ')),
    ...registration(answers, paint),
    ...missing(answers, paint),
    ...vite(answers, paint),
    ...next(answers, names, relative(from, project.folder), paint),
    '',
  ].join('\n');
}

function registration({ isDemo, title, register }, paint) {
  return isDemo ? [] : ['', paint.bold(`At ${title}`), numbered(register)];
}

function missing(answers, paint) {
  const { isDemo, clientId, secret, url } = answers;
  const todo = [
    ...(isDemo || clientId ? [] : ['wrangler.jsonc: put the client id in the place of CLIENT_ID.']),
    ...(isDemo || secret ? [] : [`.dev.vars: put the client secret into ${secretName(answers)}.`]),
    ...(isDemo || url ? [] : ['wrangler.jsonc, before you deploy: set PUBLIC_URL and `routes` to your address.']),
  ];
  return todo.length ? ['', paint.bold('To fill in'), ...todo.map((text) => wrapped('  - ', text))] : [];
}

function vite(answers, paint) {
  if (!answers.vite || !answers.viteConfig) return [];
  const lines = viteConfigFile(answers).trimEnd().split('\n').map((line) => `    ${line}`.trimEnd());
  return ['', paint.bold(`Add to ${answers.viteConfig}`), ...lines];
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
      : ['', paint.bold('To deploy'), ...secrets(answers).map((command) => step(command)), step(`npm run ${deploy}`)]),
  ];
}

function secrets(answers) {
  return ['npx postern keys new', 'npx wrangler secret put POSTERN_KEYS', `npx wrangler secret put ${secretName(answers)}`];
}
