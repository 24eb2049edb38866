// An application offers to share: it writes relations by itself, over a service binding, and both isolates go by them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn } from "./support/login.mjs";
import { PLATFORM } from "./support/postern.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const HERE = "/auth/relations";

/** An application with its own token: `POST /share?id=7&with=bob` and `POST /unshare?…`. */
const APPLICATION = `export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const tuple = \`document:\${searchParams.get("id")}#viewer@user:main|\${searchParams.get("with")}\`;
    const order = { [pathname === "/share" ? "add" : "remove"]: [tuple], on_behalf_of: "user:main|alice" };
    return env.POSTERN.fetch(env.PUBLIC_URL + "${HERE}", {
      method: "POST", body: JSON.stringify(order),
      headers: { "content-type": "application/json", authorization: request.headers.get("authorization") },
    });
  },
};`;

const application = ({ PUBLIC_URL }) => ({
  name: "application", ...PLATFORM, modules: true, script: APPLICATION, bindings: { PUBLIC_URL }, serviceBindings: { POSTERN: "postern" },
});

const world = await startWorld(
  { main: { user: { sub: "alice" } } },
  {
    twin: true,
    tokens: { main: { kind: "service" } },
    vars: {
      ADMIN: { principals: ["main|root"] },
      RELATIONS: {
        group: { member: "[user]" },
        document: { owner: "[user]", viewer: "[user, group#member] or owner" },
        note: { reader: "[user]" },
      },
      SHARING: {
        types: { document: { require: { scopes: ["documents:share"] } }, note: { require: { scopes: ["notes:share"] } } },
      },
    },
    routes: { "/documents/{id}": { upstream: "service:ECHO", require: { relations: ["document:{id}#viewer"] } } },
    beside: (bindings) => [application(bindings)],
  },
);
const { postern, issuers: { main } } = world;

const bearer = (scope = "documents:share") => ["authorization", `Bearer ${main.accessToken({ scope })}`];

/** To one of the two isolates, or to the application. */
const send = (to, path, options) => (to === "postern" ? postern.send(path, options) : postern.sendTo(to, path, options));

async function ask(method, path, { order, scope, to = "postern" } = {}) {
  const headers = [bearer(scope), ...(order ? [["content-type", "application/json"]] : [])];
  const answer = await send(to, path, { method, headers, body: order && JSON.stringify(order) });
  return { status: answer.status, ...JSON.parse(answer.body) };
}

const change = (order, options) => ask("POST", HERE, { order, ...options });

async function signedIn(sub) {
  main.user.sub = sub;
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  return [["cookie", `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}`], ["sec-fetch-site", "same-origin"]];
}

test("what an application shares is there on the next request in every isolate, and gone when it is not shared any more", async () => {
  //
  const [bob, eve] = [await signedIn("bob"), await signedIn("eve")];
  const statuses = (headers) => Promise.all(["postern", "twin"].map(async (name) => (await send(name, "/documents/7", { headers })).status));
  const click = async (path) => {
    const answer = await send("application", `${path}?id=7&with=bob`, { method: "POST", headers: [bearer()] });
    assert.equal(answer.status, 200, answer.body);
    return JSON.parse(answer.body);
  };
  const tuple = `document:7#viewer@user:${main.url}|bob`;
  for (let turn = 0; turn < 10; turn += 1) {
    assert.deepEqual(await statuses(bob), [403, 403]);
    const mark = await postern.mark();
    assert.deepEqual(await click("/share"), { added: [tuple], removed: [] });
    assert.deepEqual(await statuses(bob), [200, 200]);
    assert.deepEqual(await statuses(eve), [403, 403]);
    const event = (await postern.eventsSince(mark)).find((one) => one.event === "sharing");
    assert.deepEqual([event.subject, event.on_behalf_of, event.tuples_added], ["reporter", `user:${main.url}|alice`, [tuple]]);
    assert.deepEqual(await click("/unshare"), { added: [], removed: [tuple] });
  }
  assert.deepEqual(await statuses(bob), [403, 403]);
});

test("an application writes no type that it is not trusted with", async () => {
  //
  for (const [tuple, scope] of [["group:staff#member@user:main|bob", "documents:share"], ["note:1#reader@user:main|bob", "documents:share"], ["document:9#viewer@user:main|bob", "read"]]) {
    const object = tuple.split("#")[0];
    assert.equal((await change({ add: [tuple] }, { scope })).status, 403, tuple);
    assert.equal((await ask("GET", `${HERE}?object=${object}`, { scope })).status, 403, tuple);
    const listed = await ask("GET", `${HERE}?object=${object}`, { scope: "documents:share notes:share" });
    assert.ok(listed.status === 403 || listed.tuples.length === 0, tuple);
  }
  const cookie = await signedIn("root");
  const body = JSON.stringify({ add: ["document:9#viewer@user:main|root"] });
  assert.equal((await postern.send(HERE, { method: "POST", headers: [...cookie, ["content-type", "application/json"]], body })).status, 401);
});

test("of many that expect the same at once, in two isolates, one is carried out", async () => {
  //
  for (let round = 0; round < 5; round += 1) {
    const lock = `document:lock${round}#owner@user:main|holder`;
    const order = (at) => ({ expect_not: [lock], add: [lock, `document:lock${round}#viewer@user:main|u${at}`] });
    const all = await Promise.all([...Array(20)].map((_, at) => change(order(at), { to: at % 2 ? "twin" : "postern" })));
    assert.equal(all.filter(({ status }) => status === 200).length, 1);
    assert.ok(all.every(({ status, unmet }) => status === 200 || (status === 409 && unmet.length === 1)));
    const { tuples } = await ask("GET", `${HERE}?object=document:lock${round}`);
    assert.equal(tuples.length, 2, tuples.join(" "));
  }
});

test("however many add groups at once, in two isolates, a document has no more of them than questions look at", async () => {
  //
  const groups = (from, count) => [...Array(count)].map((_, at) => `document:full#viewer@group:g${from + at}#member`);
  for (const from of [0, 100]) assert.equal((await change({ add: groups(from, 100) })).status, 200);
  const all = await Promise.all([...Array(12)].map((_, at) => change({ add: groups(200 + at * 10, 10) }, { to: at % 2 ? "twin" : "postern" })));
  assert.deepEqual(all.map(({ status }) => status).sort(), [...Array(5).fill(200), ...Array(7).fill(422)]);
  const { problems } = all.find(({ status }) => status === 422);
  assert.deepEqual(problems, ["expected at most 250 groups or parents in `document:full#viewer`"]);
  const { holds, reason } = await ask("POST", `${HERE}/check`, { order: { tuple: "document:full#viewer@user:main|bob" } });
  assert.deepEqual([holds, reason], [false, null]);
});

test("of several objects nothing is changed unless all that is expected is so", async () => {
  //
  const ids = [...Array(10)].map((_, at) => `document:several${at}`);
  const owned = ids.map((id) => `${id}#owner@user:main|alice`);
  assert.equal((await change({ add: owned })).added.length, 10);
  const moved = ids.map((id) => `${id}#owner@user:main|bob`);
  const unmet = await change({ expect: [...owned.slice(1), moved[0]], remove: owned, add: moved });
  assert.deepEqual([unmet.status, unmet.added, unmet.removed], [409, [], []]);
  assert.deepEqual(unmet.unmet, [moved[0].replace("main", main.url)]);
  const done = await change({ expect: owned, remove: owned, add: moved });
  assert.deepEqual([done.status, done.added.length, done.removed.length], [200, 10, 10]);
  assert.deepEqual(await change({ remove: owned, add: moved }), { status: 200, added: [], removed: [] });
});

test("what there is of somebody is listed and removed, of the types that the service is trusted with", async () => {
  //
  for (let from = 0; from < 260; from += 20) {
    assert.equal((await change({ add: [...Array(20)].map((_, at) => `document:p${from + at}#viewer@user:main|leaver`) })).status, 200);
  }
  await change({ add: ["document:p0#viewer@user:main|leavers", "document:p1#owner@user:main|leaver"] });
  assert.equal((await change({ add: ["note:1#reader@user:main|leaver"] }, { scope: "notes:share" })).status, 200);
  const list = async (scope) => {
    const found = [];
    for (let next = ""; next !== null;) {
      const after = next && `&after=${encodeURIComponent(next)}`;
      const page = await ask("GET", `${HERE}?subject=${encodeURIComponent("user:main|leaver")}${after}`, { scope });
      assert.equal(page.status, 200);
      found.push(...page.tuples);
      ({ next } = page);
    }
    return found;
  };
  assert.equal(new Set(await list("documents:share")).size, 261);
  assert.equal((await list("documents:share notes:share")).length, 262);
  let removed = 0;
  for (let after = null, turns = 0; ; turns += 1) {
    const page = await ask("POST", `${HERE}/remove-subject`, { order: { subject: "user:main|leaver", after } });
    assert.equal(page.status, 200);
    removed += page.removed.length;
    after = page.next;
    if (after === null) break;
    assert.ok(turns < 20);
  }
  assert.equal(removed, 261);
  assert.deepEqual(await list("documents:share notes:share"), [`note:1#reader@user:${main.url}|leaver`]);
  assert.deepEqual((await ask("GET", `${HERE}?object=document:p0`)).tuples, [`document:p0#viewer@user:${main.url}|leavers`]);
  // Objects that were out of memory know the same.
  await postern.evict("TUPLES");
  assert.equal((await list("documents:share notes:share")).length, 1);
});

test("a store that fails is 503 to the application, and nothing is half told", async () => {
  for (const fault of ["throw", "status", "garbage", "overloaded"]) {
    await postern.break({ TUPLES: fault });
    assert.equal((await change({ add: ["document:f#viewer@user:main|bob"] })).status, 503, fault);
    assert.equal((await ask("GET", `${HERE}?subject=user:main%7Cbob`)).status, 503, fault);
    assert.equal((await ask("POST", `${HERE}/remove-subject`, { order: { subject: "user:main|bob" } })).status, 503, fault);
  }
  await postern.break({});
  assert.equal((await change({ add: ["document:f#viewer@user:main|bob"] })).status, 200);
  const { holds } = await ask("POST", `${HERE}/check`, { order: { tuple: "document:f#viewer@user:main|bob" } });
  assert.equal(holds, true);
});
