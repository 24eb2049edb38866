// The SAML Worker, as the package has it: deployed from where npm put it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { unstable_readConfig as readConfig } from "wrangler";

import { TARBALLS, done, emptyFolder } from "./support/project.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const { devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const read = (path) => JSON.parse(JSON.stringify(readConfig({ config: join(ROOT, path) }, { hideWarnings: true })));

test("it is configured as in this repository: without secrets, storage or address, and with a limit of CPU", () => {
  //
  const [packed, own] = [read("packages/postern/saml/wrangler.json"), read("wrangler.saml.toml")];
  const differ = Object.keys(own).filter((key) => JSON.stringify(packed[key]) !== JSON.stringify(own[key]));
  assert.deepEqual(differ.sort(), ["build", "configPath", "main", "send_metrics", "userConfigPath"]);
  assert.deepEqual([packed.workers_dev, packed.limits], [false, { cpu_ms: 200 }]);
});

test("it would be deployed with the command of its reference", async () => {
  const folder = emptyFolder();
  await done(folder, "npm", ["init", "--yes"]);
  await done(folder, "npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", `file:${TARBALLS.postern}`, `wrangler@${devDependencies.wrangler}`]);
  const said = await done(folder, "npx", ["wrangler", "deploy", "--config", "node_modules/postern/saml/wrangler.json", "--dry-run"]);
  assert.match(said, /No bindings found/);
  assert.match(said, /Total Upload/);
  assert.doesNotMatch(said, /warning|▲|✘/i);
});
