// The page: shows what Postern and the API say. Text is set as text, never as HTML.

import { ask, clockText, loginUrl, readSession, secondsLeft } from './session.js';

const POLL_MS = 30_000;
const byId = (id) => document.getElementById(id);
const onReports = location.pathname === '/reports';

let session = null;
let longestIdle = 1;
let unreachable = false;

async function refresh() {
  try {
    const before = session;
    session = await readSession();
    if (unreachable) byId('notice').hidden = true;
    unreachable = false;
    if (before && !session) sayEnded();
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
  if (idleLeft === 0 || left === 0) {
    session = null;
    sayEnded();
    render();
  }
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
    if (answer.status === 401 && session) sayEnded();
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

function sayEnded() {
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
// Another tab may have signed out: look when this one is seen again.
document.addEventListener('visibilitychange', () => document.hidden || refresh());
addEventListener('pageshow', (event) => event.persisted && refresh());
setInterval(tick, 1000);
setInterval(() => document.hidden || refresh(), POLL_MS);

await refresh();
if (session && !onReports) await askApi('/api/hello');
