// What the page knows of the session: asked of Postern, never stored here.

/**
 * The session as Postern tells it; null when signed out. Looking does not start the idle clock again, unless `touch`:
 * that is for what a person does, never for a timer. `skew` is how far the server's clock is ahead of this one, in seconds.
 */
export async function readSession({ touch = false } = {}) {
  const response = await fetch(touch ? '/auth/me' : '/auth/me?touch=false', { headers: { accept: 'application/json' }, cache: 'no-store' });
  if (response.status === 401) return null;
  if (!response.ok) throw new Error(`/auth/me answered ${response.status}`);
  return { ...await response.json(), skew: skewOf(response) };
}

/** Asks the API; resolves with the status, the parsed body (or null) and the length of the wait. */
export async function ask(path) {
  const since = performance.now();
  const response = await fetch(path, { headers: { accept: 'application/json' }, cache: 'no-store' });
  const body = await response.json().catch(() => null);
  return { status: response.status, body, milliseconds: Math.round(performance.now() - since) };
}

/** Where signing in starts, so that it ends here again. */
export function loginUrl(from = location.pathname + location.search) {
  return `/auth/login?return_to=${encodeURIComponent(from)}`;
}

/** Seconds left until a moment of the server's clock, at least 0. */
export function secondsLeft(until, { skew = 0 } = {}) {
  return Math.max(0, Math.round(until - (Date.now() / 1000 + skew)));
}

/** Which clock ends the session within `seconds`: `absolute` (nothing helps), `idle` (a request does), or none. */
export function endsWithin(seconds, session) {
  if (secondsLeft(session.session.expires_at, session) <= seconds) return 'absolute';
  return secondsLeft(session.session.idle_expires_at, session) <= seconds ? 'idle' : null;
}

/** `7:05`, `1:02:09`. */
export function clockText(seconds) {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const pair = (number) => String(number).padStart(2, '0');
  return hours ? `${hours}:${pair(minutes)}:${pair(rest)}` : `${minutes}:${pair(rest)}`;
}

function skewOf(response) {
  const date = Date.parse(response.headers.get('date') ?? '');
  // The header has whole seconds: less than two is noise.
  const skew = Number.isNaN(date) ? 0 : (date - Date.now()) / 1000;
  return Math.abs(skew) < 2 ? 0 : skew;
}
