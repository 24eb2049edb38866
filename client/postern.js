// What a front end behind Postern needs, without any dependency. Served at /auth/postern.js, or copied:
//
//     import * as postern from '/auth/postern.js';
//     const orders = await postern.fetch('/api/orders');
//     postern.watch().addEventListener('ended', () => showSignIn(postern.loginUrl()));
//
// There is no token here to be read or stored: the session is a cookie that no script can see, and this only asks
// after it. Between tabs goes one word, "look"; every tab then asks for itself. Types: postern.d.ts beside it.

const CHANNEL = 'postern';
const LAST_LOGIN = 'postern-last-login';
const BETWEEN_LOGINS_MS = 30_000;
const DAY = 86_400;
const UNAUTHENTICATED = 'urn:postern:problem:unauthenticated';
const SECOND = 'urn:postern:problem:second-factor-required';
const STEP_UP = 'urn:postern:problem:insufficient-user-authentication';
const WANTED = ['provider', 'acr_values', 'max_age'];
const SAFE = ['GET', 'HEAD', 'OPTIONS'];
const FRESH_JSON = /** @type {const} */ ({ headers: { accept: 'application/json' }, cache: 'no-store' });

/** An answer that is not the one asked for. `problem` says what Postern says of it (RFC 9457), if it is Postern's. */
export class PosternError extends Error {
  /**
   * @param {Response} response
   * @param {import('./postern.d.ts').Problem | null} problem
   */
  constructor(response, problem) {
    super(`${new URL(response.url).pathname} answered ${response.status}`);
    this.name = 'PosternError';
    this.status = response.status;
    this.problem = problem;
  }
}

/** @type {typeof import('./postern.d.ts').problem} */
export async function problem(response) {
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
  return isProblem ? response.clone().json().catch(() => null) : null;
}

/**
 * `fetch`, and if the session has ended, or wants a better or more recent sign-in or a second factor: a read goes to sign in and comes back to this very place, where the person
 * sees this tab. A write is left to you with its 401, so that nothing typed is lost; so is a read with `login: false`.
 * @type {typeof import('./postern.d.ts').fetch}
 */
async function fetchOrLogin(input, init) {
  const request = new Request(input, init);
  if (new URL(request.url).origin !== location.origin) return fetch(request);
  const reads = SAFE.includes(request.method);
  // Browsers of today say by themselves where a request comes from; older ones cannot say it otherwise.
  if (!reads) request.headers.set('x-postern-csrf', '1');
  const response = await fetch(request);
  const refusal = response.status === 401 ? await problem(response) : null;
  if (refusal?.type === SECOND && reads && init?.login !== false && mayLogin({ second: 'second' })) verify();
  if (refusal?.type === UNAUTHENTICATED) tell();
  if (refusal?.type === UNAUTHENTICATED || refusal?.type === STEP_UP) {
    const wanted = wantedBy(refusal);
    if (reads && init?.login !== false && mayLogin(wanted)) login(wanted);
  }
  return response;
}

/**
 * What kind of sign-in would do, by the link in the problem. Of that only the words count: the login page is ours.
 * @param {import('./postern.d.ts').Problem} problem
 * @returns {Record<string, string>}
 */
function wantedBy({ login_url }) {
  const asked = new URLSearchParams(String(login_url).split('?')[1]);
  return Object.fromEntries([...asked].filter(([name]) => WANTED.includes(name)));
}
export { fetchOrLogin as fetch };

/** @type {typeof import('./postern.d.ts').loginUrl} */
export function loginUrl({ returnTo = location.pathname + location.search + location.hash, ...more } = {}) {
  return `/auth/login?${new URLSearchParams({ return_to: returnTo, ...more })}`;
}

/** @type {typeof import('./postern.d.ts').verifyUrl} */
export function verifyUrl({ returnTo = location.pathname + location.search + location.hash } = {}) {
  return `/auth/second/verify?${new URLSearchParams({ return_to: returnTo })}`;
}

/** @type {typeof import('./postern.d.ts').verify} */
export function verify(options) {
  location.assign(verifyUrl(options));
}

/** @type {typeof import('./postern.d.ts').login} */
export function login(options) {
  location.assign(loginUrl(options));
}

/**
 * By itself only where somebody looks, and not again right after the last time for the same: that would be a loop.
 * @param {Record<string, string>} wanted
 */
function mayLogin(wanted) {
  if (document.visibilityState !== 'visible') return false;
  const last = [LAST_LOGIN, ...Object.values(wanted)].join(' ');
  try {
    const now = Date.now();
    if (now - Number(sessionStorage.getItem(last)) < BETWEEN_LOGINS_MS) return false;
    sessionStorage.setItem(last, String(now));
    return true;
  } catch {
    return false;
  }
}

/**
 * A form, because its answer leads on to the provider. When this page is left the session is over: then the others look.
 * @type {typeof import('./postern.d.ts').logout}
 */
export function logout() {
  const form = Object.assign(document.createElement('form'), { method: 'post', action: '/auth/logout', hidden: true });
  document.body.append(form);
  addEventListener('pagehide', tell, { once: true });
  form.submit();
}

/** @type {typeof import('./postern.d.ts').me} */
export async function me({ touch = false } = {}) {
  // With `anonymous=null` a visitor who is not signed in is no error, and no red line in the console.
  const response = await fetch(`/auth/me?anonymous=null${touch ? '' : '&touch=false'}`, FRESH_JSON);
  // A Worker of an earlier release does not know the parameter.
  const body = response.status === 401 ? null : await jsonOf(response);
  if (body === null) return null;
  const skew = body.now - Date.now() / 1000;
  // `now` has whole seconds, and the answer took its time: less than two is noise.
  return { ...body, skew: Math.abs(skew) < 2 ? 0 : skew };
}

/** @type {typeof import('./postern.d.ts').timeLeft} */
export function timeLeft({ session, skew }, at = Date.now()) {
  const until = (/** @type {number} */ moment) => Math.max(0, moment - at / 1000 - skew);
  const [idle, absolute] = [until(session.idle_expires_at), until(session.expires_at)];
  return { idle, absolute, first: absolute <= idle ? 'absolute' : 'idle' };
}

/** @type {typeof import('./postern.d.ts').stay} */
export async function stay() {
  const session = await me({ touch: true });
  tell();
  return session;
}

/** @type {typeof import('./postern.d.ts').sessions} */
export async function sessions() {
  return (await jsonOf(await fetchOrLogin('/auth/sessions', FRESH_JSON))).sessions;
}

/** @type {typeof import('./postern.d.ts').endSession} */
export function endSession(id) {
  return end(`/auth/sessions/${encodeURIComponent(id)}`);
}

/** @type {typeof import('./postern.d.ts').endOtherSessions} */
export function endOtherSessions() {
  return end('/auth/sessions');
}

async function end(/** @type {string} */ path) {
  const { ended } = await jsonOf(await fetchOrLogin(path, { method: 'DELETE', ...FRESH_JSON }));
  tell();
  return ended;
}

async function jsonOf(/** @type {Response} */ response) {
  if (!response.ok) throw new PosternError(response, await problem(response));
  return response.json();
}

/** Has every tab of this origin look after the session, this one included. */
function tell() {
  const tabs = new BroadcastChannel(CHANNEL);
  tabs.postMessage('look');
  tabs.close();
}

/** @type {typeof import('./postern.d.ts').watch} */
export function watch(options) {
  return new SessionWatch(options);
}

/** Looks after the session when it is due, when the tab is seen again, and when another tab says so. */
class SessionWatch extends EventTarget {
  /** @type {import('./postern.d.ts').Session | null | undefined} */
  session;
  #warn;
  #every;
  #warned = '';
  #turn = 0;
  #timer = 0;
  #over = new AbortController();
  #tabs = new BroadcastChannel(CHANNEL);

  /** @param {import('./postern.d.ts').WatchOptions} [options] */
  constructor({ warn = 60, every = 30 } = {}) {
    super();
    this.#warn = warn;
    this.#every = every;
    const { signal } = this.#over;
    this.#tabs.addEventListener('message', () => this.#look(true), { signal });
    document.addEventListener('visibilitychange', () => document.hidden || this.look(), { signal });
    addEventListener('pageshow', ({ persisted }) => persisted && this.look(), { signal });
    this.look();
  }

  stop() {
    this.#turn += 1;
    this.#over.abort();
    this.#tabs.close();
    clearTimeout(this.#timer);
  }

  look() {
    return this.#look(false);
  }

  /** What it learns from an answer that a later one overtook it forgets; an end that it did not hear of it tells. */
  async #look(/** @type {boolean} */ heard) {
    this.#turn += 1;
    const turn = this.#turn;
    const session = await me().catch((/** @type {unknown} */ cause) => ({ cause }));
    if (turn !== this.#turn) return;
    if (session && 'cause' in session) this.#say('unreachable', session);
    else this.#learn(session, heard);
    // Whoever was just told may have ended the watch.
    if (turn === this.#turn) this.#sleep();
  }

  #learn(/** @type {import('./postern.d.ts').Session | null} */ session, /** @type {boolean} */ heard) {
    const ended = Boolean(this.session) && !session;
    this.session = session;
    if (ended && !heard) tell();
    this.#say('change', { session });
    if (ended) this.#say('ended', {});
    if (session) this.#warnOf(session);
  }

  /** Once for every end: only now that Postern has just said that no other request has put it off. */
  #warnOf(/** @type {import('./postern.d.ts').Session} */ session) {
    const left = timeLeft(session);
    const { idle_expires_at, expires_at } = session.session;
    const end = `${left.first} ${left.first === 'idle' ? idle_expires_at : expires_at}`;
    if (left[left.first] > this.#warn || end === this.#warned) return;
    this.#warned = end;
    this.#say('expiring', { session, clock: left.first, seconds: left[left.first] });
  }

  /** Until the next poll, the next warning or the end, whichever is first. Who is signed out is not asked after. */
  #sleep() {
    clearTimeout(this.#timer);
    if (this.session === null) return;
    const { idle, absolute } = this.session ? timeLeft(this.session) : { idle: DAY, absolute: DAY };
    const due = [idle, absolute, idle - this.#warn, absolute - this.#warn, document.hidden ? DAY : this.#every];
    this.#timer = setTimeout(() => this.look(), 1000 * Math.max(0.5, Math.min(...due.filter((seconds) => seconds > 0), DAY)));
  }

  #say(/** @type {string} */ name, /** @type {object} */ detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
