// The upstream behind Postern: answers what it was asked, and remembers it.

const seen = [];

export default {
  async fetch(request) {
    const { pathname, search, hostname } = new URL(request.url);
    if (hostname === "control.test") return Response.json(seen);
    const asked = { method: request.method, path: pathname + search, headers: Object.fromEntries(request.headers) };
    seen.push({ ...asked, body: await request.text() });
    return Response.json(asked, {
      headers: [["set-cookie", "upstream=1; Path=/"], ["set-cookie", "__Host-postern=forged; Secure; Path=/"]],
    });
  },
};
