// An upstream below a path of its own, and a prefix that it does not see: what it is asked, and what of its answer is written anew.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { verify } from "./support/assertions.mjs";
import { coming, ENDED, signedIn, startSocketServer } from "./support/websocket.mjs";
import { startWorld } from "./support/world.mjs";

/** What the upstream was asked, and by which paths WebSockets were opened. */
const asked = [];
const opened = [];
/** By the last segment of a path, the headers of the upstream's answer. */
const ANSWERS = {
  absolute: () => ({ location: `${far.origin}/base/v2/orders/7?a=b#c` }),
  rooted: () => ({ location: "/base/v2/orders/7", "content-location": "/base/v2/orders" }),
  told: () => ({ location: "/api/orders/7" }),
  relative: () => ({ location: "orders/7?a=/base/v2" }),
  beside: () => ({ location: `${far.origin}/login` }),
  elsewhere: () => ({ location: "https://elsewhere.example/base/v2/orders" }),
  own: () => ({ location: "/auth/login?return_to=/base/v2/a" }),
  cookies: () => ({ "set-cookie": ["a=1; Path=/base/v2; HttpOnly", "b=2; Path=/base/v2/x", "c=3; Path=/", "__Host-postern=4; Path=/base/v2"] }),
  events: () => ({ "content-type": "text/event-stream" }),
};

const far = await startSocketServer(
  (socket, { url }) => {
    opened.push(url);
    socket.next().then((text) => socket.send(`${url} ${text}`));
  },
  (request, response) => {
    asked.push({ path: request.url, headers: request.headers });
    const last = request.url.split("?")[0].split("/").at(-1);
    const headers = ANSWERS[last]?.() ?? {};
    response.writeHead(headers.location ? 302 : 200, headers);
    // An event stream goes on.
    if (last === "events") response.write("data: first\n\n");
    else response.end("answer");
  },
);
const files = mkdtempSync(join(tmpdir(), "postern-base-path-"));
mkdirSync(join(files, "sub"));
writeFileSync(join(files, "index.html"), "<!doctype html><title>app</title>");
writeFileSync(join(files, "app.js"), "app()");
writeFileSync(join(files, "sub/index.html"), "<!doctype html><title>sub</title>");
after(async () => {
  await far.close();
  rmSync(files, { recursive: true, force: true });
});

const SECRET = "canary-base-path-0123456789abcdef0123456789abcdef";
const below = `${far.origin}/base/v2`;
const world = await startWorld({ main: {} }, {
  assets: files,
  vars: { VERIFY: {}, POSTERN_VERIFY_SECRET: SECRET },
  routes: {
    "/api/{*rest}": { upstream: below, strip_prefix: "/api", token: "assertion" },
    "/api/admin/{*rest}": { upstream: below, strip_prefix: "/api", require: { scopes: ["admin"] } },
    "/whole/{*rest}": { upstream: `${below}/` },
    "/plain/{*rest}": { upstream: far.origin },
    "/service/{id}/{*rest}": { upstream: "service:ECHO", strip_prefix: "/service" },
    "/files/{*rest}": { methods: ["GET"], upstream: "assets", strip_prefix: "/files", public: true },
    "/page": { methods: ["GET"], upstream: "service:ECHO" },
  },
});
const { postern } = world;
const SCRIPT = [["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "cors"], ["sec-fetch-dest", "empty"]];
const PERSON = [["accept", "text/html"], ["sec-fetch-site", "none"], ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"]];
const alice = await signedIn(world, "alice");
const get = (path, options = {}) => postern.send(path, { ...options, headers: [alice.cookie, ...SCRIPT, ...(options.headers ?? [])] });

test("an upstream sees the rest of the path below its own, and is told what was taken off", async () => {
  //
  for (const [outside, inside, prefix] of [
    ["/api/orders/7?x=/api/%2F..&y", "/base/v2/orders/7?x=/api/%2F..&y", "/api"],
    ["/api/", "/base/v2/", "/api"],
    ["/api/api/x/", "/base/v2/api/x/", "/api"],
    ["/api/caf%c3%a9/%7E", "/base/v2/caf%C3%A9/~", "/api"],
    ["/whole/a?b", "/base/v2/whole/a?b", undefined],
    ["/plain/a?b", "/plain/a?b", undefined],
  ]) {
    const mark = await postern.mark();
    const answer = await get(outside, { headers: [["x-forwarded-prefix", "/forged"]] });
    assert.deepEqual([answer.status, answer.body], [200, "answer"], outside);
    const { path, headers } = asked.at(-1);
    assert.deepEqual([path, headers["x-forwarded-prefix"], headers["x-forwarded-host"]], [inside, prefix, new URL(postern.origin).host]);
    // What decides and what is logged is the path outside.
    const [event] = await postern.eventsSince(mark);
    assert.deepEqual([event.outcome, event.path], ["allow", outside.split("?")[0]]);
  }
});

test("no spelling leads out of the base path, or past the rule for what lies there", async () => {
  //
  const before = asked.length;
  for (const [path, status] of [
    // These the runtime has walked already.
    ["/api/../x", 404], ["/api/%2e%2e/x", 404],
    ["/api//x", 400], ["/api/..%2fx", 400], ["/api/..;/x", 400], ["/api/a%5C..", 400],
    ["/api", 404], ["/API/x", 404], ["/apix", 404], ["/base/v2/x", 404],
    ["/api/admin/x", 403], ["/api/Admin/x", 404], ["/api/%61dmin/x", 403], ["/api/admin", 404],
  ]) {
    assert.equal((await get(path)).status, status, path);
  }
  assert.equal(asked.length, before);
});

test("redirects to the upstream itself lead to where it lies outside, all others where they led", async () => {
  //
  for (const [path, location, contentLocation] of [
    ["/api/absolute", `${postern.origin}/api/orders/7?a=b#c`],
    ["/api/rooted", "/api/orders/7", "/api/orders"],
    ["/api/told", "/api/orders/7"],
    ["/api/relative", "orders/7?a=/base/v2"],
    ["/api/beside", `${far.origin}/login`],
    ["/api/elsewhere", "https://elsewhere.example/base/v2/orders"],
    ["/api/own", "/auth/login?return_to=/base/v2/a"],
    ["/whole/absolute", `${postern.origin}/orders/7?a=b#c`],
    ["/whole/rooted", "/orders/7", "/orders"],
    // Without any of this: nobody is sent past Postern, and a path is a path.
    ["/plain/absolute", `${postern.origin}/base/v2/orders/7?a=b#c`],
    ["/plain/rooted", "/base/v2/orders/7", "/base/v2/orders"],
  ]) {
    const { status, headers } = await get(path);
    assert.deepEqual([status, headers.location, headers["content-location"]], [302, location, contentLocation], path);
  }
});

test("a browser sends cookies of the upstream's back to where they came from", async () => {
  //
  const { setCookies } = await get("/api/cookies");
  assert.deepEqual(setCookies, ["a=1; Path=/api; HttpOnly", "b=2; Path=/api/x", "c=3; Path=/"]);
});

test("an assertion is for the upstream with its base path", async () => {
  await get("/api/a");
  const { payload } = await verify(postern, asked.at(-1).headers["x-postern-assertion"], below);
  assert.deepEqual([payload.aud, payload.sub_id.sub], [below, "alice"]);
});

test("WebSockets and event streams go there too, and end with the session", async () => {
  //
  const { browser, cookie, open } = await signedIn(world);
  const socket = await open("/api/live?x");
  socket.send("hello");
  assert.equal(await coming(socket.next(), "an answer"), "/base/v2/live?x hello");
  assert.deepEqual(opened, ["/base/v2/live?x"]);
  const stream = await new Promise((resolve, reject) => {
    const request = httpRequest({ host: "127.0.0.1", port: postern.port, path: "/api/events", headers: [["host", new URL(postern.origin).host], ...SCRIPT, cookie].flat(), agent: false });
    request.on("error", reject).on("response", resolve).end();
  });
  const text = [];
  const over = new Promise((end) => { stream.setEncoding("utf8").on("data", (part) => text.push(part)).on("end", end); });
  await browser.fetch("/auth/logout", { method: "POST" });
  await coming(over, "the end of the stream");
  assert.deepEqual([text.join(""), asked.at(-1).path], ["data: first\n\n", "/base/v2/events"]);
  assert.deepEqual(await coming(socket.closed, "the end of the WebSocket"), ENDED);
});

test("a binding sees the rest of the path at the origin that browsers know", async () => {
  const answer = await get("/service/7/orders?x");
  assert.equal(answer.status, 200);
  const { path, headers } = (await postern.forwarded()).at(-1);
  assert.deepEqual([path, headers["x-forwarded-prefix"]], ["/7/orders?x", "/service"]);
});

test("static files lie below a prefix, and the redirects of their server do", async () => {
  const script = await postern.send("/files/app.js", { headers: SCRIPT });
  assert.deepEqual([script.status, script.body], [200, "app()"]);
  assert.match((await postern.send("/files/", { headers: PERSON })).body, /<title>app/);
  for (const [path, location] of [["/files/index.html", "/files/"], ["/files/sub", "/files/sub/"]]) {
    const { status, headers } = await postern.send(path, { headers: PERSON });
    assert.deepEqual([status, new URL(headers.location, `${postern.origin}${path}`).pathname], [307, location]);
  }
  // A file that is not there is none below a prefix either.
  assert.equal((await postern.send("/files/gone.js", { headers: SCRIPT })).status, 404);
});

test("another proxy asks about the path outside, and nothing is taken off for it", async () => {
  const question = (uri) => postern.send("/auth/verify", { headers: [
    alice.cookie, ...SCRIPT, ["x-postern-secret", SECRET], ["x-forwarded-method", "GET"], ["x-forwarded-uri", uri],
    ["x-forwarded-host", new URL(postern.origin).host], ["x-forwarded-proto", "http"],
  ] });
  const statuses = [];
  for (const uri of ["/api/orders/7", "/api/admin/x", "/base/v2/orders/7", "/orders/7"]) statuses.push((await question(uri)).status);
  assert.deepEqual(statuses, [204, 403, 404, 404]);
});
