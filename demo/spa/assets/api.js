// What the API behind the door answers, and why Postern sometimes does not ask it.

import * as postern from '/auth/postern.js';

import { byId, withText } from './view.js';

/** `atOnce`: the first request is made as soon as somebody is signed in. */
export function showApi(watch, { atOnce }) {
  const ask = (path) => askApi(path).then(() => watch.look());
  byId('ask').addEventListener('click', () => ask('/api/hello'));
  byId('greet').addEventListener('click', () => ask('/api/greeting'));
  byId('by-key').textContent = `curl -H 'Authorization: Bearer demo_…' ${location.origin}/api/greeting`;
  byId('ask-admin').addEventListener('click', () => ask('/api/admin/keys'));
  if (atOnce) watch.addEventListener('change', ({ detail: { session } }) => session && ask('/api/hello'), { once: true });
}

async function askApi(path) {
  const since = performance.now();
  // The button stays enabled: a disabled one would lose the keyboard's focus.
  byId('answer').ariaBusy = 'true';
  try {
    // Whoever looks at this page sees what a 401 looks like; an application leaves `login` out and is led to sign in.
    const response = await postern.fetch(path, { headers: { accept: 'application/json' }, cache: 'no-store', login: false });
    const body = await response.json().catch(() => null);
    render(`${path} → ${response.status}, ${Math.round(performance.now() - since)} ms`, response.ok, body);
  } catch {
    render(`${path} → no answer`, false, null);
  }
  byId('answer').ariaBusy = 'false';
}

function render(line, ok, body) {
  const words = ok
    ? [`The API says: “${body.message}”`, `Scopes: ${body.scopes.join(', ') || 'none'} · for ${body.audience}`]
    : [body?.title ?? body?.error ?? 'refused', ...(body?.scope ? [`It takes the scope ${body.scope}, which nobody granted.`] : [])];
  const raw = document.createElement('details');
  raw.append(withText('summary', 'The whole answer'), withText('pre', JSON.stringify(body, null, 2)));
  byId('answer').replaceChildren(
    withText('p', line, ok ? 'status' : 'status refused'), ...words.map((text) => withText('p', text)), raw,
  );
}
