// `npm run bench:sessions`: what a session costs, as ratios to the same Worker with the route made public.
// Bare workerd, one process, loopback: the ratios travel, the absolute numbers do not.
//   --seconds 5     how long each route is measured, in several turns
//   --once          hardly measures: whether the benchmark still works
//   --json FILE     also writes the numbers there ("-" for standard output)

import { Agent } from "node:http";

import { startProviders } from "../provider/host.mjs";
import { SESSION_COOKIE } from "../e2e/support/refusals.mjs";
import { BareWorkerd } from "../e2e/support/workerd.mjs";
import { CONNECTIONS, get, inTurns, median, optionsOf, round, summaryOf, write } from "./measure.mjs";
import { file, signIn } from "./support.mjs";

const options = optionsOf();
const CONTENDERS = 50;
const REFRESH_ROUNDS = options.once ? 1 : 8;

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

function askOf({ name, path, anonymous, forged }, cookie) {
  const value = forged ? `${cookie.slice(0, -4)}AAAA` : cookie;
  const headers = { "sec-fetch-site": "same-origin", ...(!anonymous && { cookie: `${SESSION_COOKIE}=${value}` }) };
  return { name, path, expected: forged ? 401 : 200, headers: () => headers };
}

async function compare(workerd, cookie) {
  const turns = await inTurns(workerd, CASES.map((one) => askOf(one, cookie)), options.seconds);
  const routes = Object.fromEntries(CASES.map(({ name }) => [name, summaryOf(turns[name])]));
  for (const result of Object.values(routes)) {
    result.cpu_ratio = round(result.cpu_us_per_request / routes.public.cpu_us_per_request);
    result.throughput_ratio = round(result.requests_per_second / routes.public.requests_per_second);
  }
  return routes;
}

/** Everybody asks at the end of an access token. */
async function contend(workerd, issuer, cookie) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONTENDERS });
  const ask = askOf({ path: "/relayed" }, cookie);
  const [before, all, quiet] = [issuer.count("token"), [], []];
  const burst = async (into) => {
    const started = performance.now();
    const statuses = await Promise.all(Array.from({ length: CONTENDERS }, () => get(workerd, agent, ask)));
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

const host = await startProviders();
const issuer = host.issuer("main");
const workerd = new BareWorkerd({ providers: { main: issuer }, routes: ROUTES, upstream: file("upstream.mjs") });
try {
  await workerd.start();
  const cookie = await signIn(workerd);
  const routes = await compare(workerd, cookie);
  issuer.tokenLife = 2;
  const refresh = await contend(workerd, issuer, await signIn(workerd));
  const rows = CASES.map(({ name, says }) => [says, routes[name]]);
  console.table(Object.fromEntries(rows));
  console.log(`${refresh.rounds} times ${refresh.contenders} requests at the end of an access token: ${refresh.token_requests} token requests, ${refresh.burst_with_refresh_ms} ms for all with the refresh, ${refresh.burst_without_ms} ms without`);
  write({ seconds: options.seconds, connections: CONNECTIONS, routes, refresh }, options.json);
} finally {
  await workerd.close();
  await host.close();
}
