// What a front end in TypeScript writes: it must compile, and what is marked as an error must be one.

import * as postern from './postern.js';

export async function orders(): Promise<unknown> {
  const response = await postern.fetch('/api/orders', { method: 'POST', body: '{}' });
  if (response.status === 403) throw new Error((await postern.problem(response))?.scope ?? 'unknown');
  const read: Response = await postern.fetch(new URL('https://app.example.com/api/orders'), { login: false });
  return read.json();
}

export async function who(): Promise<string> {
  const session = await postern.me({ touch: true });
  // @ts-expect-error: nobody may be signed in
  session.subject;
  if (!session) return postern.loginUrl({ returnTo: '/reports', provider: 'corp' });
  const { idle, first } = postern.timeLeft(session);
  // @ts-expect-error: a claim may be anything
  const name: string = session.claims.name;
  return `${session.issuer} ${session.subject} ${idle.toFixed()} ${first === 'idle' ? name : ''}`;
}

export function notices(): () => void {
  const watch = postern.watch({ warn: 120 });
  watch.addEventListener('expiring', ({ detail }) => console.log(detail.clock, detail.seconds));
  watch.addEventListener('change', ({ detail }) => console.log(detail.session?.provider, watch.session === undefined));
  watch.addEventListener('ended', () => postern.login());
  // @ts-expect-error: there is no such thing to be told
  watch.addEventListener('ended', ({ detail }) => console.log(detail.session.provider));
  // @ts-expect-error: nothing here is to be changed
  watch.session = null;
  return () => watch.stop();
}

export async function everywhere(): Promise<number> {
  const others = (await postern.sessions()).filter(({ current }) => !current);
  const ended = await Promise.all(others.map(({ id }) => postern.endSession(id)));
  try {
    return ended.length + (await postern.endOtherSessions());
  } catch (error) {
    if (error instanceof postern.PosternError && error.problem?.type) return error.status;
    throw error;
  } finally {
    postern.logout();
  }
}

// @ts-expect-error: seconds, not words
postern.watch({ warn: '1m' });
// @ts-expect-error: there is no token to be had
postern.token();
