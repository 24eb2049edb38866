// `npm run bench:sessions`: what a session costs, as ratios to the same Worker with the route made public.
// Bare workerd, one process, loopback: the ratios travel, the absolute numbers do not.
//   --seconds 5     how long each route is measured, in several turns
//   --json FILE     also writes the numbers there ("-" for standard output)

import { writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { startProviders } from "../provider/host.mjs";
import { Browser } from "../e2e/support/browser.mjs";
import { logIn } from "../e2e/support/login.mjs";
import { SESSION_COOKIE } from "../e2e/support/refusals.mjs";
import { BareWorkerd } from "../e2e/support/workerd.mjs";

const { values: options } = parseArgs({ options: { seconds: { type: "string", default: "5" }, json: { type: "string" } } });
const SECONDS = Number(options.seconds);
const CONNECTIONS = 32;
const WARM_UP_SECONDS = 1;
const TURNS = 5;
const CONTENDERS = 50;
const REFRESH_ROUNDS = 8;

const upstream = { methods: ["GET"], upstream: "service:ECHO" };
const ROUTES = {
  "/public": { ...upstream, public: true },
  "/session": upstream,
  "/untouched": { ...upstream, touch: false },
  "/relayed": { ...upstream, token: "relay" },
  "/stale": { ...upstream, revocation: "5s" },
};
const CASES = [
  { name: "public", path: "/public", says: "public route, no cookie", anonymous: true },
  { name: "public_with_cookie", path: "/public", says: "public route, with the cookie" },
  { name: "session", path: "/session", says: "session, the object asked every time" },
  { name: "session_untouched", path: "/untouched", says: "the same, touch = false" },
  { name: "session_relay", path: "/relayed", says: "the same, access token relayed" },
  { name: "session_stale", path: "/stale", says: "session, revocation = \"5s\"" },
  { name: "forged", path: "/session", says: "forged cookie, refused without the object", forged: true },
];

const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const median = (values) => percentile(values.sort((one, other) => one - other), 0.5);
const round = (number, digits = 2) => Number(number.toFixed(digits));

function get(workerd, agent, path, headers) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port: workerd.port, path, agent, headers: { host: new URL(workerd.origin).host, ...headers } }, (incoming) => {
      incoming.resume();
      incoming.on("end", () => resolve(incoming.statusCode));
      incoming.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/** Asks over and over, on a fixed number of connections, for so many seconds. */
async function load(workerd, path, headers, seconds, expected) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const milliseconds = [];
  const end = performance.now() + seconds * 1000;
  const ask = async () => {
    while (performance.now() < end) {
      const started = performance.now();
      const status = await get(workerd, agent, path, headers);
      if (status !== expected) throw new Error(`${path} answered ${status}: ${workerd.refusals()}`);
      milliseconds.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, ask));
  agent.destroy();
  return milliseconds.sort((one, other) => one - other);
}

function ask({ path, anonymous, forged }, cookie) {
  const value = forged ? `${cookie.slice(0, -4)}AAAA` : cookie;
  return { path, expected: forged ? 401 : 200, headers: { "sec-fetch-site": "same-origin", ...(!anonymous && { cookie: `${SESSION_COOKIE}=${value}` }) } };
}

async function measure(workerd, { path, headers, expected }) {
  const [cpu, started] = [workerd.cpuSeconds, performance.now()];
  const milliseconds = await load(workerd, path, headers, SECONDS / TURNS, expected);
  const seconds = (performance.now() - started) / 1000;
  return {
    requests_per_second: milliseconds.length / seconds,
    cpu_us_per_request: ((workerd.cpuSeconds - cpu) / milliseconds.length) * 1e6,
    p50_ms: percentile(milliseconds, 0.5),
    p99_ms: percentile(milliseconds, 0.99),
  };
}

/** All cases in turn, several times over, so that what else the machine does meets all of them; medians. */
async function compare(workerd, cookie) {
  const asked = CASES.map((one) => ({ name: one.name, ...ask(one, cookie), turns: [] }));
  for (const { path, headers, expected } of asked) await load(workerd, path, headers, WARM_UP_SECONDS, expected);
  for (let turn = 0; turn < TURNS; turn += 1) for (const one of asked) one.turns.push(await measure(workerd, one));
  const middle = (turns, member, digits) => round(median(turns.map((turn) => turn[member])), digits);
  const routes = Object.fromEntries(asked.map(({ name, turns }) => [name, {
    requests_per_second: middle(turns, "requests_per_second", 0), cpu_us_per_request: middle(turns, "cpu_us_per_request", 0),
    p50_ms: middle(turns, "p50_ms"), p99_ms: middle(turns, "p99_ms"),
  }]));
  for (const result of Object.values(routes)) {
    result.cpu_ratio = round(result.cpu_us_per_request / routes.public.cpu_us_per_request);
    result.throughput_ratio = round(result.requests_per_second / routes.public.requests_per_second);
  }
  return routes;
}

/** Everybody asks at the end of an access token. */
async function contend(workerd, issuer, cookie) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONTENDERS });
  const headers = { "sec-fetch-site": "same-origin", cookie: `${SESSION_COOKIE}=${cookie}` };
  const [before, all, quiet] = [issuer.count("token"), [], []];
  const burst = async (into) => {
    const started = performance.now();
    const statuses = await Promise.all(Array.from({ length: CONTENDERS }, () => get(workerd, agent, "/relayed", headers)));
    if (statuses.some((status) => status !== 200)) throw new Error(`answers ${statuses}: ${workerd.refusals()}`);
    into.push(performance.now() - started);
  };
  for (let count = 0; count < REFRESH_ROUNDS; count += 1) {
    await new Promise((over) => setTimeout(over, issuer.tokenLife * 1000 + 100));
    await burst(all);
    await burst(quiet);
  }
  agent.destroy();
  return { contenders: CONTENDERS, rounds: REFRESH_ROUNDS, token_requests: issuer.count("token") - before, burst_with_refresh_ms: round(median(all)), burst_without_ms: round(median(quiet)) };
}

async function signIn(workerd) {
  const browser = new Browser(workerd);
  const answer = await logIn(browser);
  if (answer.status !== 200) throw new Error(`the login was answered ${answer.status}: ${answer.body}`);
  return browser.jar.cookies.get(SESSION_COOKIE).value;
}

const host = await startProviders();
const issuer = host.issuer("main");
const workerd = new BareWorkerd({ providers: { main: issuer }, routes: ROUTES, upstream: fileURLToPath(new URL("upstream.mjs", import.meta.url)) });
try {
  await workerd.start();
  const cookie = await signIn(workerd);
  const routes = await compare(workerd, cookie);
  issuer.tokenLife = 2;
  const refresh = await contend(workerd, issuer, await signIn(workerd));
  const rows = CASES.map(({ name, says }) => [says, routes[name]]);
  console.table(Object.fromEntries(rows));
  console.log(`${refresh.rounds} times ${refresh.contenders} requests at the end of an access token: ${refresh.token_requests} token requests, ${refresh.burst_with_refresh_ms} ms for all with the refresh, ${refresh.burst_without_ms} ms without`);
  const report = JSON.stringify({ seconds: SECONDS, connections: CONNECTIONS, routes, refresh }, null, 2);
  if (options.json === "-") console.log(report);
  else if (options.json) writeFileSync(options.json, `${report}\n`);
} finally {
  await workerd.close();
  await host.close();
}
