// `npm run bench:tokens`: what it costs to verify an access token, side by side with npm `jose` in the same workerd.
// Each guard is also asked without guarding (its public route, the same token sent along): the difference is the verification.
// Bare workerd, one process, loopback: the ratios travel, the absolute numbers do not.
//   --seconds 5     how long each route is measured, in several turns
//   --json FILE     also writes the numbers there ("-" for standard output)

import { Agent } from "node:http";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { startProviders } from "../provider/host.mjs";
import { newKey } from "../provider/keys.mjs";
import { BareWorkerd } from "../e2e/support/workerd.mjs";
import { CONNECTIONS, get, inTurns, median, optionsOf, paired, round, summaryOf, write } from "./measure.mjs";

const options = optionsOf();
const ALGORITHMS = ["RS256", "ES256", "EdDSA"];
const AUDIENCE = "https://api.example.com";
/** More than an isolate remembers of an issuer (2000): when a token comes round again, it is as good as new. */
const DISTINCT = 5000;
const LIFE_SECONDS = 3600;
const GUARDS = ["postern", "jose"];
const SIGHTS = { first: "never seen", again: "seen before" };

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const idOf = (alg) => alg.toLowerCase();
const pathOf = (alg) => `/${idOf(alg)}`;
const nameOf = (guard, alg, sight) => `${guard} ${alg} ${sight}`;

/** Everything about one algorithm: its issuer, many tokens, and one that is sent again and again. */
function candidate(host, alg) {
  const issuer = host.issuer(idOf(alg), { alg });
  const sign = (parts) => issuer.accessToken({ aud: AUDIENCE, exp: issuer.clock() + LIFE_SECONDS }, parts);
  const forged = sign({ key: Object.assign(newKey(alg), { kid: issuer.keys[0].kid }) });
  return { alg, issuer, known: sign(), forged, tokens: Array.from({ length: DISTINCT }, () => sign()) };
}

const bundle = async (entry) => {
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, write: false, format: "esm", conditions: ["workerd"], external: ["cloudflare:*"], minify: true });
  return outputFiles[0].text;
};

async function guardsOf(host, candidates) {
  const upstream = { methods: ["GET"], upstream: "service:ECHO" };
  const guarded = ({ alg }) => [pathOf(alg), { ...upstream, authenticate: ["bearer"], require: { issuers: [idOf(alg)] } }];
  const issuerOf = ({ alg, issuer }) => [idOf(alg), { issuer: issuer.url, audience: AUDIENCE, algs: [alg] }];
  const guardOf = ({ alg, issuer }) => [pathOf(alg), { issuer: issuer.url, audience: AUDIENCE, algorithms: [alg], jwks: issuer.metadata().jwks_uri }];
  return new BareWorkerd({
    providers: { main: host.issuer("main") },
    routes: { "/public": { ...upstream, public: true }, ...Object.fromEntries(candidates.map(guarded)) },
    vars: { ISSUERS: Object.fromEntries(candidates.map(issuerOf)) },
    upstream: file("upstream.mjs"),
    peers: { jose: { script: await bundle(file("jose_guard.mjs")), bindings: { GUARDS: Object.fromEntries(candidates.map(guardOf)) } } },
  });
}

const withToken = (token) => ({ authorization: `Bearer ${token}` });
const portOf = (workerd, guard) => workerd.peers[guard]?.port ?? workerd.port;

/** That both are guards: a benchmark of one that lets everybody in would be a fine one. */
async function assertGuarding(workerd, { alg, known, forged }) {
  const agent = new Agent();
  for (const guard of GUARDS) {
    for (const [headers, expected] of [[withToken(known), 200], [withToken(forged), 401], [{}, 401]]) {
      const status = await get(workerd, agent, { port: portOf(workerd, guard), path: pathOf(alg), headers: () => headers });
      if (status !== expected) throw new Error(`${guard} answered ${status}, not ${expected}: ${workerd.refusals()}`);
    }
  }
}

/** That Postern's isolate had seen all tokens of a turn before, or none: its log says so. */
const remembers = (all) => (log, requests) => {
  const remembered = log.split('"remembered":true').length - 1;
  if (all ? remembered < requests : remembered > 0) throw new Error(`${remembered} of ${requests} tokens were remembered`);
};

function asksOf(workerd, { alg, known, tokens }) {
  return GUARDS.flatMap((guard) => {
    const port = portOf(workerd, guard);
    const checking = (all) => guard === "postern" && { check: remembers(all) };
    let next = 0;
    const another = () => withToken(tokens[next++ % tokens.length]);
    const same = () => withToken(known);
    return [
      { name: nameOf(guard, alg, "public"), port, path: "/public", headers: same },
      { name: nameOf(guard, alg, "first"), port, path: pathOf(alg), headers: another, ...checking(false) },
      { name: nameOf(guard, alg, "again"), port, path: pathOf(alg), headers: same, ...checking(true) },
    ];
  });
}

/** What a guard's verification costs on top of the same request unguarded. */
function verification(guarded, open) {
  const nets = paired((one, base) => one.cpu_us_per_request - base.cpu_us_per_request, guarded, open);
  const net = median(nets);
  return {
    ...summaryOf(guarded),
    verification_cpu_us: round(net, 1), verification_cpu_us_range: [Math.min(...nets), Math.max(...nets)].map((one) => round(one, 1)),
    // Nothing to divide by where it drowns in the noise.
    verifications_per_cpu_second: net > 0 ? Math.round(1e6 / net) : null,
  };
}

/** Of one algorithm and sight: both guards, and how many times ahead Postern is. */
function comparison(turns, alg, sight) {
  const [ours, theirs] = GUARDS.map((guard) => turns[nameOf(guard, alg, sight)]);
  const [postern, jose] = GUARDS.map((guard) => verification(turns[nameOf(guard, alg, sight)], turns[nameOf(guard, alg, "public")]));
  const ahead = {
    requests_per_second: round(median(paired((one, other) => one.requests_per_second / other.requests_per_second, ours, theirs))),
    cpu_per_request: round(median(paired((one, other) => other.cpu_us_per_request / one.cpu_us_per_request, ours, theirs))),
    cpu_per_verification: postern.verification_cpu_us > 0 ? round(jose.verification_cpu_us / postern.verification_cpu_us) : null,
  };
  return { postern, jose, ahead };
}

const COLUMNS = { "requests/s": "requests_per_second", "µs/request": "cpu_us_per_request", "µs/verification": "verification_cpu_us", "verifications/s": "verifications_per_cpu_second" };

function rowOf({ postern, jose, ahead }) {
  const columns = Object.entries({ postern, jose }).flatMap(([guard, result]) => Object.entries(COLUMNS).map(([title, member]) => [`${guard} ${title}`, result[member]]));
  return { ...Object.fromEntries(columns), "ahead, request": ahead.cpu_per_request, "ahead, verification": ahead.cpu_per_verification };
}

function tell(unguarded, results) {
  console.log("Unguarded: the token is sent along, and nobody looks at it.");
  console.table(Object.fromEntries(GUARDS.flatMap((guard) => ALGORITHMS.map((alg) => [`${guard}, ${alg} token`, unguarded[guard][alg]]))));
  console.log("Guarded: CPU µs, and verifications in a second of CPU; how many times less of it Postern takes than jose.");
  console.table(Object.fromEntries(ALGORITHMS.flatMap((alg) => Object.entries(SIGHTS).map(([sight, says]) => [`${alg}, ${says}`, rowOf(results[alg][sight])]))));
}

const host = await startProviders();
const candidates = ALGORITHMS.map((alg) => candidate(host, alg));
const workerd = await guardsOf(host, candidates);
try {
  await workerd.start();
  for (const one of candidates) await assertGuarding(workerd, one);
  const turns = await inTurns(workerd, candidates.flatMap((one) => asksOf(workerd, one)), options.seconds);
  const byAlgorithm = (of) => Object.fromEntries(ALGORITHMS.map((alg) => [alg, of(alg)]));
  const results = byAlgorithm((alg) => Object.fromEntries(Object.keys(SIGHTS).map((sight) => [sight, comparison(turns, alg, sight)])));
  const unguarded = Object.fromEntries(GUARDS.map((guard) => [guard, byAlgorithm((alg) => summaryOf(turns[nameOf(guard, alg, "public")]))]));
  tell(unguarded, results);
  write({ seconds: options.seconds, connections: CONNECTIONS, unguarded, results }, options.json);
} finally {
  await workerd.close();
  await host.close();
}
