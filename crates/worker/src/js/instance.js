// The WebAssembly instance that serves now. One that trapped is thrown away, and the next one begins from nothing.
//
// Whatever leaves the compiled code by a throw (a panic, an overflowing stack, exhausted memory, an exception of the
// runtime that passes through it) leaves its memory in a state that nothing vouches for. So no call enters it again.

import module from "./index_bg.wasm";
import load from "./bindgen.js";

const ENDED = "the WebAssembly instance has ended";

/** No function of the module has more parameters. */
const MOST_PARAMETERS = 12;

/** Stands in the place of a dead instance's exports: quiet for what comes late, an error for what is still on the stack. */
function tomb(isEntered) {
  const gone = () => {
    if (isEntered()) throw new Error(ENDED);
  };
  return new Proxy({}, { get: () => gone });
}

/** What the entry gives to every instance. */
export const parts = {};

export class Instance {
  hasEnded = false;
  #depth = 0;
  #waiting = new Set();
  #glue;

  constructor() {
    const { bindgen, glue } = load();
    const { exports } = new WebAssembly.Instance(module, { "./index_bg.js": bindgen });
    this.#glue = glue;
    glue?.begin(parts);
    this.bindgen = bindgen;
    const guarded = this.#guarded(exports);
    bindgen.__wbg_set_wasm(guarded);
    guarded.__wbindgen_start();
  }

  /**
   * What becomes of a promise: its value or error, and whether it is the latter. `undefined` if the instance ends
   * before that.
   */
  outcome(promise) {
    return new Promise((resolve) => {
      if (this.hasEnded) return resolve(undefined);
      const ended = () => resolve(undefined);
      const settle = (outcome) => {
        this.#waiting.delete(ended);
        resolve(outcome);
      };
      this.#waiting.add(ended);
      promise.then((value) => settle([value, false]), (error) => settle([error, true]));
    });
  }

  /** What a promise resolves to. Throws what it rejects with, or that the instance has ended before that. */
  async value(promise) {
    const outcome = await this.outcome(promise);
    if (!outcome) throw new Error(ENDED);
    const [value, isRejected] = outcome;
    if (isRejected) throw value;
    return value;
  }

  /** An event's context in which nothing waits for work of an instance that has ended. */
  context(context) {
    return { waitUntil: (promise) => context.waitUntil(this.outcome(promise)) };
  }

  #guarded(exports) {
    const guard = (work) => {
      if (work.length > MOST_PARAMETERS) throw new Error("a function of the module has too many parameters");
      return (a, b, c, d, e, f, g, h, i, j, k, l) => {
        this.#depth += 1;
        try {
          return work(a, b, c, d, e, f, g, h, i, j, k, l);
        } catch (error) {
          this.#end(error);
          throw error;
        } finally {
          this.#depth -= 1;
        }
      };
    };
    const all = {};
    for (const [name, value] of Object.entries(exports)) all[name] = typeof value === "function" ? guard(value) : value;
    return all;
  }

  #end(error) {
    if (this.hasEnded) return;
    this.hasEnded = true;
    console.error(JSON.stringify({ time: Math.floor(Date.now() / 1000), event: "instance_ended", reason: `${error?.stack ?? error}` }));
    this.bindgen.__wbg_set_wasm(tomb(() => this.#depth > 0));
    this.#glue?.end();
    for (const ended of this.#waiting) ended();
    this.#waiting.clear();
  }
}

let instance = new Instance();

/** The instance for what begins now. */
export function current() {
  if (instance.hasEnded) instance = new Instance();
  return instance;
}
