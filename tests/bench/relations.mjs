// `npm run bench:relations`: what door 2 costs a request that asks for a relation, among a million tuples: given directly,
// and through one, three and five groups, of which the last has a third of a million members. As ratios to the same
// request at a route that requires nothing. Bare workerd, one process, loopback: the ratios travel, the absolute
// numbers do not, and on the platform an object may be far away: there, count the rounds.
//   --seconds 5     how long each is measured, in several turns
//   --once          hardly measures: whether the benchmark still works
//   --json FILE     also writes the numbers there ("-" for standard output)

import { Agent } from "node:http";

import { SESSION_COOKIE } from "../e2e/support/refusals.mjs";
import { BareWorkerd } from "../e2e/support/workerd.mjs";
import { startProviders } from "../provider/host.mjs";
import { get, inTurns, median, optionsOf, paired, round, summaryOf, write } from "./measure.mjs";
import { file, signIn } from "./support.mjs";

const options = optionsOf();
const AUDIENCE = "https://api.example.com";
const LIFE_SECONDS = 3600;
const DEPTHS = [1, 3, 5];
const TUPLES = options.once ? 1_000 : 1_000_000;
const MEMBERS = Math.floor(TUPLES / DEPTHS.length);
const PER_CHANGE = 100;
const WRITERS = 8;

const guarded = { methods: ["GET"], upstream: "service:ECHO", authenticate: ["bearer"] };
const ROUTES = {
  "/plain/{id}": guarded,
  "/documents/{id}": { ...guarded, require: { relations: ["document:{id}#viewer"] } },
};
const RELATIONS = {
  group: { member: "[user, group#member]" },
  document: { owner: "[user]", viewer: "[user, group#member] or owner" },
};
const WAYS = [
  { name: "plain", path: "/plain/7", says: "nothing required" },
  { name: "direct", path: "/documents/direct", says: "given directly" },
  ...DEPTHS.map((depth) => ({ name: `groups_${depth}`, path: `/documents/d${depth}`, says: `through ${depth} group${depth > 1 ? "s" : ""}` })),
  { name: "refused", path: "/documents/d5", says: "through 5 groups to a no", nobody: true },
];

/** The tuples by object: those of a chain of groups, and the members of its last. */
function* changes() {
  yield ["document:direct#viewer@user:main|alice"];
  for (const depth of DEPTHS) {
    yield [`document:d${depth}#viewer@group:d${depth}-1#member`];
    for (let step = 1; step < depth; step += 1) yield [`group:d${depth}-${step}#member@group:d${depth}-${step + 1}#member`];
    const member = (at) => `group:d${depth}-${depth}#member@user:main|${at === 0 ? "alice" : `member-${at}`}`;
    for (let from = 0; from < MEMBERS; from += PER_CHANGE) {
      yield Array.from({ length: Math.min(PER_CHANGE, MEMBERS - from) }, (_, at) => member(from + at));
    }
  }
}

async function load(workerd, cookie) {
  const agent = new Agent({ keepAlive: true, maxSockets: WRITERS });
  const headers = () => ({ cookie: `${SESSION_COOKIE}=${cookie}`, "sec-fetch-site": "same-origin", "content-type": "application/json" });
  const all = changes();
  const [started, counted] = [performance.now(), { tuples: 0 }];
  const writer = async () => {
    for (const add of all) {
      const status = await get(workerd, agent, { path: "/auth/admin/relations", headers, body: () => JSON.stringify({ add }) });
      if (status !== 200) throw new Error(`a change was answered ${status}: ${workerd.refusals()}`);
      counted.tuples += add.length;
      if (counted.tuples % 50_000 < add.length) workerd.takeOutput();
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  agent.destroy();
  const seconds = (performance.now() - started) / 1000;
  return { tuples: counted.tuples, seconds: round(seconds, 0), tuples_per_second: round(counted.tuples / seconds, 0) };
}

const host = await startProviders();
const issuer = host.issuer("main", { user: { sub: "root" } });
const workerd = new BareWorkerd({
  providers: { main: issuer }, routes: ROUTES, upstream: file("upstream.mjs"),
  vars: { ISSUERS: { api: { issuer: issuer.url, audience: AUDIENCE, algs: [issuer.alg] } }, ADMIN: { principals: ["main|root"] }, RELATIONS },
});
try {
  await workerd.start();
  const loaded = await load(workerd, await signIn(workerd));
  console.log(`${loaded.tuples} tuples written in ${loaded.seconds} s`);
  const tokenOf = (sub) => issuer.accessToken({ aud: AUDIENCE, exp: issuer.clock() + LIFE_SECONDS, sub });
  const tokens = { alice: tokenOf("alice"), nobody: tokenOf("nobody") };
  const asks = WAYS.map(({ name, path, nobody }) => ({
    name, path, expected: nobody ? 403 : 200, headers: () => ({ authorization: `Bearer ${nobody ? tokens.nobody : tokens.alice}` }),
  }));
  const turns = await inTurns(workerd, asks, options.seconds);
  const added = (name) => round(median(paired((one, plain) => one.p50_ms - plain.p50_ms, turns[name], turns.plain)), 2);
  const ratio = (name) => round(median(paired((one, plain) => one.cpu_us_per_request / plain.cpu_us_per_request, turns[name], turns.plain)));
  const rows = WAYS.map(({ name, says }) => ({ says, ...summaryOf(turns[name]), "CPU, of nothing required": ratio(name), "added at p50, ms": added(name) }));
  console.table(Object.fromEntries(rows.map(({ says, ...row }) => [says, row])));
  write({ seconds: options.seconds, loaded, rows }, options.json);
} finally {
  await workerd.close();
  await host.close();
}
