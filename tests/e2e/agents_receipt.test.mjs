// The program in examples/verify-receipt, against receipts that an MCP server got from the Worker: it believes what is true of
// the call at hand and nothing else.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { Response } from "miniflare";

import { compactJws, newKey, signature } from "../provider/keys.mjs";
import { call, consent, register } from "./support/agents.mjs";
import { ownKey } from "./support/assertions.mjs";
import { logIn } from "./support/login.mjs";
import { mcpUpstream } from "./support/mcp_upstream.mjs";
import { freePort } from "./support/ports.mjs";
import { startWorld } from "./support/world.mjs";

const PROGRAM = fileURLToPath(new URL("../../examples/verify-receipt/verify.mjs", import.meta.url));
const ARGUMENTS = { q: "Ünï 7" };

const upstream = mcpUpstream();
upstream.Response = Response;
const world = await startWorld({ main: {} }, {
  port: await freePort(),
  services: { MCP: (request) => upstream.service(request) },
  routes: { "/mcp": { upstream: "service:MCP", mcp: { approve: ["tools/call:delete_*"] } } },
  vars: { AGENTS: { register: true } },
});
const { postern, issuers } = world;

/** What it says and with which code it ends. */
async function verify(receipt, body, issuer = postern.origin) {
  const child = spawn(process.execPath, [PROGRAM, issuer, receipt, body], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => void (out += chunk));
  child.stderr.on("data", (chunk) => void (err += chunk));
  const code = await new Promise((done) => child.on("close", done));
  return { code, out, err };
}

const read = (part) => JSON.parse(Buffer.from(part, "base64url"));
const changed = (body, change) => {
  const message = JSON.parse(body);
  change(message);
  return JSON.stringify(message);
};

test("an upstream verifies who allowed the very call that it got", async () => {
  //
  issuers.main.user = { sub: "payer" };
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  const client = await register(postern);
  const { access_token: access } = await consent(browser, client);
  const { approval_url: url } = JSON.parse((await call(postern, access, "delete_doc", ARGUMENTS)).body);
  const page = new URL(url).pathname;
  const decided = await browser.navigate(page, { method: "POST", fields: [["decision", "allow"]], initiator: postern.origin, follow: false });
  assert.equal(decided.status, 303);
  const early = (await browser.fetch(`${page}/receipt`)).body;
  const answered = await call(postern, access, "delete_doc", ARGUMENTS);
  assert.equal(answered.status, 200, answered.body);
  const { headers, body } = upstream.seen.at(-1);
  const receipt = headers["x-postern-receipt"];

  const { code, out, err } = await verify(receipt, body);
  assert.equal(code, 0, err);
  assert.ok(out.startsWith(`payer of ${issuers.main.url} allowed ${client} delete_doc (`), out);
  // What is not part of the call may differ.
  assert.equal((await verify(receipt, changed(body, ({ params }) => { params._meta = {}; }))).code, 0);

  const [head, payload, end] = receipt.split(".");
  const own = await ownKey(postern);
  const stranger = newKey("ES256", { kid: own.kid });
  const sign = (key, header, claims) => compactJws({ ...read(head), ...header }, { ...read(payload), ...claims }, (input) => signature(key, input, "ES256"));
  // By Postern's own key, so that nothing but the one thing below is wrong.
  assert.equal((await verify(sign(own, {}, {}), body)).code, 0);
  const by = { ...read(payload).approved_by, sub: "somebody" };
  for (const [name, text, request, issuer] of [
    ["other arguments", receipt, changed(body, ({ params }) => { params.arguments.q = "8"; })],
    ["another tool", receipt, changed(body, ({ params }) => { params.name = "dump"; })],
    ["more parameters", receipt, changed(body, ({ params }) => { params.more = 1; })],
    ["another method", receipt, changed(body, (message) => { message.method = "prompts/get"; })],
    ["allowed and not yet made", early, body],
    ["signed by somebody else", sign(stranger, {}, {}), body],
    ["an assertion", headers["x-postern-assertion"], body],
    ["of another type", sign(own, { typ: "JWT" }, {}), body],
    ["of another issuer", sign(own, {}, { iss: "https://other.example" }), body],
    ["of another grant", sign(own, {}, { grant: "other" }), body],
    ["with another's name in it", [head, Buffer.from(JSON.stringify({ ...read(payload), approved_by: by })).toString("base64url"), end].join("."), body],
    ["without a signature", `${Buffer.from(JSON.stringify({ ...read(head), alg: "none" })).toString("base64url")}.${payload}.`, body],
    ["of an issuer that is not there", receipt, body, `${postern.origin}/other`],
  ]) {
    const refused = await verify(text, request, issuer);
    assert.deepEqual([refused.code, refused.out], [1, ""], name);
    assert.match(refused.err, /^refused: /, name);
  }
});
