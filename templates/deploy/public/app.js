// Who is signed in, and what the API says. There is no token here: the session is a cookie that scripts cannot read.

import * as postern from '/auth/postern.js';

const byId = (id) => document.getElementById(id);

const watch = postern.watch();
watch.addEventListener('change', ({ detail: { session } }) => show(session));
watch.addEventListener('unreachable', () => say('Postern does not answer. Is it running?'));

byId('sign-out').addEventListener('click', () => postern.logout());

let shown;

async function show(session) {
  byId('who').textContent = session ? session.claims.name ?? session.subject : 'You are signed out';
  byId('sign-in').hidden = Boolean(session);
  byId('sign-in').href = postern.loginUrl();
  byId('sign-out').hidden = !session;
  if (session?.subject === shown) return;
  shown = session?.subject;
  say(session && false ? await hello() : '');
}

async function hello() {
  const response = await postern.fetch('/api/hello', { login: false });
  return response.ok ? (await response.json()).message : `The API answers ${response.status}.`;
}

function say(text) {
  byId('said').textContent = text;
}
