// The helper's parts that need no browser. What needs one is in `tests/browser/client.test.mjs`.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import * as postern from "../../client/postern.js";

const HERE = { origin: "https://app.example.com", pathname: "/reports/7", search: "?page=2&q=%26", hash: "#part/3?x" };
globalThis.location = HERE;

/** Answers of the network, in order; what was asked is noted. */
function answering(...answers) {
  const asked = [];
  globalThis.fetch = async (input, init) => {
    asked.push(input instanceof Request ? input : { url: input, ...init });
    return answers.shift();
  };
  return asked;
}

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});

const json = (body, status = 200, type = "application/json") => {
  const response = new Response(JSON.stringify(body), { status, headers: { "content-type": type } });
  return Object.defineProperty(response, "url", { value: "https://app.example.com/auth/sessions" });
};
const problem = (status, body) => json(body, status, "application/problem+json");

test("a login link leads back to path, query and fragment", () => {
  const query = new URL(postern.loginUrl(), HERE.origin).searchParams;
  assert.deepEqual([...query], [["return_to", "/reports/7?page=2&q=%26#part/3?x"]]);
  const chosen = postern.loginUrl({ returnTo: "/a b", provider: "corp", acr_values: "urn:example:mfa" });
  assert.equal(chosen, "/auth/login?return_to=%2Fa+b&provider=corp&acr_values=urn%3Aexample%3Amfa");
});

test("what is left of a session is told by Postern's clock, and which end comes first", () => {
  const session = { idle_expires_at: 1000, expires_at: 5000 };
  assert.deepEqual(postern.timeLeft({ session, skew: 0 }, 900_000), { idle: 100, absolute: 4100, first: "idle" });
  assert.deepEqual(postern.timeLeft({ session, skew: 60 }, 900_000), { idle: 40, absolute: 4040, first: "idle" });
  assert.deepEqual(postern.timeLeft({ session, skew: -60 }, 6_000_000), { idle: 0, absolute: 0, first: "absolute" });
  assert.equal(postern.timeLeft({ session: { idle_expires_at: 5000, expires_at: 5000 }, skew: 0 }, 0).first, "absolute");
});

test("a browser whose clock is wrong by an hour learns by how much; less than two seconds is nothing", async () => {
  const now = Math.floor(Date.now() / 1000);
  for (const [ahead, skew] of [[3600, 3600], [-3600, -3600], [1, 0], [0, 0]]) {
    const asked = answering(json({ now: now + ahead, session: {} }));
    const session = await postern.me();
    assert.ok(Math.abs(session.skew - skew) < 2, `${session.skew} for ${ahead}`);
    assert.equal(asked[0].url, "/auth/me?anonymous=null&touch=false");
  }
});

test("to look at a session does not touch it, unless one says so", async () => {
  const asked = answering(json({ now: 0 }), json({ now: 0 }), json(null), problem(401, {}));
  await postern.me();
  await postern.me({ touch: true });
  assert.equal(await postern.me(), null);
  assert.equal(await postern.me(), null, "as a Worker of an earlier release says it");
  const [looks, touches] = ["/auth/me?anonymous=null&touch=false", "/auth/me?anonymous=null"];
  assert.deepEqual(asked.map(({ url }) => url), [looks, touches, looks, looks]);
});

test("an answer that is neither a session nor its absence is an error with Postern's words", async () => {
  answering(problem(503, { type: "urn:postern:problem:unavailable", title: "A service we need does not answer", status: 503 }));
  const error = await postern.me().catch((thrown) => thrown);
  assert.ok(error instanceof postern.PosternError && error instanceof Error);
  assert.deepEqual([error.status, error.problem.type], [503, "urn:postern:problem:unavailable"]);
});

test("a problem is what says so; the answer can still be read, and nothing else is taken for one", async () => {
  const refused = problem(403, { type: "urn:postern:problem:forbidden", scope: "admin" });
  assert.equal((await postern.problem(refused)).scope, "admin");
  assert.equal((await refused.json()).scope, "admin");
  assert.equal(await postern.problem(json({ type: "urn:postern:problem:forbidden" }, 403)), null);
  assert.equal(await postern.problem(new Response("{", { headers: { "content-type": "application/problem+json" } })), null);
  assert.equal(await postern.problem(new Response(null, { status: 401 })), null);
});

test("the CSRF header goes with what changes something, on our own origin only", async () => {
  const own = "https://app.example.com/api";
  for (const [url, init, header] of [
    [own, {}, null],
    [own, { method: "HEAD" }, null],
    [own, { method: "POST", body: "x" }, "1"],
    [own, { method: "DELETE" }, "1"],
    ["https://other.example/api", { method: "POST", body: "x" }, null],
    ["https://app.example.com.evil.example/api", { method: "DELETE" }, null],
  ]) {
    const asked = answering(json({}));
    await postern.fetch(url, init);
    assert.equal(asked[0].headers.get("x-postern-csrf"), header, `${init.method} ${url}`);
  }
  const asked = answering(json({}));
  await postern.fetch(new Request(own, { method: "PUT", body: "text", headers: { "x-mine": "kept" } }));
  assert.deepEqual([asked[0].headers.get("x-mine"), asked[0].headers.get("x-postern-csrf"), await asked[0].text()], ["kept", "1", "text"]);
});

test("a read that wants another sign-in goes for that one, by our own page whatever the link says, and once", async () => {
  const gone = [];
  const kept = new Map();
  Object.assign(globalThis, {
    document: { visibilityState: "visible" },
    sessionStorage: { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) },
    location: { ...HERE, assign: (url) => gone.push(url) },
  });
  try {
    const type = "urn:postern:problem:insufficient-user-authentication";
    const read = async (login_url, init) => {
      answering(problem(401, { type, login_url }));
      return (await postern.fetch("https://app.example.com/api", init)).status;
    };
    const link = "/auth/login?provider=corp&acr_values=gold+platinum&max_age=300";
    const there = "/auth/login?return_to=%2Freports%2F7%3Fpage%3D2%26q%3D%2526%23part%2F3%3Fx&provider=corp&acr_values=gold+platinum&max_age=300";
    assert.deepEqual([await read(link, { login: false }), await read(link, { method: "POST" }), gone], [401, 401, []]);
    assert.deepEqual([await read(link), await read(link), gone], [401, 401, [there]]);
    // For something else it goes again; of a link of somebody else's, only the words count.
    await read("https://evil.example/?acr_values=silver&return_to=/evil&redirect_uri=x");
    assert.equal(gone[1], `${there.split("&provider")[0]}&acr_values=silver`);
  } finally {
    globalThis.location = HERE;
    delete globalThis.document;
    delete globalThis.sessionStorage;
  }
});

test("a read that wants a second factor goes to prove one, by our own page whatever the link says, and once", async () => {
  const gone = [];
  const kept = new Map();
  Object.assign(globalThis, {
    document: { visibilityState: "visible" },
    sessionStorage: { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) },
    location: { ...HERE, assign: (url) => gone.push(url) },
  });
  try {
    const type = "urn:postern:problem:second-factor-required";
    const read = async (init) => {
      answering(problem(401, { type, verify_url: "https://evil.example/" }));
      return (await postern.fetch("https://app.example.com/api", init)).status;
    };
    const there = "/auth/second/verify?return_to=%2Freports%2F7%3Fpage%3D2%26q%3D%2526%23part%2F3%3Fx";
    assert.deepEqual([await read({ login: false }), await read({ method: "POST" }), gone], [401, 401, []]);
    assert.deepEqual([await read(), await read(), gone], [401, 401, [there]]);
    assert.equal(postern.verifyUrl({ returnTo: "/a b" }), "/auth/second/verify?return_to=%2Fa+b");
  } finally {
    globalThis.location = HERE;
    delete globalThis.document;
    delete globalThis.sessionStorage;
  }
});

test("a 401 that is the application's own, or another origin's, is none of our business", async () => {
  // With `document` missing, whatever is done about it throws.
  for (const [url, answer] of [
    ["https://app.example.com/api", json({ error: "invalid_token" }, 401)],
    ["https://app.example.com/api", problem(401, { type: "about:blank" })],
    ["https://other.example/api", problem(401, { type: "urn:postern:problem:unauthenticated" })],
  ]) {
    answering(answer);
    assert.equal((await postern.fetch(url)).status, 401);
  }
  answering(problem(401, { type: "urn:postern:problem:unauthenticated" }));
  await assert.rejects(() => postern.fetch("https://app.example.com/api"), /document is not defined/);
});
