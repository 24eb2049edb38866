// Real frameworks behind Postern, each with its own idea of which paths are the same: whatever spelling a caller tries, nothing
// is served that the stricter rule refuses.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { FRAMEWORKS } from "./support/frameworks/javascript.mjs";
import { INSTALLED } from "./support/frameworks/programs.mjs";
import { send } from "./support/http.mjs";
import { startWorld } from "./support/world.mjs";

const applications = {};
for (const [name, start] of Object.entries(FRAMEWORKS)) applications[name] = await start(`/${name}`);
for (const [name, { start }] of Object.entries(INSTALLED)) if (start) applications[name] = await start(`/${name}`);
after(() => Promise.all(Object.values(applications).map((application) => application.close())));

const AUTHENTICATE = { authenticate: ["bearer"] };
const ADMIN = { ...AUTHENTICATE, require: { roles: ["admin"] } };

/** Rules with stricter ones inside weaker ones; `weaker`: what else the weaker one says. */
function rules(prefix, port, weaker = {}) {
  const upstream = `http://127.0.0.1:${port}`;
  return {
    [`${prefix}/{*rest}`]: { upstream, ...AUTHENTICATE, ...weaker },
    [`${prefix}/report`]: { upstream, ...ADMIN },
    [`${prefix}/admin/{*rest}`]: { upstream, ...ADMIN },
    [`GET ${prefix}/orders/{id}`]: { upstream, ...AUTHENTICATE },
    [`DELETE ${prefix}/orders/{id}`]: { upstream, ...ADMIN },
  };
}

const routes = Object.assign({}, ...Object.entries(applications).map(([name, { port }]) => rules(`/${name}`, port)));
const world = await startWorld({ main: {} }, { tokens: { main: { roles: ["roles"] } }, routes });
const { postern, issuers: { main } } = world;
const bearer = (roles) => ["authorization", `Bearer ${main.accessToken({ roles })}`];
const [SOMEBODY, SOMEBODY_ELSE] = [bearer(["admin"]), bearer([])];

/** What only administrators may have: method, path and what is there. */
const GUARDED = [
  ["GET", "/report", "report"],
  ["GET", "/admin", "admin"],
  ["GET", "/admin/users", "users"],
  ["DELETE", "/orders/7", "order removed"],
];

const capital = (path, at) => path.split("/").map((segment, place) => (place === at ? segment[0].toUpperCase() + segment.slice(1) : segment)).join("/");
const escaped = (path, write) => path.replace(/[a-z](?=[^/]*$)/, (letter) => write(letter.charCodeAt(0).toString(16)));
const [head, last] = [(path) => path.slice(0, path.lastIndexOf("/")), (path) => path.slice(path.lastIndexOf("/") + 1)];

/** Ways to write a path otherwise, each by itself. */
const WAYS = [
  (path) => path.toUpperCase(),
  (path) => capital(path, 2),
  (path) => capital(path, path.split("/").length - 1),
  (path) => escaped(path, (hex) => `%${hex}`),
  (path) => escaped(path, (hex) => `%25${hex}`),
  (path) => escaped(path, (hex) => `%u00${hex}`),
  (path) => path.replace("r", "%D2%80"),
  (path) => path.replace("i", "%C4%B1"),
  (path) => path.replace("r", "%EF%BD%92"),
  (path) => `${head(path)}/./${last(path)}`,
  (path) => `${head(path)}//${last(path)}`,
  (path) => `${head(path)}/x/../${last(path)}`,
  (path) => `${head(path)}/x/%2e%2e/${last(path)}`,
  (path) => `${head(path)}/x/..%2f${last(path)}`,
  (path) => `${head(path)}/%2e/${last(path)}`,
  (path) => `${head(path)}%2f${last(path)}`,
  (path) => `${head(path)}\\${last(path)}`,
  (path) => `${head(path)}%5c${last(path)}`,
  (path) => `${head(path)};x=1/${last(path)}`,
  (path) => `${head(path)}%3bx/${last(path)}`,
  (path) => `//x${path}`,
];
/** What may stand behind any of these. */
const ENDS = ["", "/", "//", "/.", "/./", "\\", ".json", ".html", ".JSON", ".xml/", ".", "..", ".json.json", ";", ";x=1", ".;json", "%20", "%00", "%0a", "%09", "/%20", "%2f", "%3f", "%23", "/index.html", "?x=/", "#x", "~", "*", "%2ejson", "/..%2f"];

/** Every way with every end, the path itself left out. */
function spellings(path) {
  const ways = [path, ...WAYS.map((way) => way(path))];
  return [...new Set(ways.flatMap((way) => ENDS.map((end) => way + end)))].filter((one) => one !== path && !one.startsWith(`${path}?`) && !one.startsWith(`${path}#`));
}

/** What an answer says was served. */
function served({ status, body }) {
  try {
    return status === 200 ? JSON.parse(body).served : undefined;
  } catch {
    return undefined;
  }
}

/** Does `act` with each of `items`, some at a time. */
async function withEach(items, act, atOnce = 16) {
  const left = items.values();
  const next = async () => { for (const item of left) await act(item); };
  await Promise.all(Array.from({ length: atOnce }, next));
}

/** What each takes for the same, left to itself, if it stands behind any path. */
const SAME_ENDS = { express: ["/"], koa: ["/"], "fastify-loose": ["/"], django: ["/"], rails: ["/", ".json"] };
/** Those that know no letter case. */
const WITHOUT_CASE = ["express", "koa", "fastify-loose"];

const names = Object.keys(applications);

for (const [name, { missing }] of Object.entries(INSTALLED).filter(([, { missing }]) => missing)) test(`paths in ${name}`, { skip: missing }, () => {});

test("whoever may has it, and the weaker rule goes on letting through what is its own", async () => {
  for (const name of names) {
    for (const [method, path, what] of GUARDED.filter(([, path]) => path !== "/admin")) {
      assert.equal(served(await postern.send(`/${name}${path}`, { method, headers: [SOMEBODY] })), what, `${name} ${path}`);
      assert.equal((await postern.send(`/${name}${path}`, { method, headers: [SOMEBODY_ELSE] })).status, 403, `${name} ${path}`);
    }
    for (const [path, what] of [["/report/summary", "summary"], ["/orders/7", "order"]]) {
      assert.equal(served(await postern.send(`/${name}${path}`, { headers: [SOMEBODY_ELSE] })), what, `${name} ${path}`);
    }
  }
});

for (const name of names) {
  test(`nothing that the stricter rule refuses is served in another spelling: ${name}`, async () => {
    const { port } = applications[name];
    const taken = new Set();
    for (const [method, path, what] of GUARDED) {
      await withEach([path, ...spellings(path)], async (spelling) => {
        // A path as written, past the client's own repairs.
        const answer = await postern.send(`/${name}${spelling}`, { method, headers: [SOMEBODY_ELSE] });
        assert.notEqual(served(answer), what, `${method} ${spelling}`);
        const straight = await send({ port, url: `http://localhost:${port}/`, path: `/${name}${spelling}`, method }).catch(() => ({}));
        if (spelling !== path && served(straight) === what) taken.add(`${method} ${spelling}`);
      });
    }
    // Else this test would try nothing.
    const same = (SAME_ENDS[name] ?? []).flatMap((end) => GUARDED.map(([method, path]) => `${method} ${path}${end}`));
    if (WITHOUT_CASE.includes(name)) same.push("GET /REPORT", "GET /admin/Users");
    assert.deepEqual(same.filter((one) => !taken.has(one)), [], `${name} took ${taken.size} other spellings for the same`);
  });
}

test("the log says why, and which rule was meant", async () => {
  const mark = await postern.mark();
  const { status, headers } = await postern.send("/express/Report/", { headers: [SOMEBODY_ELSE] });
  assert.equal(status, 404);
  assert.match(headers["content-type"], /problem\+json/);
  const [event] = await postern.eventsSince(mark);
  assert.deepEqual([event.outcome, event.reason, event.detail], ["deny", "route.other_spelling", "/express/report"]);
});
