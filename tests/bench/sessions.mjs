// `npm run bench:sessions`: what a session, an access token and an API key cost, as ratios to the same Worker with the route
// made public.
// Bare workerd, one process, loopback: the ratios travel, the absolute numbers do not.
//   --seconds 5     how long each route is measured, in several turns
//   --once          hardly measures: whether the benchmark still works
//   --json FILE     also writes the numbers there ("-" for standard output)

import { Agent } from "node:http";

import { startProviders } from "../provider/host.mjs";
import { Browser } from "../e2e/support/browser.mjs";
import { bind, cookiesOf } from "../e2e/support/device.mjs";
import { send } from "../e2e/support/http.mjs";
import { logIn } from "../e2e/support/login.mjs";
import { SESSION_COOKIE } from "../e2e/support/refusals.mjs";
import { BareWorkerd } from "../e2e/support/workerd.mjs";
import { CONNECTIONS, get, inTurns, median, optionsOf, paired, round, summaryOf, write } from "./measure.mjs";
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
  "/token": { ...upstream, authenticate: ["bearer"] },
  "/key": { ...upstream, authenticate: ["key"] },
  "/key/stale": { ...upstream, authenticate: ["key"], revocation: "5s" },
};
const AUDIENCE = "https://api.example.com";
const KEYS = { self_service: { scopes: ["read"] } };
/** What a request by a key whose object was asked lately may cost, in requests by an access token that was seen before. */
const KEY_AIM = 1.1;
/** The same for a session that is bound to a device: one MAC more. */
const BOUND_AIM = 1.02;
/** Stands where TLS is taken off. */
const BY_TLS = `import postern from "./index.js";
export * from "./index.js";
export default { fetch: (request, env, context) => postern.fetch(new Request(request.url.replace("http:", "https:"), request), env, context) };
`;
const CASES = [
  { name: "public", path: "/public", says: "public route, no cookie", anonymous: true },
  { name: "public_with_cookie", path: "/public", says: "public route, with the cookie" },
  { name: "session", path: "/session", says: "session, the object asked every time" },
  { name: "session_untouched", path: "/untouched", says: "the same, touch = false" },
  { name: "session_relay", path: "/relayed", says: "the same, access token relayed" },
  { name: "session_stale", path: "/stale", says: "session, revocation = \"5s\"" },
  { name: "token", path: "/token", says: "access token, seen before", by: "token" },
  { name: "key", path: "/key", says: "API key, the object asked every time", by: "key" },
  { name: "key_stale", path: "/key/stale", says: "API key, revocation = \"5s\"", by: "key" },
  { name: "forged", path: "/session", says: "forged cookie, refused without the object", forged: true },
];

function askOf({ name, path, anonymous, forged, by }, { cookie, ...programs }) {
  if (by) return { name, path, headers: () => ({ authorization: `Bearer ${programs[by]}` }) };
  const value = forged ? `${cookie.slice(0, -4)}AAAA` : cookie;
  const headers = { "sec-fetch-site": "same-origin", ...(!anonymous && { cookie: `${SESSION_COOKIE}=${value}` }) };
  return { name, path, expected: forged ? 401 : 200, headers: () => headers };
}

/** A key of the person whose session this is. */
async function keyOf(workerd, cookie) {
  const headers = [["cookie", `${SESSION_COOKIE}=${cookie}`], ["content-type", "application/json"], ["sec-fetch-site", "same-origin"]];
  const answer = await send({ port: workerd.port, url: `${workerd.origin}/auth/keys`, method: "POST", headers, body: JSON.stringify({ name: "bench", scopes: ["read"] }) });
  if (answer.status !== 201) throw new Error(`the key was answered ${answer.status}: ${answer.body}`);
  return JSON.parse(answer.body).key;
}

async function compare(workerd, credentials) {
  const turns = await inTurns(workerd, CASES.map((one) => askOf(one, credentials)), options.seconds);
  const routes = Object.fromEntries(CASES.map(({ name }) => [name, summaryOf(turns[name])]));
  for (const result of Object.values(routes)) {
    result.cpu_ratio = round(result.cpu_us_per_request / routes.public.cpu_us_per_request);
    result.throughput_ratio = round(result.requests_per_second / routes.public.requests_per_second);
  }
  const cpu = (name) => turns[name].map(({ cpu_us_per_request }) => cpu_us_per_request);
  const key_to_token = round(median(paired((key, token) => key / token, cpu("key_stale"), cpu("token"))));
  return { routes, key_to_token };
}

/** Everybody asks at the end of an access token. */
async function contend(workerd, issuer, cookie) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONTENDERS });
  const ask = askOf({ path: "/relayed" }, { cookie });
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

/** What a session that is bound to a device costs, in what the same costs without: by a Worker that sees TLS. */
async function compareBound(issuer) {
  const origin = "https://localhost:8787";
  const workerd = new BareWorkerd({ providers: { main: issuer }, session: { device: "offer", device_life: "1h" }, routes: ROUTES, vars: { ISSUERS, KEYS, PUBLIC_URL: origin }, upstream: file("upstream.mjs"), main: BY_TLS });
  workerd.origin = origin;
  try {
    await workerd.start();
    const people = await Promise.all(["unbound", "bound"].map(async (name) => {
      const browser = new Browser(workerd);
      const answer = await logIn(browser);
      if (name === "bound") await bind(browser, answer);
      return [name, { "sec-fetch-site": "same-origin", cookie: cookiesOf(browser)[1] }];
    }));
    const turns = await inTurns(workerd, people.map(([name, headers]) => ({ name, path: "/session", headers: () => headers })), options.seconds);
    const cpu = (name) => turns[name].map(({ cpu_us_per_request }) => cpu_us_per_request);
    return round(median(paired((bound, unbound) => bound / unbound, cpu("bound"), cpu("unbound"))), 3);
  } finally {
    await workerd.close();
  }
}

const host = await startProviders();
const issuer = host.issuer("main");
const ISSUERS = { main: { issuer: issuer.url, audience: AUDIENCE, algs: [issuer.alg] } };
const workerd = new BareWorkerd({ providers: { main: issuer }, routes: ROUTES, vars: { ISSUERS, KEYS }, upstream: file("upstream.mjs") });
try {
  await workerd.start();
  const cookie = await signIn(workerd);
  const token = issuer.accessToken({ aud: AUDIENCE, exp: issuer.clock() + 3600 });
  const { routes, key_to_token } = await compare(workerd, { cookie, token, key: await keyOf(workerd, cookie) });
  issuer.tokenLife = 2;
  const refresh = await contend(workerd, issuer, await signIn(workerd));
  const rows = CASES.map(({ name, says }) => [says, routes[name]]);
  console.table(Object.fromEntries(rows));
  console.log(`${refresh.rounds} times ${refresh.contenders} requests at the end of an access token: ${refresh.token_requests} token requests, ${refresh.burst_with_refresh_ms} ms for all with the refresh, ${refresh.burst_without_ms} ms without`);
  console.log(`A request by a key with \`revocation\` takes ${key_to_token} times the CPU of one by a token that was seen before; aim ${KEY_AIM}`);
  const bound_to_unbound = await compareBound(issuer);
  console.log(`A request of a session that is bound to a device takes ${bound_to_unbound} times the CPU of one that is not; aim ${BOUND_AIM}`);
  write({ seconds: options.seconds, connections: CONNECTIONS, routes, key_to_token, key_aim: KEY_AIM, bound_to_unbound, bound_aim: BOUND_AIM, refresh }, options.json);
} finally {
  await workerd.close();
  await host.close();
}
