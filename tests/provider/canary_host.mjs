// A host that nobody may ever talk to: whoever follows `jku`, a redirect or a bent endpoint shows up here.

import { createServer } from "node:http";

/** Starts one. `hits` lists what it was asked, as `METHOD /path`. */
export async function startCanaryHost(answer = "{}") {
  const hits = [];
  const server = createServer((request, response) => {
    hits.push(`${request.method} ${request.url}`);
    response.setHeader("content-type", "application/json");
    response.end(answer);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    hits,
    origin: `http://127.0.0.1:${server.address().port}`,
    close: () =>
      new Promise((closed) => {
        server.close(closed);
        server.closeAllConnections();
      }),
  };
}
