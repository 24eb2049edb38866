// What the edge leaves to JavaScript: things that would otherwise cross the border many times over.
// Nothing is decided here.

const text = (value) => (typeof value === "string" ? value : undefined);

const certificate = (tls) =>
  tls && {
    presented: text(tls.certPresented),
    verified: text(tls.certVerified),
    revoked: text(tls.certRevoked),
    fingerprint_sha256: text(tls.certFingerprintSHA256),
    subject: text(tls.certSubjectDNRFC2253),
    issuer: text(tls.certIssuerDNRFC2253),
    serial: text(tls.certSerial),
  };

const connection = ({ tlsVersion, tlsCipher }) => tlsVersion && tlsCipher && { version: `${tlsVersion}`, cipher: `${tlsCipher}` };

/** All that is known of a request but its body. */
export function described({ method, url, headers, cf }) {
  const peer = cf && {
    country: text(cf.country), city: text(cf.city), tls: connection(cf) || undefined, certificate: certificate(cf.tlsClientAuth),
  };
  return JSON.stringify({ method, url, headers: [...headers], ...peer });
}

/** Every header, repeated ones apart. */
export const lines = (headers) => JSON.stringify([...headers]);

/** The reverse of `lines`. */
export const headers = (lines) => new Headers(JSON.parse(lines));

/** Status and headers of an answer. */
export const answered = ({ status, headers }) => JSON.stringify([status, [...headers]]);

/** An answer of our own, or one whose body we look after. Of a WebSocket, the end that the browser gets goes along. */
export const response = (body, status, lines, webSocket) => new Response(body, { status, headers: JSON.parse(lines), webSocket });

/** An upstream's answer with other headers. */
export const passedOn = ({ body, status }, lines) => new Response(body, { status, headers: JSON.parse(lines) });

/** The bytes are views of wasm's memory: they are read before this returns (Web Cryptography API §14.3.4, "get a copy"). */
export const verified = (algorithm, key, signature, message) => crypto.subtle.verify(algorithm, key, signature, message);

/**
 * Posts a message to a Durable Object. Its status and answer, within so many milliseconds.
 *
 * The timer goes with the answer, which `AbortSignal.timeout` does not do: as long as it runs the request is not over, and
 * the object that was asked stays in memory.
 */
export async function asked(env, binding, name, message, limit) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new DOMException("no answer in time", "TimeoutError")), limit);
  try {
    const object = env[binding].getByName(name);
    const response = await object.fetch("https://object.internal/", { method: "POST", body: message, signal: abort.signal });
    return [response.status, await response.text()];
  } finally {
    clearTimeout(timer);
  }
}

/** Whether an object failed in a way that has passed: to ask again helps, and does not make a queue longer. */
const hasPassed = (error) => error?.retryable === true && error.overloaded !== true;

/**
 * A question to an object that changes nothing: it is asked once more, of a new stub, where the runtime says that this helps.
 * So it says when a deployment, or a move to another machine, ends an object in the midst of its work.
 */
const twice = (ask) => (...question) =>
  ask(...question).catch((error) => {
    if (!hasPassed(error)) throw error;
    return ask(...question);
  });

/** `asked` for what changes nothing. */
export const read = twice(asked);

/** The same of several objects at once: of each its status and answer, in the order of the messages. */
export const readAll = (env, binding, messages, limit) =>
  Promise.all(JSON.parse(messages).map(([name, message]) => read(env, binding, name, message, limit)));

/** What the runtime says of an object of a release that had no such method. */
const isWithoutMethod = (error) => /does not implement the method|does not support RPC/.test(error);

/** `asked` by a call (RPC), which costs half as much: for objects that have the method `answer`. */
export async function called(env, binding, name, message, limit) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new DOMException("no answer in time", "TimeoutError")), limit);
  });
  try {
    const answer = await Promise.race([env[binding].getByName(name).answer(message), late]);
    return typeof answer === "string" ? [200, answer] : answer;
  } catch (error) {
    if (isWithoutMethod(error)) return asked(env, binding, name, message, limit);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** `called` for what changes nothing. */
export const calledToRead = twice(called);

/** Asks the platform's rate limiting: whether one more is within it. */
export async function within(env, binding, key, limit) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new DOMException("no answer in time", "TimeoutError")), limit);
  });
  try {
    const { success } = await Promise.race([env[binding].limit({ key }), late]);
    return success;
  } finally {
    clearTimeout(timer);
  }
}
