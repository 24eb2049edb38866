// An application that keeps a record of who asked it for what, as Postern says, and holds something worth stealing.

const SECRET = "canary-of-the-application";
const seen = [];

const ANSWERS = {
  "/api/account": () => Response.json({ secret: SECRET }),
  "/api/account.js": () => new Response(`window.leaked = ${JSON.stringify(SECRET)};`, { headers: { "content-type": "text/javascript" } }),
  "/live/events": () => new Response(`data: ${SECRET}\n\n`, { headers: { "content-type": "text/event-stream" } }),
};

function socket() {
  const [client, server] = Object.values(new WebSocketPair());
  server.accept();
  server.send(SECRET);
  return new Response(null, { status: 101, webSocket: client });
}

export default {
  async fetch(request) {
    const { pathname, hostname } = new URL(request.url);
    if (hostname === "control.test") return Response.json(seen);
    seen.push({ method: request.method, path: pathname, who: request.headers.get("x-who"), body: await request.text() });
    if (request.headers.get("upgrade") === "websocket") return socket();
    const answer = ANSWERS[pathname];
    if (answer) return answer();
    return new Response(`<!doctype html><title>Application</title><link rel="icon" href="data:,"><p id="here">${SECRET}</p>`, { headers: { "content-type": "text/html" } });
  },
};
