// The SAML Worker as it is built, alone in a workerd, and the processor time of its threads.

import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import workerd from "workerd";

import { PLATFORM } from "../../e2e/support/postern.mjs";
import { freePort } from "../../e2e/support/ports.mjs";
import { until } from "../../e2e/support/until.mjs";

const BUILT = fileURLToPath(new URL("../../../build-saml/", import.meta.url));

const configuration = (port) => `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "saml", worker = (
    modules = [(name = "index.js", esModule = embed "index.js"), (name = "index_bg.wasm", wasm = embed "index_bg.wasm")],
    compatibilityDate = "${PLATFORM.compatibilityDate}",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "saml")],
);
`;

export class SamlWorker {
  #child;

  async start() {
    this.folder = mkdtempSync(join(tmpdir(), "postern-saml-bench-"));
    cpSync(BUILT, this.folder, { recursive: true });
    const port = await freePort();
    writeFileSync(join(this.folder, "config.capnp"), configuration(port));
    this.url = `http://127.0.0.1:${port}/`;
    this.#child = spawn(workerd.default ?? workerd, ["serve", join(this.folder, "config.capnp")], { stdio: "inherit" });
    await until(async () => (await fetch(this.url).catch(() => undefined))?.status === 405, () => `an answer at ${this.url}`);
    return this;
  }

  /** The answer to a question. */
  async ask(question) {
    const answer = await fetch(this.url, { method: "POST", body: JSON.stringify({ v: 1, question }) });
    if (!answer.ok) throw new Error(`the SAML Worker answered ${answer.status}`);
    return answer.json();
  }

  /** The milliseconds of processor time that its threads have used so far. */
  get cpuMilliseconds() {
    const tasks = `/proc/${this.#child.pid}/task`;
    const nanoseconds = (task) => Number(readFileSync(join(tasks, task, "schedstat"), "utf8").split(" ")[0]);
    return readdirSync(tasks).reduce((sum, task) => sum + nanoseconds(task), 0) / 1e6;
  }

  stop() {
    this.#child.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
