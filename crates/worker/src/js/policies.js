// The engine for policies: a WebAssembly module of its own with a memory of its own. It decides nothing but what it is
// asked, and sees nothing but the question.

import load from "./policies_bindgen.js";

/** Compiled when it is first needed: a static import would have every isolate do that as it starts. */
let module;

export class PolicyEngine {
  #bindgen;

  /** Comes when engines can be asked. Each request imports it by itself: none may wait for a promise of another. */
  static async load() {
    module ??= (await import("./policies.wasm")).default;
  }

  /** The answer to a message. `undefined` if it ended in the midst of it: then the next question is for another instance. */
  ask(question) {
    try {
      this.#bindgen ??= begin();
      return this.#bindgen.answer(question);
    } catch (error) {
      this.#bindgen = undefined;
      console.error(JSON.stringify({ time: Math.floor(Date.now() / 1000), event: "policy_engine_ended", reason: `${error?.stack ?? error}` }));
      return undefined;
    }
  }
}

/** A fresh instance. */
function begin() {
  const { bindgen } = load();
  const { exports } = new WebAssembly.Instance(module, { "./index_bg.js": bindgen });
  bindgen.__wbg_set_wasm(exports);
  exports.__wbindgen_start?.();
  return bindgen;
}
