// `/auth/verify` on the wire, whoever asks: what proxies do not send, and those who are none do.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn } from "./support/login.mjs";
import { assertNothingLeaks, assertRefusalBody, SESSION_COOKIE } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const SECRET = "canary-verify-0123456789abcdef0123456789abcdef";
const world = await startWorld(
  { main: {} },
  {
    routes: {
      "/": { upstream: "none", public: true },
      "/wiki/{*rest}": { upstream: "none" },
      "/page": { methods: ["GET"], upstream: "service:ECHO" },
    },
    vars: { VERIFY: {}, POSTERN_VERIFY_SECRET: `an-older-one-that-still-works-0123456789 ${SECRET}` },
  },
);
const { postern, issuers } = world;
const alice = world.browser();
assert.equal((await logIn(alice, { provider: "main" })).status, 200);
const cookie = ["cookie", `${SESSION_COOKIE}=${alice.jar.cookies.get(SESSION_COOKIE).value}`];
const SCRIPT = [["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "cors"], ["sec-fetch-dest", "empty"]];

const question = (changes = {}) => {
  const all = {
    "x-postern-secret": SECRET, "x-forwarded-method": "GET", "x-forwarded-uri": "/wiki/a", "x-forwarded-host": new URL(postern.origin).host, "x-forwarded-proto": "http", ...changes,
  };
  return Object.entries(all).filter(([, value]) => value !== undefined);
};
const ask = (changes, more = [], path = "/auth/verify") => postern.send(path, { headers: [...question(changes), ...SCRIPT, ...more] });

/** That a question was not answered, and that the log alone says why. */
async function assertNotAnswered(act, status, reason, what) {
  const mark = await postern.mark();
  const answer = await act();
  assert.equal(answer.status, status, `${what}: ${answer.body}`);
  const [event, ...others] = await postern.eventsSince(mark);
  assert.deepEqual([event.reason, event.outcome, others], [reason, "deny", []], what);
  assertRefusalBody(answer, { navigation: false, requestId: event.request_id });
  assertNothingLeaks(answer.body + JSON.stringify(event), [...Object.values(issuers), { canaries: [SECRET] }], what);
  return answer;
}

test("a person's request may pass, and the answer says whose it is", async () => {
  //
  for (const secret of [SECRET, "an-older-one-that-still-works-0123456789"]) {
    const answer = await ask({ "x-postern-secret": secret }, [cookie]);
    assert.deepEqual([answer.status, answer.body], [204, ""]);
    const { headers } = answer;
    assert.deepEqual([headers["x-postern-issuer"], headers["x-postern-subject"], headers["x-postern-kind"]], [issuers.main.url, "alice", "human"]);
    assert.equal(headers["cache-control"], "private, no-store");
  }
});

test("a question without the secret is answered to nobody", async () => {
  // field row 1
  for (const [secret, reason] of [[undefined, "verify.no_secret"], ["", "verify.wrong_secret"], [SECRET.slice(1), "verify.wrong_secret"], [`${SECRET}, ${SECRET}`, "verify.wrong_secret"]]) {
    await assertNotAnswered(() => ask({ "x-postern-secret": secret }, [cookie]), 400, reason, String(secret));
  }
  await assertNotAnswered(() => ask({}, [cookie, ["x-postern-secret", SECRET]]), 400, "verify.wrong_secret", "twice");
});

test("lines that were joined on the way, and second words for the same thing, hold neither way", async () => {
  // field rows 1 and 4: the runtime joins what was repeated
  for (const name of ["x-forwarded-uri", "x-forwarded-method", "x-forwarded-host", "x-forwarded-proto"]) {
    const good = Object.fromEntries(question())[name];
    const answer = await ask({}, [cookie, [name, good]]);
    assert.equal(answer.status, 400, `${name}: ${answer.body}`);
  }
  for (const name of ["x-original-uri", "x-original-method", "x-original-url", "x-rewrite-url"]) {
    await assertNotAnswered(() => ask({}, [cookie, [name, "/"]]), 400, "verify.said_twice", name);
  }
  for (const name of ["x_forwarded_uri", "X_Forwarded-Uri", "x_original_uri", "x_postern_subject"]) {
    await assertNotAnswered(() => ask({}, [cookie, [name, "/"]]), 400, "request.bad_header", name);
  }
});

test("what is no request of ours is none to decide about", async () => {
  // field rows 2 and 5
  for (const [changes, status, reason] of [
    [{ "x-forwarded-uri": undefined }, 400, "verify.unsaid"],
    [{ "x-forwarded-method": undefined }, 400, "verify.unsaid"],
    [{ "x-forwarded-uri": `${"http://localhost:8787"}/wiki/a` }, 400, "verify.unusable"],
    [{ "x-forwarded-uri": "/wiki/a#/" }, 400, "verify.unusable"],
    [{ "x-forwarded-uri": "/wiki/é" }, 400, "verify.unusable"],
    [{ "x-forwarded-uri": "//localhost/wiki/a" }, 400, "path.empty_segment"],
    [{ "x-forwarded-uri": "/wiki/../" }, 400, "path.dot_segment"],
    [{ "x-forwarded-uri": `/wiki/${"a".repeat(9000)}` }, 400, "path.too_long"],
    [{ "x-forwarded-method": "G T" }, 400, "verify.unusable"],
    [{ "x-forwarded-method": "TRACE" }, 405, "route.method_not_allowed"],
    [{ "x-forwarded-host": "evil.example" }, 421, "request.unknown_host"],
    [{ "x-forwarded-proto": "https" }, 421, "request.unknown_host"],
  ]) {
    await assertNotAnswered(() => ask(changes, [cookie]), status, reason, JSON.stringify(changes).slice(0, 80));
  }
});

test("by a question nothing is forwarded, and nothing else of Postern's is reached", async () => {
  const before = (await postern.forwarded()).length;
  await ask({ "x-forwarded-uri": "/page" }, [cookie]);
  await assertNotAnswered(() => ask({ "x-forwarded-uri": "/auth/me" }, [cookie]), 404, "route.none", "/auth/me");
  await assertNotAnswered(() => postern.send("/wiki/a", { headers: [cookie, ...SCRIPT] }), 404, "route.none", "/wiki/a itself");
  assert.equal((await postern.forwarded()).length, before);
  assert.equal((await alice.fetch("/auth/me?touch=false")).status, 200);
});
