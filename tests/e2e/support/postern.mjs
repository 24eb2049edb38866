// Starts the built Worker in workerd, in front of an upstream that echoes, with a configuration per test file.

import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { convertV4MiniflareOptions, Miniflare } from "miniflare";

import { Issuer } from "../../provider/issuer.mjs";
import { privateJwk } from "../../provider/keys.mjs";
import { send } from "./http.mjs";
import { AT_MOST_MS, until } from "./until.mjs";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const SUPPORT = join(ROOT, "tests/e2e/support");

/** What `wrangler.toml` says too; `wrangler_config.test.mjs` holds the two together. */
export const PLATFORM = { compatibilityDate: "2026-11-17", compatibilityFlags: ["global_fetch_strictly_public"] };

/** The routes most files guard. */
export const ROUTES = {
  "/api/echo": { methods: ["GET", "POST", "DELETE"], upstream: "service:ECHO" },
  "/api/relay": { methods: ["GET"], upstream: "service:ECHO", token: "relay" },
  "/api/orders/{id}": { methods: ["GET"], upstream: "service:ECHO" },
  "/page": { methods: ["GET"], upstream: "service:ECHO" },
};

/** The build that only tests use: it has faults on demand. */
export const TEST_BUILD = "build-test";

/** The class of each binding. */
const CLASSES = { SUBJECTS: "SubjectObject", ONCE: "OnceObject", SID_INDEX: "SidIndexObject", BUCKETS: "BucketObject", DECISION_LOG: "DecisionObject", BLOCKS: "BlockObject", API_KEYS: "KeyObject", SERVICE_TOKENS: "ServiceTokenObject", TUPLES: "TupleObject" };

const LOG_WITHIN_MS = 10_000;
/** How many times as fast as the wall's a clock runs that stands still, within what timers can be set to. */
const STILL = 1e-4;

const TYPES = { ".js": "ESModule", ".mjs": "ESModule", ".wasm": "CompiledWasm" };

/** What `npm run build` made in a folder. */
export function builtModules(build) {
  const folder = join(ROOT, build);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files.flatMap((file) => {
    const type = TYPES[/\.[a-z]+$/.exec(file)?.[0]];
    return type ? [{ type, path: join(folder, file) }] : [];
  });
}

function modules(build) {
  const entry = join(SUPPORT, "entry.mjs");
  const contents = readFileSync(entry, "utf8").replaceAll("../build/", `../${build}/`);
  return [{ type: "ESModule", path: entry, contents }, ...builtModules(build)];
}

/** What kind of secret a client has, and the secret; `undefined` where a certificate stands in for it. */
function secretOf({ auth, key, secret }) {
  if (auth === "private_key_jwt") return ["PRIVATE_KEY", JSON.stringify(privateJwk(key))];
  if (auth === "tls_client_auth" || auth === "self_signed_tls_client_auth") return undefined;
  if (auth === "apple") return ["PRIVATE_KEY", key.privateKey.export({ type: "pkcs8", format: "pem" })];
  return ["CLIENT_SECRET", secret];
}

/** One provider's table and its secrets. `table` of an entry makes keys of it from the issuer; those that are undefined are left out. */
function providerConfig(id, entry) {
  const { issuer, table: own = () => ({}), ...settings } = entry instanceof Issuer ? { issuer: entry } : entry;
  const { client } = issuer;
  const table = { issuer: issuer.url, client_id: client.id, client_auth: client.auth, id_token_algs: [issuer.alg], ...settings, ...own(issuer) };
  const [kind, secret] = secretOf(client) ?? [];
  const secrets = kind ? { [`PROVIDER_${id.toUpperCase().replaceAll("-", "_")}_${kind}`]: secret } : {};
  return { issuer, table: Object.fromEntries(Object.entries(table).filter(([, value]) => value !== undefined)), secrets };
}

export const newKeyRing = (id = "k1") => `${id}:${randomBytes(32).toString("base64url")}`;

export function bindingsOf({ providers, session, routes, keys, publicUrl, vars }) {
  const configured = Object.entries(providers).map(([id, entry]) => [id, providerConfig(id, entry)]);
  return {
    PUBLIC_URL: publicUrl,
    PROVIDERS: Object.fromEntries(configured.map(([id, { table }]) => [id, table])),
    SESSION: session,
    // Everybody here comes from one address; `limits.test.mjs` has the limits of a deployment.
    LIMITS: { login: false, callback: false },
    ROUTES: routes,
    POSTERN_KEYS: keys,
    ...Object.assign({}, ...configured.map(([, { secrets }]) => secrets)),
    ...vars,
  };
}

/** As `[assets]` of wrangler.toml says. */
const staticAssets = (directory) => ({
  directory, binding: "ASSETS",
  routerConfig: { has_user_worker: true, invoke_user_worker_ahead_of_assets: true },
  assetConfig: { not_found_handling: "single-page-application" },
});

function miniflareOptions({ bindings, build, policies, subjects = "SubjectObject", port, upstream, onLog, twin, assets, ratelimits = {}, services = {}, beside = () => [] }) {
  const postern = {
    name: "postern",
    modulesRoot: ROOT,
    modules: modules(build),
    ...PLATFORM,
    bindings,
    kvNamespaces: ["POSTERN_CACHE", ...(policies ? ["POSTERN_POLICIES"] : [])],
    durableObjects: {
      SUBJECTS: { className: subjects, useSQLite: true },
      ONCE: { className: "OnceObject", useSQLite: true },
      SID_INDEX: { className: "SidIndexObject", useSQLite: true },
      BUCKETS: { className: "BucketObject", useSQLite: true },
      TUPLES: { className: "TupleObject", useSQLite: true },
      DECISION_LOG: { className: "DecisionObject", useSQLite: true },
      BLOCKS: { className: "BlockObject", useSQLite: true },
      API_KEYS: { className: "KeyObject", useSQLite: true },
      SERVICE_TOKENS: { className: "ServiceTokenObject", useSQLite: true },
    },
    ratelimits,
    serviceBindings: { ECHO: "echo", ...services, ...(!assets && { ASSETS: "echo" }) },
    ...(assets && { assets: staticAssets(assets) }),
  };
  const echo = { name: "echo", modules: true, script: readFileSync(upstream, "utf8"), ...PLATFORM };
  // The same Worker in an isolate of its own, in front of the same objects.
  const shared = Object.fromEntries(Object.entries(postern.durableObjects).map(([name, { className }]) => [name, { className, scriptName: "postern" }]));
  const twins = twin ? [{ ...postern, name: "twin", durableObjects: shared }] : [];
  const others = [...twins, ...beside(bindings)].map((worker) => ({ ...worker, unsafeDirectSockets: [{}] }));
  return convertV4MiniflareOptions({ host: "127.0.0.1", port, cf: false, handleStructuredLogs: onLog, workers: [postern, echo, ...others] });
}

/**
 * Starts Postern.
 * @param {object} options
 * @param {Record<string, Issuer | { issuer: Issuer }>} options.providers by id; further members go into the provider's table
 * @param {number} [options.port] the real port, and then PUBLIC_URL's; otherwise a free one behind a fixed PUBLIC_URL
 * @param {string} [options.host] PUBLIC_URL's
 * @param {string} [options.build] the folder of the build
 * @param {boolean} [options.policies] whether there are any, in the KV namespace `POSTERN_POLICIES`
 * @param {string} [options.subjects] the class of subjects' objects
 * @param {boolean} [options.twin] whether the Worker also runs in a second isolate, for `sendToTwin`
 * @param {string} [options.assets] a folder of static files, behind `assets`
 * @param {Record<string, { namespace_id: string, simple: { limit: number, period: 10 | 60 } }>} [options.ratelimits] the platform's, by their binding
 * @param {Record<string, object>} [options.services] further service bindings, as Miniflare takes them
 * @param {string} [options.upstream] the module of the Worker behind `service:ECHO` and `assets`
 * @param {(bindings: object) => object[]} [options.beside] other Workers in the same process, by Postern's own variables and secrets: for `sendTo`
 * @returns {Promise<Postern>}
 */
export async function startPostern({
  providers, session = {}, routes = ROUTES, keys = newKeyRing(), vars = {}, port = 0, host = "localhost", build = "build", policies = false, subjects, twin = false, upstream = join(SUPPORT, "echo.mjs"), assets, ratelimits, services, beside,
}) {
  const publicUrl = `http://${host}:${port || 8787}`;
  const bindings = bindingsOf({ providers, session, routes, keys, publicUrl, vars });
  const postern = new Postern(bindings, { build, policies, subjects, port, upstream, twin, assets, ratelimits, services, beside });
  await postern.start();
  for (const entry of Object.values(providers)) (entry.issuer ?? entry).clock = () => Math.floor(postern.now() / 1000);
  return postern;
}

export class Postern {
  #skewMilliseconds = 0;
  #marks = 0;
  #bindings;
  #options;

  constructor(bindings, options) {
    this.#bindings = bindings;
    this.#options = { ...options, onLog: ({ message }) => this.logs.push(message) };
    this.origin = bindings.PUBLIC_URL;
    this.logs = [];
  }

  async start() {
    this.miniflare = new Miniflare(miniflareOptions({ ...this.#options, bindings: this.#bindings }));
    this.port = Number((await this.miniflare.ready).port);
  }

  /** Starts a new isolate over the same stores, as a deployment with these variables and secrets would. */
  async restart(bindings = {}) {
    Object.assign(this.#bindings, bindings);
    await this.miniflare.setOptions(miniflareOptions({ ...this.#options, bindings: this.#bindings }));
    this.port = Number((await this.miniflare.ready).port);
    await this.advance(0);
  }

  /** The variables and secrets in force. */
  get bindings() {
    return { ...this.#bindings };
  }

  /** The shared cache. */
  cache() {
    return this.miniflare.getKVNamespace("POSTERN_CACHE", "postern");
  }

  /** Where policies are published. */
  policies() {
    return this.miniflare.getKVNamespace("POSTERN_POLICIES", "postern");
  }

  /** The Worker's own time, in milliseconds. */
  now() {
    return Date.now() + this.#skewMilliseconds;
  }

  /** Moves the Worker's clock, and that of its providers. */
  async advance(seconds) {
    this.#skewMilliseconds += seconds * 1000;
    await this.#control({ skewMilliseconds: this.#skewMilliseconds });
  }

  /** Lets the Worker's clock and timers run so many times as fast as the wall's; 1 is back to normal. */
  async lapse(speed) {
    const [{ body }] = await this.#control({ speed });
    this.#skewMilliseconds = JSON.parse(body).skewMilliseconds;
  }

  /** Lets the Worker's clock and timers stand still while `act` goes on: whatever waits for time to pass, however short, does not come to its end. */
  async timeless(act) {
    await this.lapse(STILL);
    let late;
    const never = new Promise((_, reject) => { late = setTimeout(() => reject(new Error("it waits for time to pass")), AT_MOST_MS); });
    try {
      return await Promise.race([act(), never]);
    } finally {
      clearTimeout(late);
      await this.lapse(1);
    }
  }

  /** Breaks stores (`{ SUBJECTS: "throw" }`: entry.mjs lists the ways); `{}` mends them all. */
  break(faults) {
    return this.#control({ faults });
  }

  /** What the platform says of every connection from now on (`request.cf`); `null`: nothing. */
  connections(cf) {
    return this.#control({ cf });
  }

  /** Whether every request from now on came by TLS: what stands before Postern has taken it off. */
  behindTls(tls = true) {
    return this.#control({ tls });
  }

  /** Lets the runtime have jurisdictions, or not, which is how it is. */
  jurisdictions(jurisdictions) {
    return this.#control({ jurisdictions });
  }

  /** Every object that was ever made of a class, to be asked what it stores, and to be rung. */
  async objects(binding) {
    const namespace = await this.miniflare.getDurableObjectNamespace(binding, "postern");
    const ids = await this.miniflare.listDurableObjectIds(CLASSES[binding], "postern");
    return ids.map((id) => namespace.get(namespace.idFromString(id)));
  }

  /** Throws all of a class's objects out of memory, once no alarm is about to ring; what they stored stays. */
  async evict(binding) {
    await until(async () => (await this.goingOn()).alarms === 0, async () => `the end of all alarms: ${JSON.stringify(await this.goingOn())}`);
    const className = CLASSES[binding];
    for (const id of await this.miniflare.listDurableObjectIds(className, "postern")) {
      await this.miniflare.unsafeEvictDurableObject("postern", className, { id }).catch((error) => {
        // Then it is out of memory already.
        if (!/not currently running/.test(error.message)) throw error;
      });
    }
  }

  /** A place in the log to read on from, past all that was logged so far. */
  async mark() {
    await this.linesSince(0);
    return this.logs.length;
  }

  /** Every line logged since `mark`, once all of them are here. */
  async linesSince(mark) {
    this.#marks += 1;
    const line = JSON.stringify({ test_mark: this.#marks });
    await this.#control({ mark: this.#marks });
    const here = () => this.logs.slice(mark).filter((message) => message === line).length;
    for (const until = Date.now() + LOG_WITHIN_MS; here() < this.#isolates.length; ) {
      if (Date.now() > until) throw new Error(`the Worker's log is silent after ${JSON.stringify(this.logs.slice(-3))}`);
      await new Promise((soon) => setTimeout(soon, 2));
    }
    return this.logs.slice(mark).filter((message) => !message.startsWith('{"test_mark"'));
  }

  /** The audit events of requests since; what objects do by themselves, such as revoking tokens, is nobody's request (method `-`). */
  async eventsSince(mark) {
    return (await this.allEventsSince(mark)).filter(({ method }) => method !== "-");
  }

  async allEventsSince(mark) {
    const lines = await this.linesSince(mark);
    return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line)).filter(({ outcome }) => outcome);
  }

  /** The first event since `mark` that `matches`, as soon as it is logged. */
  logged(mark, matches) {
    return until(async () => (await this.allEventsSince(mark)).find(matches), `an event with ${matches}`);
  }

  /** The first line of the log since `mark` with this in it, as soon as it is there. */
  line(mark, text) {
    return until(async () => (await this.linesSince(mark)).find((line) => line.includes(text)), `a line with ${text}`);
  }

  /** Resolves once nothing goes on beside or after the answers of this Worker's requests. What objects do by themselves is not among it. */
  settled() {
    return until(async () => (await this.goingOn()).background === 0, "the end of all background work");
  }

  /** Resolves once `count` requests have no answer yet. One whose client has gone may be counted for ever. */
  waiting(count) {
    return until(async () => (await this.goingOn()).requests >= count, async () => `${count} requests, not ${JSON.stringify(await this.goingOn())}`);
  }

  /**
   * What goes on in the Worker and its objects: `requests` without an answer, work in the `background`, `alarms` that ring
   * now or soon, `timers` that may ring.
   */
  async goingOn() {
    const answers = await this.#control({});
    const all = answers.map(({ body }) => JSON.parse(body));
    const sum = (kind) => all.reduce((so, one) => so + one[kind], 0);
    return { requests: sum("requests"), background: sum("background"), alarms: sum("alarms"), timers: sum("timers") };
  }

  /** What the platform would have charged for so far: questions to objects, rows, alarms. */
  async spent() {
    const [{ body }] = await this.#control({});
    return JSON.parse(body).spent;
  }

  /** What was forwarded upstream so far. */
  async forwarded() {
    const echo = await this.miniflare.getWorker("echo");
    return (await echo.fetch("http://control.test/")).json();
  }

  /** A request as written, without any browser around it. */
  send(path, { method, headers, body, arrived, url = `${this.origin}/` } = {}) {
    return send({ port: this.port, url, path, method, headers, body, arrived });
  }

  /** The same, to the second isolate. */
  sendToTwin(path, options) {
    return this.sendTo("twin", path, options);
  }

  /** The same, to the Worker of that name. */
  async sendTo(name, path, { method, headers, body, origin = this.origin } = {}) {
    const { port } = await this.miniflare.unsafeGetDirectURL(name);
    return send({ port: Number(port), url: `${origin}/`, path, method, headers, body });
  }

  close() {
    return this.miniflare.dispose();
  }

  /** By which the Worker's isolates are told. */
  get #isolates() {
    return this.#options.twin ? ["postern", "twin"] : ["postern"];
  }

  async #control(order) {
    const body = JSON.stringify(order);
    const tell = async (name) => {
      const port = name === "postern" ? this.port : Number((await this.miniflare.unsafeGetDirectURL(name)).port);
      return send({ port, url: "http://control.test/", method: "POST", headers: [["content-type", "application/json"]], body });
    };
    return Promise.all(this.#isolates.map(tell));
  }
}
