// A project of somebody who has npm and no Rust: an empty folder outside this repository, and what is run in it.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const RUST = ["cargo", "rustc", "rustup"];

/** The tarballs that `npm run package` makes. */
export const TARBALLS = Object.fromEntries(
  ["postern", "create-postern"].map((name) => [name, join(ROOT, "build", "packages", `${name}-${version}.tgz`)]),
);

/** The environment of somebody else: no Rust on the PATH, and nothing of the npm that runs these tests. */
function environment() {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_(package|lifecycle)_|npm_config_local_prefix$|INIT_CWD$|CARGO|RUSTUP|POSTERN_)/.test(name));
  const path = process.env.PATH.split(delimiter).filter((folder) => !folder.includes("cargo") && !folder.startsWith(ROOT));
  const node = basename(process.execPath) === "node" ? [join(process.execPath, "..")] : [];
  return {
    ...Object.fromEntries(kept), PATH: [...node, ...path].join(delimiter), NO_COLOR: "1", CI: "1", npm_config_prefer_offline: "true",
    WRANGLER_SEND_METRICS: "false", WRANGLER_SEND_ERROR_REPORTS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false",
  };
}

const ENVIRONMENT = environment();

/** An empty folder, deleted after the file's tests. */
export function emptyFolder() {
  const folder = mkdtempSync(join(tmpdir(), "postern-package-"));
  after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** Runs a command to its end; resolves with its code and what it said. */
export async function run(folder, command, args, { env } = {}) {
  const child = spawn(command, args, { cwd: folder, env: { ...ENVIRONMENT, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk) => void (said.out += chunk));
  child.stderr.on("data", (chunk) => void (said.err += chunk));
  const code = await new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", done);
  });
  return { code, ...said };
}

/** The same for what must succeed; resolves with what it said on standard output. */
export async function done(folder, command, args, options) {
  const { code, out, err } = await run(folder, command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${out}${err}`);
  return out;
}

/** Whether there is any Rust on the PATH of these commands. */
export async function rustOnPath() {
  const found = await Promise.all(RUST.map((name) => run(tmpdir(), name, ["--version"]).then(() => name, () => null)));
  return found.filter(Boolean);
}

/** Starts a development server; resolves when it has said that it is `ready`. */
export async function serve(folder, command, args, ready) {
  const child = spawn(command, args, { cwd: folder, env: ENVIRONMENT, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let said = "";
  const ended = new Promise((end) => child.on("close", end));
  const stop = async () => {
    try {
      process.kill(-child.pid, "SIGTERM");
    } catch {
      // Gone already.
    }
    await ended;
  };
  after(stop);
  await new Promise((started, failed) => {
    const take = (chunk) => {
      said += chunk;
      if (ready.test(said)) started();
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    ended.then((code) => failed(new Error(`${command} ${args.join(" ")} ended with ${code}:\n${said}`)));
  });
  return { stop, said: () => said };
}
