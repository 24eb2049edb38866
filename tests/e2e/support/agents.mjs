// A program that acts for a person: it registers, a person consents, and it has tokens.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";

import { send } from "./http.mjs";

const CALLBACK = "http://127.0.0.1/cb";
export const VERSION = "2026-07-28";

/** Of requests at once every second one goes to the other isolate. */
export const isolate = (at) => (at % 2 ? "twin" : undefined);

/** A request by a program, without cookies; `to` the isolate of that name. */
export const program = (postern, path, { method = "POST", headers = [], body = "", to } = {}) =>
  to
    ? postern.sendTo(to, path, { method, headers, body })
    : send({ port: postern.port, url: `${postern.origin}${path}`, method, headers, body });

/** A form to the token endpoint. */
export const token = (postern, fields, { headers = [], to } = {}) =>
  program(postern, "/auth/agents/token", {
    headers: [["content-type", "application/x-www-form-urlencoded"], ...headers], body: new URLSearchParams(fields).toString(), to,
  });

/** Registers a program; its client id. */
export async function register(postern, name = "Agent") {
  const headers = [["content-type", "application/json"]];
  const body = JSON.stringify({ client_name: name, redirect_uris: [CALLBACK] });
  const answer = await program(postern, "/auth/agents/register", { headers, body });
  assert.equal(answer.status, 201, answer.body);
  return JSON.parse(answer.body).client_id;
}

/** What a person in `browser` lets `client` do: what it then sends to the token endpoint, with the code. */
export async function allowed(browser, client, { path = "/mcp", scope } = {}) {
  const { postern } = browser;
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams({
    response_type: "code", client_id: client, redirect_uri: CALLBACK, resource: `${postern.origin}${path}`,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256", state: "s",
    ...(scope && { scope }),
  });
  const page = await browser.navigate(`/auth/agents/authorize?${query}`, { initiator: postern.origin });
  const question = /name="question" value="([^"]*)"/.exec(page.body)?.[1];
  assert.ok(question, `${page.status} ${page.body}`);
  const answered = await browser.navigate("/auth/agents/authorize", {
    method: "POST", fields: [["question", question], ["answer", "allow"], ["for", "session"]], initiator: postern.origin, follow: false,
  });
  const code = new URL(answered.headers.location).searchParams.get("code");
  return { grant_type: "authorization_code", code, redirect_uri: CALLBACK, client_id: client, code_verifier: verifier };
}

/** What a person in `browser` lets `client` do: its tokens. */
export async function consent(browser, client, wanted) {
  const tokens = await token(browser.postern, await allowed(browser, client, wanted));
  assert.equal(tokens.status, 200, tokens.body);
  return JSON.parse(tokens.body);
}

/** A call of a tool. */
export function call(postern, access, tool, args, { id = 1, to } = {}) {
  const meta = { "io.modelcontextprotocol/protocolVersion": VERSION, "io.modelcontextprotocol/clientCapabilities": {} };
  const body = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name: tool, arguments: args, _meta: meta } });
  return program(postern, "/mcp", {
    headers: [
      ["authorization", `Bearer ${access}`], ["content-type", "application/json"], ["accept", "application/json, text/event-stream"],
      ["mcp-protocol-version", VERSION], ["mcp-method", "tools/call"], ["mcp-name", tool],
    ],
    body,
    to,
  });
}
