// Options, and questions for what they do not say → everything that the files depend on.

import { existsSync, statSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';

import { quoted } from './dev-vars.mjs';
import { optionOf } from './options.mjs';
import { Problem } from './problem.mjs';
import { workerIn, workerName } from './project.mjs';
import { PROVIDERS, normal, placeholder, valueOf, wrongWith } from './providers.mjs';
import { wrapped } from './paint.mjs';

const DEMO = 'demo';
const PORTS = { wrangler: 8787, vite: 5173, provider: 9001 };
/** An API in development: Postern takes it while it is on this machine itself. */
const LOCAL_API = /^http:\/\/(localhost|127\.0\.0\.1)(:\d{1,5})?\/?$/;
const HOST = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/;

/** `questions`: how to ask, or nothing where the defaults have to do. */
export async function settle(options, project, { questions, env, say }) {
  const vite = options.vite ?? project.hasVite;
  const provider = await chooseProvider(options, questions);
  const url = await deployedAt(options, questions, provider);
  const name = nameOf(options, url, project);
  const front = await frontEnd(options, project, vite, questions);
  const api = await apiOf(options, project, questions);
  const port = Number(options.port ?? (vite ? PORTS.vite : PORTS.wrangler));
  const origin = `http://localhost:${port}`;
  const answers = {
    name, vite, url, front, api, port, origin,
    id: provider.id, isDemo: provider.id === DEMO, providerPort: Number(options['provider-port'] ?? PORTS.provider),
    postern: options.postern,
    addresses: [origin, url].filter(Boolean).map((base) => addressesOf(base, provider.id)),
  };
  return { ...answers, ...(await providerAnswers(options, provider, answers, { questions, env, say })) };
}

/** What a provider has to know of Postern at `base`. */
function addressesOf(base, id) {
  return {
    origin: base,
    callback: `${base}/auth/callback/${id}`,
    signed_out: `${base}/auth/logged-out`,
    backchannel_logout: `${base}/auth/backchannel-logout/${id}`,
  };
}

/** A Worker at workers.dev is called as its address says. */
function nameOf({ name }, url, project) {
  const [, ofAddress] = /^https:\/\/([^.]+)\.[^.]+\.workers\.dev$/.exec(url ?? '') ?? [];
  if (name !== undefined && workerName(name) !== name) throw new Problem(`--name: expected small letters, digits and \`-\`, found \`${name}\``);
  if (name && ofAddress && name !== ofAddress) throw new Problem(`--name: \`${url}\` is the address of a Worker called \`${ofAddress}\`, not \`${name}\``);
  return name ?? ofAddress ?? project.name;
}

async function chooseProvider(options, questions) {
  if (options.demo && options.provider) throw new Problem('--demo and --provider exclude each other');
  if (options.demo) return { id: DEMO };
  const ids = Object.keys(PROVIDERS);
  if (options.provider && !ids.includes(options.provider)) throw new Problem(`--provider: expected ${ids.join(', ')}, found \`${options.provider}\``);
  if (options.provider) return { id: options.provider, ...PROVIDERS[options.provider] };
  if (!questions) throw new Problem('--provider or --demo is needed where nothing can be asked');
  const choices = [...Object.entries(PROVIDERS).map(([id, { title }]) => [id, title]), [DEMO, 'None yet: one on this machine, for development']];
  const id = await questions.choice('Where do people sign in?', choices);
  return { id, ...PROVIDERS[id] };
}

async function deployedAt({ url }, questions, { id }) {
  const asked = questions && url === undefined && id !== DEMO;
  const given = asked
    ? await questions.text('Where will it be deployed?', { hint: 'such as https://app.example.com, or empty', wrong: wrongAddress })
    : url ?? '';
  const why = wrongAddress(given);
  if (why) throw new Problem(`--url: ${why}, found \`${given}\``);
  return given === '' ? undefined : `https://${hostOf(given)}`;
}

function wrongAddress(text) {
  if (text !== '' && !HOST.test(hostOf(text))) return 'expected an address such as https://app.example.com';
  const isWorkersDev = hostOf(text).endsWith('.workers.dev');
  return isWorkersDev && hostOf(text).split('.').length !== 4 ? 'expected https://NAME.SUBDOMAIN.workers.dev' : undefined;
}

const hostOf = (text) => text.replace(/^https:\/\//, '').replace(/\/$/, '');

async function frontEnd({ front }, project, vite, questions) {
  const standard = vite || project.builds ? 'dist' : 'public';
  const inFolder = (text) => (inside(project.folder, text) ? undefined : 'expected a folder in the project');
  // Vite's plugin knows by itself where the files are.
  const asked = questions && front === undefined && !project.isEmpty && !vite;
  const given = asked ? await questions.text('The folder of the built front end', { standard, wrong: inFolder }) : front ?? standard;
  if (inFolder(given)) throw new Problem(`--front: ${inFolder(given)}, found \`${given}\``);
  const directory = relative(project.folder, resolve(project.folder, given)).replaceAll('\\', '/');
  const isThere = vite ? project.has('index.html') : existsSync(join(project.folder, directory)) || project.builds;
  return { directory, isNew: !isThere };
}

async function apiOf({ api }, project, questions) {
  const ours = project.has('api/wrangler.jsonc');
  const standard = project.isEmpty ? 'new' : ours ? 'api' : 'none';
  const hint = project.isEmpty ? 'empty for a small one' : `empty for ${ours ? 'the one in `api`' : 'none'}`;
  const given = questions && api === undefined
    ? await questions.text('Your API: a Worker\'s name, its folder, or a URL', { hint, wrong: (text) => wrongApi(text || standard, project) })
    : api;
  const isOurs = ours && !given;
  return { ...readApi(given || standard, project), ...(isOurs && { kind: 'own' }) };
}

function wrongApi(given, project) {
  try {
    readApi(given, project);
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error.message.replace(/^--api: /, '');
    throw error;
  }
}

function readApi(given, { folder, has }) {
  if (given === 'none') return { kind: 'none' };
  if (given === 'new') {
    if (has('api')) throw new Problem('there is a folder `api` already: say with --api what it is');
    return { kind: 'new', config: 'api/wrangler.jsonc' };
  }
  if (/^https?:/.test(given)) {
    const isLocal = LOCAL_API.test(given);
    if (!URL.canParse(given) || !(isLocal || new URL(given).protocol === 'https:')) {
      throw new Problem(`--api: expected a URL that begins with https:// (or http://localhost:PORT), found \`${given}\``);
    }
    return { kind: 'origin', upstream: given.replace(/\/$/, ''), isLocal };
  }
  const path = resolve(folder, given);
  if (existsSync(path) && statSync(path).isDirectory()) {
    const { name, file } = workerIn(path, given);
    return { kind: 'worker', service: name, config: join(relative(folder, path), file).replaceAll('\\', '/') };
  }
  if (workerName(given) !== given) throw new Problem(`--api: expected a Worker's name, a folder, a URL or \`none\`, found \`${given}\``);
  return { kind: 'worker', service: given };
}

function inside(folder, path) {
  const way = relative(folder, resolve(folder, path));
  return way !== '' && !way.startsWith('..') && !isAbsolute(way);
}

async function providerAnswers(options, provider, { isDemo, addresses, providerPort }, { questions, env, say }) {
  if (isDemo) return { settings: { issuer: `http://127.0.0.1:${providerPort}` }, clientAuth: null, clientId: 'postern', title: 'the provider on this machine', register: [] };
  const settings = provider.preset ? { preset: provider.preset } : {};
  const later = [];
  for (const one of provider.asks) {
    const text = await providerText(one, options[optionOf(one.key)], questions);
    settings[one.key] = text ? valueOf(one, text) : placeholder(one);
    if (!text) later.push(one);
  }
  const register = steps(provider, addresses);
  if (questions) {
    say(`\nRegister this application at ${provider.title} now, or later:\n\n${numbered(register)}\n\n`);
  }
  const hint = 'empty to fill it in later';
  const clientId = options['client-id'] ?? (questions ? await questions.text('Client ID', { hint, wrong: wrongClientId }) : '');
  if (wrongClientId(clientId)) throw new Problem(`--client-id: ${wrongClientId(clientId)}`);
  const secret = env.POSTERN_CLIENT_SECRET ?? (questions ? await questions.secret(`${clientAuthWord(provider)}, kept in .dev.vars alone (not shown; ${hint})`) : '');
  if (quoted(secret) === undefined) throw new Problem('the client secret has characters that .dev.vars cannot hold');
  return { settings, later, clientId, secret, title: provider.title, clientAuth: provider.client_auth, register, isTold: Boolean(questions) };
}

const clientAuthWord = ({ client_auth: how }) => (how === 'apple' ? 'Private key on one line' : 'Client secret');

const wrongClientId = (text) => (/^[\x21-\x7e]{0,512}$/.test(text) ? undefined : 'expected visible ASCII characters');

async function providerText(one, given, questions) {
  const option = `--${optionOf(one.key)}`;
  if (given === undefined && !questions) throw new Problem(`${option} is needed: ${one.what}, such as ${one.example}`);
  if (given === undefined) return normal(one, await askedTwice(one, questions));
  const why = wrongWith(one, normal(one, given));
  if (why) throw new Problem(`${option}: ${why}, found \`${given}\``);
  return normal(one, given);
}

/** The answer to a question of a provider; the second empty one in a row is taken, to be filled in later. */
function askedTwice(one, questions) {
  let wasEmpty = false;
  const wrong = (text) => {
    if (text) {
      wasEmpty = false;
      return wrongWith(one, normal(one, text));
    }
    if (wasEmpty) return undefined;
    wasEmpty = true;
    return `${wrongWith(one, text)}. To fill it in later, leave it empty once more`;
  };
  return questions.text(one.what, { hint: `such as ${one.example}`, wrong });
}

/** What to do at the provider: each step is a list of texts, and of lists of addresses. */
function steps({ register }, addresses) {
  const values = Object.fromEntries(Object.keys(addresses[0]).map((key) => [key, addresses.map((one) => one[key])]));
  // A provider can tell only what is deployed of sign-outs.
  values.backchannel_logout = values.backchannel_logout.slice(-1);
  return register.map((step) => {
    const parts = step.split(/\{(\w+)\}[.,]?/);
    return parts.map((part, index) => (index % 2 ? values[part] ?? [`{${part}}`] : part.trim())).filter((part) => part.length);
  });
}

/** Steps with their numbers, in lines for a terminal. */
export function numbered(steps) {
  return steps.map((parts, index) => wrapped(`  ${index + 1}. `, parts)).join('\n');
}
