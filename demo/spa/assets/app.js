// The page: shows what Postern and the API say. Text is set as text, never as HTML.

import { ask, clockText, endsWithin, loginUrl, readSession, secondsLeft } from './session.js';

const POLL_MS = 30_000;
const WARN_SECONDS = 60;
const ENDING = {
  idle: 'You have not done anything for a while: your session is about to end.',
  absolute: 'Your session is about to end, and nothing can extend it. Finish what you are doing, or sign in again now.',
};
/** Tells the other tabs that the session is not what they know any more; never what it is. */
const tabs = new BroadcastChannel('session');
const byId = (id) => document.getElementById(id);
const onReports = location.pathname === '/reports';

let session = null;
let longestIdle = 1;
let unreachable = false;

async function refresh(how) {
  try {
    const before = session;
    session = await readSession(how);
    if (unreachable || session) byId('notice').hidden = true;
    unreachable = false;
    if (before && !session) noticeEnd();
    render();
  } catch {
    unreachable = true;
    say('Postern does not answer. Is it still running?');
  }
}

function render() {
  document.title = `${onReports ? 'Reports' : session ? nameOf(session) : 'Signed out'} · Postern demo`;
  byId('main').dataset.state = session ? 'signed-in' : 'signed-out';
  byId('loading').hidden = true;
  byId('signed-out').hidden = Boolean(session);
  byId('reports').hidden = !(session && onReports);
  for (const id of ['person', 'clocks']) byId(id).hidden = !session;
  byId('cookies').textContent = document.cookie ? `"${document.cookie}"` : 'empty';
  byId('storage').textContent = `${localStorage.length} entries`;
  for (const link of document.querySelectorAll('[data-login]')) link.href = loginUrl();
  if (session) renderPerson();
  else showEnding(null);
  tick();
}

function renderPerson() {
  const { claims = {}, session: clocks, issuer, subject, provider } = session;
  const name = nameOf(session);
  byId('person-title').textContent = name;
  byId('person-title').ariaLevel = onReports ? '2' : '1';
  byId('initials').textContent = name.split(/\s+/).map((part) => [...part][0]).slice(0, 2).join('').toUpperCase();
  byId('person-detail').textContent = [claims.email, `signed in with ${provider}`].filter(Boolean).join(' · ');
  byId('subject').textContent = subject;
  byId('issuer').textContent = issuer;
  byId('authenticated-at').textContent = new Date(clocks.authenticated_at * 1000)
    .toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  byId('acr').textContent = [clocks.acr, clocks.amr?.join(', ')].filter(Boolean).join(' · ') || 'not told';
}

function nameOf({ claims = {}, subject }) {
  return claims.name ?? claims.preferred_username ?? claims.email ?? subject;
}

/** Once a second: both clocks; when one has run out, asks again. */
function tick() {
  if (!session) return;
  const { idle_expires_at: idle, expires_at: end, created_at: created } = session.session;
  const idleLeft = secondsLeft(idle, session);
  const left = secondsLeft(end, session);
  longestIdle = Math.max(longestIdle, idleLeft);
  show('idle', idleLeft, longestIdle);
  show('absolute', left, end - created);
  showEnding(endsWithin(WARN_SECONDS, session), Math.min(idleLeft, left));
  if (idleLeft === 0 || left === 0) {
    session = null;
    noticeEnd();
    render();
  }
}

/** The text changes with the clock alone: what a screen reader reads out is not the countdown. */
function showEnding(clock, left = 0) {
  const { dataset } = byId('ending');
  byId('ending-left').textContent = clockText(left);
  if ((dataset.clock ?? null) === clock) return;
  const focused = byId('ending').contains(document.activeElement);
  if (clock) dataset.clock = clock;
  else delete dataset.clock;
  byId('ending-text').textContent = clock ? ENDING[clock] : session ? 'You stay signed in.' : '';
  byId('ending-actions').hidden = !clock;
  byId('stay').hidden = clock !== 'idle';
  byId('again').hidden = clock !== 'absolute';
  // What had the keyboard's focus is gone.
  if (focused) byId(clock === 'absolute' ? 'again' : 'main').focus({ preventScroll: true });
}

async function stay() {
  await refresh({ touch: true });
  tabs.postMessage('changed');
}

function show(name, seconds, of) {
  byId(`${name}-left`).textContent = clockText(seconds);
  byId(`${name}-bar`).value = Math.min(1, seconds / Math.max(1, of));
}

async function askApi(path) {
  // The button stays enabled: a disabled one would lose the keyboard's focus.
  byId('answer').ariaBusy = 'true';
  try {
    const answer = await ask(path);
    renderAnswer(path, answer);
  } catch {
    renderAnswer(path, { status: 0, body: { title: 'no answer' } });
  }
  byId('answer').ariaBusy = 'false';
  await refresh();
}

function renderAnswer(path, { status, body, milliseconds }) {
  const line = paragraph(`${path} → ${status || 'no answer'}${milliseconds === undefined ? '' : `, ${milliseconds} ms`}`);
  line.className = status === 200 ? 'status' : 'status refused';
  const words = status === 200
    ? [paragraph(`The API says: “${body.message}”`), paragraph(`Scopes: ${body.scopes.join(', ') || 'none'} · for ${body.audience}`)]
    : [paragraph(body?.title ?? body?.error ?? 'refused')];
  const raw = document.createElement('details');
  const summary = document.createElement('summary');
  summary.textContent = 'The whole answer';
  const text = document.createElement('pre');
  text.textContent = JSON.stringify(body, null, 2);
  raw.append(summary, text);
  byId('answer').replaceChildren(line, ...words, raw);
}

function paragraph(text) {
  const element = document.createElement('p');
  element.textContent = text;
  return element;
}

function noticeEnd() {
  tabs.postMessage('changed');
  const link = document.createElement('a');
  link.href = loginUrl();
  link.textContent = 'Sign in again';
  say('Your session has ended. ', link);
}

function say(...parts) {
  byId('notice').replaceChildren(...parts);
  byId('notice').hidden = false;
}

for (const link of document.querySelectorAll('[data-nav]')) {
  if (link.dataset.nav === location.pathname) link.setAttribute('aria-current', 'page');
}
byId('ask').addEventListener('click', () => askApi('/api/hello'));
byId('ask-admin').addEventListener('click', () => askApi('/api/admin/keys'));
byId('stay').addEventListener('click', stay);
tabs.addEventListener('message', () => refresh());
// Another tab may have signed out: look when this one is seen again.
document.addEventListener('visibilitychange', () => document.hidden || refresh());
addEventListener('pageshow', (event) => event.persisted && refresh());
setInterval(tick, 1000);
setInterval(() => document.hidden || refresh(), POLL_MS);

await refresh();
if (session && !onReports) await askApi('/api/hello');
