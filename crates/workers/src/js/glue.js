// What the edge leaves to JavaScript: things that would otherwise cross the border many times over.
// Nothing is decided here.

// Between two texts: it stands in no URL and in no header. JSON would take longer to write here, and to read there.
const NUL = "\0";

/** A text, told apart from none. */
const told = (value) => (typeof value === "string" ? `=${value.replaceAll(NUL, "")}` : "");

const FIELDS = ["certPresented", "certVerified", "certRevoked", "certFingerprintSHA256", "certSubjectDNRFC2253", "certIssuerDNRFC2253", "certSerial", "certIssuerSKI", "certRFC9440"];

/** Texts of what the platform says of a connection: country, city and network, version and cipher of TLS, and a certificate's fields. */
function peer({ country, city, asn, tlsVersion, tlsCipher, tlsClientAuth }) {
  const network = typeof asn === "number" ? String(asn) : asn;
  const texts = [country, city, network, tlsVersion, tlsCipher].map(told);
  if (tlsClientAuth) texts.push(...FIELDS.map((field) => told(tlsClientAuth[field])));
  return texts;
}

/** Names and values, repeated ones apart. */
function listed(headers) {
  let text = "";
  // An iterator would make two objects for each.
  headers.forEach((value, name) => (text += NUL + name + NUL + value));
  return text;
}

/** All that is known of a request but its body: how many texts there are about the peer, those, method and URL, the headers. */
export function described({ method, url, headers, cf }) {
  const texts = cf ? peer(cf) : [];
  return [texts.length, ...texts, method, url].join(NUL) + listed(headers);
}

/** Every header. */
export const lines = (headers) => listed(headers);

/** What headers are made of. The runtime's parser makes a record of a text in half the time that we would take. */
export const init = (json) => JSON.parse(json);

/** Status and headers of an answer. */
export const answered = ({ status, headers }) => status + listed(headers);

/** An answer of our own, or one whose body we look after. Of a WebSocket, the end that the browser gets goes along. */
export const response = (body, status, headers, webSocket) => new Response(body, { status, headers, webSocket });

/** An answer with these edits of its headers: the names that go, with commas between them, then names and values that are added. */
export function passedOn(response, edits) {
  if (edits === "") return response;
  const { body, status, headers } = response;
  const edited = new Response(body, { status, headers });
  const [removed, ...added] = edits.split(NUL);
  if (removed) for (const name of removed.split(",")) edited.headers.delete(name);
  for (let at = 0; at < added.length; at += 2) edited.headers.append(added[at], added[at + 1]);
  return edited;
}

/** The bytes are views of wasm's memory: they are read before this returns (Web Cryptography API §14.3.4, "get a copy"). */
export const verified = (algorithm, key, signature, message) => crypto.subtle.verify(algorithm, key, signature, message);

/** What is agreed on of our key and the sender's, derived for its use (RFC 7518 §4.6.2): one round is enough for every key. */
async function agreed(jwk, epk, info, bits) {
  const curve = { name: "ECDH", namedCurve: "P-256" };
  const [ours, theirs] = await Promise.all([
    crypto.subtle.importKey("jwk", jwk, curve, false, ["deriveBits"]),
    crypto.subtle.importKey("jwk", epk, curve, false, []),
  ]);
  const z = new Uint8Array(await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, ours, 256));
  const input = new Uint8Array(4 + z.length + info.length);
  input[3] = 1;
  input.set(z, 4);
  input.set(info, 4 + z.length);
  return (await crypto.subtle.digest("SHA-256", input)).slice(0, bits / 8);
}

/** The key of the content, by our own (RFC 7516 §5.2, steps 9 to 13). */
async function contentKey({ alg, bits, epk }, jwk, encrypted, info) {
  const use = ["AES-GCM", false, ["decrypt"]];
  if (alg.startsWith("RSA-OAEP")) {
    const hash = alg === "RSA-OAEP" ? "SHA-1" : "SHA-256";
    const ours = await crypto.subtle.importKey("jwk", jwk, { name: "RSA-OAEP", hash }, false, ["decrypt"]);
    const key = await crypto.subtle.decrypt("RSA-OAEP", ours, encrypted);
    if (key.byteLength * 8 !== bits) throw new DOMException("another length", "OperationError");
    return crypto.subtle.importKey("raw", key, ...use);
  }
  if (alg === "ECDH-ES") return crypto.subtle.importKey("raw", await agreed(jwk, epk, info, bits), ...use);
  const wrapping = await crypto.subtle.importKey("raw", await agreed(jwk, epk, info, 256), "AES-KW", false, ["unwrapKey"]);
  return crypto.subtle.unwrapKey("raw", encrypted, wrapping, "AES-KW", ...use);
}

/** What a JWE holds: its parts are the encrypted key, what the key is derived with, the initialisation vector, and the content. */
export async function decrypted(text, jwk, [encrypted, info, iv, content]) {
  const how = JSON.parse(text);
  const key = await contentKey(how, jwk, encrypted, info);
  const additionalData = new TextEncoder().encode(how.aad);
  return crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData, tagLength: 128 }, key, content);
}

/** What becomes of a promise within so many milliseconds. The timer goes with it: as long as it runs, a request is not over. */
async function inTime(promise, limit) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new DOMException("no answer in time", "TimeoutError")), limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The bindings as they are now. */
export const bindingsOf = (env) => ({ ...env });

/** Whether these are the very same bindings. */
export function areSame(one, other) {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => Object.is(one[name], other[name]));
}

/** What the runtime says of an object of a release that had no such method. */
const isWithoutMethod = (error) => /does not implement the method|does not support RPC/.test(error);

/** Posts a message to an object of such a release. Its status and answer. */
async function posted(object, message, limit) {
  const abort = new AbortController();
  try {
    const response = await inTime(object.fetch("https://object.internal/", { method: "POST", body: message, signal: abort.signal }), limit);
    return [response.status, await inTime(response.text(), limit)];
  } catch (error) {
    abort.abort(error);
    throw error;
  }
}

/**
 * The Durable Object of a name. `place` is `jurisdiction/location`: in another jurisdiction a name is another object, and a
 * location counts for objects that are new. Empty, the platform decides.
 */
export function objectOf(env, binding, name, place) {
  if (place === "") return env[binding].getByName(name);
  const [jurisdiction, locationHint] = place.split("/");
  const namespace = jurisdiction ? env[binding].jurisdiction(jurisdiction) : env[binding];
  return locationHint ? namespace.getByName(name, { locationHint }) : namespace.getByName(name);
}

/** Hands a message to a Durable Object. Its status and answer, within so many milliseconds. */
export async function asked(env, binding, name, place, message, limit) {
  const object = objectOf(env, binding, name, place);
  try {
    const answer = await inTime(object.answer(message), limit);
    return typeof answer === "string" ? [200, answer] : answer;
  } catch (error) {
    if (isWithoutMethod(error)) return posted(object, message, limit);
    throw error;
  }
}

/** Whether an object failed in a way that has passed: to ask again helps, and does not make a queue longer. */
const hasPassed = (error) => error?.retryable === true && error.overloaded !== true;

/**
 * `asked` for what changes nothing: it is asked once more, of a new stub, where the runtime says that this helps. So it says
 * when a deployment, or a move to another machine, ends an object in the midst of its work.
 */
export const read = (...question) =>
  asked(...question).catch((error) => {
    if (!hasPassed(error)) throw error;
    return asked(...question);
  });

/** The same of several objects at once: of each its status and answer, in the order of the messages. */
export const readAll = (env, binding, messages, place, limit) =>
  Promise.all(JSON.parse(messages).map(([name, message]) => read(env, binding, name, place, message, limit)));

/** Asks the platform's rate limiting: whether one more is within it. */
export const within = async (env, binding, key, limit) => (await inTime(env[binding].limit({ key }), limit)).success;

/** The text under a key of a KV namespace, or null. */
export const kvGet = async (env, binding, key, limit) => inTime(env[binding].get(key), limit);

/** Writes a text, for good or for so many seconds. */
export const kvPut = async (env, binding, key, text, expirationTtl, limit) => inTime(env[binding].put(key, text, { expirationTtl }), limit);

/** The first keys that begin so, as a list in JSON. */
export async function kvKeys(env, binding, prefix, limit) {
  const { keys } = await inTime(env[binding].list({ prefix }), limit);
  return JSON.stringify(keys.map(({ name }) => name));
}
