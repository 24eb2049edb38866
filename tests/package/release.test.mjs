// What `npm run release` makes, and what must agree before.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { notesOf } from "../../scripts/lib/changelog.mjs";
import { TARBALLS, run } from "./support/project.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const RELEASE = join(ROOT, "build/release");
const read = (path) => readFileSync(join(ROOT, path), "utf8");
const { version } = JSON.parse(read("package.json"));
const digest = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");

test("the crates, the npm packages and the repository have one version", () => {
  const [, workspace] = /\[workspace\.package\]\nversion = "([^"]+)"/.exec(read("Cargo.toml"));
  assert.equal(workspace, version);
  const lock = JSON.parse(read("package-lock.json"));
  assert.deepEqual([lock.version, lock.packages[""].version], [version, version]);
  for (const name of ["postern", "create-postern"]) assert.equal(JSON.parse(read(`packages/${name}/package.json`)).version, undefined, "it comes from the repository's");
});

test("a release has the Worker, the command line, both packages and a bill of materials, and checksums of all", async () => {
  const made = await run(ROOT, process.execPath, ["scripts/release.mjs", "--draft"], { env: { PATH: process.env.PATH, CI: "1" } });
  assert.equal(made.code, 0, made.out + made.err);
  const listed = readFileSync(join(RELEASE, "SHA256SUMS"), "utf8").trimEnd().split("\n").map((line) => line.split("  "));
  for (const [sum, name] of listed) assert.equal(digest(join(RELEASE, name)), sum, name);
  const files = readdirSync(RELEASE, { recursive: true }).filter((name) => statSync(join(RELEASE, name)).isFile());
  assert.deepEqual(files.filter((name) => name !== "SHA256SUMS").sort(), listed.map(([, name]) => name).sort());
  for (const name of ["worker/index.js", "worker/index_bg.wasm", "worker/policies.wasm", "postern-cli.wasm"]) assert.ok(files.includes(name), name);
  for (const [name, tarball] of Object.entries(TARBALLS)) assert.equal(digest(join(RELEASE, `${name}-${version}.tgz`)), digest(tarball));
});

test("the bill of materials names what is linked, with checksums, and not what only tests use", () => {
  const { components, dependencies } = JSON.parse(readFileSync(join(RELEASE, "postern.cdx.json"), "utf8"));
  const names = components.map(({ name }) => name);
  for (const name of ["postern-worker", "postern-cli", "cedar-policy", "jwt-compact", "chacha20poly1305", "worker"]) assert.ok(names.includes(name), name);
  for (const name of ["proptest", "futures-test", "rusqlite", "libfuzzer-sys"]) assert.ok(!names.includes(name), name);
  const known = new Set([...components.map((one) => one["bom-ref"]), `pkg:npm/postern@${version}`]);
  for (const { ref, dependsOn } of dependencies) for (const one of [ref, ...dependsOn]) assert.ok(known.has(one), one);
  for (const { name, hashes, licenses } of components) {
    assert.ok(licenses, `${name} has no licence`);
    assert.equal(Boolean(hashes), !name.startsWith("postern"), name);
  }
});

test("a version without a dated section in the changelog, or with an empty one, is no release", () => {
  const changelog = "# Changelog\n\n## [Unreleased]\n\n- more\n\n## [1.2.0] - 2026-11-30\n\n- this\n\n## [1.1.0] - 2026-10-01\n\n## [1.0.0]\n\n- that\n";
  assert.equal(notesOf(changelog, "1.2.0"), "## [1.2.0] - 2026-11-30\n\n- this\n\n");
  for (const none of ["1.1.0", "1.0.0", "Unreleased", "1.2", "2.0.0"]) assert.equal(notesOf(changelog, none), undefined, none);
});

test("the package has every module that its Worker loads", () => {
  const folder = TARBALLS.postern.replace(/-[\d.]+\.tgz$/, "");
  const loaded = [...readFileSync(join(folder, "index.js"), "utf8").matchAll(/(?:from|import\()\s*"(\.\/[^"]+)"/g)].map(([, path]) => path);
  assert.deepEqual(loaded.sort(), ["./index_bg.wasm", "./languages.js", "./policies.wasm"]);
  for (const path of loaded) assert.ok(existsSync(join(folder, path)), path);
});

test("the packages have licences, changelog and every file that their exports name", () => {
  for (const [name, tarball] of Object.entries(TARBALLS)) {
    const folder = tarball.replace(/-[\d.]+\.tgz$/, "");
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const exported = JSON.stringify([manifest.exports, manifest.main, manifest.bin]).match(/"[^"]*\.(js|mjs|mts|ts|json|wasm)"/g).map((one) => JSON.parse(one));
    const named = exported.filter((one) => !/^\.\/(client|guard|verify)$/.test(one));
    for (const path of [...named, "README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"]) assert.ok(existsSync(join(folder, path)), `${name}: ${path}`);
  }
});
