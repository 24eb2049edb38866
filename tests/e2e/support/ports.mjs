// Ports of this machine.

import { createServer } from "node:net";

/** One that was free just now: PUBLIC_URL must name it before anything listens there. */
export async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}
