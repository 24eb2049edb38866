// A Worker in Rust that has Postern as a library, as the runtime sees it.

import { current } from "./instance.js";

export default {
  async fetch(request, env, context) {
    const instance = current();
    try {
      return await instance.value(instance.bindgen.fetch(request, env, instance.context(context)));
    } catch (error) {
      if (!instance.hasEnded) throw error;
      return new Response("the WebAssembly instance has ended", { status: 503, headers: { "retry-after": "10" } });
    }
  },
};
