// A Worker in JavaScript that lets in whom Postern lets in.

import { guard, isPosterns } from "./guard.js";

export default {
  async fetch(request, env) {
    if (isPosterns(request)) return env.POSTERN.fetch(request);
    const { refusal, caller, request: passed, finish } = await guard(request, env);
    if (refusal) return refusal;
    return finish(await answer(passed, caller, env));
  },
};

/** What the Worker is for. */
async function answer(request, caller, env) {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith("/api/")) return env.API.fetch(request);
  return Response.json({ hello: caller?.subject ?? "everybody", caller });
}
