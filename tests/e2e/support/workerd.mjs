// The built Worker in a bare workerd, over a directory that outlives it: for what kills it, and what measures it.

import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import workerd from "workerd";

import { WORKER_FILES } from "../../../scripts/lib/worker.mjs";
import { bindingsOf, newKeyRing, PLATFORM, ROUTES } from "./postern.mjs";
import { send } from "./http.mjs";
import { freePort } from "./ports.mjs";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const SUPPORT = join(ROOT, "tests/e2e/support");
/** A main module of a test's own, in front of the built one. */
const MAIN = "main.js";
const KINDS = { ".js": "esModule", ".json": "json", ".txt": "text", ".wasm": "wasm" };
/** How often it is started again where a port was taken. */
const MORE_STARTS = 5;
/** A main module that adds a configuration file, as users write it. */
const configuredBy = (file) => `import { configured } from "./index.js";
import configuration from "./${file}";
export * from "./index.js";
export default configured(configuration);
`;

/** A Workers KV namespace as workerd speaks to one, in memory; what is in it from the start is in `ENTRIES`. */
const NAMESPACE = `
let entries;
export default {
  async fetch(request, env) {
    entries ??= new Map(Object.entries(env.ENTRIES));
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (request.method === "PUT") entries.set(key, await request.text());
    const entry = entries.get(key);
    return entry === undefined ? new Response(null, { status: 404 }) : new Response(request.method === "GET" ? entry : null);
  },
};`;

const text = (value) => JSON.stringify(value);

function binding([name, value]) {
  return typeof value === "string" ? `(name = ${text(name)}, text = ${text(value)})` : `(name = ${text(name)}, json = ${text(JSON.stringify(value))})`;
}

function modules(folder) {
  const files = readdirSync(join(folder, "build"), { recursive: true, encoding: "utf8" }).sort();
  const known = files.map((file) => [file, KINDS[/\.[a-z]+$/.exec(file)?.[0]]]).filter(([, kind]) => kind);
  // The first module is the main one.
  const main = [MAIN, "index.js"].find((file) => files.includes(file));
  known.sort(([one], [other]) => Number(other === main) - Number(one === main));
  return known.map(([file, kind]) => `(name = ${text(file)}, ${kind} = embed ${text(`build/${file}`)})`).join(",\n      ");
}

const FLAGS = `compatibilityDate = ${text(PLATFORM.compatibilityDate)}, compatibilityFlags = [${PLATFORM.compatibilityFlags.map(text)}]`;

/** Whether something takes connections there. */
const connects = (port) =>
  new Promise((tell) => {
    const socket = connect(port, "127.0.0.1", () => {
      tell(true);
      socket.destroy();
    });
    socket.on("error", () => tell(false));
  });

/** A Worker of one file, `{name}.mjs`. */
function service(name, bindings = [], script = name) {
  return `(name = ${text(name)}, worker = (modules = [(name = "${script}.mjs", esModule = embed "${script}.mjs")], ${FLAGS}, bindings = [${bindings}]))`;
}

const namespace = (name, entries) => service(name, [binding(["ENTRIES", entries])], "namespace");

const socket = (name, port, of) => `(name = ${text(name)}, address = "127.0.0.1:${port}", http = (), service = ${text(of)})`;
const ECHO = '(name = "ECHO", service = "echo")';

/** Postern is last: when an isolate begins, the runtime drops what V8's first compiler made for all others in the process. */
function configuration(folder, { bindings, port, peers, published }) {
  const beside = Object.entries(peers);
  const services = [service("echo"), namespace("cache", {}), ...(published ? [namespace("policies", published)] : []), ...beside.map(([name, peer]) => service(name, [...Object.entries(peer.bindings).map(binding), ECHO]))];
  const sockets = [socket("http", port, "postern"), ...beside.map(([name, peer]) => socket(name, peer.port, name))];
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    ${services.join(",\n    ")},
    (name = "postern", worker = .postern),
    (name = "objects", disk = (path = ${text(join(folder, "objects"))}, writable = true)),
    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [
    ${sockets.join(",\n    ")},
  ],
);

const postern :Workerd.Worker = (
  modules = [
      ${modules(folder)}
  ],
  ${FLAGS},
  bindings = [
    ${Object.entries(bindings).map(binding).join(",\n    ")},
    (name = "SUBJECTS", durableObjectNamespace = "SubjectObject"),
    (name = "ONCE", durableObjectNamespace = "OnceObject"),
    (name = "SID_INDEX", durableObjectNamespace = "SidIndexObject"),
    (name = "TUPLES", durableObjectNamespace = "TupleObject"),
    (name = "API_KEYS", durableObjectNamespace = "KeyObject"),
    (name = "BLOCKS", durableObjectNamespace = "BlockObject"),
    (name = "SERVICE_TOKENS", durableObjectNamespace = "ServiceTokenObject"),
    (name = "POSTERN_CACHE", kvNamespace = "cache"),
    ${published ? '(name = "POSTERN_POLICIES", kvNamespace = "policies"),' : ""}
    ${ECHO},
    (name = "ASSETS", service = "echo"),
  ],
  durableObjectNamespaces = [
    (className = "SubjectObject", uniqueKey = "subjects", enableSql = true),
    (className = "OnceObject", uniqueKey = "once", enableSql = true),
    (className = "SidIndexObject", uniqueKey = "sid", enableSql = true),
    (className = "TupleObject", uniqueKey = "tuples", enableSql = true),
    (className = "KeyObject", uniqueKey = "keys", enableSql = true),
    (className = "BlockObject", uniqueKey = "blocks", enableSql = true),
    (className = "ServiceTokenObject", uniqueKey = "service_tokens", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "objects"),
);
`;
}

/** Postern in a workerd of its own, that can be killed and started again over the same storage. */
export class BareWorkerd {
  #child;
  #said = [];

  /**
   * @param {object} options as of startPostern: `providers`, `session`, `routes`, `keys`, `vars`, `build`, `upstream`;
   * `inFile`, the names of variables that are in a configuration file, and `file`, what else is in there: an object, or the
   * whole text for a module of text;
   * `built`, a folder elsewhere with what is built;
   * `published`, what is in the namespace of policies from the start, by key; without it there is no such namespace;
   * `main`, the text of a module in front of the built one, which it imports as `./index.js`;
   * and `peers`, other Workers in the same process before the same upstream: by name, each with a `script`, `bindings`, and later its `port`
   */
  constructor({ providers, session = {}, routes = ROUTES, vars = {}, keys = newKeyRing(), build = "build", built, upstream = join(SUPPORT, "echo.mjs"), published, peers = {}, inFile = [], file, main }) {
    this.origin = "http://localhost:8787";
    this.folder = mkdtempSync(join(tmpdir(), "postern-workerd-"));
    this.peers = peers;
    this.published = published;
    this.bindings = bindingsOf({ providers, session, routes, keys, publicUrl: this.origin, vars });
    mkdirSync(join(this.folder, "objects"));
    // Beside what is built here there are packages, and not all that is built has every file.
    const [from, isPart] = built ? [built, () => true] : [join(ROOT, build), (name) => WORKER_FILES.includes(name)];
    for (const name of readdirSync(from).filter(isPart)) cpSync(join(from, name), join(this.folder, "build", name), { recursive: true });
    if (main) writeFileSync(join(this.folder, "build", MAIN), main);
    if (file !== undefined || inFile.length > 0) this.#configure(inFile, file);
    cpSync(upstream, join(this.folder, "echo.mjs"));
    writeFileSync(join(this.folder, "namespace.mjs"), NAMESPACE);
    for (const [name, { script }] of Object.entries(peers)) writeFileSync(join(this.folder, `${name}.mjs`), script);
  }

  /** Moves variables into a file. */
  #configure(names, file = {}) {
    const name = typeof file === "string" ? "postern.txt" : "postern.json";
    const variables = Object.fromEntries(names.map((variable) => [variable, this.bindings[variable]]));
    for (const variable of names) delete this.bindings[variable];
    const contents = typeof file === "string" ? file : JSON.stringify({ ...variables, ...file });
    writeFileSync(join(this.folder, "build", name), contents);
    writeFileSync(join(this.folder, "build", MAIN), configuredBy(name));
  }

  /** Starts it, and waits until it answers. */
  async start() {
    await this.#begun(async () => {
      await this.#listen();
      await this.#until(() => this.send("/auth/health").then(({ status }) => status === 200, () => false));
    });
  }

  /** Starts it, and waits until it takes connections: no request has reached it then. */
  async listen() {
    await this.#begun(() => this.#listen());
  }

  /** Another process may be given a port between the question for one and the start: then it begins anew, with other ports. */
  async #begun(work) {
    const said = this.#said.length;
    for (let more = MORE_STARTS; ; more -= 1) {
      try {
        return await work();
      } catch (error) {
        if (more === 0 || !this.#said.slice(said).join("").includes("Address already in use")) throw error;
        this.#said.length = said;
      }
    }
  }

  async #listen() {
    this.port = await freePort();
    for (const peer of Object.values(this.peers)) peer.port = await freePort();
    const config = join(this.folder, "config.capnp");
    writeFileSync(config, configuration(this.folder, this));
    this.#child = spawn(workerd.default ?? workerd, ["serve", config, "--experimental"], { stdio: ["ignore", "pipe", "pipe"] });
    this.exited = new Promise((done) => this.#child.once("exit", done));
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream.on("data", (chunk) => this.#said.push(String(chunk)));
    await this.#until(() => connects(this.port));
  }

  async #until(isSo) {
    const end = Date.now() + 20_000;
    while (!(await isSo())) {
      if (Date.now() > end || this.#child.exitCode !== null) throw new Error(`workerd does not answer:\n${this.output.slice(-4000)}`);
      await new Promise((soon) => setTimeout(soon, 15));
    }
  }

  /** What it printed, the log among it. */
  get output() {
    return this.#said.join("");
  }

  /** The same, and it is forgotten: a log would otherwise grow for as long as something is measured. */
  takeOutput() {
    const output = this.output;
    this.#said = [];
    return output;
  }

  /** The last of its log that is not about success. */
  refusals() {
    return this.output.split("\n").filter((line) => /deny|failed|rror/.test(line)).slice(-6).join("\n");
  }

  /** Dead at once, in the middle of whatever it does. */
  async kill() {
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  /** The seconds of processor time that its threads have used so far; exact to the nanosecond, unlike the process's own count. */
  get cpuSeconds() {
    const tasks = `/proc/${this.#child.pid}/task`;
    const nanoseconds = (task) => Number(readFileSync(join(tasks, task, "schedstat"), "utf8").split(" ")[0]);
    return readdirSync(tasks).reduce((sum, task) => sum + nanoseconds(task), 0) / 1e9;
  }

  /** How much memory it holds now. */
  get residentBytes() {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.#child.pid}/status`, "utf8"));
    return Number(kilobytes) * 1024;
  }

  /** A request as written, without any browser around it. */
  send(path, { method, headers, body, url = `${this.origin}/` } = {}) {
    return send({ port: this.port, url, path, method, headers, body });
  }

  /** Every byte of what the objects stored. */
  storedBytes() {
    const folder = join(this.folder, "objects");
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return Buffer.concat(files.map((entry) => readFileSync(join(entry.parentPath ?? entry.path, entry.name))));
  }

  async close() {
    if (this.#child) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
