// The command line.

import { parseArgs } from 'node:util';

import { Problem } from './problem.mjs';
import { ASKED, PROVIDERS } from './providers.mjs';

const OPTIONS = {
  demo: { type: 'boolean' },
  provider: { type: 'string' },
  ...Object.fromEntries(ASKED.map((key) => [optionOf(key), { type: 'string' }])),
  'client-id': { type: 'string' },
  url: { type: 'string' },
  front: { type: 'string' },
  api: { type: 'string' },
  vite: { type: 'boolean' },
  name: { type: 'string' },
  port: { type: 'string' },
  'provider-port': { type: 'string' },
  postern: { type: 'string' },
  force: { type: 'boolean' },
  yes: { type: 'boolean', short: 'y' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
};

export const USAGE = `\
Usage: npm create postern -- [FOLDER] [OPTIONS]

Sets Postern up in FOLDER (this one when left out). It writes wrangler.jsonc
and .dev.vars with fresh keys, and adds a small front end and API to an empty
folder. It asks for what no option says. Without a terminal it takes defaults.

  --demo               with a provider on this machine, so no account is needed
  --provider NAME      ${listed(Object.keys(PROVIDERS))}
${ASKED.map((key) => `  --${`${optionOf(key)} TEXT`.padEnd(19)}${of(key)}`).join('\n')}
  --client-id ID       what the provider calls this application; its secret is
                       read from the environment variable POSTERN_CLIENT_SECRET
  --url URL            where it will be deployed: https://app.example.com, or
                       https://NAME.SUBDOMAIN.workers.dev
  --front FOLDER       the built front end; default: dist or public
  --api API            a Worker's name, the folder of a Worker's wrangler file,
                       a URL such as https://api.example.com (in development
                       http://localhost:3000 too), or none
  --vite               with Vite and its Cloudflare plugin
  --name NAME          the Worker's name; default: as in a wrangler file that is
                       there, in package.json, or the folder's name
  --port PORT          of the development server; default: 8787, Vite 5173
  --provider-port PORT of the provider on this machine; default: 9001
  --postern SPEC       which package \`postern\`: a version or file:PATH
  --force              replaces files, and keeps copies of them (FILE.bak)
  -y, --yes            asks nothing
  -h, --help           prints this
  --version            prints which release this is
`;

/** What the command line says. */
export function readOptions(args) {
  let parsed;
  try {
    parsed = parseArgs({ args, options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    throw new Problem(`${error.message.split('. ')[0]}\nThe options: npm create postern -- --help`);
  }
  const { values, positionals: [folder, ...more] } = parsed;
  if (more.length) throw new Problem(`expected one folder, found also \`${more.join('`, `')}\``);
  for (const name of ['port', 'provider-port']) checkPort(name, values[name]);
  return { folder, ...values };
}

/** The option for something that a provider asks. */
export function optionOf(key) {
  return key.replaceAll('_', '-');
}

function checkPort(name, text) {
  if (text === undefined) return;
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65_535) throw new Problem(`--${name}: expected a port, found \`${text}\``);
}

function listed(names) {
  const lines = [''];
  for (const name of names) {
    const longer = [lines.at(-1), name].filter(Boolean).join(', ');
    if (longer.length > 54) lines.push(name);
    else lines[lines.length - 1] = longer;
  }
  return lines.join(',\n                       ');
}

function of(key) {
  const [{ what, example }, ...others] = Object.values(PROVIDERS).flatMap(({ asks }) => asks.filter((one) => one.key === key));
  const whose = others.length ? 'host name at the provider' : what;
  const whole = `${whose}, such as ${example}`;
  return whole.length > 57 ? whose : whole;
}
