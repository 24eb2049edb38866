// The Worker as the runtime sees it.

import Gateway from "./gateway.js";

export * from "./gateway.js";

const { enter, broken, scheduled } = Gateway.prototype;

/** What becomes of a promise: its value or error, and whether it is the latter. */
const outcome = (promise) => promise.then((value) => [value, false], (error) => [error, true]);

export default {
  /** Steps a request through wasm, and waits where it has to wait. */
  async fetch(request, env, context) {
    try {
      const crossing = enter(request, env, context);
      let next = crossing.step(undefined, false);
      while (next instanceof Promise) next = crossing.step(...(await outcome(next)));
      crossing.free();
      return next;
    } catch (error) {
      return broken(request, String(error));
    }
  },

  scheduled(event, env, context) {
    return scheduled.call({ env, ctx: context }, event);
  },
};
