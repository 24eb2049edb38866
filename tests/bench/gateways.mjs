// `npm run bench`: what a gateway costs, side by side in one workerd before the same upstream.
// Bare workerd, one process, loopback: the ratios travel, the absolute numbers do not.
//   --seconds 5     how long each is measured, in several turns
//   --json FILE     also writes the numbers there ("-" for standard output)

import { readFileSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { sign } from "hono/jwt";

import { startProviders } from "../provider/host.mjs";
import { SESSION_COOKIE } from "../e2e/support/refusals.mjs";
import { BareWorkerd } from "../e2e/support/workerd.mjs";
import { CONNECTIONS, get, inTurns, median, optionsOf, paired, round, summaryOf, write } from "./measure.mjs";
import { bundle, file, signIn } from "./support.mjs";

const options = optionsOf();
const AUDIENCE = "https://api.example.com";
const LIFE_SECONDS = 3600;
const STARTS = 5;
const TABLES = [10, 100, 1000];

const upstream = { methods: ["GET"], upstream: "service:ECHO" };
const ROUTES = {
  "/public": { ...upstream, public: true },
  "/session": upstream,
  "/stale": { ...upstream, revocation: "5s" },
  "/api": { ...upstream, authenticate: ["bearer"], require: { issuers: ["api"] } },
};

const UPSTREAM = file("upstream.mjs");
const bare = () => ({ script: readFileSync(UPSTREAM, "utf8"), bindings: {} });
const secret = "a secret of the benchmark, long enough";

async function peersOf(issuer) {
  const jose = { issuer: issuer.url, audience: AUDIENCE, algorithms: [issuer.alg], jwks: issuer.metadata().jwks_uri };
  const hono = { OIDC_AUTH_SECRET: secret, OIDC_ISSUER: issuer.url, OIDC_CLIENT_ID: issuer.client.id, OIDC_CLIENT_SECRET: issuer.client.secret, OIDC_REDIRECT_URI: "/callback" };
  return {
    nothing: bare(),
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

/** Each way to the upstream: by which socket, and with what. */
async function waysOf(workerd, issuer) {
  const session = { "sec-fetch-site": "same-origin", cookie: `${SESSION_COOKIE}=${await signIn(workerd)}` };
  const token = { authorization: `Bearer ${issuer.accessToken({ aud: AUDIENCE, exp: issuer.clock() + LIFE_SECONDS })}` };
  const oidcAuth = { cookie: `oidc-auth=${await honoSession()}` };
  return [
    { name: "nothing", says: "nothing in front", peer: "nothing", path: "/public", with: {} },
    { name: "public", says: "Postern, public route", path: "/public", with: {} },
    { name: "session", says: "Postern, session, its object asked every time", path: "/session", with: session, guards: true },
    { name: "stale", says: "Postern, session, revocation = \"5s\"", path: "/stale", with: session, guards: true },
    { name: "bearer", says: "Postern, access token", path: "/api", with: token, guards: true },
    { name: "hono", says: "@hono/oidc-auth, session", peer: "hono", path: "/session", with: oidcAuth, guards: true },
    { name: "jose", says: "jose, access token, nothing logged", peer: "jose", path: "/api", with: token, guards: true },
    { name: "jose_log", says: "jose, access token, a line logged as by Postern", peer: "jose_log", path: "/api", with: token, guards: true },
  ];
}

const askOf = (workerd, way) => ({ name: way.name, port: workerd.peers[way.peer]?.port ?? workerd.port, path: way.path, headers: () => way.with });

/** That those who guard are guards. `@hono/oidc-auth` would send people to sign in, and fails there: not by https. */
async function assertGuarding(workerd, ways) {
  const agent = new Agent();
  for (const way of ways.filter(({ guards }) => guards)) {
    const status = await get(workerd, agent, { ...askOf(workerd, way), headers: () => ({}) });
    if (status < 300) throw new Error(`${way.says} lets everybody in`);
  }
}

/** How many times more of `one` there is than of `other`, turn by turn. */
const ratio = (turns, member, one, other) => round(median(paired((a, b) => a[member] / b[member], turns[one], turns[other])));

const AIMS = [
  { says: "access token against the public route, requests/s", aim: 0.9, of: (turns) => ratio(turns, "requests_per_second", "bearer", "public") },
  { says: "session with revocation = \"5s\" against the public route, requests/s", aim: 0.9, of: (turns) => ratio(turns, "requests_per_second", "stale", "public") },
  { says: "session against the public route, requests/s", aim: 0.4, of: (turns) => ratio(turns, "requests_per_second", "session", "public") },
  { says: "session against @hono/oidc-auth, requests/s", aim: 1, of: (turns) => ratio(turns, "requests_per_second", "session", "hono") },
  { says: "session with revocation = \"5s\" against @hono/oidc-auth, requests/s", aim: 1, of: (turns) => ratio(turns, "requests_per_second", "stale", "hono") },
  { says: "access token against jose, requests/s", aim: 1, of: (turns) => ratio(turns, "requests_per_second", "bearer", "jose") },
  { says: "access token against jose that logs too, requests/s", aim: 1, of: (turns) => ratio(turns, "requests_per_second", "bearer", "jose_log") },
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
    return { ways: results, aims: AIMS.map(({ says, aim, of }) => ({ says, aim, measured: of(turns) })) };
  } finally {
    await workerd.close();
  }
}

/** What a request for the last of so many routes costs, against none in front at all. */
async function tableOf(host, routes) {
  const others = Array.from({ length: routes - 1 }, (_, place) => [`/api/v${place}/orders/{id}/lines`, upstream]);
  const workerd = new BareWorkerd({
    providers: { main: host.issuer("main") }, upstream: UPSTREAM, peers: { nothing: bare() },
    routes: Object.fromEntries([...others, ["/public/{name}/last", { ...upstream, public: true }]]),
  });
  try {
    await workerd.start();
    const asks = [{ name: "last", path: "/public/x/last" }, { name: "nothing", path: "/public/x/last", port: workerd.peers.nothing.port }];
    const turns = await inTurns(workerd, asks.map((ask) => ({ ...ask, headers: () => ({}) })), options.seconds);
    return { routes, cpu_us_per_request: summaryOf(turns.last).cpu_us_per_request, cpu_of_nothing: ratio(turns, "cpu_us_per_request", "last", "nothing") };
  } finally {
    await workerd.close();
  }
}

/** From nothing to the first answer: workerd and Postern together. */
async function startUp(host) {
  const milliseconds = [];
  for (let count = 0; count < STARTS; count += 1) {
    const workerd = new BareWorkerd({ providers: { main: host.issuer("main") }, routes: { "/public": ROUTES["/public"] }, upstream: UPSTREAM });
    try {
      const started = performance.now();
      await workerd.start();
      milliseconds.push(performance.now() - started);
    } finally {
      await workerd.close();
    }
  }
  return round(median(milliseconds), 0);
}

function size() {
  const built = (name) => readFileSync(join(file("../.."), "build", name));
  const parts = [built("index_bg.wasm"), built("gateway.js"), built("index.js")];
  const kib = (bytes) => round(bytes / 1024, 0);
  return { kib: kib(parts.reduce((sum, part) => sum + part.length, 0)), gzip_kib: kib(parts.reduce((sum, part) => sum + gzipSync(part, { level: 9 }).length, 0)) };
}

const host = await startProviders();
try {
  const { ways, aims } = await compare(host);
  console.table(Object.fromEntries(ways.map(([{ says }, result]) => [says, result])));
  console.table(Object.fromEntries(aims.map(({ says, aim, measured }) => [says, { aim: `≥ ${aim}`, measured, reached: measured >= aim }])));
  const tables = [];
  for (const routes of TABLES) tables.push(await tableOf(host, routes));
  console.table(Object.fromEntries(tables.map(({ routes, ...result }) => [`${routes} routes`, result])));
  const [startUpMs, bundled] = [await startUp(host), size()];
  console.log(`Start: ${startUpMs} ms until the first answer, workerd's own start included. Upload: ${bundled.kib} KiB, ${bundled.gzip_kib} KiB gzip.`);
  const results = Object.fromEntries(ways.map(([{ name }, result]) => [name, result]));
  write({ seconds: options.seconds, connections: CONNECTIONS, ways: results, aims, tables, start_up_ms: startUpMs, size: bundled }, options.json);
} finally {
  await host.close();
}
