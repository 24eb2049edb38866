// `npm run bench:tokens`: what it costs to verify an access token, side by side with npm `jose` in the same workerd.
// One request brings many tokens, and is asked a second time without judging them: the difference is the verification, and
// what a request costs besides is neither's. What whole gateways cost is `npm run bench`'s.
// Bare workerd, one process, loopback: the ratios travel, the absolute numbers do not.
//   --seconds 5     how long each is measured, in several turns
//   --once          hardly measures: whether the benchmark still works
//   --json FILE     also writes the numbers there ("-" for standard output)

import { Agent } from "node:http";

import { startProviders } from "../provider/host.mjs";
import { newKey } from "../provider/keys.mjs";
import { BareWorkerd } from "../e2e/support/workerd.mjs";
import { WARM_UP_REQUESTS, get, inTurns, median, optionsOf, paired, round, write } from "./measure.mjs";
import { bundle, file } from "./support.mjs";

const options = optionsOf();
const ALGORITHMS = ["RS256", "ES256", "EdDSA"];
const AUDIENCE = "https://api.example.com";
/** Tokens of one request. */
const BATCH = 100;
/** Requests with tokens of their own: together more than an isolate remembers of an issuer (2000), so that a token that comes round again is as good as new. */
const BATCHES = 50;
const LIFE_SECONDS = 3600;
const GUARDS = ["postern", "jose"];
const SIGHTS = { first: "never seen", again: "seen before" };
const AIMS = { first: 1, again: 5 };

const idOf = (alg) => alg.toLowerCase();
const pathOf = (alg) => `/${idOf(alg)}`;
const nameOf = (guard, alg, sight) => `${guard} ${alg} ${sight}`;

/** Everything about one algorithm: its issuer, many tokens, one that comes again and again, and one that is forged. */
function candidate(host, alg) {
  const issuer = host.issuer(idOf(alg), { alg });
  const sign = (parts) => issuer.accessToken({ aud: AUDIENCE, exp: issuer.clock() + LIFE_SECONDS }, parts);
  const forged = sign({ key: Object.assign(newKey(alg), { kid: issuer.keys[0].kid }) });
  const batches = Array.from({ length: BATCHES }, () => Array.from({ length: BATCH }, () => sign()));
  return { alg, issuer, known: sign(), forged, batches };
}

async function guardsOf(host, candidates) {
  const guarded = ({ alg }) => [pathOf(alg), { methods: ["GET"], upstream: "service:ECHO", authenticate: ["bearer"], require: { issuers: [idOf(alg)] } }];
  const issuerOf = ({ alg, issuer }) => [idOf(alg), { issuer: issuer.url, audience: AUDIENCE, algs: [alg] }];
  const guardOf = ({ alg, issuer }) => [pathOf(alg), { issuer: issuer.url, audience: AUDIENCE, algorithms: [alg], jwks: issuer.metadata().jwks_uri }];
  return new BareWorkerd({
    build: "tests/bench/verifier/build",
    providers: { main: host.issuer("main") },
    routes: Object.fromEntries(candidates.map(guarded)),
    vars: { ISSUERS: Object.fromEntries(candidates.map(issuerOf)) },
    upstream: file("upstream.mjs"),
    peers: { jose: { script: await bundle("jose_guard.mjs"), bindings: { GUARDS: Object.fromEntries(candidates.map(guardOf)) } } },
  });
}

/** A request with these tokens to one of the guards. */
function ask(workerd, guard, alg, tokens, { judged = true } = {}) {
  const url = `${workerd.origin}${pathOf(alg)}`;
  return { port: workerd.peers[guard]?.port ?? workerd.port, path: "/verify", body: () => JSON.stringify({ url, judged, tokens: tokens() }) };
}

/** That both are guards: a benchmark of one that lets everybody in would be a fine one. */
async function assertGuarding(workerd, { alg, known, forged }) {
  const agent = new Agent();
  for (const guard of GUARDS) {
    for (const [tokens, expected] of [[[known], 200], [[known, forged], 403], [[""], 403]]) {
      const status = await get(workerd, agent, ask(workerd, guard, alg, () => tokens));
      if (status !== expected) throw new Error(`${guard} answered ${status}, not ${expected}: ${workerd.refusals()}`);
    }
  }
}

function asksOf(workerd, { alg, known, batches }) {
  return GUARDS.flatMap((guard) => {
    let next = 0;
    const others = () => batches[next++ % BATCHES];
    const same = () => Array.from({ length: BATCH }, () => known);
    return [
      { name: nameOf(guard, alg, "brought"), ...ask(workerd, guard, alg, same, { judged: false }) },
      { name: nameOf(guard, alg, "first"), ...ask(workerd, guard, alg, others) },
      { name: nameOf(guard, alg, "again"), ...ask(workerd, guard, alg, same) },
    ];
  });
}

/** The CPU µs of one verification, turn by turn. */
const costs = (turns, guard, alg, sight) =>
  paired((judged, brought) => (judged.cpu_us_per_request - brought.cpu_us_per_request) / BATCH, turns[nameOf(guard, alg, sight)], turns[nameOf(guard, alg, "brought")]);

/** Of one algorithm and sight: both guards, and how many times ahead Postern is. */
function comparison(turns, alg, sight) {
  const [ours, theirs] = GUARDS.map((guard) => costs(turns, guard, alg, sight));
  const [postern, jose] = [ours, theirs].map((costs) => ({ cpu_us: round(median(costs)), verifications_per_cpu_second: Math.round(1e6 / median(costs)) }));
  const ratios = paired((one, other) => other / one, ours, theirs).toSorted((one, other) => one - other);
  return { postern, jose, ahead: round(median(ratios)), ahead_range: [ratios.at(2) ?? ratios.at(0), ratios.at(-3) ?? ratios.at(-1)].map((ratio) => round(ratio)), aim: AIMS[sight] };
}

function rowOf({ postern, jose, ahead, ahead_range, aim }) {
  return {
    "postern µs": postern.cpu_us, "postern /s": postern.verifications_per_cpu_second,
    "jose µs": jose.cpu_us, "jose /s": jose.verifications_per_cpu_second,
    "times ahead": ahead, "of most turns": ahead_range.join(" to "), aim,
  };
}

const host = await startProviders();
const candidates = ALGORITHMS.map((alg) => candidate(host, alg));
const workerd = await guardsOf(host, candidates);
try {
  await workerd.start();
  for (const one of candidates) await assertGuarding(workerd, one);
  const turns = await inTurns(workerd, candidates.flatMap((one) => asksOf(workerd, one)), options.seconds, WARM_UP_REQUESTS / BATCH);
  const results = Object.fromEntries(ALGORITHMS.map((alg) => [alg, Object.fromEntries(Object.keys(SIGHTS).map((sight) => [sight, comparison(turns, alg, sight)]))]));
  console.log("CPU µs of one verification, verifications in a second of CPU, and how many times less of it Postern takes than jose.");
  console.table(Object.fromEntries(ALGORITHMS.flatMap((alg) => Object.entries(SIGHTS).map(([sight, says]) => [`${alg}, ${says}`, rowOf(results[alg][sight])]))));
  write({ seconds: options.seconds, tokens_per_request: BATCH, results }, options.json);
} finally {
  await workerd.close();
  await host.close();
}
