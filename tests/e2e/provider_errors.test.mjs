// What a provider's errors become: for the person, for programs, and in the log.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { authorize, begin, callback, logIn, whoIs } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld(
  { main: { settings: { scopes: ["openid", "profile", "offline_access"] } }, here: { settings: { logout: "local" } } },
  { routes: {
    "/page": { methods: ["GET"], upstream: "service:ECHO" },
    "/api/relay": { methods: ["GET"], upstream: "service:ECHO", token: "relay" },
    "/nobody": { methods: ["GET"], upstream: "http://127.0.0.1:9" },
  } },
);
const { postern, issuers: { main } } = world;
afterEach(() => {
  world.mend();
  main.tokenLife = 3600;
});

const answering = (error, more = []) => (draft, { asked }) => void (draft.params = [["error", error], ...more, ["state", asked.state], ["iss", main.url]]);
const refusing = (status, body) => () => ({ status, headers: { "content-type": "application/json" }, body });

for (const [error, status, title] of [
  ["access_denied", 403, "Signing in was refused"],
  ["login_required", 401, "Signing in was not finished"],
  ["server_error", 503, "Signing in is not possible just now"],
  ["temporarily_unavailable", 503, "Signing in is not possible just now"],
  ["invalid_scope", 400, "Signing in did not work"],
]) {
  test(`${error} has its page, at the callback and for a code`, async () => {
    const pages = [];
    main.bend.authorization = answering(error);
    pages.push(await logIn(world.browser(), { provider: "main" }));
    main.bend.authorization = undefined;
    main.bend.token = refusing(400, { error, error_description: "Say it to the administrator." });
    const mark = await postern.mark();
    pages.push(await logIn(world.browser(), { provider: "main" }));
    const event = (await postern.eventsSince(mark)).find(({ event }) => event === "login.finish");
    assert.deepEqual([event.detail, event.provider_status, event.provider_says], [error, 400, "Say it to the administrator."]);
    for (const page of pages) {
      assert.equal(page.status, status);
      assert.ok(page.body.includes(title), page.body);
      assert.match(page.body, /href="\/auth\/login\?return_to=%2Fpage"/);
      assert.doesNotMatch(page.body, /not signed in|administrator/);
      assert.equal(page.headers["retry-after"] !== undefined, status === 503);
    }
  });
}

test("a provider that limits us is 503, and one that wants the person at a refresh sends them to sign in", async () => {
  main.bend.token = refusing(429, { error: "slow_down" });
  assert.equal((await logIn(world.browser(), { provider: "main" })).status, 503);
  world.mend();
  main.tokenLife = 300;
  const browser = world.browser();
  await logIn(browser, { provider: "main" });
  main.bend.token = refusing(400, { error: "interaction_required", suberror: "basic_action" });
  await postern.advance(310);
  for (let round = 0; round < 2; round += 1) {
    const answer = await browser.fetch("/api/relay");
    assert.equal(answer.status, 401);
    assert.equal(JSON.parse(answer.body).login_url, "/auth/login");
    await postern.advance(600);
  }
  assert.equal((await browser.navigate("/api/relay", { follow: false })).status, 302);
  assert.equal((await browser.fetch("/page")).status, 200);
});

test("a login that took eleven minutes links to another for the same place", async () => {
  const browser = world.browser();
  const step = await authorize(browser, await begin(browser, { provider: "main", returnTo: "/page?x=1" }));
  await postern.advance(660);
  const late = await callback(browser, step);
  assert.equal(late.status, 400);
  assert.match(late.body, /return_to=%2Fpage%3Fx%3D1/);
  assert.equal(await whoIs(browser), undefined);
});

test("an address of 8,000 bytes is reached", async () => {
  const returnTo = `/page?x=${"y".repeat(8000)}`;
  const answer = await logIn(world.browser(), { provider: "main", returnTo });
  assert.ok(answer.body.includes(`0;url=${returnTo}"`));
});

test("the event of a request has the upstream's status, and a 502 of ours is no 200", async () => {
  const browser = world.browser();
  await logIn(browser, { provider: "main" });
  const mark = await postern.mark();
  assert.equal((await browser.fetch("/page")).status, 200);
  assert.equal((await browser.fetch("/nobody")).status, 502);
  const [good, bad, ...others] = (await postern.eventsSince(mark)).filter(({ event }) => event === "access");
  assert.deepEqual(others, []);
  assert.deepEqual([good.outcome, good.status, good.upstream_status], ["allow", 200, 200]);
  assert.deepEqual([bad.outcome, bad.status, bad.upstream_status, bad.reason], ["deny", 502, undefined, "upstream.unreachable"]);
  assert.ok(good.session?.length === 16 && good.session === bad.session);
  const [line] = (await postern.linesSince(mark)).filter((text) => text.includes("upstream_failed"));
  assert.equal(JSON.parse(line).request_id, bad.request_id);
});

test("a sign-out that is here only says so", async () => {
  const browser = world.browser();
  await logIn(browser, { provider: "here" });
  const answer = await browser.navigate("/auth/logout", { method: "POST", fields: [], initiator: postern.origin });
  assert.equal(new URL(answer.url).pathname, "/auth/logged-out");
  assert.match(answer.body, /You are signed out of this site/);
  assert.equal(await whoIs(browser), undefined);
});
