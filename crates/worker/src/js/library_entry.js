// A Worker in Rust that has Postern as a library, as the runtime sees it.

import { current } from "./instance.js";

export default {
  async fetch(request, env, context) {
    const instance = current();
    const outcome = await instance.outcome(instance.bindgen.fetch(request, env, instance.context(context)));
    if (!outcome) return new Response("the WebAssembly instance has ended", { status: 503, headers: { "retry-after": "10" } });
    const [value, isRejected] = outcome;
    if (isRejected) throw value;
    return value;
  },
};
