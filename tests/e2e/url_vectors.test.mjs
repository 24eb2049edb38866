// Where the runtime, Postern and an upstream could read a path differently: what a public route lets through stays in
// its place, however it is written.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { send } from "./support/http.mjs";
import { startWorld } from "./support/world.mjs";

const closed = { methods: ["GET"], upstream: "service:ECHO" };
const open = { ...closed, public: true };
const { postern } = await startWorld({ main: {} }, { routes: { "/open/{*rest}": open, "/open/admin/{*rest}": closed, "/{*rest}": closed } });

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const VECTORS = join(process.env.POSTERN_VECTORS ?? join(ROOT, "../shared/vectors"), "wpt-urltestdata/urltestdata.json");
const missing = existsSync(VECTORS) ? false : `VECTORS MISSING: set POSTERN_VECTORS to the folder that holds ${VECTORS}`;

/** What Node can write into a request line; more is not HTTP. */
const WRITABLE = /^[!-\u00ff]+$/;

/** As an upstream reads a path that unescapes twice, takes `\` for `/`, cuts parameters off, merges slashes and walks dots. */
function carelessly(path) {
  const walked = [];
  for (const segment of decodeURIComponent(decodeURIComponent(path)).toLowerCase().split(/[/\\]/).map((one) => one.split(";")[0])) {
    if (segment === "..") walked.pop();
    else if (segment !== "" && segment !== ".") walked.push(segment);
  }
  return `/${walked.join("/")}/`;
}

/** Asks for a raw target; whether it came through. */
async function staysInPlace(path) {
  const answer = await send({ port: postern.port, url: `${postern.origin}/`, path, headers: [["sec-fetch-mode", "cors"]] });
  if (answer.status !== 200) {
    assert.ok([400, 401, 404, 421].includes(answer.status), `${path}: ${answer.status}`);
    return false;
  }
  const { pathname } = new URL(JSON.parse(answer.body).path, postern.origin);
  assert.equal(JSON.parse(answer.body).path.split("?")[0], pathname, path);
  assert.ok(carelessly(pathname).startsWith("/open/") && !carelessly(pathname).startsWith("/open/admin/"), `${path} arrives as ${pathname}`);
  return true;
}

test("no published path leaves the public place that it was let through to", { skip: missing }, async () => {
  // R-194; field row 2
  const vectors = JSON.parse(readFileSync(VECTORS, "utf8")).filter((vector) => typeof vector === "object");
  const texts = new Set(vectors.flatMap(({ input, pathname }) => [input, pathname ?? ""]).map((text) => text.replace(/^\/+/, "")));
  const targets = [...texts].flatMap((text) => [`/open/${text}`, `/open/..%3B/${text}`, `/open/x/..;/${text}`, `/open/%2e%2e/${text}`, `/open//admin/${text}`, `/${text}`])
    .map((path) => path.split("#")[0]).filter((path) => WRITABLE.test(path));
  let through = 0;
  for (let start = 0; start < targets.length; start += 32) {
    through += (await Promise.all(targets.slice(start, start + 32).map(staysInPlace))).filter(Boolean).length;
  }
  assert.ok(targets.length > 2000 && through > 200, `${through} of ${targets.length}`);
});
