// The page: who is signed in, for how long, and what the other parts show. Text is set as text, never as HTML.

import * as postern from '/auth/postern.js';

import { showApi } from './api.js';
import { showLive } from './live.js';
import { showSessions } from './sessions.js';
import { byId, clockText, withText } from './view.js';

const WARN_SECONDS = 60;
const ENDING = {
  idle: 'You have not done anything for a while: your session is about to end.',
  absolute: 'Your session is about to end, and nothing can extend it. Finish what you are doing, or sign in again now.',
};
const onReports = location.pathname === '/reports';
const watch = postern.watch({ warn: WARN_SECONDS });

let longestIdle = 1;

watch.addEventListener('change', ({ detail: { session } }) => {
  if (session || byId('notice').dataset.about === 'silence') byId('notice').hidden = true;
  render(session);
});
watch.addEventListener('expiring', ({ detail: { clock } }) => showEnding(clock));
watch.addEventListener('ended', () => {
  const link = withText('a', 'Sign in again');
  link.href = postern.loginUrl();
  say('end', 'Your session has ended. ', link);
});
watch.addEventListener('unreachable', () => say('silence', 'Postern does not answer. Is it still running?'));

function render(session) {
  document.title = `${onReports ? 'Reports' : session ? nameOf(session) : 'Signed out'} · Postern demo`;
  byId('main').dataset.state = session ? 'signed-in' : 'signed-out';
  byId('loading').hidden = true;
  byId('signed-out').hidden = Boolean(session);
  byId('reports').hidden = !(session && onReports);
  for (const id of ['person', 'clocks', 'sessions', 'programs']) byId(id).hidden = !session;
  byId('cookies').textContent = document.cookie ? `"${document.cookie}"` : 'empty';
  byId('storage').textContent = `${localStorage.length} entries`;
  for (const link of document.querySelectorAll('[data-login]')) link.href = postern.loginUrl();
  if (session) renderPerson(session);
  else showEnding(null);
  tick();
}

function renderPerson(session) {
  const { claims, session: clocks, issuer, subject, provider } = session;
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

function nameOf({ claims, subject }) {
  return claims.name ?? claims.preferred_username ?? claims.email ?? subject;
}

/** Once a second: both clocks. What they mean is Postern's to say. */
function tick() {
  if (!watch.session) return;
  const { idle, absolute } = postern.timeLeft(watch.session);
  const { created_at: created, expires_at: end } = watch.session.session;
  longestIdle = Math.max(longestIdle, idle);
  show('idle', idle, longestIdle);
  show('absolute', absolute, end - created);
  const left = Math.min(idle, absolute);
  byId('ending-left').textContent = clockText(left);
  if (left > WARN_SECONDS) showEnding(null);
}

function show(name, seconds, of) {
  byId(`${name}-left`).textContent = clockText(seconds);
  byId(`${name}-bar`).value = Math.min(1, seconds / Math.max(1, of));
}

/** The text changes with the clock alone: what a screen reader reads out is not the countdown. */
function showEnding(clock) {
  const { dataset } = byId('ending');
  if ((dataset.clock ?? null) === clock) return;
  const focused = byId('ending').contains(document.activeElement);
  if (clock) dataset.clock = clock;
  else delete dataset.clock;
  byId('ending-text').textContent = clock ? ENDING[clock] : watch.session ? 'You stay signed in.' : '';
  byId('ending-actions').hidden = !clock;
  byId('stay').hidden = clock !== 'idle';
  byId('again').hidden = clock !== 'absolute';
  // What had the keyboard's focus is gone.
  if (focused) byId(clock === 'absolute' ? 'again' : 'main').focus({ preventScroll: true });
}

function say(about, ...parts) {
  byId('notice').dataset.about = about;
  byId('notice').replaceChildren(...parts);
  byId('notice').hidden = false;
}

for (const link of document.querySelectorAll('[data-nav]')) {
  if (link.dataset.nav === location.pathname) link.setAttribute('aria-current', 'page');
}
byId('stay').addEventListener('click', () => postern.stay());
byId('sign-out').addEventListener('click', () => postern.logout());
setInterval(tick, 1000);
showApi(watch, { atOnce: !onReports });
showLive(watch);
showSessions(watch);
