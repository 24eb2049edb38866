// An upstream that goes on talking: WebSockets, event streams, bodies of any length. It remembers how each came to its end.

const seen = [];
const ends = [];
/** Bodies that are being read: how much of each has come. */
const taken = {};
let held = true;
const pause = (milliseconds) => new Promise((over) => setTimeout(over, milliseconds));

function talk(request, { pathname, search }) {
  const [client, server] = Object.values(new WebSocketPair());
  server.binaryType = "arraybuffer";
  server.accept();
  server.addEventListener("message", ({ data }) => {
    if (data === "say hello") server.send("hello");
    else if (typeof data === "string" && data.startsWith("close ")) server.close(...JSON.parse(data.slice("close ".length)));
    else server.send(data);
  });
  server.addEventListener("close", ({ code, reason }) => ends.push({ path: pathname + search, code, reason }));
  const protocol = request.headers.get("sec-websocket-protocol")?.split(",").pop()?.trim();
  const headers = { "x-powered-by": "workers", "set-cookie": "upstream=1", ...(protocol && { "sec-websocket-protocol": protocol }) };
  return new Response(null, { status: 101, webSocket: client, headers });
}

/** One event at once, and then one every 100 ms for ever; or, with `?few`, three in all; with `held`, none but the first before `/go`. */
function events({ pathname, search, searchParams }) {
  const encoder = new TextEncoder();
  let count = 0;
  const body = new ReadableStream({
    async pull(controller) {
      if (count > 0) await pause(100);
      while (count > 0 && held && searchParams.has("held")) await pause(5);
      count += 1;
      controller.enqueue(encoder.encode(`data: ${count}\n\n`));
      if (searchParams.has("few") && count === 3) controller.close();
      if (searchParams.has("broken") && count === 3) controller.error(new Error("the upstream broke off"));
    },
    cancel() {
      ends.push({ path: pathname + search, cancelled: true });
    },
  });
  return body;
}

/** One event at once, and one long after. */
function quiet(milliseconds) {
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  const event = (text) => writer.write(new TextEncoder().encode(text));
  event("data: first\n\n").then(() => pause(milliseconds)).then(() => event("data: last\n\n")).then(() => writer.close());
  return readable;
}

function bytes(length) {
  const chunk = new Uint8Array(65536).fill(120);
  let left = length;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (left === 0) return controller.close();
      const part = chunk.slice(0, Math.min(left, chunk.length));
      left -= part.length;
      controller.enqueue(part);
    },
  });
}

async function take(request, { pathname, search }) {
  let length = 0;
  try {
    for await (const chunk of request.body ?? []) {
      length += chunk.length;
      taken[pathname + search] = length;
    }
  } catch {
    ends.push({ path: pathname + search, broken: true });
    throw new Error("the request broke off");
  }
  return Response.json({ length, headers: Object.fromEntries(request.headers) });
}

const ANSWERS = {
  "/live/events": (_, url) => new Response(events(url), { headers: { "content-type": "text/event-stream; charset=utf-8" } }),
  "/live/lines": (_, url) => new Response(events(url), { headers: { "content-type": "application/x-ndjson" } }),
  "/live/download": (_, url) => new Response(bytes(Number(url.searchParams.get("bytes"))), { headers: { "content-type": "application/octet-stream" } }),
  "/live/upload": take,
  // Reads nothing, says nothing.
  "/live/silent": () => pause(60_000),
  // The same, and it notes when nobody asks any more.
  "/live/abandoned": async (request, { pathname, search }) => {
    request.signal.addEventListener("abort", () => ends.push({ path: pathname + search, aborted: true }));
    await take(request, { pathname, search });
    taken[pathname + search] ??= 0;
    await pause(60_000);
    return new Response("late");
  },
  "/live/early": () => new Response("enough", { status: 413 }),
  "/live/late": async (request, url) => {
    await request.arrayBuffer();
    await pause(Number(url.searchParams.get("ms")));
    return new Response("at last");
  },
  "/live/quiet": (_, url) => new Response(quiet(Number(url.searchParams.get("ms"))), { headers: { "content-type": "text/event-stream" } }),
  "/live/ends": () => Response.json(ends),
  "/live/taken": () => Response.json(taken),
  "/live/refuses": () => new Response("not you", { status: 403 }),
};

export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/go") held = false;
    if (url.hostname === "control.test") return Response.json(url.pathname === "/ends" ? ends : seen);
    seen.push({ method: request.method, path: url.pathname + url.search, headers: Object.fromEntries(request.headers) });
    // Answers when nobody asks any more.
    if (url.searchParams.has("hold")) return pause(60_000).then(() => new Response("late"));
    const answer = ANSWERS[url.pathname];
    if (answer) return answer(request, url);
    return request.headers.get("upgrade") === "websocket" ? talk(request, url) : new Response("plain");
  },
};
