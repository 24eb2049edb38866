// `postern check --online`: asks providers for what they publish. The program says what to ask, and judges the answers.

/** The program's exit code while it lacks answers. */
const ASK_FIRST = 3;
/** Metadata, then keys; one more than that is a fault. */
const MAX_ROUNDS = 4;
const MAX_BYTES = 1024 * 1024;
const TIMEOUT_MS = 10_000;
const HEADERS = { accept: 'application/json', 'user-agent': 'Postern' };

const NO_NAME = ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA'];
const REFUSED = ['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_SOCKET'];
const TOO_LATE = ['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'];
const CERTIFICATE = /CERT|UNABLE_TO_(GET|VERIFY)|ERR_TLS|ERR_SSL/;
const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * Runs `check` until it has all answers.
 *
 * @param {(args: string[], input: string) => { out: Buffer, err: Buffer, code: number }} run
 * @param {string[]} args
 */
export async function checkOnline(run, args) {
  const asked = [...args.filter((arg) => arg !== '--online'), '--answers', '-'];
  const answers = {};
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const result = run(asked, JSON.stringify(answers));
    if (result.code !== ASK_FIRST) return result;
    const { wanted } = JSON.parse(result.out.toString());
    await Promise.all(wanted.map(async (url) => { answers[url] = await ask(url); }));
  }
  throw new Error('it asks without end');
}

/** One answer, in the form that the program reads (`crates/cli/src/online/answers.rs`). Redirects are answers. */
export async function ask(url, { timeout = TIMEOUT_MS, maxBytes = MAX_BYTES } = {}) {
  if (!isAllowed(new URL(url))) return { failed: 'other' };
  const began = Date.now();
  try {
    const response = await fetch(url, { headers: HEADERS, redirect: 'manual', signal: AbortSignal.timeout(timeout) });
    const answered = Date.now();
    const body = await read(response, maxBytes);
    if (body === null) return { failed: 'size' };
    const reply = { status: response.status, body };
    const location = response.headers.get('location');
    if (location !== null) reply.location = location.slice(0, 500);
    const date = Date.parse(response.headers.get('date') ?? '');
    // The answer was made between the two, and `Date` has whole seconds.
    if (date > answered) reply.ahead = Math.floor((date - answered) / 1000);
    if (date + 1000 < began) reply.ahead = -Math.floor((began - date - 1000) / 1000);
    return reply;
  } catch (error) {
    return { failed: kindOf(error) };
  }
}

function isAllowed({ protocol, hostname }) {
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname));
}

/** The text of the body, nothing where it is no text, `null` where it is too long. */
async function read(response, maxBytes) {
  const chunks = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) return null;
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    return '';
  }
}

function kindOf(error) {
  const codes = [error, error.cause, ...(error.cause?.errors ?? [])].map((one) => String(one?.code ?? one?.name ?? ''));
  const is = (list) => codes.some((code) => list.includes(code));
  if (error.name === 'TimeoutError' || is(TOO_LATE)) return 'time';
  if (is(NO_NAME)) return 'name';
  if (codes.some((code) => CERTIFICATE.test(code))) return 'certificate';
  return is(REFUSED) ? 'refused' : 'other';
}
