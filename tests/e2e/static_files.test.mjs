// A single-page application's files: its routes, how long what is kept, and what is kept for nobody.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { signedIn } from "./support/websocket.mjs";
import { startWorld } from "./support/world.mjs";

const PAGE = "<!doctype html><title>app</title>";
const A_YEAR = "public, max-age=31536000, immutable";
const folder = mkdtempSync(join(tmpdir(), "postern-assets-"));
after(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, "assets"));
mkdirSync(join(folder, "inside"));
writeFileSync(join(folder, "index.html"), PAGE);
writeFileSync(join(folder, "about.html"), "<!doctype html><title>about</title>");
writeFileSync(join(folder, "assets/app-3f2a1b.js"), "app()");
writeFileSync(join(folder, "inside/app-3f2a1b.js"), "inside()");
mkdirSync(join(folder, "secret"));
mkdirSync(join(folder, "brief"));
writeFileSync(join(folder, "secret/paper.js"), "secret()");
writeFileSync(join(folder, "brief/app-3f2a1b.js"), "brief()");
writeFileSync(join(folder, "_headers"), `/assets/*\n  Cache-Control: ${A_YEAR}\n/inside/*\n  Cache-Control: ${A_YEAR}\n`);

const world = await startWorld(
  { main: {} },
  {
    assets: folder,
    routes: {
      "/{*rest}": { methods: ["GET"], upstream: "assets", public: true },
      "/inside/{*rest}": { methods: ["GET"], upstream: "assets" },
      "/secret/{*rest}": { methods: ["GET"], upstream: "assets", cache: "none" },
      "/brief/{*rest}": { methods: ["GET"], upstream: "assets", cache: { unchecked: "10m" }, revocation: "1m" },
      "/page": { methods: ["GET"], upstream: "service:ECHO" },
    },
  },
);
const { postern } = world;
const PERSON = [["accept", "text/html"], ["sec-fetch-site", "none"], ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"]];
const SCRIPT = [["accept", "*/*"], ["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "no-cors"], ["sec-fetch-dest", "script"]];
const get = (path, headers) => postern.send(path, { headers });

test("every route of the application is its page, which is asked for anew each time", async () => {
  for (const path of ["/", "/deep/route", "/users/jane.doe", "/v1.2/docs", "/route?with=query"]) {
    const { status, headers, body } = await get(path, PERSON);
    assert.deepEqual([status, body], [200, PAGE], path);
    assert.match(headers["content-type"], /^text\/html/);
    assert.match(headers["cache-control"], /no-cache|max-age=0/);
  }
});

test("a page of its own comes before the application's", async () => {
  assert.match((await get("/about", PERSON)).body, /about/);
});

test("a file with its content in its name is kept as long as `_headers` says, and compared by its tag", async () => {
  const first = await get("/assets/app-3f2a1b.js", SCRIPT);
  assert.deepEqual([first.status, first.body, first.headers["cache-control"]], [200, "app()", A_YEAR]);
  assert.match(first.headers["content-type"], /javascript/);
  const again = await get("/assets/app-3f2a1b.js", [...SCRIPT, ["if-none-match", first.headers.etag]]);
  assert.deepEqual([again.status, again.body], [304, ""]);
});

test("a file that is not there is 404, not the page, and nobody keeps the answer", async () => {
  for (const path of ["/assets/app-gone.js", "/assets/gone.css?v=1", "/gone.json", "/favicon.ico"]) {
    const { status, headers } = await get(path, SCRIPT);
    assert.equal(status, 404, path);
    assert.match(headers["content-type"], /^application\/problem\+json/);
    assert.match(headers["cache-control"], /no-store/);
  }
});

test("the page in the place of a file, for a person who goes there, is not kept as the file would be", async () => {
  const { status, headers, body } = await get("/assets/app-gone.js", PERSON);
  assert.deepEqual([status, body, headers["cache-control"]], [200, PAGE, "no-cache"]);
});

test("what identity opened is kept by the browser alone, which asks each time, whatever `_headers` says", async () => {
  // R-189; field row 18
  const { cookie } = await signedIn(world);
  assert.equal((await get("/inside/app-3f2a1b.js", SCRIPT)).status, 401);
  const mine = await get("/inside/app-3f2a1b.js", [...SCRIPT, cookie]);
  assert.deepEqual([mine.status, mine.body], [200, "inside()"]);
  assert.equal(mine.headers["cache-control"], "private, no-cache");
  assert.match(mine.headers.vary, /cookie/i);
  assert.ok(mine.headers.etag);
  const page = await get("/inside/route", [...PERSON, cookie]);
  assert.deepEqual([page.status, page.body, page.headers["cache-control"]], [200, PAGE, "private, no-cache"]);
  assert.equal((await get("/assets/app-3f2a1b.js", [...SCRIPT, cookie])).headers["cache-control"], A_YEAR);
});

test("304 is said only once both doors are open, and after the session's end what was kept is of no use", async () => {
  //
  const { cookie } = await signedIn(world);
  const { headers: { etag } } = await get("/inside/app-3f2a1b.js", [...SCRIPT, cookie]);
  const again = (...more) => get("/inside/app-3f2a1b.js", [...SCRIPT, ["if-none-match", etag], ...more]);
  const unchanged = await again(cookie);
  assert.deepEqual([unchanged.status, unchanged.body, unchanged.headers["cache-control"]], [304, "", "private, no-cache"]);
  assert.equal((await again()).status, 401);
  const out = await postern.send("/auth/logout", { method: "POST", headers: [cookie, ["origin", postern.origin], ["sec-fetch-site", "same-origin"]] });
  assert.equal(out.status, 200);
  const refused = await again(cookie);
  assert.equal(refused.status, 401);
  assert.match(refused.headers["cache-control"], /no-store/);
});

test("the page in a guarded file's place is kept nowhere, and `cache` says otherwise of all", async () => {
  const { cookie } = await signedIn(world);
  const page = await get("/inside/gone.js", [...PERSON, cookie]);
  assert.deepEqual([page.status, page.body, page.headers["cache-control"]], [200, PAGE, "private, no-store"]);
  assert.equal((await get("/secret/paper.js", [...SCRIPT, cookie])).headers["cache-control"], "private, no-store");
  assert.equal((await get("/brief/app-3f2a1b.js", [...SCRIPT, cookie])).headers["cache-control"], "private, max-age=600");
  assert.equal((await get("/page", [...PERSON, cookie])).headers["cache-control"], "private, no-store");
});

test("a hashed guarded file asks the session's object once a minute where `revocation` says so", async () => {
  const { cookie } = await signedIn(world);
  await get("/brief/app-3f2a1b.js", [...SCRIPT, cookie]);
  await postern.break({ SUBJECTS: "throw" });
  try {
    assert.equal((await get("/brief/app-3f2a1b.js", [...SCRIPT, cookie])).status, 200);
    assert.equal((await get("/inside/app-3f2a1b.js", [...SCRIPT, cookie])).status, 503);
  } finally {
    await postern.break({});
  }
});

test("files are read, never written", async () => {
  assert.equal((await postern.send("/assets/app-3f2a1b.js", { method: "POST", body: "x" })).status, 405);
  assert.equal((await postern.send("/assets/app-3f2a1b.js", { method: "HEAD" })).status, 200);
});
