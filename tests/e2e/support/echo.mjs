// The upstream behind Postern: answers what it was asked, and remembers it.

const seen = [];

/** A WebSocket that says hello. */
function greet() {
  const [client, server] = Object.values(new WebSocketPair());
  server.accept();
  server.send("hello");
  return new Response(null, { status: 101, webSocket: client });
}

export default {
  async fetch(request) {
    const { pathname, search, hostname } = new URL(request.url);
    if (hostname === "control.test") return Response.json(seen);
    if (request.headers.get("upgrade") === "websocket") return greet();
    if (pathname === "/api/orders/moved") return Response.redirect(decodeURIComponent(search.slice(1)), 302);
    const asked = { method: request.method, path: pathname + search, headers: Object.fromEntries(request.headers) };
    seen.push({ ...asked, cf: request.cf, body: await request.text() });
    return Response.json(asked, {
      headers: [["set-cookie", "upstream=1; Path=/"], ["set-cookie", "__Host-postern=forged; Secure; Path=/"]],
    });
  },
};
