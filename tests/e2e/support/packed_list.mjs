// An upstream whose list of tools comes packed: the runtime does that by the header.

const list = { jsonrpc: "2.0", id: 7, result: { tools: [{ name: "search" }, { name: "dump" }], cacheScope: "public" } };

export default {
  fetch: () => Response.json(list, { headers: { "content-encoding": "gzip", etag: '"a"' } }),
};
