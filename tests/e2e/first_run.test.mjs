// What somebody sees who starts Postern for the first time with a mistake in the configuration.

import assert from "node:assert/strict";
import { test } from "node:test";

import { startWorld } from "./support/world.mjs";

const world = await startWorld({ main: {} });
const { postern } = world;
const NAVIGATION = [["accept", "text/html"], ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"]];

/** The answer and the line of the log, with these variables. */
async function answered(bindings, { url = postern.origin, path = "/page" } = {}) {
  await postern.restart(bindings);
  const mark = await postern.mark();
  const answer = await postern.send(path, { headers: NAVIGATION, url: `${url}/` });
  return { ...answer, line: JSON.parse(await postern.line(mark, '"event":"failed"')) };
}

test("on http://localhost the answer names every mistake, as the log does", async () => {
  //
  const ROUTES = { "/page": { upstream: "service:ECHO", metods: ["GET"] }, "/api": { upstream: "nowhere" } };
  const { status, body, headers, line } = await answered({ ROUTES });
  assert.equal(status, 500);
  assert.match(headers["content-type"], /^text\/plain/);
  assert.match(body, /ROUTES\."\/page"\.metods: unknown key, did you mean `methods`\?/);
  assert.match(body, /ROUTES\."\/api"\.upstream: expected/);
  assert.match(body, new RegExp(`Request ${line.request_id}`));
  assert.match(line.reason, /did you mean `methods`/);
  assert.ok(Math.abs(line.time - postern.now() / 1000) < 60, "the line has its time");
});

test("anywhere else only the log does", async () => {
  const ROUTES = { "/page": { upstream: "nowhere" } };
  const { status, body, line } = await answered({ ROUTES, PUBLIC_URL: "https://app.example.com" }, { url: "http://app.example.com" });
  assert.equal(status, 500);
  assert.doesNotMatch(body, /ROUTES|upstream|nowhere/);
  assert.match(line.reason, /ROUTES\."\/page"\.upstream: expected/);
});

test("what stands in a secret is in no answer", async () => {
  const secret = "k1:this-is-no-key-but-a-secret-all-the-same";
  const { body, line } = await answered({ POSTERN_KEYS: secret, PUBLIC_URL: postern.origin });
  assert.match(body, /POSTERN_KEYS: /);
  for (const text of [body, line.reason]) assert.ok(!text.includes(secret.slice(3)), text);
});
