// Variables in a file that is bundled with the Worker: thousands of routes, sites, mistakes, and what wrangler makes of it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { startProviders } from "../provider/host.mjs";
import { Browser } from "./support/browser.mjs";
import { logIn, whoIs } from "./support/login.mjs";
import { newKeyRing, PLATFORM, TEST_BUILD } from "./support/postern.mjs";
import { until } from "./support/until.mjs";
import { BareWorkerd } from "./support/workerd.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const MANY = 3000;
const VARIABLES = ["PUBLIC_URL", "PROVIDERS", "SESSION", "LIMITS", "ROUTES"];

const host = await startProviders();
after(() => host.close());
const issuer = host.issuer("main");

const echo = { upstream: "service:ECHO", methods: ["GET"] };
const open = { ...echo, public: true };

/** The routes of a large application, and some in which a parameter is beside all the rest. */
const ROUTES = {
  ...Object.fromEntries(Array.from({ length: MANY - 7 }, (_, place) => [`/api/v${place}/orders/{id}/lines`, { group: "orders" }])),
  "/{*rest}": open,
  "/{tenant}/settings": echo,
  "/{org}/{*page}": open,
  "/documents/{id}": echo,
  "/documents/{*rest}": open,
  "/api/{*rest}": open,
  "/session": echo,
};
const ROUTE_GROUPS = { orders: { ...echo, public: true } };

/** Starts a Worker with these options, for one test. */
async function started(context, options) {
  const workerd = new BareWorkerd({ providers: { main: issuer }, ...options });
  context.after(() => workerd.close());
  await workerd.listen();
  return workerd;
}

const navigation = [["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"], ["sec-fetch-site", "none"], ["accept", "text/html"]];
const statusOf = async (workerd, path, headers) => (await workerd.send(path, { headers })).status;

/** A line of the log with this in it. */
const line = (workerd, text) => until(async () => workerd.output.split("\n").find((one) => one.includes(text)), `a line with ${text}`);

/** The name of a configuration, as an operator may compute it: 48 bits of SHA-256 over the variables as JSON, sorted. */
function stampOf(variables) {
  const sorted = (value) => (value?.constructor === Object ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])])) : value);
  return createHash("sha256").update(JSON.stringify(sorted(variables))).digest("hex").slice(0, 12);
}

test(`${MANY} routes in a file decide as those in bindings, and people sign in`, async (context) => {
  // R-193
  const workerd = await started(context, { routes: ROUTES, inFile: VARIABLES, file: { ROUTE_GROUPS, $schema: "x" } });
  assert.equal(Object.keys(ROUTES).length, MANY);
  assert.deepEqual(Object.keys(workerd.bindings).filter((name) => VARIABLES.includes(name)), [], "no binding has them");
  for (const [path, route] of [
    ["/api/v0/orders/7/lines", "/api/v0/orders/{id}/lines"],
    [`/api/v${MANY - 8}/orders/7/lines`, `/api/v${MANY - 8}/orders/{id}/lines`],
    [`/api/v${MANY}/orders/7/lines`, "/api/{*rest}"],
    ["/", "/{*rest}"],
    ["/acme", "/{*rest}"],
    ["/acme/users/7", "/{org}/{*page}"],
    ["/documents/7/pages", "/documents/{*rest}"],
  ]) {
    const mark = workerd.output.length;
    assert.equal(await statusOf(workerd, path), 200, path);
    const told = await until(async () => workerd.output.slice(mark).split("\n").find((one) => one.includes('"outcome":"allow"')), "a line");
    assert.equal(JSON.parse(told).route, route, path);
  }
  for (const path of ["/acme/settings", "/documents/7", "/session"]) {
    assert.equal(await statusOf(workerd, path), 401, path);
    assert.equal(await statusOf(workerd, path, navigation), 302, `${path} leads people to sign in`);
  }
  // What a server may take for the guarded one, and the wider rule would let through.
  for (const path of ["/acme/Settings", "/acme/settings/", "/documents/7/"]) assert.equal(await statusOf(workerd, path), 404, path);
  const browser = new Browser(workerd);
  assert.equal((await logIn(browser)).status, 200);
  assert.ok(await whoIs(browser));
  assert.equal((await browser.fetch("/acme/settings")).status, 200);
});

test("the log names the configuration that the file and the bindings make together", async (context) => {
  const inFile = ["ROUTES", "SESSION"];
  const workerd = await started(context, { routes: { "/open": open }, inFile });
  const { POSTERN_KEYS: _, PROVIDER_MAIN_CLIENT_SECRET: __, ...bound } = workerd.bindings;
  await workerd.send("/open");
  const { config } = JSON.parse(await line(workerd, '"outcome":"allow"'));
  assert.equal(config, stampOf({ ...bound, ROUTES: { "/open": open }, SESSION: {} }));
});

test("a module of text is read like one of JSON", async (context) => {
  const workerd = await started(context, { routes: {}, inFile: ["ROUTES"], file: JSON.stringify({ ROUTES: { "/open": open } }) });
  assert.equal(await statusOf(workerd, "/open"), 200);
});

test("the next instance reads the file again when one ends", async (context) => {
  const workerd = await started(context, { build: TEST_BUILD, routes: { "/open": open }, inFile: ["ROUTES"] });
  assert.equal(await statusOf(workerd, "/open"), 200);
  assert.equal(await statusOf(workerd, "/__fault/panic"), 500);
  assert.ok(workerd.output.includes("instance_ended"));
  assert.equal(await statusOf(workerd, "/open"), 200);
});

test("sites and their variables may be in the file", async (context) => {
  const PROVIDERS = { main: { issuer: "https://login.example.com", client_id: "c", client_auth: "none" } };
  const site = (name, route) => ({ [`${name}_PUBLIC_URL`]: `http://${name.toLowerCase()}.localhost:8787`, [`${name}_PROVIDERS`]: PROVIDERS, [`${name}_ROUTES`]: { [route]: open } });
  const file = { SITES: ["shop", "admin"], ...site("SHOP", "/a"), ...site("ADMIN", "/b") };
  const workerd = new BareWorkerd({ providers: {}, inFile: VARIABLES, file: JSON.stringify(file) });
  context.after(() => workerd.close());
  await workerd.listen();
  const asked = async (host, path) => (await workerd.send(path, { url: `http://${host}.localhost:8787/` })).status;
  assert.deepEqual([await asked("shop", "/a"), await asked("shop", "/b")], [200, 404]);
  assert.deepEqual([await asked("admin", "/a"), await asked("admin", "/b")], [404, 200]);
  assert.equal(await asked("other", "/a"), 421);
});

/** Names a file after something was waited for, tells how often that was read, and may hand over other bindings. */
const counting = (file) => `import { configured } from "./index.js";
export * from "./index.js";
${file.isLate ? "await null;" : ""}
let reads = 0;
const handler = configured({ get ROUTES() { reads += 1; return ${JSON.stringify(file.ROUTES)}; } });
export default {
  fetch(request, env, context) {
    if (request.url.endsWith("/reads")) return new Response(String(reads));
    return handler.fetch(request, ${file.bindings ? `{ ...env, ...${JSON.stringify(file.bindings)} }` : "env"}, context);
  },
};`;

for (const [when, isLate] of [["at once", false], ["after something was waited for", true]]) {
  test(`a file that is named ${when} is read before the first request, once`, async (context) => {
    const workerd = new BareWorkerd({ providers: { main: issuer }, main: counting({ isLate, ROUTES: { "/open": open } }) });
    context.after(() => workerd.close());
    delete workerd.bindings.ROUTES;
    await workerd.listen();
    const reads = async () => Number((await workerd.send("/reads")).body);
    assert.equal(await reads(), 1);
    assert.equal(await statusOf(workerd, "/open"), 200);
    assert.equal(await statusOf(workerd, "/other"), 404);
    assert.equal(await reads(), 1);
  });
}

test("a file that would take too long for a start is read by the first request", async (context) => {
  const name = "x".repeat(600);
  const routes = Object.fromEntries(Array.from({ length: 1000 }, (_, place) => [`/${place}/${name}`, open]));
  const workerd = new BareWorkerd({ providers: { main: issuer }, main: counting({ ROUTES: { "/open": open, ...routes } }) });
  context.after(() => workerd.close());
  delete workerd.bindings.ROUTES;
  await workerd.listen();
  const reads = async () => Number((await workerd.send("/reads")).body);
  const before = await reads();
  assert.equal(await statusOf(workerd, "/open"), 200);
  assert.equal(await reads(), before + 1);
});

test("a main module that hands over other bindings is served by those", async (context) => {
  const bindings = { ROUTE_GROUPS: {}, PUBLIC_URL: "http://other.localhost:8787" };
  const workerd = new BareWorkerd({ providers: { main: issuer }, main: counting({ ROUTES: { "/open": open }, bindings }) });
  context.after(() => workerd.close());
  delete workerd.bindings.ROUTES;
  await workerd.listen();
  const asked = async (host) => (await workerd.send("/open", { url: `http://${host}/` })).status;
  assert.equal(await asked("other.localhost:8787"), 200);
  assert.equal(await asked("localhost:8787"), 421);
  assert.equal(Number((await workerd.send("/reads")).body), 2);
});

test("what is wrong with a configuration that was read ahead is in the log once, with the time of the first request", async (context) => {
  const workerd = new BareWorkerd({ providers: { main: issuer }, main: counting({ ROUTES: { "/open": open } }) });
  context.after(() => workerd.close());
  delete workerd.bindings.ROUTES;
  // Each without a variable of its own.
  workerd.bindings.SITES = ["shop", "admin"];
  await workerd.listen();
  assert.equal((await workerd.send("/reads")).body, "1");
  assert.ok(!workerd.output.includes("misconfigured"), "nothing was asked yet");
  const before = Math.floor(Date.now() / 1000);
  for (let count = 0; count < 3; count += 1) assert.notEqual(await statusOf(workerd, "/open"), 200);
  await line(workerd, "misconfigured");
  const told = workerd.output.split("\n").filter((text) => text.includes("misconfigured")).map((text) => JSON.parse(text));
  assert.ok(told.every(({ time }) => time >= before));
  assert.equal(new Set(told.map(({ reason }) => reason)).size, told.length, "each of them once");
});

/** A main module that counts the answers that are constructed, at `/answers`. */
const countingAnswers = `import main from "./index.js";
export * from "./index.js";
let answers = 0;
globalThis.Response = new Proxy(Response, { construct(target, given) { answers += 1; return Reflect.construct(target, given); } });
const { Response: Counted } = globalThis;
export default {
  fetch(request, env, context) {
    if (request.url.endsWith("/answers")) return new Counted(String(answers));
    return main.fetch(request, env, context);
  },
};
`;

test("a start runs the code of every request with a made-up one, and the log tells nothing of it", async (context) => {
  const workerd = await started(context, { routes: { "/open": open }, main: countingAnswers });
  // The made-up answer, and the same with edited headers.
  assert.equal((await workerd.send("/answers")).body, "2");
  assert.ok(!workerd.output.includes('"event"'), workerd.output);
  assert.equal(await statusOf(workerd, "/open"), 200);
  await line(workerd, '"path":"/open"');
  assert.equal(workerd.output.split('"event"').length - 1, 1, workerd.output);
});

const ROUTE = { ROUTES: { "/open": open } };
const MISTAKES = [
  ["a variable in both places", { file: ROUTE }, "ROUTES: is in the configuration file and among the variables"],
  ["a name misspelt", { inFile: ["ROUTES"], file: { ROUTS: {} } }, "ROUTS: unknown key, did you mean `ROUTES`?"],
  ["a secret", { inFile: ["ROUTES"], file: { POSTERN_KEYS: "k1:canary" } }, "POSTERN_KEYS: belongs in a secret"],
  ["TOML", { inFile: ["ROUTES"], file: '[ROUTES."/open"]\nupstream = "service:ECHO"' }, "configuration file: expected JSON"],
  ["a name twice", { inFile: ["ROUTES"], file: '{"ROUTES":{},"ROUTES":{"/open":{"upstream":"service:ECHO","public":true}}}' }, "configuration file: a name is twice"],
  ["more than is read", { inFile: ["ROUTES"], file: JSON.stringify({ ...ROUTE, $schema: "x".repeat(2 ** 21) }) }, "configuration file: expected at most"],
  ["no routes", { inFile: ["ROUTES"], file: "{}" }, "ROUTES: expected a table of routes"],
];
for (const [what, options, named] of MISTAKES) {
  test(`${what} in the file: every request is refused, and the log says why`, async (context) => {
    const workerd = await started(context, { routes: ROUTE.ROUTES, ...options });
    for (const path of ["/open", "/auth/me"]) {
      const answer = await workerd.send(path);
      assert.equal(answer.status, 500, path);
      assert.ok(!answer.body.includes("canary"), "a secret is in the answer");
    }
    await line(workerd, named);
    assert.ok(!workerd.output.includes("canary"), "a secret is in the log");
  });
}

test("configured() takes a JSON module or its text, once, before the first request", async () => {
  const fresh = async (name) => (await import(`../../crates/worker/src/js/configuration.js?${name}`)).configuration;
  const configuration = await fresh("a");
  for (const bad of [undefined, null, 7, [], () => {}, new Map()]) assert.throws(() => configuration.set(bad), TypeError);
  assert.equal(configuration.read(), undefined);
  configuration.isInUse = true;
  assert.throws(() => configuration.set({}), /once/, "a request was answered without a file");
  const other = await fresh("b");
  other.set({ ROUTES: {} });
  assert.throws(() => other.set({ ROUTES: {} }), /once/);
  assert.equal(other.read(), '{"ROUTES":{}}');
  const third = await fresh("c");
  third.set({ SHOP_PROVIDERS: { zeta: { name: "Z" }, alpha: { order: 7 } } });
  assert.deepEqual(JSON.parse(third.read()).SHOP_PROVIDERS, { zeta: { order: 0, name: "Z" }, alpha: { order: 7 } }, "places are as in the file");
});

test("wrangler bundles a main module with the file as the documentation shows it", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "postern-project-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const put = (name, text) => writeFileSync(join(folder, name), text);
  for (const name of ["src", "node_modules/postern"]) mkdirSync(join(folder, name), { recursive: true });
  cpSync(join(ROOT, "build"), join(folder, "node_modules/postern"), { recursive: true });
  put("node_modules/postern/package.json", JSON.stringify({ name: "postern", version: "0.0.0", type: "module", exports: "./index.js" }));
  put("src/index.js", 'import { configured } from "postern";\nimport configuration from "../postern.json";\nexport * from "postern";\nexport default configured(configuration);\n');
  put("postern.json", JSON.stringify({ ROUTES: { ...ROUTES, "/bundled": open }, ROUTE_GROUPS }));
  put("wrangler.json", JSON.stringify({ name: "front", main: "src/index.js", compatibility_date: PLATFORM.compatibilityDate, compatibility_flags: PLATFORM.compatibilityFlags }));
  const wrangler = join(ROOT, "node_modules/wrangler/bin/wrangler.js");
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "1" };
  await promisify(execFile)(process.execPath, [wrangler, "deploy", "--dry-run", "--outdir", "out"], { cwd: folder, env });
  const workerd = new BareWorkerd({ providers: { main: issuer }, routes: {}, keys: newKeyRing(), built: join(folder, "out") });
  context.after(() => workerd.close());
  delete workerd.bindings.ROUTES;
  await workerd.start();
  assert.equal(await statusOf(workerd, "/bundled"), 200);
  assert.equal(await statusOf(workerd, "/acme/settings"), 401);
  assert.equal((await logIn(new Browser(workerd))).status, 200);
});
