// What Postern needs can fail. It then refuses, says to try again, and harms no other request.

import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";

import { startProviders } from "../provider/host.mjs";
import { Browser } from "./support/browser.mjs";
import { authorize, begin, callback, logIn, whoIs } from "./support/login.mjs";
import { startPostern } from "./support/postern.mjs";
import { assertLoginFails } from "./support/refusals.mjs";

const host = await startProviders();
const doomed = await startProviders();
const issuers = { main: host.issuer("main"), fresh: host.issuer("fresh"), gone: doomed.issuer("gone"), flaky: host.issuer("flaky") };
await doomed.close();
const postern = await startPostern({
  providers: issuers,
  routes: {
    "/api/echo": { methods: ["GET", "POST"], upstream: "service:ECHO" },
    "/api/missing": { methods: ["GET"], upstream: "service:NOT_BOUND" },
    "/api/down": { methods: ["GET"], upstream: `http://127.0.0.1:${doomed.port}` },
    "/page": { methods: ["GET"], upstream: "service:ECHO" },
  },
});
after(() => Promise.all([postern.close(), host.close()]));
afterEach(async () => {
  await postern.break({});
  for (const issuer of Object.values(issuers)) issuer.reset();
});

const sceneOf = (browser) => ({ postern, browser, issuers: Object.values(issuers) });
const startLogin = (browser, provider) => browser.navigate(`/auth/login?provider=${provider}`, { initiator: postern.origin, follow: false });

async function signedIn() {
  const browser = new Browser(postern);
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  return browser;
}

test("a provider that is down closes its own logins, and nobody else's", async () => {
  const browser = new Browser(postern);
  const { answer } = await assertLoginFails(sceneOf(browser), () => startLogin(browser, "gone"), {
    status: [503], reason: "provider.unreachable", consumed: false,
  });
  assert.ok(Number(answer.headers["retry-after"]) > 0);
  await signedIn();
});

test("a provider that is back is used again", async () => {
  issuers.flaky.bend.discovery = (answer) => void (answer.drop = true);
  assert.equal((await startLogin(new Browser(postern), "flaky")).status, 503);
  issuers.flaky.bend = {};
  await postern.advance(30);
  assert.equal((await logIn(new Browser(postern), { provider: "flaky" })).status, 200);
});

test("a provider that fails is not asked again by every request", async () => {
  issuers.flaky.bend.discovery = (answer) => void (answer.status = 500);
  await postern.advance(100 * 3600);
  await Promise.all(Array.from({ length: 10 }, () => startLogin(new Browser(postern), "flaky")));
  for (let count = 0; count < 10; count += 1) await startLogin(new Browser(postern), "flaky");
  assert.ok(issuers.flaky.count("discovery") <= 10, String(issuers.flaky.count("discovery")));
  await postern.advance(30);
});

test("a question that a deployment interrupts is asked once more, and what changes something is not", async () => {
  const browser = await signedIn();
  const times = async (mark) => (await postern.linesSince(mark)).filter((line) => line.includes("test_fault")).length;
  for (const path of ["/api/echo", "/auth/me", "/auth/sessions"]) {
    const mark = await postern.mark();
    await postern.break({ SUBJECTS: "reset" });
    assert.equal((await browser.fetch(path)).status, 200, path);
    assert.equal(await times(mark), 1, path);
  }
  const mark = await postern.mark();
  await postern.break({ SUBJECTS: "reset" });
  assert.equal((await browser.fetch("/auth/logout", { method: "POST" })).status, 503);
  assert.equal(await times(mark), 1);
  // A queue is not made longer.
  const again = await postern.mark();
  await postern.break({ SUBJECTS: "overloaded" });
  assert.equal((await browser.fetch("/auth/me")).status, 503);
  assert.equal(await times(again), 1);
  await postern.break({});
  assert.ok(await whoIs(browser));
});

for (const fault of ["throw", "status", "garbage"]) {
  test(`a subject's object that answers with ${fault} lets nobody in and signs nobody in`, async () => {
    //
    const browser = await signedIn();
    const forwarded = (await postern.forwarded()).length;
    await postern.break({ SUBJECTS: fault });
    for (const path of ["/api/echo", "/auth/me"]) {
      const answer = await browser.fetch(path);
      assert.equal(answer.status, 503, `${path}: ${answer.body}`);
      assert.ok(Number(answer.headers["retry-after"]) > 0);
      assert.deepEqual(answer.setCookies, [], "the session may be well, so its cookie stays");
    }
    assert.equal((await postern.forwarded()).length, forwarded);
    const other = new Browser(postern);
    const step = await authorize(other, await begin(other, { provider: "main" }));
    await assertLoginFails(sceneOf(other), () => callback(other, step), { status: [503], reason: /^(session\.)?store[._]/ });
    await postern.break({});
    assert.ok(await whoIs(browser));
    assert.equal(await whoIs(other), undefined);
  });

  test(`a memory of used logins that answers with ${fault} signs nobody in and sends no code`, async () => {
    //
    const browser = new Browser(postern);
    const step = await authorize(browser, await begin(browser, { provider: "main" }));
    await postern.break({ ONCE: fault });
    const before = issuers.main.count("token");
    await assertLoginFails(sceneOf(browser), () => callback(browser, step), { status: [503], reason: /^store\./ });
    assert.equal(issuers.main.count("token"), before);
  });

  test(`a shared cache that answers with ${fault} is done without`, async () => {
    await postern.break({ POSTERN_CACHE: fault });
    await postern.advance(3 * 3600);
    assert.equal((await logIn(new Browser(postern), { provider: "main" })).status, 200);
  });
}

test("a subject's object that is overloaded is asked once, not again and again", async () => {
  //
  const browser = await signedIn();
  for (const path of ["/api/echo", "/auth/me", "/auth/sessions"]) {
    await postern.break({ SUBJECTS: "overloaded" });
    const mark = await postern.mark();
    const answer = await browser.fetch(path);
    assert.equal(answer.status, 503, `${path}: ${answer.body}`);
    assert.ok(Number(answer.headers["retry-after"]) > 0);
    const asked = (await postern.linesSince(mark)).filter((line) => line.includes("test_fault"));
    assert.equal(asked.length, 1, path);
    await postern.break({});
    assert.equal((await browser.fetch(path)).status, 200);
  }
});

test("a subject's object that does not answer keeps nobody waiting for ever", async () => {
  //
  const browser = await signedIn();
  await postern.break({ SUBJECTS: "hang" });
  const answer = await browser.fetch("/api/echo");
  assert.equal(answer.status, 503);
});

test("a shared cache that does not answer keeps nobody waiting for ever", async () => {
  await postern.break({ POSTERN_CACHE: "hang" });
  assert.equal((await logIn(new Browser(postern), { provider: "fresh" })).status, 200);
});

test("garbage in the shared cache is not believed", async () => {
  // field row 21
  const cache = await postern.cache();
  for (const { name } of (await cache.list()).keys) {
    const stored = await cache.get(name);
    await cache.put(name, stored.replaceAll("127.0.0.1", "127.0.0.2").replaceAll('"body":"', '"body":"}'));
  }
  await postern.restart();
  assert.equal((await logIn(new Browser(postern), { provider: "main" })).status, 200);
});

test("an upstream that is down or not there is 502, and says nothing of itself", async () => {
  const browser = await signedIn();
  for (const [path, statuses] of [["/api/down", [502]], ["/api/missing", [500, 502]]]) {
    const mark = await postern.mark();
    const answer = await browser.fetch(path);
    assert.ok(statuses.includes(answer.status), `${path}: ${answer.status}`);
    assert.match(answer.headers["content-type"], /^application\/problem\+json/);
    assert.ok(!answer.body.includes(String(doomed.port)));
    assert.ok((await postern.eventsSince(mark)).length >= 1);
  }
});

test("a storm of failures harms no other request", async () => {
  const browser = await signedIn();
  const bad = Array.from({ length: 30 }, (_, index) => [
    () => postern.send("/%zz%00;//"),
    () => postern.send("/auth/me", { headers: [["cookie", `__Host-postern=${"x".repeat(index * 100)}`]] }),
    () => startLogin(new Browser(postern), "gone"),
    () => browser.fetch("/api/down"),
    () => new Browser(postern).navigate("/auth/callback/main?code=x&state=y", { follow: false }),
  ][index % 5]());
  const good = Array.from({ length: 30 }, () => browser.fetch("/api/echo"));
  for (const answer of await Promise.all(good)) assert.equal(answer.status, 200);
  for (const answer of await Promise.all(bad)) assert.ok(answer.status >= 400 && answer.status < 600);
});
