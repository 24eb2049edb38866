// package.json: what is there stays, and what Postern needs comes in addition.

import { PLATFORM, posternFor } from './platform.mjs';

/** What starts a project with the provider for development; for another provider it is replaced. */
const DEMO = 'node dev.mjs';

/** The text of package.json, and the scripts that were added: `{ dev, check, deploy }` → their names. */
export function manifestFor(answers, project) {
  const { value, indent } = project.manifest ?? { value: { name: answers.name, private: true, type: 'module' }, indent: '  ' };
  const scripts = { ...value.scripts };
  const names = Object.fromEntries(Object.entries(wantedScripts(answers, project)).map(([name, command]) => [name, addScript(scripts, name, command)]));
  const { versions } = PLATFORM;
  const dependencies = { postern: answers.postern ?? posternFor(project.folder), ...(answers.api.kind === 'new' && { jose: versions.jose }) };
  const tools = ['wrangler', ...(answers.vite ? ['vite', '@cloudflare/vite-plugin'] : []), ...(answers.isDemo ? ['oidc-provider'] : [])];
  const there = { ...value.dependencies, ...value.devDependencies };
  const added = Object.fromEntries(tools.filter((name) => !there[name]).map((name) => [name, versions[name]]));
  const written = {
    ...value,
    scripts,
    dependencies: sorted({ ...dependencies, ...value.dependencies, postern: dependencies.postern }),
    devDependencies: sorted({ ...value.devDependencies, ...added }),
  };
  return { text: `${JSON.stringify(written, null, indent)}\n`, names };
}

function wantedScripts({ isDemo, vite, api }, { hasVite }) {
  const apart = [`wrangler.jsonc`, api.config].filter(Boolean);
  const workers = apart.length > 1 ? ` ${apart.map((config) => `-c ${config}`).join(' ')}` : '';
  const build = vite ? 'vite build && ' : '';
  const first = ['new', 'own'].includes(api.kind) ? `wrangler deploy -c ${api.config} && ` : '';
  return {
    dev: isDemo ? DEMO : vite ? 'vite' : `wrangler dev${workers}`,
    ...(vite && !hasVite && { build: 'vite build' }),
    check: 'postern check',
    deploy: `${build}${first}wrangler deploy`,
  };
}

/** Adds a script; one that has the name already keeps it. */
function addScript(scripts, name, command) {
  const isFree = scripts[name] === undefined || scripts[name] === command || scripts[name] === DEMO;
  const free = isFree ? name : `postern:${name}`;
  scripts[free] = command;
  return free;
}

function sorted(packages) {
  return Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
}
