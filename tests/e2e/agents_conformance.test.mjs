// The conformance runner of the Model Context Protocol against the authorization server for agents: both of its scenarios for one.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { logIn } from "./support/login.mjs";
import { freePort } from "./support/ports.mjs";
import { startWorld } from "./support/world.mjs";

const RUNNER = fileURLToPath(new URL("../../node_modules/@modelcontextprotocol/conformance/dist/index.js", import.meta.url));

/** The document of the runner as a client: any port of this computer, at the path where the runner listens. */
const documents = createServer((_, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ client_id: client, client_name: "Conformance runner", redirect_uris: ["http://127.0.0.1/callback"] }));
});
await new Promise((listening) => { documents.listen(0, "127.0.0.1", listening); });
after(() => documents.close());
const own = `http://127.0.0.1:${documents.address().port}`;
const client = `${own}/client.json`;

const world = await startWorld({ main: {} }, {
  host: "localhost", port: await freePort(), routes: { "/mcp": { upstream: "service:ECHO", mcp: true } }, vars: { AGENTS: {} },
});
const { postern } = world;

/** What the person in `browser` is asked at `url`, answered; the address that this leads to. */
async function decide(browser, url, answer) {
  const page = await browser.navigate(url, { initiator: own });
  const question = /name="question" value="([^"]*)"/.exec(page.body)?.[1];
  assert.ok(question, `${page.status} ${page.body}`);
  const answered = await browser.navigate("/auth/agents/authorize", {
    method: "POST", fields: [["question", question], ["answer", answer], ["for", "session"]], initiator: postern.origin, follow: false,
  });
  return answered.headers.location;
}

/** The checks of each scenario, and the runner's own verdict, where a person gives `answer`. */
async function run(person, answer) {
  world.issuers.main.user = { sub: person };
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  const results = mkdtempSync(join(tmpdir(), "conformance-"));
  const runner = spawn(process.execPath, [
    RUNNER, "authorization", "--url", postern.origin, "--client-id", client, "--resource", `${postern.origin}/mcp`,
    "--port", String(await freePort()), "--output-dir", results,
  ], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(runner, "close");
  const told = [];
  try {
    for await (const line of createInterface({ input: runner.stdout })) {
      told.push(line);
      if (line.startsWith(`${postern.origin}/auth/agents/authorize?`)) {
        assert.equal((await fetch(await decide(browser, line, answer))).status, 200);
      }
    }
    const [code] = await ended;
    const checks = readdirSync(results).flatMap((scenario) => JSON.parse(readFileSync(join(results, scenario, "checks.json"), "utf8")));
    return { code, told: told.join("\n"), checks: new Map(checks.map((check) => [check.id, check])) };
  } finally {
    runner.kill();
    rmSync(results, { recursive: true });
  }
}

test("the runner finds both scenarios kept", async () => {
  //
  const { code, told, checks } = await run("conformance-yes", "allow");
  assert.deepEqual(
    Object.fromEntries([...checks].map(([id, { status }]) => [id, status])),
    { "authorization-server-metadata": "SUCCESS", "authorization-server-metadata-cimd": "SUCCESS", "authorization-code-grant": "SUCCESS" },
    told,
  );
  assert.equal(code, 0, told);
  const { authorizationResponseUrl, body } = checks.get("authorization-code-grant").details;
  assert.equal(new URL(authorizationResponseUrl).searchParams.get("iss"), postern.origin);
  assert.equal(body.token_type, "Bearer");
});

test("the runner sees that a person refuses", async () => {
  //
  const { code, told, checks } = await run("conformance-no", "refuse");
  assert.equal(code, 1, told);
  assert.equal(checks.get("authorization-server-metadata").status, "SUCCESS");
  const { status, errorMessage } = checks.get("authorization-code-grant");
  assert.equal(status, "FAILURE");
  assert.match(errorMessage, /access_denied/);
});

test("the runner has no other scenario for an authorization server", async () => {
  const list = spawn(process.execPath, [RUNNER, "list", "--authorization"], { stdio: ["ignore", "pipe", "inherit"] });
  const names = [];
  for await (const line of createInterface({ input: list.stdout })) names.push(.../^ {2}- (\S+)/.exec(line)?.slice(1) ?? []);
  assert.deepEqual(names, ["authorization-server-metadata-endpoint", "authorization-code-grant"]);
});
