// What Postern does for a public route, as one would write it in JavaScript: what gateways.mjs compares the public route with.
// It decides nothing about identity. It takes the same headers out of the request and of the answer, sets the same ones,
// limits the time that the upstream may take, and writes a line of the same content.

import { env } from "cloudflare:workers";

const ROUTES = new Map(Object.entries(env.ROUTES));
const PUBLIC_URL = new URL(env.PUBLIC_URL);
const TIMEOUT_MS = 30_000;

const HOP_BY_HOP = new Set([
  "connection", "content-length", "host", "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authentication-info",
  "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
]);
/** Headers by which a caller says who it is, some of those that Postern takes out. */
const CLAIMS = ["cf-", "remote-", "ssl-client-", "x-auth-", "x-client-", "x-consumer-", "x-forwarded", "x-original-", "x-permission", "x-postern-", "x-real-ip", "x-role", "x-tenant", "x-user"];
const OF_UPSTREAM = new Set(["powered-by", "server", "server-timing", "via", "x-backend-server", "x-generator", "x-powered-by", "x-runtime", "x-sendfile", "x-served-by", "x-server"]);

/** The canonical path: one meaning for us and for the upstream. */
const isPlain = (path) => /^[\w/?&=+,:@~.-]*$/.test(path) && !path.includes("/.") && !path.includes("//");

const requestId = () => Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => byte.toString(16).padStart(2, "0")).join("");

function requestHeaders(incoming, id) {
  const headers = {};
  const nominated = incoming.get("connection")?.split(",").map((name) => name.trim().toLowerCase()) ?? [];
  for (const [name, value] of incoming) {
    const isClaim = CLAIMS.some((prefix) => name.startsWith(prefix));
    if (!HOP_BY_HOP.has(name) && !isClaim && !nominated.includes(name)) headers[name] = value;
  }
  const address = incoming.get("cf-connecting-ip");
  if (address) headers["x-forwarded-for"] = address;
  headers["x-forwarded-host"] = PUBLIC_URL.host;
  headers["x-forwarded-proto"] = PUBLIC_URL.protocol.slice(0, -1);
  headers["x-request-id"] = id;
  return headers;
}

function answerHeaders(from) {
  const headers = {};
  for (const [name, value] of from) {
    if (!HOP_BY_HOP.has(name) && !OF_UPSTREAM.has(name)) headers[name] = value;
  }
  return headers;
}

async function inTime(promise) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("late")), TIMEOUT_MS)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export default {
  async fetch(request, _, context) {
    let told;
    // The line is written also where the client goes away.
    context.waitUntil(new Promise((done) => (told = done)));
    const { pathname, search, host } = new URL(request.url);
    const id = requestId();
    const event = {
      time: Math.floor(Date.now() / 1000), event: "access", outcome: "allow", reason: "route.public", config: env.STAMP, request_id: id,
      method: request.method, path: pathname, route: pathname, status: 500, upstream_status: undefined,
      address: request.headers.get("cf-connecting-ip") ?? undefined, country: request.cf?.country, ray: request.headers.get("cf-ray") ?? undefined,
    };
    const route = ROUTES.get(pathname);
    if (!route || host !== PUBLIC_URL.host || !isPlain(pathname + search) || !route.methods.includes(request.method)) return new Response(null, { status: 404 });
    const init = { method: request.method, headers: requestHeaders(request.headers, id), redirect: "manual", cf: request.cf };
    const answer = await inTime(env.ECHO.fetch(PUBLIC_URL.origin + pathname + search, init));
    event.status = event.upstream_status = answer.status;
    console.log(JSON.stringify(event));
    told();
    return new Response(answer.body, { status: answer.status, headers: answerHeaders(answer.headers) });
  },
};
