// Your API. Postern sends it what signed-in people ask, with an assertion that says who they are. It answers nobody else.

import { verifier } from 'postern/verify';

let verify;

export default {
  async fetch(request, env) {
    const caller = await callerOf(request, env);
    if (!caller) return Response.json({ error: 'unauthenticated' }, { status: 401 });
    const { pathname } = new URL(request.url);
    if (pathname === '/api/hello') return Response.json({ message: `Hello, ${caller.email ?? caller.sub_id.sub}.` });
    return Response.json({ error: 'not found' }, { status: 404 });
  },
};

/** What Postern says of the caller, or null. */
async function callerOf(request, env) {
  verify ??= verifier(env.POSTERN_URL, 'service:API');
  try {
    return await verify(request.headers.get('x-postern-assertion') ?? '');
  } catch (error) {
    console.warn(JSON.stringify({ event: 'assertion_refused', reason: String(error) }));
    return null;
  }
}
