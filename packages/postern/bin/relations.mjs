#!/usr/bin/env node
// `postern relations`: every tuple of a deployment into a file, and back. It uses the endpoints of administration.

import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

export const USAGE = `postern relations dump    --url URL [--subject user:corp|alice] [--after CURSOR] > FILE
postern relations load    --url URL [--from LINE] [--dry-run] FILE
postern relations remove  --url URL [--from LINE] [--dry-run] FILE
postern relations compare --url URL FILE

A file has one JSON object a line: {"tuple":"document:7#viewer@user:https://login.example.com|alice"}.
POSTERN_TOKEN is an access token or API key of a service that may (\`ADMIN.services\`), or --token-file names a file that has one.
Without it, POSTERN_SESSION is the value of an administrator's session cookie, \`__Host-postern\`.
What may pass (429, 503) is tried 6 times, or --tries N.
`;

const [GOOD, DIFFERENT, MISUSED] = [0, 1, 2];
/** As many as one order takes. */
const MOST_CHANGES = 100;
const MOST_LINE_BYTES = 8 * 1024;
const MOST_ANSWER_BYTES = 4 * 1024 * 1024;
const TRIES = 6;
const LONGEST_PAUSE_SECONDS = 60;
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** What is told to whoever typed the command; `code` is the exit code. */
class Told extends Error {
  constructor(message, code = DIFFERENT) {
    super(message);
    this.code = code;
  }
}

/** Carries out a command; the exit code. */
export async function relations(args, { env = process.env, out = process.stdout, err = process.stderr } = {}) {
  try {
    const [command, options, file] = read(args);
    const site = new Site(options.url, credential(options, env), Number(options.tries ?? TRIES));
    return await COMMANDS[command]({ site, options, file, write: (line) => put(out, `${line}\n`), say: (line) => err.write(`${line}\n`) });
  } catch (error) {
    if (!(error instanceof Told)) throw error;
    if (error.code === GOOD) out.write(error.message);
    else err.write(`postern relations: ${error.message}\n`);
    return error.code;
  }
}

const COMMANDS = { dump, load: (work) => change(work, 'add'), remove: (work) => change(work, 'remove'), compare };
const OPTIONS = { dump: ['subject', 'after'], load: ['from', 'dry-run'], remove: ['from', 'dry-run'], compare: [] };

function read(args) {
  let parsed;
  const texts = ['url', 'tries', 'token-file', 'subject', 'after', 'from'].map((name) => [name, { type: 'string' }]);
  const options = { ...Object.fromEntries(texts), 'dry-run': { type: 'boolean' }, help: { type: 'boolean', short: 'h' } };
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new Told(`${error.message}\n\n${USAGE}`, MISUSED);
  }
  const { values, positionals: [command, file, ...more] } = parsed;
  if (values.help) throw new Told(USAGE, GOOD);
  if (!Object.hasOwn(COMMANDS, command ?? '')) throw new Told(`expected dump, load, remove or compare\n\n${USAGE}`, MISUSED);
  const foreign = Object.keys(values).find((name) => !['url', 'tries', 'token-file'].includes(name) && !OPTIONS[command].includes(name));
  if (foreign) throw new Told(`\`${command}\` takes no --${foreign}`, MISUSED);
  if (!values.url) throw new Told('expected --url, such as https://app.example.com', MISUSED);
  if (more.length || (command === 'dump') === Boolean(file)) throw new Told(command === 'dump' ? '`dump` writes to standard output' : `\`${command}\` takes one file`, MISUSED);
  for (const name of ['from', 'tries']) {
    if (values[name] !== undefined && !/^[1-9]\d{0,8}$/.test(values[name])) throw new Told(`expected a number in --${name}`, MISUSED);
  }
  return [command, values, file];
}

/** The headers that prove an administrator: a token, else a session. */
function credential(options, env) {
  const file = options['token-file'];
  const token = file === undefined ? env.POSTERN_TOKEN : tokenIn(file);
  if (token) {
    if (!/^[\w.~+/-]+=*$/.test(token)) throw new Told(`${file === undefined ? 'POSTERN_TOKEN' : file} has no access token or key`, MISUSED);
    return { authorization: `Bearer ${token}` };
  }
  const session = env.POSTERN_SESSION;
  if (!session) throw new Told('expected the value of an administrator\'s session cookie in POSTERN_SESSION, or a token in POSTERN_TOKEN', MISUSED);
  if (!/^[\w.~-]+$/.test(session)) throw new Told('POSTERN_SESSION is no cookie value', MISUSED);
  return { cookie: `__Host-postern=${session}`, 'x-postern-csrf': '1' };
}

function tokenIn(file) {
  try {
    return readFileSync(file, 'utf8').trim() || ' ';
  } catch (error) {
    throw new Told(`cannot read ${file}: ${error.message}`, MISUSED);
  }
}

/** A deployment, by its public address and what proves an administrator. */
class Site {
  #origin;
  #credential;
  #tries;

  constructor(url, credential, tries) {
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    const safe = parsed && (parsed.protocol === 'https:' || (parsed.protocol === 'http:' && LOOPBACK.includes(parsed.hostname)));
    if (!safe) throw new Told('expected an https address in --url', MISUSED);
    this.#origin = parsed.origin;
    this.#credential = credential;
    this.#tries = tries;
  }

  /** A page of all tuples. */
  page(after, subject) {
    const query = new URLSearchParams({ ...(subject && { subject }), ...(after && { after }) });
    return this.#ask(`/auth/admin/relations/all?${query}`);
  }

  /** Adds or removes tuples of one object. */
  change(verb, tuples) {
    return this.#ask('/auth/admin/relations', { method: 'POST', body: JSON.stringify({ [verb]: tuples }) });
  }

  /** Repeats what may pass: a change that is made already is made by nothing more. */
  async #ask(path, init = {}) {
    const headers = { ...this.#credential, 'content-type': 'application/json' };
    for (let tries = 1; ; tries += 1) {
      const answer = await fetch(this.#origin + path, { ...init, headers, redirect: 'manual' }).catch((error) => {
        throw new Told(`cannot reach ${this.#origin}: ${error.cause?.message ?? error.message}`);
      });
      const text = await limited(answer);
      if (answer.ok) return parsed(text);
      if (![429, 503].includes(answer.status) || tries === this.#tries) throw refused(answer.status, text, this.#credential.authorization ? OF_TOKEN : OF_SESSION);
      await pause(Math.min(Number(answer.headers.get('retry-after')) || 1, LONGEST_PAUSE_SECONDS));
    }
  }
}

const pause = (seconds) => new Promise((over) => setTimeout(over, seconds * 1000));

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Told('the answer is no JSON: is this the address of Postern?');
  }
}

async function limited(answer) {
  let bytes = 0;
  const parts = [];
  for await (const part of answer.body ?? []) {
    bytes += part.length;
    if (bytes > MOST_ANSWER_BYTES) throw new Told('the answer is too long');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

const OF_SESSION = {
  401: 'the session is over, or is none: sign in and copy the cookie again',
  403: 'this session may not do that: see ADMIN in the configuration',
};
const OF_TOKEN = {
  401: 'the token is not accepted here, or has expired',
  403: 'this token may not do that: see ADMIN.services in the configuration, `actions` and `bearer`',
};

/** `why`: what a status means for the credential that was shown. */
function refused(status, text, why) {
  let problem = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // A page tells no more than its status.
  }
  const known = { ...why, 404: 'there is nothing to administer there: without ADMIN and RELATIONS there are no such endpoints' };
  const told = problem.problems?.join('; ') ?? known[status] ?? problem.title ?? '';
  const id = problem.request_id ? ` (request ${problem.request_id})` : '';
  return new Told(`${status}${id}: ${told}`);
}

/** Every tuple, page by page; `reached` hears from where to go on. */
async function* tuples(site, { after, subject, reached = () => {} }) {
  for (let next = after ?? ''; next !== null; ) {
    const page = await site.page(next, subject);
    yield* page.tuples;
    next = page.next;
    reached(next);
  }
}

async function dump({ site, options, write, say }) {
  let [count, next] = [0, options.after ?? ''];
  const reached = (cursor) => (next = cursor);
  try {
    for await (const tuple of tuples(site, { ...options, reached })) {
      await write(JSON.stringify({ tuple }));
      count += 1;
    }
  } catch (error) {
    // What of the last page is written may come again: to load a tuple twice changes nothing.
    if (error instanceof Told && next) error.message += `\n${count} tuples are written. Go on with: --after '${next}'`;
    throw error;
  }
  say(`${count} tuples`);
  return GOOD;
}

/** The tuples of a file, with the number of each line. */
async function* lines(file, from = 1) {
  const input = createReadStream(file, { encoding: 'utf8' });
  let number = 0;
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      number += 1;
      if (number < from || !line.trim()) continue;
      yield { number, tuple: tupleOf(line, number) };
    }
  } catch (error) {
    if (error.syscall) throw new Told(`cannot read \`${file}\`: ${error.message}`, MISUSED);
    throw error;
  }
}

function tupleOf(line, number) {
  let read;
  try {
    read = line.length > MOST_LINE_BYTES ? undefined : JSON.parse(line);
  } catch {
    // It is told below.
  }
  const keys = Object.keys(read ?? {});
  if (typeof read?.tuple !== 'string' || keys.length !== 1) throw new Told(`line ${number}: expected {"tuple":"document:7#viewer@user:corp|alice"}`);
  return read.tuple;
}

const objectOf = (tuple) => tuple.split('#')[0];

/** Lines that are of one object, as many as one order takes. */
async function* orders(file, from) {
  let order = [];
  for await (const line of lines(file, from)) {
    const [first] = order;
    if (first && (objectOf(first.tuple) !== objectOf(line.tuple) || order.length === MOST_CHANGES)) {
      yield order;
      order = [];
    }
    if (!order.some(({ tuple }) => tuple === line.tuple)) order.push(line);
  }
  if (order.length) yield order;
}

/** Adds or removes every tuple of a file. */
async function change({ site, options, file, say }, verb) {
  const done = { add: 'added', remove: 'removed' }[verb];
  if (options['dry-run']) return wouldChange({ site, file, say }, verb);
  let [count, all] = [0, 0];
  for await (const order of orders(file, Number(options.from ?? 1))) {
    try {
      const answer = await site.change(verb, order.map(({ tuple }) => tuple));
      count += answer[done].length;
      all += order.length;
    } catch (error) {
      const [first] = order;
      if (error instanceof Told) error.message += `\nlines ${first.number} to ${order.at(-1).number} are not done, those before are. Go on with: --from ${first.number}`;
      throw error;
    }
  }
  say(`${all} tuples, ${count} ${done}`);
  return GOOD;
}

async function wouldChange({ site, file, say }, verb) {
  const there = new Set();
  for await (const tuple of tuples(site, {})) there.add(tuple);
  const wanted = new Set();
  for await (const { tuple } of lines(file)) wanted.add(tuple);
  const differ = [...wanted].filter((tuple) => there.has(tuple) === (verb === 'remove'));
  say(`${wanted.size} tuples, ${differ.length} would be ${verb === 'add' ? 'added' : 'removed'}`);
  return GOOD;
}

/** What is only in the file (-) and only there (+). */
async function compare({ site, file, write, say }) {
  const wanted = new Set();
  for await (const { tuple } of lines(file)) wanted.add(tuple);
  let differences = 0;
  const tell = async (sign, tuple) => {
    differences += 1;
    await write(`${sign} ${tuple}`);
  };
  let same = 0;
  for await (const tuple of tuples(site, {})) {
    if (wanted.delete(tuple)) same += 1;
    else await tell('+', tuple);
  }
  for (const tuple of wanted) await tell('-', tuple);
  say(`${same} the same, ${differences} different`);
  return differences ? DIFFERENT : GOOD;
}

/** Writes, no faster than the other side reads. */
const put = (stream, text) => (stream.write(text) ? undefined : new Promise((drained) => stream.once('drain', drained)));

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await relations(process.argv.slice(2));
}
