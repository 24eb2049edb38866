// The engine for policies is a WebAssembly module of its own: who has no policies never has it, and whatever ends it ends
// nothing but the question. Provoked in a build that can (feature `fault-injection`).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";

import { startProviders } from "../provider/host.mjs";
import { Publisher, versionOf } from "./support/policies.mjs";
import { TEST_BUILD } from "./support/postern.mjs";
import { call } from "./support/tokens.mjs";
import { BareWorkerd } from "./support/workerd.mjs";
import { startWorld } from "./support/world.mjs";

const AUDIENCE = "https://api.example.com";
const guarded = { methods: ["GET"], upstream: "service:ECHO", authenticate: ["bearer"] };
const options = {
  policies: true,
  tokens: { main: {} },
  routes: { "/plain/{*rest}": guarded, "/orders/{*rest}": { ...guarded, policy: true } },
};
const ANYTHING = '@id("anything") permit(principal, action, resource);';

const world = await startWorld({ main: {} }, { ...options, build: TEST_BUILD });
const { postern } = world;
const { main } = world.issuers;

const ask = (path, of = postern) => call(of, path, main.accessToken());

async function told(act) {
  const mark = await postern.mark();
  const answer = await act();
  return { answer, lines: await postern.linesSince(mark) };
}

const accessOf = (lines) => JSON.parse(lines.find((line) => line.includes('"event":"access"')));
const count = (lines, event) => lines.filter((line) => line.includes(`"${event}"`)).length;

test("it is compiled when it is first needed, not when the Worker starts", () => {
  const script = readFileSync(new URL("../../build/index.js", import.meta.url), "utf8");
  assert.match(script, /import\("\.\/policies\.wasm"\)/);
  assert.doesNotMatch(script, /from ?"\.\/policies\.wasm"/);
});

test("policies decide", async () => {
  await new Publisher(postern).publish(ANYTHING);
  assert.equal((await ask("/orders/7")).status, 200);
});

for (const end of ["stack", "memory", "panic"]) {
  test(`a question that ends the engine by \`${end}\` is denied, and no other request notices`, async () => {
    //
    const around = Array.from({ length: 20 }, (_, place) => ask(place % 2 ? "/plain/7" : "/orders/7"));
    const { answer, lines } = await told(() => ask(`/orders/__engine/${end}`));
    assert.equal(answer.status, 403);
    assert.equal(accessOf(lines.filter((line) => line.includes('"deny"'))).reason, "policy.unanswerable");
    assert.deepEqual([count(lines, "policy_engine_ended"), count(lines, "instance_ended")], [1, 0]);
    for (const { status } of await Promise.all(around)) assert.equal(status, 200);
    const next = await told(() => ask("/orders/8"));
    assert.equal(next.answer.status, 200);
    assert.deepEqual(accessOf(next.lines).policies, ["anything"]);
  });
}

test("when the Worker's own instance ends, the next one reads what is published again", async () => {
  assert.equal((await postern.send("/__fault/panic")).status, 500);
  assert.equal((await ask("/orders/7")).status, 200);
});

test("memory does not grow over two hundred deaths of the engine", async () => {
  const host = await startProviders();
  const issuer = host.issuer("main");
  const { stored, version } = versionOf(ANYTHING);
  const workerd = new BareWorkerd({
    providers: { main: issuer }, routes: options.routes, build: TEST_BUILD,
    vars: { ISSUERS: { main: { issuer: issuer.url, audience: AUDIENCE, algs: [issuer.alg] } } },
    published: { "policies/pointer": JSON.stringify({ serial: 1, live: version }), [`policies/${version}`]: stored },
  });
  after(() => Promise.all([workerd.close(), host.close()]));
  await workerd.start();
  const headers = () => [["authorization", `Bearer ${issuer.accessToken({ aud: AUDIENCE })}`]];
  const die = async (times) => {
    for (let death = 0; death < times; death += 1) {
      assert.equal((await workerd.send("/orders/__engine/panic", { headers: headers() })).status, 403);
      assert.equal((await workerd.send("/orders/7", { headers: headers() })).status, 200);
    }
    return workerd.residentBytes;
  };
  const early = await die(40);
  const late = await die(200);
  assert.ok(late < early * 1.5, `${early} bytes after 40 deaths, ${late} after 240`);
});

test("a deployment has no faults to offer", async () => {
  const release = await startWorld({ main: {} }, options);
  await new Publisher(release.postern).publish(ANYTHING);
  const answer = await call(release.postern, "/orders/__engine/panic", release.issuers.main.accessToken());
  assert.equal(answer.status, 200);
});
