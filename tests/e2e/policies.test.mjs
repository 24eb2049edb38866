// Routes that ask the policies, in workerd: who gets through, by which version, and until when by the one before.

import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { beforeEach, test } from "node:test";

import { logIn } from "./support/login.mjs";
import { Publisher, versionOf } from "./support/policies.mjs";
import { assertRefusalBody } from "./support/refusals.mjs";
import { call } from "./support/tokens.mjs";
import { startWorld } from "./support/world.mjs";

/** What docs/guides/policies.md tells: after this many seconds an isolate looks for another version … */
const PULL_AFTER = 20;
/** … and after this many it denies if it could not. */
const ABSENT_AFTER = 60;

const world = await startWorld(
  { main: {} },
  {
    policies: true,
    twin: true,
    tokens: { main: { roles: ["roles"] } },
    routes: {
      "/page": { upstream: "service:ECHO" },
      "/orders/{id}": { upstream: "service:ECHO", authenticate: ["session", "bearer"], policy: true },
      "/vault": { upstream: "service:ECHO", policy: true },
    },
  },
);
const { postern } = world;
const { main } = world.issuers;
const publisher = new Publisher(postern);

const READ = `@id("viewers-read")
permit(principal in Role::"viewer", action in Action::"read", resource in Route::"/orders/{id}")
when { resource.hasTag("id") && resource.getTag("id") != "9" };`;
const NOTHING = '@id("closed") forbid(principal, action, resource);';
const numbered = (number) => `@id("v${number}") permit(principal, action, resource);`;

const viewer = (claims = {}) => main.accessToken({ roles: ["viewer"], ...claims });
const ask = (path = "/orders/7", token = viewer()) => call(postern, path, token);
const askTwin = (path = "/orders/7") => postern.sendToTwin(path, { headers: [["authorization", `Bearer ${viewer()}`]] });

/** An answer with the event about it. */
async function told(act) {
  const mark = await postern.mark();
  const answer = await act();
  const [event] = (await postern.eventsSince(mark)).filter(({ event }) => event === "access");
  return { answer, event };
}

/** Publishes, and lets so much time pass that every isolate is asked to look, and has looked. */
async function settle(text, options) {
  const version = await publisher.publish(text, options);
  await postern.advance(ABSENT_AFTER);
  // A machine that stalls for seconds at this very moment costs another look.
  for (let looks = 0; looks < 3; looks += 1) {
    const [{ event }] = await Promise.all([told(ask), askTwin()]);
    if (event.policy_version === version) break;
    await postern.advance(PULL_AFTER);
  }
  return version;
}

beforeEach(async () => {
  world.mend();
  await postern.break({});
});

test("with no version published nobody passes, and the event says why", async () => {
  //
  const { answer, event } = await told(ask);
  assert.equal(answer.status, 403);
  assert.deepEqual([event.reason, event.policy_pull, event.policy_version], ["policy.none_loaded", "policy.none_published", undefined]);
  assertRefusalBody(answer, { requestId: event.request_id });
  assert.equal((await call(postern, "/page", viewer())).status, 401, "another route is not concerned");
});

test("what a policy permits goes on, what none permits does not, and the event names version and policies", async () => {
  //
  const version = await settle(READ);
  const allowed = await told(ask);
  assert.equal(allowed.answer.status, 200, allowed.answer.body);
  assert.deepEqual([allowed.event.outcome, allowed.event.policies, allowed.event.policy_version], ["allow", ["viewers-read"], version]);
  for (const act of [() => ask("/orders/9"), () => ask("/orders/7", main.accessToken()), () => call(postern, "/orders/7", viewer(), { method: "PUT" })]) {
    const { answer, event } = await told(act);
    assert.deepEqual([answer.status, event.reason, event.policy_version], [403, "policy.nothing_permits", version]);
    assertRefusalBody(answer, { requestId: event.request_id });
  }
});

test("a caller learns the id of the request, and neither policy nor version", async () => {
  const version = await settle(`${READ}\n@id("nobody-from-nowhere") forbid(principal, action, resource);`);
  const { answer, event } = await told(ask);
  assert.deepEqual([answer.status, event.reason, event.policies], [403, "policy.forbidden", ["nobody-from-nowhere"]]);
  assertRefusalBody(answer, { requestId: event.request_id });
  assert.doesNotMatch(answer.body, /polic/i);
  const shown = answer.body + JSON.stringify(answer.headers);
  for (const secret of [version.slice(0, 12), "nobody-from-nowhere"]) {
    assert.ok(!shown.includes(secret), `${secret} in ${shown}`);
  }
});

test("a policy that cannot be evaluated is a denial, whatever else permits", async () => {
  //
  await settle(`${numbered(1)}\n@id("overflows") permit(principal, action, resource) when { context.now * 9223372036854775807 > 0 };`);
  const { answer, event } = await told(ask);
  assert.deepEqual([answer.status, event.reason, event.detail], [403, "policy.failed", "overflows"]);
});

test("policies know of the connection and the device what the platform says, and nothing that a header claims", async () => {
  await settle(`@id("managed") permit(principal, action, resource) when {
    context has tls && context.tls.version == "TLSv1.3" && context.tls.cipher like "AEAD-*" &&
    context has certificate.subject && context.certificate.subject like "CN=laptop-*,O=Acme" && context.certificate has issuer
  };
  @id("no-robots") forbid(principal, action, resource) when { context.device has user_agent && context.device.user_agent like "*robot*" };`);
  const device = { certPresented: "1", certVerified: "SUCCESS", certRevoked: "0", certFingerprintSHA256: "ab".repeat(32), certSubjectDNRFC2253: "CN=laptop-7,O=Acme", certIssuerDNRFC2253: "CN=Devices" };
  const good = { tlsVersion: "TLSv1.3", tlsCipher: "AEAD-AES128-GCM-SHA256", tlsClientAuth: device };
  const claimed = [["cf-tls-version", "TLSv1.3"], ["cf-client-cert-subject-dn", "CN=laptop-7,O=Acme"]];
  const [allowed, no] = [[200, "authz.requirements_met"], [403, "policy.nothing_permits"]];
  for (const [cf, headers, expected] of [
    [good, [], allowed],
    [good, [["user-agent", "a robot"]], [403, "policy.forbidden"]],
    [{ ...good, tlsVersion: "TLSv1.2" }, [], no],
    [{ ...good, tlsVersion: "" }, claimed, no],
    [{ ...good, tlsClientAuth: { ...device, certVerified: "FAILED" } }, claimed, no],
    [{ ...good, tlsClientAuth: { ...device, certSubjectDNRFC2253: "CN=laptop-7,O=Evil" } }, claimed, no],
    [null, claimed, no],
  ]) {
    await postern.connections(cf);
    const { answer, event } = await told(() => call(postern, "/orders/7", viewer(), { headers }));
    assert.deepEqual([answer.status, event.reason], expected, JSON.stringify([cf, headers]));
  }
  await postern.connections(null);
});

test("a policy may ask for another sign-in: a script is told, a person is sent and comes back", async () => {
  await settle(`${numbered(1)}
@id("mfa") @acr_values("urn:gold") forbid(principal, action, resource in Route::"/vault")
unless { context.authentication has acr && context.authentication.acr == "urn:gold" };`);
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  const { answer, event } = await told(() => browser.fetch("/vault"));
  assert.deepEqual([answer.status, event.policies], [401, ["mfa"]]);
  assert.equal(JSON.parse(answer.body).acr_values, "urn:gold");
  const arrived = await browser.navigate("/vault", { initiator: postern.origin });
  assert.equal(arrived.status, 200, arrived.body.slice(0, 300));
  assert.equal(main.last("authorization").query.get("acr_values"), "urn:gold");
  assert.equal((await browser.fetch("/vault")).status, 200);
});

test("a version on trial decides nothing, and where it differs the event says so", async () => {
  await settle(READ, { shadow: NOTHING });
  const { answer, event } = await told(ask);
  assert.equal(answer.status, 200);
  assert.equal(event.policy_trial, `policy.forbidden closed ${versionOf(NOTHING).version.slice(0, 12)}`);
  const same = await told(() => ask("/orders/9"));
  assert.deepEqual([same.answer.status, same.event.policy_trial], [403, undefined]);
});

test("a new version counts after the time told, in the background, and so does going back", async () => {
  //
  await settle(numbered(1));
  for (const text of [numbered(2), numbered(1)]) {
    const version = await publisher.publish(text);
    await postern.advance(PULL_AFTER);
    const mark = await postern.mark();
    // Whoever comes first has it looked at, and is not kept waiting.
    assert.notEqual((await told(ask)).event.policy_version, version);
    const pulled = await postern.logged(mark, ({ event }) => event === "policy.pull");
    assert.deepEqual([pulled.reason, pulled.policy_version, pulled.method], ["policy.loaded", version, "-"]);
    assert.equal((await told(ask)).event.policy_version, version);
  }
});

test("requests that come while there is nothing to decide by share one look at the store", async () => {
  await settle(READ);
  await postern.advance(ABSENT_AFTER);
  await postern.break({ POSTERN_POLICIES: "slow" });
  const mark = await postern.mark();
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask()));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  const reads = (await postern.linesSince(mark)).filter((line) => line.includes('"test_slow"')).length;
  assert.equal(reads, 1, "the pointer, and nothing else");
});

test("a look that a request began comes to its end even when its client goes away", async () => {
  await settle(numbered(1));
  const version = await publisher.publish(numbered(2));
  await postern.advance(ABSENT_AFTER);
  await postern.break({ POSTERN_POLICIES: "slow" });
  const mark = await postern.mark();
  const outgoing = httpRequest({ host: "127.0.0.1", port: postern.port, path: "/orders/7", agent: false, headers: { host: new URL(postern.origin).host, authorization: `Bearer ${viewer()}` } });
  outgoing.on("error", () => {});
  outgoing.end();
  await postern.line(mark, '"test_slow"');
  outgoing.destroy();
  const pulled = await postern.logged(mark, ({ event }) => event === "policy.pull");
  assert.equal(pulled.policy_version, version);
});

test("a store that does not answer: what is at hand goes on at once until the bound, and then the answer is no, soon", async () => {
  //
  const version = await settle(READ);
  for (const fault of ["throw", "hang"]) {
    await postern.break({ POSTERN_POLICIES: fault });
    await postern.timeless(async () => {
      for (const age of [PULL_AFTER + 5, PULL_AFTER - 5]) {
        await postern.advance(age);
        const { answer, event } = await told(ask);
        assert.deepEqual([answer.status, event.policy_version], [200, version], fault);
      }
    });
    await postern.advance(ABSENT_AFTER);
    // A store that hangs never answers; the request is.
    const { answer, event } = await told(ask);
    assert.deepEqual([answer.status, event.reason, event.policy_pull], [403, "policy.none_loaded", "policy.store_unavailable"], fault);
    await postern.break({});
    await postern.advance(ABSENT_AFTER);
    assert.equal((await ask()).status, 200, "mended");
  }
});

test("a version that does not hold up is not taken: the one before counts until the bound, and then nobody passes", async () => {
  //
  const former = await settle(READ);
  const broken = versionOf('permit(principal is Nobody, action, resource);');
  await publisher.overwrite(broken.version, broken.stored);
  await publisher.point({ live: broken.version });
  await postern.advance(PULL_AFTER + 1);
  const mark = await postern.mark();
  assert.equal((await ask()).status, 200);
  const failed = await postern.logged(mark, ({ event }) => event === "policy.pull");
  assert.deepEqual([failed.outcome, failed.reason], ["deny", "policy.version_invalid"]);
  assert.match(failed.detail, new RegExp(`^${broken.version.slice(0, 12)} a\\.cedar:1:`));
  const { event } = await told(ask);
  assert.deepEqual([event.policy_version, event.policy_pull], [former, "policy.version_invalid"]);
  await postern.advance(ABSENT_AFTER);
  const { answer, event: denied } = await told(ask);
  assert.deepEqual([answer.status, denied.reason, denied.policy_pull], [403, "policy.none_loaded", "policy.version_invalid"]);
  // Stored under a name that is not its own.
  await publisher.overwrite(broken.version, versionOf(READ).stored);
  await postern.advance(5);
  assert.equal((await told(ask)).event.policy_pull, "policy.version_mislabelled");
  assert.equal(await settle(READ), former);
  assert.equal((await ask()).status, 200);
});

test("what is published no more is nobody's after the bound", async () => {
  //
  await settle(READ);
  await publisher.withdraw();
  await postern.advance(ABSENT_AFTER);
  assert.deepEqual([(await ask()).status, (await askTwin()).status], [403, 403]);
});

test("after the bound no isolate answers by a version that is no longer published, however it all interleaves", async () => {
  //
  await settle(numbered(0));
  let seed = 7;
  const dice = (sides) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * sides);
  };
  /** Since when each version was the published one, in the Worker's seconds. */
  const published = [{ at: postern.now() / 1000, id: "v0" }];
  let stale = 0;
  for (let step = 0; step < 120; step += 1) {
    const move = dice(6);
    if (move === 0) {
      // One of three, so that going back is among it.
      const number = dice(3);
      await publisher.publish(numbered(number));
      published.push({ at: postern.now() / 1000, id: `v${number}` });
    } else if (move === 1) {
      await postern.advance(dice(40));
    } else {
      const asked = postern.now() / 1000;
      const { answer, event } = await told(dice(2) ? ask : askTwin);
      assert.equal(answer.status, 200);
      // The one that was published at the beginning of the bound, and those since.
      const oldest = published.findLastIndex(({ at }) => at <= asked - ABSENT_AFTER);
      const may = published.slice(Math.max(oldest, 0)).map(({ id }) => id);
      assert.ok(may.includes(event.policies[0]), `${event.policies[0]} in step ${step}, of ${may}`);
      stale += Number(event.policies[0] !== published.at(-1).id);
    }
  }
  assert.ok(stale > 0, "nothing was ever late: this run proves nothing");
});
