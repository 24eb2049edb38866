// Routes with a server of the Model Context Protocol behind them: what goes to it, and what of its answers comes back.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Response } from "miniflare";

import { consent, register } from "./support/agents.mjs";
import { logIn } from "./support/login.mjs";
import { mcpUpstream } from "./support/mcp_upstream.mjs";
import { challengesOf } from "./support/tokens.mjs";
import { until } from "./support/until.mjs";
import { startWorld } from "./support/world.mjs";

const MODERN = "2026-07-28";
const upstream = mcpUpstream();
upstream.Response = Response;
const route = (mcp) => ({ upstream: "service:MCP", authenticate: ["bearer"], mcp });
const scopes = { "tools/call:search": "read", "tools/call:delete_*": "write", "resources/read:note://*": "read", "prompts/get:review": "write" };
const world = await startWorld(
  { main: {} },
  {
    tokens: { main: {} },
    services: { MCP: (request) => upstream.service(request) },
    upstream: fileURLToPath(new URL("support/packed_list.mjs", import.meta.url)),
    routes: { "/packed": { ...route({ scopes }), upstream: "service:ECHO" }, "/mcp": route({ scopes }), "/plain": route(true), "/old": route({ legacy: true, scopes }), "/granted": { upstream: "service:MCP", mcp: true } },
    vars: { AGENTS: { register: true } },
  },
);
const { postern } = world;
const { main } = world.issuers;
beforeEach(() => {
  upstream.seen.length = 0;
  upstream.bend = undefined;
});

function bodyOf(method, params = {}) {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  return JSON.stringify({ jsonrpc: "2.0", id: 7, method, params: { ...params, _meta } });
}

/** Sends a message as the revision of 2026 has it, with headers more or in place of its own. */
function ask(method, params, { path = "/mcp", scope = "read", body = bodyOf(method, params), headers = {}, token = main.accessToken({ scope }), arrived } = {}) {
  const name = params?.name ?? params?.uri;
  const all = {
    authorization: `Bearer ${token}`, "content-type": "application/json", accept: "application/json, text/event-stream",
    "mcp-protocol-version": MODERN, "mcp-method": method, ...(name && { "mcp-name": name }), ...headers,
  };
  return postern.send(path, { method: "POST", body, arrived, headers: Object.entries(all).filter(([, value]) => value !== undefined) });
}

const listed = (answer, member = "tools", key = "name") => JSON.parse(answer.body).result[member].map((entry) => entry[key]);

test("a call goes to the server byte for byte, with an assertion and no token", async () => {
  //
  const mark = await postern.mark();
  const body = bodyOf("tools/call", { name: "search", arguments: { q: "canary é \u2028" } }).replace('"id":7', '"id" : 7');
  const answer = await ask("tools/call", { name: "search" }, { body });
  assert.equal(answer.status, 200, answer.body);
  assert.match(JSON.parse(answer.body).result.content[0].text, /^search canary é/);
  const [seen] = upstream.seen;
  assert.equal(seen.body, body);
  assert.equal(seen.headers.authorization, undefined);
  assert.match(seen.headers["x-postern-assertion"], /^ey/);
  assert.equal(seen.headers["mcp-name"], "search");
  const [event] = await postern.eventsSince(mark);
  assert.equal(event.mcp.method, "tools/call");
  assert.equal(event.mcp.name, "search");
  assert.ok(!(await postern.linesSince(mark)).join("\n").includes("canary"));
});

test("what the headers say otherwise than the body never reaches the server", async () => {
  //
  const call = { name: "delete_doc", arguments: {} };
  for (const [options, code] of [
    [{ headers: { "mcp-name": "search" } }, -32020],
    [{ headers: { "mcp-name": "=?base64?c2VhcmNo?=" } }, -32020],
    [{ headers: { "mcp-method": "tools/list" } }, -32020],
    [{ headers: { "mcp-method": undefined } }, -32020],
    [{ headers: { "mcp-param-q": "else" } }, -32020],
    [{ headers: { "mcp-protocol-version": "2025-11-25" } }, -32022],
    [{ headers: { "mcp-protocol-version": undefined } }, -32020],
    [{ headers: { "content-type": "text/plain" } }, -32600],
    [{ body: `[${bodyOf("tools/call", call)}]` }, -32600],
    [{ body: bodyOf("tools/call", call).replace('"method"', '"method":"tools/list","method"') }, -32600],
    [{ body: bodyOf("tools/call", { ...call, pad: "x".repeat(256 * 1024) }) }, -32600],
    [{ body: "{" }, -32700],
  ]) {
    const answer = await ask("tools/call", call, { scope: "read write", ...options });
    assert.equal(answer.status, 400, answer.body);
    assert.equal(JSON.parse(answer.body).error.code, code, JSON.stringify(options).slice(0, 100));
  }
  assert.deepEqual(upstream.seen, []);
  assert.equal((await ask("tools/call", call, { scope: "write" })).status, 200);
});

test("a caller is told all that the operation needs, and where to get it", async () => {
  //
  const lacking = await ask("tools/call", { name: "delete_doc" });
  assert.equal(lacking.status, 403);
  const [[scheme, parameters]] = challengesOf(lacking);
  assert.equal(scheme, "Bearer");
  assert.deepEqual(parameters, {
    error: "insufficient_scope", scope: "write", resource_metadata: `${postern.origin}/.well-known/oauth-protected-resource/mcp`,
  });
  assert.equal((await ask("tools/call", { name: "dump" }, { scope: "read write" })).status, 403);
  const anonymous = await ask("tools/call", { name: "search" }, { headers: { authorization: undefined } });
  assert.equal(anonymous.status, 401);
  assert.equal(challengesOf(anonymous)[0][1].scope, "read");
  assert.deepEqual(upstream.seen, []);
  const foreign = await ask("tools/call", { name: "search" }, { headers: { origin: "https://evil.example" } });
  assert.equal(foreign.status, 403);
});

test("lists lose what the caller may not use, however they come", async () => {
  //
  const answer = await ask("tools/list");
  assert.equal(answer.status, 200, answer.body);
  assert.deepEqual(listed(answer), ["search"]);
  assert.equal(JSON.parse(answer.body).result.cacheScope, "private");
  assert.equal(upstream.seen[0].headers["accept-encoding"], "identity");
  assert.deepEqual(listed(await ask("tools/list", {}, { scope: "read write" })), ["search", "delete_doc"]);
  assert.deepEqual(listed(await ask("tools/list", {}, { path: "/plain" })), ["search", "delete_doc", "dump"]);
  assert.deepEqual(listed(await ask("prompts/list"), "prompts"), []);
  assert.deepEqual(listed(await ask("resources/list"), "resources", "uri"), ["note://all"]);

  const list = JSON.stringify({ jsonrpc: "2.0", id: 7, result: { tools: [{ name: "search" }, { name: "dump" }], cacheScope: "public" } });
  const stream = `: hi\r\n\r\ndata: {"jsonrpc":"2.0","method":"notifications/progress"}\r\n\r\nid: 3\r\ndata: ${list}\r\n\r\n`;
  const oddly = new ReadableStream({
    async pull(controller) {
      for (const byte of Buffer.from(stream)) controller.enqueue(new Uint8Array([byte]));
      controller.close();
    },
  });
  upstream.bend = () => new Response(oddly, { headers: { "content-type": "text/event-stream" } });
  const events = await ask("tools/list");
  assert.equal(events.status, 200, events.body);
  assert.match(events.headers["content-type"], /text\/event-stream/);
  assert.match(events.body, /notifications\/progress/);
  assert.match(events.body, /"search"/);
  assert.doesNotMatch(events.body, /dump/);

  upstream.bend = undefined;
  const packed = await ask("tools/list", {}, { path: "/packed" });
  assert.equal(packed.status, 200, packed.body);
  assert.deepEqual(listed(packed), ["search"]);
  assert.equal(packed.headers["content-encoding"], undefined);
  assert.equal(packed.headers.etag, undefined);
});

test("a list that cannot be read is not passed on", async () => {
  //
  const tools = { tools: [{ name: "dump", description: "x".repeat(2 * 1024 * 1024) }] };
  for (const [type, body] of [
    ["application/json", '{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"dump"}]}'],
    ["application/json", '{"result":{"tools":[]},"result":{"tools":[{"name":"dump"}]}}'],
    ["application/json", `[${JSON.stringify({ result: { tools: [{ name: "dump" }] } })}]`],
    ["text/plain", JSON.stringify({ result: { tools: [{ name: "dump" }] } })],
    ["text/event-stream", 'data: [{"name":"dump"}]\n\n'],
    ["application/json", JSON.stringify({ jsonrpc: "2.0", id: 7, result: tools })],
  ]) {
    upstream.bend = () => new Response(body, { headers: { "content-type": type } });
    const mark = await postern.mark();
    const answer = await ask("tools/list");
    assert.equal(answer.status, 502, `${type} ${body.slice(0, 80)}`);
    assert.doesNotMatch(answer.body, /dump/);
    assert.equal((await postern.eventsSince(mark))[0].reason, "upstream.list_unreadable");
  }
});

test("earlier revisions are for routes that say so, and are filtered alike", async () => {
  //
  const token = `Bearer ${main.accessToken()}`;
  const old = (method, params, headers = []) => postern.send("/old", {
    method: "POST", body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    headers: [["authorization", token], ["content-type", "application/json"], ["accept", "application/json, text/event-stream"], ...headers],
  });
  const client = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "old", version: "1" } };
  assert.equal((await old("initialize", client)).status, 200);
  const list = await old("tools/list", {}, [["mcp-protocol-version", "2025-11-25"], ["mcp-name", "lie"], ["mcp-method", "lie"]]);
  assert.equal(list.status, 200, list.body);
  assert.match(list.body, /"search"/);
  assert.doesNotMatch(list.body, /dump|delete_doc/);
  const { headers } = upstream.seen.at(-1);
  assert.deepEqual([headers["mcp-name"], headers["mcp-method"]], [undefined, undefined]);
  assert.equal((await old("tools/call", { name: "dump" })).status, 403);
});

/** Has the server send events until `over`; `sent` counts them. */
function streaming() {
  const stream = { sent: 0, over: false };
  upstream.bend = () => new Response(new ReadableStream({
    async pull(controller) {
      stream.sent += 1;
      controller.enqueue(Buffer.from(`data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":${stream.sent}}}\n\n`));
      await new Promise((later) => { setTimeout(later, 20); });
      if (stream.over) controller.close();
    },
  }), { headers: { "content-type": "text/event-stream" } });
  return stream;
}

test("a stream ends when the token does", async () => {
  //
  const stream = streaming();
  const now = Math.floor(postern.now() / 1000);
  const answer = await ask("tools/call", { name: "search" }, { token: main.accessToken({ exp: now + 3 }) });
  stream.over = true;
  assert.equal(answer.status, 200);
  assert.ok(answer.body.endsWith("\n\n"), "an event was cut in two");
  await until(() => stream.sent > 0, "an event");
});

test("a stream ends when the person ends what they granted", async () => {
  //
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  const { access_token: token } = await consent(browser, await register(postern), { path: "/granted" });
  const stream = streaming();
  let parts = 0;
  const asked = ask("tools/call", { name: "search" }, { path: "/granted", token, arrived: () => { parts += 1; } });
  await until(() => parts > 0, "an event at the client");
  const ended = await browser.navigate("/auth/sessions/end-others", { method: "POST", fields: [], initiator: postern.origin });
  assert.equal(ended.status, 200);
  const answer = await asked;
  stream.over = true;
  assert.deepEqual([answer.status, answer.body.endsWith("\n\n")], [200, true]);
  assert.equal((await ask("tools/call", { name: "search" }, { path: "/granted", token })).status, 401);
});
