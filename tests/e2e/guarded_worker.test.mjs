// examples/guarded-worker, built as it stands: a Worker in Rust that guards its own routes, beside a Postern whose
// objects it uses.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { startProvider } from "../../demo/provider/provider.mjs";
import { logIn } from "./support/login.mjs";
import { DpopKey, FOR_MACHINES, issuerTable, machine } from "./support/machine.mjs";
import { builtModules, PLATFORM } from "./support/postern.mjs";
import { assertRefusalBody, SESSION_COOKIE } from "./support/refusals.mjs";
import { challengesOf } from "./support/tokens.mjs";
import { startWorld } from "./support/world.mjs";

const BUILD = "examples/guarded-worker/build";
const ROUTES = {
  "/reports/{*rest}": { methods: ["GET"], authenticate: ["bearer"], require: { scopes: ["read"] } },
  "/keys": { authenticate: ["bearer"], require: { scopes: ["write"] } },
  "/bound": { authenticate: ["bearer"], require: { issuers: ["bound"] } },
  "/people": { methods: ["GET", "POST"], cors: { origins: ["https://spa.example.com"], credentials: true } },
  "/status": { methods: ["GET"], public: true },
};

/** The example with other variables: as a deployment of its own would have them. */
const guarded = (name, bindings) => ({
  name, ...PLATFORM, modulesRoot: fileURLToPath(new URL("../../examples/guarded-worker", import.meta.url)), modules: entryFirst(builtModules(BUILD)), bindings,
  durableObjects: { ONCE: { className: "OnceObject", scriptName: "postern" }, SUBJECTS: { className: "SubjectObject", scriptName: "postern" } },
  serviceBindings: {},
});
const entryFirst = (modules) => modules.sort((one, other) => Number(other.path.endsWith("build/index.js")) - Number(one.path.endsWith("build/index.js")));

const provider = await startProvider({ ...FOR_MACHINES, clients: [machine("reporter")] });
after(() => provider.close());
const world = await startWorld({ main: {} }, {
  tokens: { main: {} },
  vars: {},
  beside: (bindings) => {
    const ISSUERS = { ...bindings.ISSUERS, bound: issuerTable(provider, { sender: "dpop" }) };
    return [guarded("guarded", { ...bindings, ISSUERS, ROUTES }), guarded("broken", { ...bindings, ISSUERS, ROUTES: { "/status": { public: 1 } } })];
  },
});
const { postern, issuers: { main } } = world;

const ask = (path, { token, headers = [], ...options } = {}) =>
  postern.sendTo("guarded", path, { headers: [...(token ? [["authorization", `Bearer ${token}`]] : []), ...headers], ...options });

/** A request and the one event about it. */
async function told(path, options) {
  const mark = await postern.mark();
  const answer = await ask(path, options);
  const events = await postern.eventsSince(mark);
  assert.equal(events.length, 1, JSON.stringify(events));
  return { answer, event: events[0] };
}

async function refused(path, options, status, reason) {
  const { answer, event } = await told(path, options);
  assert.equal(answer.status, status, `${path}: ${answer.body}`);
  assert.deepEqual([event.reason, event.outcome], [reason, "deny"]);
  assertRefusalBody(answer, { navigation: false, requestId: event.request_id });
  return answer;
}

test("a program with a token is let in without a hop, and the answer is nobody else's", async () => {
  //
  const before = (await postern.forwarded()).length;
  const { answer, event } = await told("/reports/2026", { token: main.accessToken({ scope: "read more" }) });
  assert.equal(answer.status, 200, answer.body);
  assert.deepEqual(JSON.parse(answer.body), { path: "/reports/2026", issuer: main.url, subject: "reporter", kind: "service", scopes: ["read", "more"] });
  assert.equal(answer.headers["cache-control"], "private, no-store");
  assert.match(answer.headers.vary, /Authorization/);
  assert.deepEqual([event.outcome, event.route, event.token_issuer, event.means], ["allow", "/reports/{*rest}", "main", "bearer"]);
  assert.equal((await postern.forwarded()).length, before);
});

test("nobody gets in without a token, by a bad one, or without what the route requires", async () => {
  //
  const [[scheme, parameters]] = challengesOf(await refused("/reports/2026", {}, 401, "authn.no_token"));
  assert.deepEqual([scheme, parameters.resource_metadata], ["Bearer", `${postern.origin}/.well-known/oauth-protected-resource/reports`]);
  const good = main.accessToken({ scope: "read" });
  const bent = `${good.slice(0, -6)}${good.at(-6) === "A" ? "B" : "A"}${good.slice(-5)}`;
  const answer = await refused("/reports/2026", { token: bent }, 401, "jwt.bad_signature");
  assert.equal(challengesOf(answer)[0][1].error, "invalid_token");
  await refused("/reports/2026", { token: main.accessToken({ scope: "read", aud: "https://other.example.com" }) }, 401, "access_token.aud_mismatch");
  const short = await refused("/keys", { token: good }, 403, "authz.insufficient_scope");
  assert.equal(challengesOf(short)[0][1].error, "insufficient_scope");
});

test("what has no rule or no single meaning is refused before anybody is asked who they are", async () => {
  //
  const token = main.accessToken({ scope: "read" });
  await refused("/elsewhere", { token }, 404, "route.none");
  await refused("/reports/2026", { token, method: "DELETE" }, 405, "route.method_not_allowed");
  await refused("/reports//2026", { token }, 400, "path.empty_segment");
  await refused("/reports/2026", { token, origin: "http://evil.example" }, 421, "request.unknown_host");
  await refused("/reports/2026", { token, headers: [["x_user", "alice"]] }, 400, "request.bad_header");
});

test("a public route is open, and a client finds out where tokens come from", async () => {
  const open = await ask("/status");
  assert.deepEqual([open.status, open.body, open.headers["cache-control"]], [200, "open to everybody\n", undefined]);
  const metadata = await ask("/.well-known/oauth-protected-resource/reports");
  assert.deepEqual(JSON.parse(metadata.body).authorization_servers.includes(main.url), true);
});

test("a token that is bound to a key needs its proof, every time a new one", async () => {
  //
  const key = await DpopKey.generate("ES256");
  const { token } = await key.tokenFor("reporter", provider);
  const proof = await key.proof({ url: `${postern.origin}/bound`, token, now: Date.now() });
  const headers = [["authorization", `DPoP ${token}`], ["dpop", proof]];
  const first = await ask("/bound", { headers });
  assert.equal(first.status, 200, first.body);
  const again = await ask("/bound", { headers });
  assert.equal(challengesOf(again)[0][1].error, "invalid_dpop_proof");
  assert.equal((await ask("/bound", { token })).status, 401);
});

test("a person's session counts where Postern's objects are bound, until it ends", async () => {
  //
  const alice = world.browser();
  await logIn(alice, { provider: "main" });
  const cookie = ["cookie", `${SESSION_COOKIE}=${alice.jar.cookies.get(SESSION_COOKIE).value}`];
  const own = [["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "cors"]];
  const seen = await ask("/people", { headers: [cookie, ...own] });
  assert.equal(seen.status, 200, seen.body);
  assert.equal(JSON.parse(seen.body).subject, "alice");
  await refused("/people", { method: "POST", headers: [cookie, ["sec-fetch-site", "same-site"], ["origin", "http://evil.localhost"]] }, 403, "csrf.origin");
  const spa = await ask("/people", { headers: [cookie, ["sec-fetch-site", "same-site"], ["origin", "https://spa.example.com"]] });
  assert.deepEqual([spa.status, spa.headers["access-control-allow-origin"]], [200, "https://spa.example.com"]);
  const preflight = await ask("/people", { method: "OPTIONS", headers: [["origin", "https://spa.example.com"], ["access-control-request-method", "POST"]] });
  assert.equal(preflight.status, 204);
  assert.equal((await alice.fetch("/auth/logout", { method: "POST" })).status, 200);
  await refused("/people", { headers: [cookie, ...own] }, 401, "session.gone");
  const page = await ask("/people", { headers: [["sec-fetch-mode", "navigate"], ["sec-fetch-site", "none"], ["sec-fetch-dest", "document"], ["accept", "text/html"]] });
  assert.deepEqual([page.status, page.headers.location], [302, "/auth/login?return_to=%2Fpeople&fragment=keep"]);
});

test("a configuration that cannot be used lets nobody in, and says why to the log and on the developer's machine", async () => {
  const mark = await postern.mark();
  const answer = await postern.sendTo("broken", "/status");
  assert.equal(answer.status, 500);
  assert.match(answer.body, /^The configuration cannot be used\. Only requests from this machine[^]*ROUTES."\/status".public: /);
  assert.match((await postern.linesSince(mark)).join("\n"), /ROUTES.*public/);
});

test("the example exports nothing of Postern's own Worker", () => {
  const entry = readFileSync(new URL(`../../${BUILD}/index.js`, import.meta.url), "utf8");
  assert.doesNotMatch(entry, /SubjectObject|OnceObject|SidIndexObject|Crossing|\bbroken\b/);
});
