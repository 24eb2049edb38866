// What the edge leaves to JavaScript: things that would otherwise cross the border many times over.
// Nothing is decided here.

const text = (value) => (typeof value === "string" ? value : undefined);

const certificate = (tls) =>
  tls && {
    presented: text(tls.certPresented),
    verified: text(tls.certVerified),
    revoked: text(tls.certRevoked),
    fingerprint_sha256: text(tls.certFingerprintSHA256),
  };

/** All that is known of a request but its body. */
export function described({ method, url, headers, cf }) {
  const place = cf && { country: text(cf.country), city: text(cf.city), certificate: certificate(cf.tlsClientAuth) };
  return JSON.stringify({ method, url, headers: [...headers], ...place });
}

/** Every header, repeated ones apart. */
export const lines = (headers) => JSON.stringify([...headers]);

/** The reverse of `lines`. */
export const headers = (lines) => new Headers(JSON.parse(lines));

/** What `new URL()` cannot read otherwise than it is written: no dot segments, nothing to be encoded. */
const isPlain = (path) => /^[\w/?&=+,:@~.-]*$/.test(path) && !path.includes("/.");

const pathOf = (url) => url.slice(url.indexOf("/", url.indexOf("//") + 2));

const initOf = (method, lines, fresh) => {
  const init = { method, headers: JSON.parse(lines), redirect: "manual" };
  // Otherwise the data centre keeps the answer by its file extension and gives it to the next user.
  if (fresh) init.cache = "no-store";
  return init;
};

/** The runtime parses the URL once more: what it sends has to be what was matched, byte for byte. */
function checked(request, path) {
  if (pathOf(request.url) !== path) throw new Error("the runtime would send another path");
  return request;
}

/** A request with a body for an upstream. */
export const request = (origin, path, method, lines, fresh, body, signal) =>
  checked(new Request(origin + path, { ...initOf(method, lines, fresh), body, signal }), path);

/** The answer of a `fetcher` to a request without a body, if it begins within so many milliseconds. */
export async function answer(fetcher, origin, path, method, lines, fresh, limit) {
  const init = initOf(method, lines, fresh);
  const request = isPlain(path) ? origin + path : checked(new Request(origin + path, init), path);
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new DOMException("no answer in time", "TimeoutError")), limit);
  });
  try {
    return await Promise.race([fetcher.fetch(request, init), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Status and headers of an answer. */
export const answered = ({ status, headers }) => JSON.stringify([status, [...headers]]);

/** An answer of our own, or one whose body we look after. Of a WebSocket, the end that the browser gets goes along. */
export const response = (body, status, lines, webSocket) => new Response(body, { status, headers: JSON.parse(lines), webSocket });

/** An upstream's answer with other headers. */
export const passedOn = ({ body, status }, lines) => new Response(body, { status, headers: JSON.parse(lines) });

/** Posts a message to a Durable Object. Its status and answer, within so many milliseconds. */
export async function asked(env, binding, name, message, limit) {
  const object = env[binding].getByName(name);
  const response = await object.fetch("https://object.internal/", { method: "POST", body: message, signal: AbortSignal.timeout(limit) });
  return [response.status, await response.text()];
}
