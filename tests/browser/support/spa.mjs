// A single-page application as small as one can be: it takes the helper from Postern and notes what it tells.

const PAGE = `<!doctype html><html lang="en"><title>Application</title><link rel="icon" href="data:,"><h1>Application</h1>
<script type="module" src="/spa/main.js"></script></html>`;

const SCRIPT = `
import * as postern from '/auth/postern.js';
const told = [];
const watch = postern.watch({ warn: 60, every: 30 });
for (const name of ['change', 'expiring', 'ended', 'unreachable']) {
  watch.addEventListener(name, ({ detail }) => told.push([name, detail.clock ?? detail.session?.subject].filter(Boolean).join(' ')));
}
Object.assign(window, { postern, watch, told });
`;

const POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self' http://127.0.0.1:*; base-uri 'none'";

const answer = (body, type) => new Response(body, { headers: { "content-type": type, "content-security-policy": POLICY } });

/** A WebSocket that says back what it hears. */
function talk() {
  const [client, server] = Object.values(new WebSocketPair());
  server.accept();
  server.addEventListener("message", ({ data }) => server.send(data));
  return new Response(null, { status: 101, webSocket: client });
}

/** Server-Sent Events for ever. */
function ticks() {
  const encoder = new TextEncoder();
  const pull = async (controller) => {
    controller.enqueue(encoder.encode("data: tick\n\n"));
    await scheduler.wait(100);
  };
  return answer(new ReadableStream({ pull }), "text/event-stream");
}

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/spa/main.js") return answer(SCRIPT, "text/javascript");
    if (pathname.startsWith("/spa")) return answer(PAGE, "text/html; charset=utf-8");
    if (pathname === "/api/talk") return talk();
    if (pathname === "/api/ticks") return ticks();
    if (pathname === "/api/refuses") return Response.json({ error: "invalid_token" }, { status: 401 });
    return Response.json({ method: request.method, body: await request.text() });
  },
};
