// `postern relations`: every tuple into a file, wiped, and back, over the running Worker.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { order, signedIn } from "./support/management.mjs";
import { freePort } from "./support/ports.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const PROGRAM = fileURLToPath(new URL("../../packages/postern/bin/relations.mjs", import.meta.url));
const vars = {
  ADMIN: { principals: ["main|root"], services: { backup: { issuer: "main", client_id: "backup", actions: ["relations.dump"], bearer: true } } },
  RELATIONS: { group: { member: "[user, group#member]" }, document: { viewer: "[user, user:*, group#member]", banned: "[user]" } },
};
const routes = { "/documents/{id}": { upstream: "service:ECHO", require: { relations: ["document:{id}#viewer"] } } };
const tokens = { main: { kind: "service" } };
const world = await startWorld({ main: {} }, { vars, routes, tokens, port: await freePort() });
const { postern } = world;
const root = await signedIn(world, "root");
const alice = await signedIn(world, "alice");
const folder = mkdtempSync(join(tmpdir(), "postern-relations-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const sessionOf = (browser) => browser.jar.cookies.get(SESSION_COOKIE).value;

/** Runs the command; exit code and what it printed. */
async function run(args, { session = sessionOf(root), token, url: where = postern.origin } = {}) {
  const env = { ...process.env, POSTERN_SESSION: session, ...(token && { POSTERN_TOKEN: token }) };
  const child = spawn(process.execPath, [PROGRAM, ...args, "--url", where], { env });
  let [out, err] = ["", ""];
  child.stdout.on("data", (part) => (out += part));
  child.stderr.on("data", (part) => (err += part));
  const code = await new Promise((ended) => child.once("close", ended));
  return { code, out, err };
}

const file = (name, lines) => {
  const path = join(folder, name);
  writeFileSync(path, Array.isArray(lines) ? lines.map((tuple) => `${JSON.stringify({ tuple })}\n`).join("") : lines);
  return path;
};
const linesOf = (text) => text.split("\n").filter(Boolean).map((line) => JSON.parse(line).tuple);
const person = (sub) => `user:${world.issuers.main.url}|${sub}`;
const documents = [...Array(40)].map((_, at) => `document:d${at}#viewer@${person(at % 2 ? "alice" : "bob")}`);
const many = [...Array(230)].map((_, at) => `group:many#member@${person(`m${at}`)}`);
const ALL = [...documents, ...many, "document:d0#viewer@group:many#member", `document:d1#banned@${person("bob")}`, "document:open#viewer@user:*"];
const seen = () => Promise.all(["d0", "d1", "d2", "d3", "open", "none"].map(async (id) => (await alice.fetch(`/documents/${id}`)).status));

test("what is written out, wiped and read in again is the same, and so are the answers", async () => {
  // R-704
  const loaded = await run(["load", file("all.jsonl", ALL)]);
  assert.deepEqual([loaded.code, loaded.err], [0, `${ALL.length} tuples, ${ALL.length} added\n`]);
  const before = await seen();
  assert.deepEqual(before, [403, 200, 403, 200, 200, 403]);
  const dumped = await run(["dump"]);
  assert.deepEqual([dumped.code, dumped.err], [0, `${ALL.length} tuples\n`]);
  assert.deepEqual(linesOf(dumped.out).sort(), [...ALL].sort());
  const backup = file("backup.jsonl", dumped.out);
  assert.deepEqual([(await run(["compare", backup])).code, (await run(["remove", "--dry-run", backup])).err], [0, `${ALL.length} tuples, ${ALL.length} would be removed\n`]);
  assert.equal((await run(["remove", backup])).code, 0);
  assert.deepEqual(await seen(), [403, 403, 403, 403, 403, 403]);
  assert.equal((await run(["dump"])).out, "");
  const gone = await run(["compare", backup]);
  assert.deepEqual([gone.code, gone.out.split("\n").filter(Boolean).length], [1, ALL.length]);
  assert.equal((await run(["load", "--dry-run", backup])).err, `${ALL.length} tuples, ${ALL.length} would be added\n`);
  assert.equal((await run(["load", backup])).code, 0);
  assert.deepEqual(await seen(), before);
  assert.equal((await run(["compare", backup])).code, 0);
});

test("a load that is repeated adds nothing, and one that was refused says where to go on", async () => {
  const backup = file("again.jsonl", ALL);
  assert.equal((await run(["load", backup])).err, `${ALL.length} tuples, 0 added\n`);
  const wrong = file("wrong.jsonl", [`document:x1#viewer@${person("alice")}`, "document:x2#viewr@user:*", `document:x3#viewer@${person("alice")}`]);
  const stopped = await run(["load", wrong]);
  assert.equal(stopped.code, 1);
  assert.match(stopped.err, /has no `viewr`, did you mean `viewer`\?/);
  assert.match(stopped.err, /--from 2\n/);
  assert.deepEqual([(await alice.fetch("/documents/x1")).status, (await alice.fetch("/documents/x3")).status], [200, 403]);
  assert.equal((await run(["load", "--from", "3", wrong])).err, "1 tuples, 1 added\n");
  assert.equal((await alice.fetch("/documents/x3")).status, 200);
});

test("what is kept of one person can be had and removed alone", async () => {
  const theirs = await run(["dump", "--subject", "user:main|alice"]);
  const found = linesOf(theirs.out);
  assert.equal(found.length, 22);
  assert.ok(found.every((tuple) => tuple.endsWith(`@${person("alice")}`)));
  assert.equal((await run(["remove", file("theirs.jsonl", theirs.out)])).err, "22 tuples, 22 removed\n");
  assert.equal((await run(["dump", "--subject", "user:main|alice"])).out, "");
  assert.ok((await run(["dump", "--subject", "user:main|bob"])).out.length > 0);
});

test("a dump goes on from where it stopped", async () => {
  const { out } = await run(["dump"]);
  const all = linesOf(out);
  const first = JSON.parse((await root.fetch("/auth/admin/relations/all")).body);
  const rest = await run(["dump", "--after", first.next]);
  assert.deepEqual(linesOf(rest.out), all.slice(first.tuples.length));
  await postern.break({ TUPLES: "throw" });
  const stopped = await run(["dump", "--tries", "1", "--after", first.next]);
  await postern.break({});
  assert.equal(stopped.code, 1);
  assert.ok(stopped.err.includes(`--after '${first.next}'`), stopped.err);
});

test("without an administrator's session nothing is read and nothing is sent in clear", async () => {
  for (const [session, code, told] of [[sessionOf(alice), 1, /403/], ["2.nonsense", 1, /401/], ["", 2, /POSTERN_SESSION/], ["a b\r\nx: y", 2, /no cookie value/]]) {
    const { code: got, out, err } = await run(["dump"], { session });
    assert.deepEqual([got, out], [code, ""], session);
    assert.match(err, told);
  }
  for (const where of ["http://app.example.com", "ftp://localhost", "nowhere"]) {
    assert.equal((await run(["dump"], { url: where })).code, 2, where);
  }
});

test("help is no mistake", async () => {
  const { code, out, err } = await run(["--help"]);
  assert.deepEqual([code, err, out.startsWith("postern relations dump")], [0, "", true]);
});

test("commands that are none, and files that are none, change nothing", async () => {
  const before = (await run(["dump"])).out;
  const good = file("good.jsonl", [`document:new#viewer@${person("alice")}`]);
  for (const [args, code] of [
    [[], 2], [["wipe"], 2], [["load"], 2], [["dump", good], 2], [["load", good, good], 2], [["load", "--subject", "user:main|a", good], 2],
    [["load", "--from", "0", good], 2], [["load", "--tries", "x", good], 2], [["load", join(folder, "missing")], 2], [["load", file("bad1", "document:new#viewer@user:*\n")], 1],
    [["load", file("bad2", '{"tuple":"document:new#viewer@user:*","more":1}\n')], 1], [["load", file("bad3", `{"tuple":"${"x".repeat(9000)}"}\n`)], 1],
  ]) {
    assert.equal((await run(args)).code, code, args.join(" "));
  }
  assert.equal((await run(["dump"])).out, before);
  assert.equal((await order(root, "/auth/admin/relations", { add: ["document:new#viewer@user:*"] })).status, 200);
});

test("a service dumps by its token, and does nothing that its entry does not name", async () => {
  // R-430
  const token = world.issuers.main.accessToken({ sub: "backup", client_id: "backup" });
  const bySession = await run(["dump"]);
  const byToken = await run(["dump"], { session: "", token });
  assert.deepEqual([byToken.code, byToken.out], [0, bySession.out]);
  assert.equal((await run(["dump", "--token-file", file("token", `${token}\n`)], { session: "" })).out, bySession.out);
  const load = await run(["load", file("one.jsonl", ["document:new#viewer@user:*"])], { session: "", token });
  assert.deepEqual([load.code, /403/.test(load.err)], [1, true], load.err);
  const foreign = await run(["dump"], { token: world.issuers.main.accessToken({ client_id: "other" }) });
  assert.deepEqual([foreign.code, /403/.test(foreign.err)], [1, true], "the session beside it saves nothing");
  assert.equal((await run(["dump"], { session: "", token: "two words" })).code, 2);
  assert.equal((await run(["dump", "--token-file", join(folder, "none")], { session: "" })).code, 2);
});
