// What the Worker leaves to JavaScript: things that would otherwise cross the border many times over, and what has to
// happen when the WebAssembly instance ends. Nothing is decided here.

/** What `new URL()` cannot read otherwise than it is written: no dot segments, nothing to be encoded. */
const isPlain = (path) => /^[\w/?&=+,:@~.-]*$/.test(path) && !path.includes("/.");

const pathOf = (url) => url.slice(url.indexOf("/", url.indexOf("//") + 2));

/** Bits of what is to be taken care of with a request. */
const [FRESH, TELLING] = [1, 2];

const initOf = (method, headers, care) => {
  const init = { method, headers, redirect: "manual" };
  // Otherwise the data centre keeps the answer by its file extension and gives it to the next user.
  if (care & FRESH) init.cache = "no-store";
  return init;
};

/** The runtime parses the URL once more: what it sends has to be what was matched, byte for byte. */
function checked(request, path) {
  if (pathOf(request.url) !== path) throw new Error("the runtime would send another path");
  return request;
}

/** The most that is held of a body at once. */
const PART_BYTES = 64 * 1024;

/** Passes a request's body on, part by part: no more is read than the upstream takes. */
async function passOn(body, length, writable, upstream) {
  const [reader, writer] = [body.getReader({ mode: "byob" }), writable.getWriter()];
  try {
    let room = new ArrayBuffer(Math.min(length || PART_BYTES, PART_BYTES));
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(room));
      upstream.askedAt = Date.now();
      if (done) return await writer.close();
      await writer.write(value);
      upstream.askedAt = undefined;
      room = value.buffer;
    }
  } catch (error) {
    // Whichever side it was: the other one is not to take what came so far for all.
    await Promise.allSettled([writer.abort(error), reader.cancel(error)]);
  }
}

/** Puts the body of `incoming` into `init`. With a known `length` it is sent with it, as some upstreams want. */
function addBody(init, incoming, length, upstream) {
  const channel = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
  init.body = channel.readable;
  upstream.askedAt = undefined;
  passOn(incoming.body, length, channel.writable, upstream);
}

/** The answer of the binding of this name, or of the Internet where that is empty; `undefined` if there is no such binding. */
export function answer(env, binding, ...request) {
  const fetcher = binding === "" ? globalThis : env[binding];
  return typeof fetcher?.fetch === "function" ? answerOf(fetcher, ...request) : undefined;
}

/**
 * The answer of a `fetcher`, if it begins in time: within so many milliseconds of the last part of the request, and each part
 * is to be taken within as many. What the browser takes to send is not the upstream's fault. When it goes away, the upstream's
 * request is aborted.
 *
 * `body`: the body as it was read before, or how long it is, where that is known.
 *
 * Nothing of it is left behind in wasm when the browser goes away in the midst of it.
 */
async function answerOf(fetcher, origin, path, method, headers, care, limit, incoming, body) {
  const init = initOf(method, headers, care);
  // Where the caller is and how it is connected, as the platform says: no client can write it.
  if (care & TELLING && incoming.cf) init.cf = incoming.cf;
  const upstream = { askedAt: Date.now() };
  const ends = incoming.signal ? [incoming.signal] : [];
  let abort;
  if (typeof body === "string") {
    if (body !== "") init.body = body;
  } else if (method !== "GET" && method !== "HEAD" && incoming.body) {
    abort = new AbortController();
    ends.push(abort.signal);
    addBody(init, incoming, body, upstream);
  }
  // The runtime passes on no signal of an incoming request, but one that follows it.
  if (ends.length > 0) init.signal = AbortSignal.any(ends);
  let timer;
  const late = new Promise((_, reject) => {
    const look = () => {
      const left = limit - (upstream.askedAt === undefined ? 0 : Date.now() - upstream.askedAt);
      if (left > 0) timer = setTimeout(look, left);
      else reject(new DOMException("no answer in time", "TimeoutError"));
    };
    look();
  });
  try {
    const request = isPlain(path) ? [origin + path, init] : [checked(new Request(origin + path, init), path)];
    return await Promise.race([fetcher.fetch(...request), late]);
  } catch (error) {
    abort?.abort();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** What has to be ended when this instance of the module ends: a function each. */
const endings = new Set();

let parts;

/** What the entry gives to every instance. */
export function begin(given) {
  parts = given;
}

/** The text of the configuration file; `undefined` where there is none. */
export const configuration = () => parts.configuration?.read();

let engine;

/** Comes when the engine for policies can be asked. */
export const loadEngine = () => parts.PolicyEngine.load();

/** The answer of the engine for policies to a message; `undefined` if it ended in the midst of it. */
export const askEngine = (question) => (engine ??= new parts.PolicyEngine()).ask(question);

/** The texts of a language, as JSON; `undefined` where there are none. */
export const loadLanguage = (tag) => parts.textsOf(tag);

/** The instance has ended. */
export function end() {
  for (const ending of endings) ending();
  endings.clear();
}

/**
 * Does `work` when the instance ends, in the request that asks for it now: none may touch what belongs to another.
 * Returns what takes that back.
 */
function atEnd(work) {
  let ending;
  new Promise((resolve) => (ending = resolve)).then(work);
  endings.add(ending);
  return () => endings.delete(ending);
}

/** Closes a WebSocket when the instance ends, as one that restarts does (1012). Returns what takes that back. */
export const closedAtEnd = (socket) =>
  atEnd(() => {
    try {
      socket.close(1012, "restarting");
    } catch {
      // It is closed already.
    }
  });

/** Passes a body on, until its end or `close()`. It breaks off with the body, and with the instance. */
export function pipe(body) {
  const { readable, writable } = new IdentityTransformStream();
  const abort = new AbortController();
  // What was passed on so far is whole when a session ends: that is an end, it does not break off.
  const piped = body.pipeTo(writable, { signal: abort.signal, preventAbort: true });
  const stop = async (how) => {
    abort.abort();
    await piped.catch(() => {});
    await writable[how]().catch(() => {});
  };
  const release = atEnd(() => stop("abort"));
  const done = piped.then(release, () => {
    release();
    if (!abort.signal.aborted) return writable.abort().catch(() => {});
  });
  return { readable, done, close: () => void stop("close") };
}

/** All rows of each of these statements, which happen together or not at all. */
export const transaction = (storage, statements) =>
  storage.transactionSync(() => JSON.stringify(statements.map(([statement, bindings]) => storage.sql.exec(statement, ...bindings).toArray())));

/** All rows of one statement, each an object of its columns. */
export const rows = (sql, statement, bindings) => JSON.stringify(sql.exec(statement, ...bindings).toArray());
