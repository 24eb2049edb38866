// Postern, and one path more: `/verify` judges many tokens.

import Gateway from "./gateway.js";

export * from "./gateway.js";

const { enter, verify } = Gateway.prototype;

const outcome = (promise) => promise.then((value) => [value, false], (error) => [error, true]);

export default {
  /** As `src/edge/entry.js` does. */
  async fetch(request, env, context) {
    const isBatch = new URL(request.url).pathname === "/verify";
    const crossing = isBatch ? verify(await request.text(), env, context) : enter(request, env, context);
    let next = crossing.step(undefined, false);
    while (next instanceof Promise) next = crossing.step(...(await outcome(next)));
    crossing.free();
    return next;
  },
};
