// A small API as many are: it knows nothing of Postern, of cookies or of sessions, and believes a
// bearer token only after checking it (RFC 9068 §4). It tells what arrived, so that the demo can show it.

import { createRemoteJWKSet, decodeJwt, errors, jwtVerify } from 'jose';

const keySets = new Map();

export default {
  async fetch(request, env) {
    const caller = await authenticate(request.headers.get('authorization'), env);
    if (!caller) {
      return json({ error: 'invalid_token' }, 401, { 'www-authenticate': 'Bearer error="invalid_token"' });
    }
    const { pathname } = new URL(request.url);
    if (pathname === '/api/ticks') return ticks();
    if (pathname === '/api/talk') return talk(request, caller);
    if (pathname === '/api/greeting') return greeting(request, caller);
    if (pathname !== '/api/hello') return json({ error: 'not_found' }, 404);
    return json({
      message: `Hello, ${caller.sub}.`,
      subject: caller.sub,
      issuer: caller.iss,
      audience: caller.aud,
      scopes: (caller.scope ?? '').split(' ').filter(Boolean),
      token_expires_at: caller.exp,
      received: { method: request.method, path: pathname, headers: [...request.headers.keys()].sort() },
    });
  },
};

/** To a client that it knows, for whom that says: a person, or a program with a key. */
function greeting(request, caller) {
  return json({
    message: `Hello, ${request.headers.get('x-user')}.`,
    client: caller.client_id,
    audience: caller.aud,
    scopes: (caller.scope ?? '').split(' ').filter(Boolean),
    received: { method: request.method, path: '/api/greeting', headers: [...request.headers.keys()].sort() },
  });
}

/** Server-Sent Events: one a second, until nobody listens. */
function ticks() {
  const encoder = new TextEncoder();
  let count = 0;
  const body = new ReadableStream({
    async pull(controller) {
      if (count > 0) await scheduler.wait(1000);
      count += 1;
      controller.enqueue(encoder.encode(`data: ${JSON.stringify({ count, at: new Date() })}\n\n`));
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' } });
}

/** A WebSocket: answers what it is told. It never looks at a session: who closes it when that ends is Postern. */
function talk(request, caller) {
  if (request.headers.get('upgrade') !== 'websocket') return json({ error: 'upgrade_required' }, 426, { upgrade: 'websocket' });
  const [client, server] = Object.values(new WebSocketPair());
  server.accept();
  server.addEventListener('message', ({ data }) => {
    server.send(typeof data === 'string' ? `${caller.sub} said “${data.slice(0, 200)}”` : `${caller.sub} sent bytes`);
  });
  server.send(`Hello, ${caller.sub}.`);
  return new Response(null, { status: 101, webSocket: client });
}

/** The claims of a valid token, or null. */
async function authenticate(authorization, env) {
  const [, token] = /^Bearer ([\w.-]+)$/i.exec(authorization ?? '') ?? [];
  if (!token) return null;
  try {
    // Read before verified, only to pick whose keys to try; any other issuer ends here.
    const keys = keySetOf(decodeJwt(token).iss, env.ISSUERS);
    if (!keys) return null;
    const { payload } = await jwtVerify(token, keys.set, {
      issuer: keys.issuer, audience: env.AUDIENCE, typ: 'at+jwt', algorithms: ['RS256'],
      requiredClaims: ['sub', 'exp', 'client_id'],
    });
    return payload;
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    console.warn(JSON.stringify({ event: 'token_refused', code: error.code }));
    return null;
  }
}

function keySetOf(issuer, issuers) {
  if (typeof issuer !== 'string' || !Object.hasOwn(issuers, issuer)) return null;
  if (!keySets.has(issuer)) keySets.set(issuer, { issuer, set: createRemoteJWKSet(new URL(issuers[issuer])) });
  return keySets.get(issuer);
}

function json(body, status = 200, headers = {}) {
  return Response.json(body, { status, headers: { 'cache-control': 'no-store', ...headers } });
}
