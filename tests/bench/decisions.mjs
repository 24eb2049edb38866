// `npm run bench:decisions`: what door 2 costs a request with an access token seen before: requirements, 10 and 100 policies,
// as ratios to the same request at a route that requires nothing; and what policies cost an isolate that has some, or none.
// What relations cost is `npm run bench:relations`'s.
// Bare workerd, one process, loopback: the ratios travel, the absolute numbers do not.
//   --seconds 5     how long each is measured, in several turns
//   --once          hardly measures: whether the benchmark still works
//   --json FILE     also writes the numbers there ("-" for standard output)

import { readFileSync, readdirSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { startProviders } from "../provider/host.mjs";
import { versionOf } from "../e2e/support/policies.mjs";
import { BareWorkerd } from "../e2e/support/workerd.mjs";
import { get, inTurns, median, optionsOf, paired, round, summaryOf, write } from "./measure.mjs";
import { file } from "./support.mjs";

const options = optionsOf();
const AUDIENCE = "https://api.example.com";
const LIFE_SECONDS = 3600;
const COUNTS = [10, 100];
const STARTS = 5;
const BUILD = "build";

const guarded = { methods: ["GET"], upstream: "service:ECHO", authenticate: ["bearer"] };
const require = {
  scopes: ["orders:read"], roles: ["editor"], permissions: ["read:orders"], tenant: "acme",
  claims: { department: "sales" }, acr: ["urn:example:mfa"], max_age: "1h",
};
const ROUTES = {
  "/plain/{id}": guarded,
  "/scopes/{id}": { ...guarded, require: { scopes: ["orders:read"] } },
  "/all/{id}": { ...guarded, require },
  "/policies/{id}": { ...guarded, policy: true },
};

/** As many rules as a team may have, each about a route and a role of its own; the last ones are about the route that is asked. */
function policies(count) {
  const others = Array.from({ length: count - 2 }, (_, place) => `@id("rule-${place}")
permit (principal in Role::"role-${place % 20}", action in Action::"read", resource in Route::"/policies/{id}")
when { principal.hasTag("department") && principal.getTag("department").contains("d${place}") && context.authentication.amr.contains("otp") };`);
  const decisive = `@id("editors-of-sales")
permit (principal in Role::"editor", action in Action::"read", resource in Route::"/policies/{id}")
when { principal.hasTag("department") && principal.getTag("department").contains("sales") };
@id("not-from-there")
forbid (principal, action, resource) when { context has country && context.country == "XX" };`;
  return [...others, decisive].join("\n");
}

/** What lies in the namespace once a text of policies is published. */
function publishedOf(text) {
  const { stored, version } = versionOf(text);
  return { "policies/pointer": JSON.stringify({ serial: 1, live: version }), [`policies/${version}`]: stored };
}

const WAYS = [
  { name: "plain", says: "nothing required" },
  { name: "scopes", says: "one scope" },
  { name: "all", says: "scope, role, permission, tenant, claim, acr, age" },
  { name: "policies", says: (count) => `${count} policies` },
];

/** Without anything published there are no policies. */
async function workerdOf(host, published) {
  const issuer = host.issuer("main");
  const vars = {
    ISSUERS: { api: { issuer: issuer.url, audience: AUDIENCE, algs: [issuer.alg], roles: ["roles"], tenant: "org_id" } },
    ROLES: { editor: ["read:*", "write:orders"] },
  };
  const routes = published ? ROUTES : Object.fromEntries(Object.entries(ROUTES).filter(([, route]) => !route.policy));
  return new BareWorkerd({ providers: { main: issuer }, routes, vars, build: BUILD, upstream: file("upstream.mjs"), published });
}

const tokenOf = (issuer, claims) => issuer.accessToken({ aud: AUDIENCE, exp: issuer.clock() + LIFE_SECONDS, ...claims });
/** With an address, as every request has that comes through the edge: policies are told of it. */
const asker = (token, name) => ({
  name, path: `/${name}/7`, headers: () => ({ authorization: `Bearer ${token}`, "cf-connecting-ip": "203.0.113.7" }),
});

/** A benchmark of a door that lets everybody in would be a fine one. */
async function assertGuarding(workerd, issuer, names) {
  const nobody = tokenOf(issuer, { scope: "other" });
  for (const name of names) {
    const status = await get(workerd, new Agent(), asker(nobody, name));
    if (status !== 403) throw new Error(`/${name} answers ${status} to somebody who may not: ${workerd.refusals()}`);
  }
}

const ratio = (turns, name) => round(median(paired((one, plain) => one.cpu_us_per_request / plain.cpu_us_per_request, turns[name], turns.plain)), 3);
const added = (turns, name) => round(median(paired((one, plain) => one.cpu_us_per_request - plain.cpu_us_per_request, turns[name], turns.plain)), 1);

async function compare(host, count) {
  const issuer = host.issuer("main");
  const workerd = await workerdOf(host, count && publishedOf(policies(count)));
  try {
    await workerd.start();
    const token = tokenOf(issuer, {
      sub: "alice", scope: "orders:read", roles: ["editor"], org_id: "acme", department: "sales", acr: "urn:example:mfa", auth_time: issuer.clock(),
    });
    const ways = WAYS.filter(({ name }) => (count ? ["plain", "policies"] : ["plain", "scopes", "all"]).includes(name));
    await assertGuarding(workerd, issuer, ways.slice(1).map(({ name }) => name));
    const turns = await inTurns(workerd, ways.map(({ name }) => asker(token, name)), options.seconds);
    return ways.map(({ name, says }) => ({
      says: typeof says === "string" ? says : says(count),
      ...summaryOf(turns[name]), "CPU, of nothing required": ratio(turns, name), "CPU added, µs": added(turns, name),
    }));
  } finally {
    await workerd.close();
  }
}

/** From nothing to the first answer, workerd's own start included; the first decision against the next one; and the memory then. */
async function startUp(host, name) {
  const [started, first, second, memory] = [[], [], [], []];
  const issuer = host.issuer("main");
  for (let count = 0; count < STARTS; count += 1) {
    const workerd = await workerdOf(host, name === "policies" && publishedOf(policies(100)));
    const timed = async (ask) => {
      const before = performance.now();
      await get(workerd, new Agent(), ask);
      return performance.now() - before;
    };
    try {
      const before = performance.now();
      await workerd.start();
      started.push(performance.now() - before);
      const token = tokenOf(issuer, { scope: "orders:read", roles: ["editor"], department: "sales" });
      // Door 1 has its own first times: keys, and the token.
      await timed(asker(token, "plain"));
      await timed(asker(token, "plain"));
      first.push(await timed(asker(token, name)));
      second.push(await timed(asker(token, name)));
      memory.push(workerd.residentBytes / 2 ** 20);
    } finally {
      await workerd.close();
    }
  }
  return {
    "start, ms": round(median(started), 0), "first decision, ms": round(median(first)), "second, ms": round(median(second)),
    "memory, MiB": round(median(memory)),
  };
}

/** What is uploaded of each module, and of all. */
function sizes() {
  const folder = join(file("../.."), BUILD);
  const kib = (bytes) => round(bytes.length / 1024, 0);
  const rows = readdirSync(folder).filter((name) => /\.(wasm|js)$/.test(name)).map((name) => {
    const bytes = readFileSync(join(folder, name));
    return [name, { "KiB": kib(bytes), "KiB gzip": kib(gzipSync(bytes, { level: 9 })) }];
  });
  return Object.fromEntries(rows);
}

const host = await startProviders();
try {
  const rows = [...(await compare(host))];
  for (const count of COUNTS) rows.push(...(await compare(host, count)));
  console.table(Object.fromEntries(rows.map(({ says, ...row }, place) => [`${place}: ${says}`, row])));
  const starts = { "without policies": await startUp(host, "scopes"), "with 100 policies": await startUp(host, "policies") };
  console.table(starts);
  console.table(sizes());
  write({ seconds: options.seconds, rows, starts, sizes: sizes() }, options.json);
} finally {
  await host.close();
}
