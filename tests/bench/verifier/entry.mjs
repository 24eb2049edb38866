// Postern, and one path more: `/verify` judges many tokens.

import { current } from "../../../crates/worker/src/js/instance.js";

const outcome = (promise) => promise.then((value) => [value, false], (error) => [error, true]);

export default {
  /** As `crates/worker/src/js/entry.js` does. */
  async fetch(request, env, context) {
    const { enter, verify } = current().bindgen;
    const pending = { isSent: false, isPolled: false };
    const isBatch = new URL(request.url).pathname === "/verify";
    const stepper = isBatch ? verify(await request.text(), env, context, pending) : enter(request, env, context, pending);
    let next = stepper.step(undefined, false);
    while (next instanceof Promise) next = stepper.step(...(await outcome(next)));
    stepper.free();
    return next;
  },
};
