// The gateway that one would write with `@hono/oidc-auth`, in front of the same upstream: what gateways.mjs compares Postern with.

import { getAuth, oidcAuthMiddleware } from "@hono/oidc-auth";
import { Hono } from "hono";

const app = new Hono();
app.use("*", oidcAuthMiddleware());
app.all("*", async (c) => {
  if (!(await getAuth(c))) return c.body(null, 401);
  const answer = await c.env.ECHO.fetch(c.req.raw);
  // The middleware writes headers of its own.
  return new Response(answer.body, answer);
});

export default app;
