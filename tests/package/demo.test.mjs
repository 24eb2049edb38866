// What somebody without Rust does: `npm create postern -- --demo` in an empty folder, the development server of wrangler or
// of Vite, a sign-in in Chromium, and a deployment up to the upload.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { launchChromium, newPerson, signIn } from "../browser/support/world.mjs";
import { freePort } from "../e2e/support/ports.mjs";
import { TARBALLS, done, emptyFolder, rustOnPath, serve } from "./support/project.mjs";

/** How each development server says that it serves. */
const READY = { wrangler: /Ready on http/, vite: /Local:\s+http/ };
const TWO_LINES = "export * from 'postern';\nexport { default } from 'postern';\n";
const POLICY = '@id("everyone") permit(principal is Human, action, resource in Route::"/api/{*rest}");\n';

const browser = await launchChromium();

/** A project made by `npm create postern -- --demo` and installed. */
async function newProject(...options) {
  const folder = emptyFolder();
  const [port, providerPort] = [await freePort(), await freePort()];
  const create = ["--demo", "--port", port, "--provider-port", providerPort, "--postern", `file:${TARBALLS.postern}`, "--name", "tried", ...options];
  const said = await done(folder, "npm", ["exec", "--yes", `--package=${TARBALLS["create-postern"]}`, "--", "create-postern", ...create.map(String)]);
  assert.match(said, new RegExp(`npm run dev +then open http://localhost:${port}\n`));
  await done(folder, "npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"]);
  return { folder, origin: `http://localhost:${port}` };
}

const start = ({ folder }, kind) => serve(folder, "npm", ["run", "dev"], READY[kind]);

/** Signs in, reads what the API says, and signs out. */
async function visit({ origin }) {
  const { page, context, complaints } = await newPerson(browser);
  await page.goto(origin);
  await page.getByRole("heading", { name: "You are signed out" }).waitFor();
  await page.getByRole("link", { name: "Sign in" }).click();
  await signIn(page);
  await page.waitForURL(`${origin}/`);
  await page.getByRole("heading", { name: "Alice Liddell" }).waitFor();
  await page.getByText("Hello, alice@example.test.").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${origin}/auth/logged-out**`);
  await page.goto(origin);
  await page.getByRole("heading", { name: "You are signed out" }).waitFor();
  // Asking who is signed in is answered with 401 where nobody is.
  assert.deepEqual(complaints.filter((text) => !text.includes("status of 401")), []);
  await context.close();
  // What pages say in other languages is a module of its own.
  const german = await fetch(`${origin}/auth/logged-out`, { headers: { accept: "text/html", "accept-language": "de" } });
  assert.match(await german.text(), /<html lang="de"/);
}

/** Two lines in the place of the Worker, and policies, which are a module of their own. */
async function withPoliciesAndTwoLines({ folder }) {
  const file = join(folder, "wrangler.jsonc");
  const changed = readFileSync(file, "utf8")
    .replace('"node_modules/postern/index.js"', '"front.js"')
    .replace('[{ "binding": "POSTERN_CACHE" }]', '[{ "binding": "POSTERN_CACHE" }, { "binding": "POSTERN_POLICIES" }]')
    .replace('"token": "assertion"', '"token": "assertion", "policy": true');
  for (const part of ["front.js", "POSTERN_POLICIES", '"policy": true']) assert.ok(changed.includes(part), part);
  writeFileSync(file, changed);
  writeFileSync(join(folder, "front.js"), TWO_LINES);
  writeFileSync(join(folder, "policies.cedar"), POLICY);
  writeFileSync(join(folder, "version.json"), await done(folder, "npx", ["postern", "policy", "pack", "policies.cedar"]));
  await done(folder, "npx", ["wrangler", "kv", "bulk", "put", "version.json", "--binding", "POSTERN_POLICIES", "--local"]);
}

/** What would be uploaded: names of modules by their end. */
async function dryRun({ folder }) {
  const said = await done(folder, "npx", ["wrangler", "deploy", "--dry-run", "--outdir", "uploaded"]);
  assert.doesNotMatch(said, /warning|▲|✘/i);
  assert.match(said, /Total Upload/);
  const modules = readdirSync(join(folder, "uploaded"), { recursive: true }).filter((name) => /\.(js|wasm)$/.test(name));
  return ["index_bg", "policies"].map((name) => modules.some((module) => module.endsWith(".wasm") && module.includes(name)));
}

for (const [kind, options] of [["wrangler", []], ["vite", ["--vite"]]]) {
  test(`without Rust, from an empty folder to a signed-in person by ${kind}, and up to the upload`, async (context) => {
    assert.deepEqual(await rustOnPath(), []);
    const project = await newProject(...options);
    const since = performance.now();
    assert.match(await done(project.folder, "npm", ["run", "check"]), /^wrangler\.jsonc: no problems$/m);
    const server = await start(project, kind);
    await visit(project);
    context.diagnostic(`${kind}, sign-in and sign-out after \`npm install\`: ${((performance.now() - since) / 1000).toFixed(1)} s`);
    await server.stop();

    await withPoliciesAndTwoLines(project);
    const second = await start(project, kind);
    await visit(project);
    assert.match(second.said(), /"policy_version":"/);
    await second.stop();
    if (kind === "vite") await done(project.folder, "npm", ["run", "build"]);
    assert.deepEqual(await dryRun(project), [true, true]);
  });
}

test("secrets are for their owner alone, and git does not see them", async () => {
  const folder = emptyFolder();
  await done(folder, "npm", ["exec", "--yes", `--package=${TARBALLS["create-postern"]}`, "--", "create-postern", "--demo"]);
  assert.equal(statSync(join(folder, ".dev.vars")).mode & 0o777, 0o600);
  assert.match(readFileSync(join(folder, ".gitignore"), "utf8"), /^\.dev\.vars$/m);
  assert.ok(existsSync(join(folder, ".dev.vars.example")));
});
