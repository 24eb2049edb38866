// The quick start of the README, as it stands: its commands, from an empty folder.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { freePort } from "../e2e/support/ports.mjs";
import { done, emptyFolder, serve } from "./support/project.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** The commands of the first block of the quick start. What they begin with, in the clone, was done before these tests. */
function commands() {
  const readme = readFileSync(`${ROOT}/README.md`, "utf8");
  const [, block] = /## Quick start\n[\s\S]*?```sh[^\n]*\n([\s\S]*?)```/.exec(readme);
  const lines = block.trim().split("\n");
  const first = lines.findIndex((line) => line.startsWith("npm run package"));
  assert.ok(first >= 0, "it makes the packages");
  assert.match(lines[first + 1], /^mkdir \S+ && cd \S+$/);
  return lines.slice(first + 2);
}

test("the quick start of the README leads to a page that answers", async () => {
  const folder = emptyFolder();
  const [port, providerPort] = [await freePort(), await freePort()];
  const [create, install, dev, ...more] = commands();
  assert.match(create, /create-postern.* --demo$/);
  assert.deepEqual([install, dev, more], ["npm install", "npm run dev", []]);
  // The ports that it uses by itself may be taken on this machine.
  const said = await done(folder, "sh", ["-c", `CLONE='${ROOT}'; ${create} --port ${port} --provider-port ${providerPort}`]);
  assert.match(said, new RegExp(`http://localhost:${port}$`, "m"));
  await done(folder, "sh", ["-c", install]);
  const server = await serve(folder, "sh", ["-c", `exec ${dev}`], /Ready on http/);
  const page = await fetch(`http://localhost:${port}/`);
  assert.deepEqual([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  assert.equal((await fetch(`http://localhost:${port}/api/hello`)).status, 401);
  await server.stop();
});
