// The template of the Deploy button, with the package of this repository in the place of the published one.

import assert from "node:assert/strict";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { unstable_readConfig as readConfig } from "wrangler";

import { TARBALLS, done, emptyFolder, run } from "./support/project.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TEMPLATE = join(ROOT, "templates/deploy");
const manifest = JSON.parse(readFileSync(join(TEMPLATE, "package.json"), "utf8"));
const read = (path) => JSON.parse(JSON.stringify(readConfig({ config: join(ROOT, path) }, { hideWarnings: true })));
const config = read("templates/deploy/wrangler.jsonc");

test("it has the platform and the objects that this repository deploys, and this release", () => {
  const own = read("wrangler.toml");
  for (const key of ["compatibility_date", "compatibility_flags", "durable_objects", "exports", "triggers"]) assert.deepEqual(config[key], own[key], key);
  const root = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  assert.deepEqual([manifest.dependencies.postern, manifest.devDependencies.wrangler], [`^${root.version}`, `^${root.devDependencies.wrangler}`]);
});

test("the button asks for every secret and the address, says how to find them, and suggests no value", () => {
  const example = readFileSync(join(TEMPLATE, ".dev.vars.example"), "utf8");
  const asked = example.match(/^[^#\n].*$/gm);
  assert.deepEqual(asked, ['POSTERN_KEYS=""', 'PROVIDER_MAIN_CLIENT_SECRET=""']);
  for (const name of ["PUBLIC_URL", "POSTERN_KEYS", "PROVIDER_MAIN_CLIENT_SECRET"]) assert.ok(manifest.cloudflare.bindings[name].description.length > 20, name);
});

test("it passes `postern check`, and would be deployed", async () => {
  const folder = emptyFolder();
  cpSync(TEMPLATE, folder, { recursive: true });
  await done(folder, "npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", "--save", `file:${TARBALLS.postern}`]);
  const { code, out, err } = await run(folder, "npx", ["postern", "check"]);
  assert.match(out, /^wrangler\.jsonc: no problems$/m);
  assert.deepEqual([code, err], [0, ""]);
  const said = await done(folder, "npx", ["wrangler", "deploy", "--dry-run"]);
  assert.doesNotMatch(said, /warning|▲|✘/i);
  assert.match(said, /Total Upload/);
});

test("the command that it gives for a key makes one that Postern takes", async () => {
  const [, command] = /run `(.*)`\. Keep/.exec(manifest.cloudflare.bindings.POSTERN_KEYS.description);
  const key = await done(TEMPLATE, "sh", ["-c", command]);
  assert.match(key, /^k1:[\w-]{43}\n$/);
});
