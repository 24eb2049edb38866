// An MCP server of the SDK as the Worker behind a service binding, in this process: it keeps what it got, and answers
// otherwise where a test bends it.

import { createMcpHandler, fromJsonSchema, McpServer } from "@modelcontextprotocol/server";

const TOOLS = ["search", "delete_doc", "dump"];

const schema = fromJsonSchema({ type: "object", properties: { q: { type: "string" } } });

function server() {
  const made = new McpServer({ name: "notes", version: "1.0.0" });
  for (const name of TOOLS) {
    made.registerTool(name, { description: name, inputSchema: schema }, ({ q = "" }) => ({ content: [{ type: "text", text: `${name} ${q}` }] }));
  }
  made.registerPrompt("review", { description: "review" }, () => ({ messages: [{ role: "user", content: { type: "text", text: "review" } }] }));
  made.registerResource("all", "note://all", {}, (uri) => ({ contents: [{ uri: uri.href, text: "all" }] }));
  made.registerResource("secret", "vault://secret", {}, (uri) => ({ contents: [{ uri: uri.href, text: "secret" }] }));
  return made;
}

/** `service`: for a service binding. `seen`: what came. `bend`: a function of a request that answers in place of the server. */
export function mcpUpstream(options = {}) {
  const handler = createMcpHandler(server, options);
  const upstream = {
    seen: [],
    bend: undefined,
    async service(request) {
      const body = await request.text();
      upstream.seen.push({ method: request.method, url: request.url, headers: Object.fromEntries(request.headers), body });
      if (upstream.bend) return upstream.bend(request);
      const answer = await handler.fetch(new Request(request.url, {
        method: request.method, headers: Object.fromEntries(request.headers), ...(body && { body }),
      }));
      // Miniflare takes answers of its own kind; a list ends, so it can be read here.
      return new upstream.Response(await answer.text(), { status: answer.status, headers: Object.fromEntries(answer.headers) });
    },
  };
  return upstream;
}
