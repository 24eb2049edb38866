// `npm run bench`: what a gateway costs, side by side in one workerd before the same upstream.
// Bare workerd, one process, loopback: the ratios travel, the absolute numbers do not.
//   --seconds 5     how long each is measured, in several turns
//   --once          hardly measures: whether the benchmark still works
//   --json FILE     also writes the numbers there ("-" for standard output)

import { readFileSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";

import { sign } from "hono/jwt";

import { WORKER_FILES, packedSizes } from "../../scripts/lib/worker.mjs";
import { startProviders } from "../provider/host.mjs";
import { SESSION_COOKIE } from "../e2e/support/refusals.mjs";
import { BareWorkerd } from "../e2e/support/workerd.mjs";
import { CONNECTIONS, get, inTurns, median, optionsOf, paired, round, summaryOf, write } from "./measure.mjs";
import { bundle, file, signIn } from "./support.mjs";

const options = optionsOf();
const AUDIENCE = "https://api.example.com";
const LIFE_SECONDS = 3600;
const STARTS = 5;
const TABLES = [10, 3000];
const COUNTED = 20;

const upstream = { methods: ["GET"], upstream: "service:ECHO" };
const SESSION_ROUTES = {
  "/public": { ...upstream, public: true },
  "/session": upstream,
  "/stale": { ...upstream, revocation: "5s" },
};
const ROUTES = {
  ...SESSION_ROUTES,
  "/api": { ...upstream, authenticate: ["bearer"], require: { issuers: ["api"] } },
  "/post": { methods: ["POST"], upstream: "service:ECHO", authenticate: ["bearer"] },
  "/mcp": { upstream: "service:ECHO", authenticate: ["bearer"], token: "none", mcp: { scopes: { "tools/call:search": "read" } } },
};

const UPSTREAM = file("upstream.mjs");
const bare = () => ({ script: readFileSync(UPSTREAM, "utf8"), bindings: {} });
const ORIGIN = "http://localhost:8787";
const secret = "a secret of the benchmark, long enough";

async function peersOf(issuer) {
  const jose = { issuer: issuer.url, audience: AUDIENCE, algorithms: [issuer.alg], jwks: issuer.metadata().jwks_uri };
  const hono = { OIDC_AUTH_SECRET: secret, OIDC_ISSUER: issuer.url, OIDC_CLIENT_ID: issuer.client.id, OIDC_CLIENT_SECRET: issuer.client.secret, OIDC_REDIRECT_URI: "/callback" };
  return {
    nothing: bare(),
    plain: { script: await bundle("plain_guard.mjs"), bindings: { ROUTES: { "/public": { methods: ["GET"] } }, PUBLIC_URL: ORIGIN, STAMP: "0123456789ab" } },
    jose: { script: await bundle("jose_guard.mjs"), bindings: { GUARDS: { "/api": jose } } },
    jose_log: { script: await bundle("jose_guard.mjs"), bindings: { GUARDS: { "/api": jose }, LOG: "access" } },
    hono: { script: await bundle("hono_guard.mjs"), bindings: hono },
  };
}

/** What `@hono/oidc-auth` sets after a login; made here, for it talks to providers by https only. */
function honoSession() {
  const now = Math.floor(Date.now() / 1000);
  return sign({ sub: "alice", email: "alice@example.com", rtk: "", rtkexp: now + LIFE_SECONDS, ssnexp: now + LIFE_SECONDS }, secret, "HS256");
}

/** What a browser sends with a request of a page. */
const BROWSER = {
  accept: "application/json, text/plain, */*", "accept-encoding": "gzip, deflate, br", "accept-language": "en-GB,en;q=0.9",
  referer: `${ORIGIN}/app`, "sec-ch-ua": '"Chromium";v="142", "Not=A?Brand";v="24"', "sec-ch-ua-mobile": "?0", "sec-ch-ua-platform": '"Linux"',
  "sec-fetch-dest": "empty", "sec-fetch-mode": "cors", "sec-fetch-site": "same-origin",
  "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
};

/** A call of a tool. */
const CALL = JSON.stringify({
  jsonrpc: "2.0", id: 1, method: "tools/call",
  params: { name: "search", arguments: { query: "hedgehogs", limit: 10 }, _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } },
});
const CALL_HEADERS = {
  "content-type": "application/json", "content-length": String(Buffer.byteLength(CALL)), accept: "application/json, text/event-stream",
  "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "search",
};

/** Each way to the upstream: by which socket, and with what. */
async function waysOf(workerd, issuer) {
  const session = { "sec-fetch-site": "same-origin", cookie: `${SESSION_COOKIE}=${await signIn(workerd)}` };
  const token = { authorization: `Bearer ${issuer.accessToken({ aud: AUDIENCE, exp: issuer.clock() + LIFE_SECONDS })}` };
  const oidcAuth = { cookie: `oidc-auth=${await honoSession()}` };
  return [
    { name: "nothing", says: "nothing in front", peer: "nothing", path: "/public", with: {} },
    { name: "plain", says: "JavaScript that does the same for a public route", peer: "plain", path: "/public", with: {} },
    { name: "public", says: "Postern, public route", path: "/public", with: {} },
    { name: "plain_browser", says: "the same JavaScript, a browser's headers", peer: "plain", path: "/public", with: BROWSER },
    { name: "public_browser", says: "Postern, public route, a browser's headers", path: "/public", with: BROWSER },
    { name: "session", says: "Postern, session, its object asked every time", path: "/session", with: session, guards: true },
    { name: "stale", says: "Postern, session, revocation = \"5s\"", path: "/stale", with: session, guards: true },
    { name: "bearer", says: "Postern, access token", path: "/api", with: token, guards: true },
    { name: "post", says: "Postern, access token, a body passed on", path: "/post", with: { ...token, ...CALL_HEADERS }, body: () => CALL, guards: true },
    { name: "mcp", says: "Postern, access token, a call of an MCP tool", path: "/mcp", with: { ...token, ...CALL_HEADERS }, body: () => CALL, guards: true },
    { name: "hono", says: "@hono/oidc-auth, session", peer: "hono", path: "/session", with: oidcAuth, guards: true },
    { name: "jose", says: "jose, access token, nothing logged", peer: "jose", path: "/api", with: token, guards: true },
    { name: "jose_log", says: "jose, access token, a line logged as by Postern", peer: "jose_log", path: "/api", with: token, guards: true },
  ];
}

const askOf = (workerd, way) => ({ name: way.name, port: workerd.peers[way.peer]?.port ?? workerd.port, path: way.path, headers: () => way.with, body: way.body });

/** That those who guard are guards. `@hono/oidc-auth` would send people to sign in, and fails there: not by https. */
async function assertGuarding(workerd, ways) {
  const agent = new Agent();
  for (const way of ways.filter(({ guards }) => guards)) {
    const status = await get(workerd, agent, { ...askOf(workerd, way), headers: () => ({}), body: way.body && (() => "") });
    if (status < 300) throw new Error(`${way.says} lets everybody in`);
  }
}

/** How many times more of `one` there is than of `other`, turn by turn. */
const ratio = (turns, member, one, other) => round(median(paired((a, b) => a[member] / b[member], turns[one], turns[other])));

const cpu = (one, other) => (turns) => ratio(turns, "cpu_us_per_request", one, other);
const rate = (one, other) => (turns) => ratio(turns, "requests_per_second", one, other);

/**
 * `most`: what the ratio is to be at most; `least`: at least. `plain`: what the JavaScript for a public route reaches, which asks
 * nobody who they are.
 */
const AIMS = [
  { says: "CPU: public route against JavaScript that does the same", most: 1.05, of: cpu("public", "plain") },
  { says: "the same with a browser's headers", most: 1.05, of: cpu("public_browser", "plain_browser") },
  { says: "CPU: session, its object asked every time, against the public route", most: 1.7, of: cpu("session", "public") },
  { says: "CPU: session with revocation = \"5s\" against the public route", most: 1.1, of: cpu("stale", "public") },
  { says: "CPU: access token seen before against the public route", most: 1.1, of: cpu("bearer", "public") },
  { says: "CPU: access token seen before against jose that logs too", most: 1, of: cpu("bearer", "jose_log"), plain: cpu("plain", "jose_log") },
  { says: "CPU: call of an MCP tool against a body that is passed on", most: 1.3, of: cpu("mcp", "post") },
  { says: "requests/s: session against @hono/oidc-auth", least: 0.6, of: rate("session", "hono"), plain: rate("plain", "hono") },
  { says: "requests/s: session with revocation = \"5s\" against @hono/oidc-auth", least: 1, of: rate("stale", "hono"), plain: rate("plain", "hono") },
];

async function compare(host) {
  const issuer = host.issuer("main");
  const workerd = new BareWorkerd({
    providers: { main: issuer }, routes: ROUTES, upstream: UPSTREAM, peers: await peersOf(issuer),
    vars: { ISSUERS: { api: { issuer: issuer.url, audience: AUDIENCE, algs: [issuer.alg] } } },
  });
  try {
    await workerd.start();
    const ways = await waysOf(workerd, issuer);
    await assertGuarding(workerd, ways);
    const turns = await inTurns(workerd, ways.map((way) => askOf(workerd, way)), options.seconds);
    const results = ways.map((way) => [way, { ...summaryOf(turns[way.name]), "CPU, of public": ratio(turns, "cpu_us_per_request", way.name, "public") }]);
    return { ways: results, aims: AIMS.map(({ of, plain, ...aim }) => ({ ...aim, measured: of(turns), plain: plain?.(turns) })) };
  } finally {
    await workerd.close();
  }
}

/** The rows that the objects read and write for one request, once everything about it is known. */
async function rowsOf(host) {
  const workerd = new BareWorkerd({ providers: { main: host.issuer("main") }, routes: SESSION_ROUTES, upstream: UPSTREAM, main: readFileSync(file("counting.mjs"), "utf8") });
  try {
    await workerd.start();
    const headers = [["sec-fetch-site", "same-origin"], ["cookie", `${SESSION_COOKIE}=${await signIn(workerd)}`]];
    const soFar = async () => JSON.parse((await workerd.send("/rows-so-far")).body);
    const rows = {};
    for (const path of Object.keys(SESSION_ROUTES)) {
      await workerd.send(path, { headers });
      const before = await soFar();
      for (let count = 0; count < COUNTED; count += 1) await workerd.send(path, { headers });
      const after = await soFar();
      rows[path] = { read: (after.read - before.read) / COUNTED, written: (after.written - before.written) / COUNTED };
    }
    return rows;
  } finally {
    await workerd.close();
  }
}

/** So many routes, the last of them public, in a configuration file: bindings would be too small. */
function many(routes) {
  const others = Array.from({ length: routes - 1 }, (_, place) => [`/api/v${place}/orders/{id}/lines`, upstream]);
  return { inFile: ["ROUTES"], routes: Object.fromEntries([...others, ["/public/{name}/last", { ...upstream, public: true }]]) };
}

/** What a request for the last of so many routes costs, against none in front at all. */
async function tableOf(host, routes) {
  const workerd = new BareWorkerd({ providers: { main: host.issuer("main") }, upstream: UPSTREAM, peers: { nothing: bare() }, ...many(routes) });
  try {
    await workerd.start();
    const asks = [{ name: "last", path: "/public/x/last" }, { name: "nothing", path: "/public/x/last", port: workerd.peers.nothing.port }];
    const turns = await inTurns(workerd, asks.map((ask) => ({ ...ask, headers: () => ({}) })), options.seconds);
    return { routes, cpu_us_per_request: summaryOf(turns.last).cpu_us_per_request, cpu_of_nothing: ratio(turns, "cpu_us_per_request", "last", "nothing") };
  } finally {
    await workerd.close();
  }
}

/** A fresh process each time, with so many routes: to the first answer, and the CPU time of the start and of the first requests. */
async function startUp(host, routes) {
  const [milliseconds, begin, first, second] = [[], [], [], []];
  for (let count = 0; count < (options.once ? 1 : STARTS); count += 1) {
    const workerd = new BareWorkerd({ providers: { main: host.issuer("main") }, upstream: UPSTREAM, peers: { nothing: bare() }, ...many(routes) });
    try {
      const started = performance.now();
      await workerd.listen();
      // Once another Worker answers, all of them have started.
      await get(workerd, new Agent(), { port: workerd.peers.nothing.port, path: "/" });
      begin.push(workerd.cpuSeconds * 1000);
      for (const into of [first, second]) {
        const before = workerd.cpuSeconds;
        const { status } = await workerd.send("/public/x/last");
        if (status !== 200) throw new Error(`the first request was answered ${status}`);
        into.push((workerd.cpuSeconds - before) * 1000);
        if (into === first) milliseconds.push(performance.now() - started);
      }
    } finally {
      await workerd.close();
    }
  }
  return { routes, until_first_answer_ms: round(median(milliseconds), 0), start_cpu_ms: round(median(begin), 1), first_request_cpu_ms: round(median(first), 1), second_request_cpu_ms: round(median(second), 1) };
}

/** What `npm run deploy` uploads, in KiB. */
function size() {
  const built = file("../../build");
  const { worker, languages, policies } = packedSizes(built);
  const kib = WORKER_FILES.reduce((sum, name) => sum + readFileSync(join(built, name)).length, 0) / 1024;
  return { kib: round(kib, 0), gzip_kib: worker + languages + policies };
}

/** As a table: what is to be reached, and whether it is. */
const judged = ({ most, least, measured, plain = "" }) => ({
  aim: most === undefined ? `≥ ${least}` : `≤ ${most}`, measured, reached: most === undefined ? measured >= least : measured <= most, "JavaScript alone": plain,
});

async function measure(host) {
  const { ways, aims } = await compare(host);
  console.table(Object.fromEntries(ways.map(([{ says }, result]) => [says, result])));
  const tables = [];
  for (const routes of TABLES) tables.push(await tableOf(host, routes));
  const [few, many] = tables;
  const all = [...aims, { says: `CPU: ${many.routes} routes against ${few.routes}`, most: 1.02, measured: round(many.cpu_of_nothing / few.cpu_of_nothing) }];
  console.table(Object.fromEntries(all.map((aim) => [aim.says, judged(aim)])));
  const rows = await rowsOf(host);
  console.log("Rows of the objects for one request:");
  console.table(rows);
  const starts = [];
  for (const routes of TABLES) starts.push(await startUp(host, routes));
  for (const start of starts) console.log(`Start with ${start.routes} routes: ${start.until_first_answer_ms} ms until the first answer, workerd's own start included; CPU of the start ${start.start_cpu_ms} ms, of the first request ${start.first_request_cpu_ms} ms, of the second ${start.second_request_cpu_ms} ms.`);
  const bundled = size();
  console.log(`Upload: ${bundled.kib} KiB, ${bundled.gzip_kib} KiB gzip.`);
  const results = Object.fromEntries(ways.map(([{ name }, result]) => [name, result]));
  write({ seconds: options.seconds, connections: CONNECTIONS, ways: results, aims: all, tables, rows, starts, size: bundled }, options.json);
}

const host = await startProviders();
try {
  await measure(host);
} finally {
  await host.close();
}
