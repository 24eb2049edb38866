// The Worker as the runtime sees it. Requests, and the objects' state, belong to this file and not to the WebAssembly
// instance: when one ends, each request that it had is begun anew or answered, at once.

import { DurableObject, env as bindings } from "cloudflare:workers";

import { configuration } from "./configuration.js";
import { current, parts } from "./instance.js";
import { PolicyEngine } from "./policies.js";

parts.configuration = configuration;
parts.PolicyEngine = PolicyEngine;
// A module of its own, which is loaded when a person whose browser prefers another language than English first comes.
parts.textsOf = async (tag) => (await import("./languages.js")).default[tag];

let isReadAhead = false;

/** A made-up request with headers such as most have, and a made-up answer to it. */
const madeUp = () => [
  new Request("https://warm-up.invalid/", { headers: { accept: "application/json, text/plain, */*", "accept-language": "en", cookie: "a=b", "sec-fetch-site": "same-origin", "user-agent": "none" } }),
  new Response(null, { headers: { "content-type": "text/plain", server: "none", "set-cookie": "a=b" } }),
];

/**
 * Has the configuration read where the isolate starts, and the code of every request compiled, so that no request waits for that:
 * once the main module has said where the configuration is.
 */
const readAhead = () =>
  queueMicrotask(() => {
    if (isReadAhead) return;
    isReadAhead = true;
    try {
      current().bindgen.readAhead(bindings, ...madeUp());
    } catch {
      // The instance has ended, and said why. The first request reads it in the next one.
    }
  });
readAhead();

/** Repeating these asks for nothing new (RFC 9110 §9.2.1). */
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
/** How often a request is begun at most: each time, another one may have ended the instance. */
const MOST_BEGINNINGS = 3;

/** A request as the instance sees it. */
class PendingRequest {
  /** Whether something was sent that may have had an effect. */
  isSent = false;
  /** Whether it is being worked on at this very moment. */
  isPolled = false;
  #context;
  #line;
  #release;

  constructor(context) {
    this.#context = context;
  }

  /** Keeps a line for the log until more is known. The request goes on until then: if its client goes away, until that is told. */
  hold(line) {
    this.#line = line;
    this.#context.waitUntil(new Promise((resolve) => (this.#release = resolve)));
  }

  /** More is known, and told. */
  release() {
    this.#line = undefined;
    this.#release?.();
  }

  /** No more will be known. */
  tell() {
    if (this.#line) console.log(this.#line);
    this.release();
  }
}

/** The response; `undefined` if the instance ended before there was one. */
async function respond(pending, request, env, context) {
  configuration.isInUse = true;
  const instance = current();
  const polled = (work) => {
    pending.isPolled = true;
    const next = work();
    pending.isPolled = false;
    return next;
  };
  try {
    const stepper = polled(() => instance.bindgen.enter(request, env, instance.context(context), pending));
    let next = polled(() => stepper.step(undefined, false));
    while (next instanceof Promise) {
      const outcome = await instance.outcome(next);
      if (instance.hasEnded) return undefined;
      next = polled(() => stepper.step(...outcome));
    }
    stepper.free();
    return next;
  } catch (error) {
    return instance.hasEnded ? undefined : current().bindgen.broken(request, `${error}`);
  }
}

/** The answer to a request that the instance did not live to answer. */
function answerFor(pending, request) {
  const { broken, interrupted } = current().bindgen;
  return pending.isPolled ? broken(request, "it ended the instance") : interrupted(request);
}

/** Not names, so that no other Worker can call them. */
const [INSIDE, ASK] = [Symbol("inside"), Symbol("ask")];

/**
 * An object's class. What is in the instance's memory of it is read again from its storage by the next instance.
 * @param {string} name of the class in Rust
 */
const objectClass = (name) =>
  class extends DurableObject {
    #instance;
    #inner;

    /** The object in the instance that serves now. */
    [INSIDE](instance) {
      if (this.#instance !== instance) {
        this.#inner = new instance.bindgen[name](this.ctx, this.env);
        this.#instance = instance;
      }
      return this.#inner;
    }

    /** What `work` with the object comes to; throws if the instance ends before that. */
    async [ASK](work) {
      const instance = current();
      return instance.value(work(this[INSIDE](instance)));
    }

    /** Answers a message: a status as in HTTP and a text; or the text alone, at once, where nothing has to be waited for. */
    answer(message) {
      return this[ASK]((inner) => inner.answer(message)).catch(failed);
    }

    /** The same by a request, as releases before `answer` send it. */
    async fetch(request) {
      const [status, text] = await this[ASK](async (inner) => inner.answer(await request.text())).catch(failed);
      return new Response(text, { status });
    }

    alarm() {
      return this[ASK]((inner) => inner.alarm());
    }
  };

/** The class of an object that is asked with nearly every request: it answers at once where nothing has to be waited for. */
const promptClass = (name) =>
  class extends objectClass(name) {
    answer(message) {
      try {
        return this[INSIDE](current()).answerNow(message) ?? super.answer(message);
      } catch (error) {
        return failed(error);
      }
    }
  };

/** The header that carries the message with which a line is opened. */
const LINE = "x-postern-line";

export class SubjectObject extends promptClass("SubjectObject") {
  /** By a request, a line can be opened on which the end of a session is told. */
  async fetch(request) {
    const message = request.headers.get(LINE);
    if (message === null) return super.fetch(request);
    const [status, told] = await this[ASK]((inner) => inner.watch(message)).catch(failed);
    return status === 101 ? new Response(null, { status, webSocket: told }) : new Response(told, { status });
  }

  webSocketMessage(line, message) {
    if (typeof message === "string") this[INSIDE](current()).noteUse(line, message);
  }

  // The runtime has no more to be told when a line ends.
  webSocketClose() {}
  webSocketError() {}
}

const failed = (error) => [503, `${error}`];

export const OnceObject = objectClass("OnceObject");
export const SidIndexObject = objectClass("SidIndexObject");
export const BucketObject = objectClass("BucketObject");
export const TupleObject = objectClass("TupleObject");
export const DecisionObject = objectClass("DecisionObject");
export const BlockObject = objectClass("BlockObject");
export const KeyObject = promptClass("KeyObject");
export const ServiceTokenObject = objectClass("ServiceTokenObject");

const handler = {
  async fetch(request, env, context) {
    for (let beginning = 1; ; beginning += 1) {
      const pending = new PendingRequest(context);
      const response = await respond(pending, request, env, context);
      pending.tell();
      if (response) return response;
      const isRepeatable = !pending.isPolled && !pending.isSent && SAFE.has(request.method);
      if (!isRepeatable || beginning === MOST_BEGINNINGS) return answerFor(pending, request);
    }
  },

  async scheduled(event, env, context) {
    const instance = current();
    await instance.value(instance.bindgen.scheduled(event, env, instance.context(context)));
  },
};

export default handler;

/**
 * The Worker with a configuration file, for a main module of your own:
 *
 *     import { configured } from "postern";
 *     import configuration from "../postern.json";
 *     export * from "postern";
 *     export default configured(configuration);
 *
 * @param {object | string} file a JSON module, or its text: variables by their names
 */
export function configured(file) {
  configuration.set(file);
  // Where something was waited for before this, it was read without the file.
  isReadAhead = false;
  readAhead();
  return handler;
}
