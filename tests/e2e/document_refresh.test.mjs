// What issuers publish is renewed by time and beside requests, and what they took back stops counting in time.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { newKey } from "../provider/keys.mjs";
import { begin, logIn } from "./support/login.mjs";
import { call } from "./support/tokens.mjs";
import { startWorld } from "./support/world.mjs";

const CRON = "*/5 * * * *";
const MINUTES = 60;
const HOURS = 3600;
// docs/concepts/providers.md, "Keys and metadata": the life of keys when the issuer does not say.
const LIFE = 10 * MINUTES;

const IDS = ["timed", "ageing", "tagged", "gone", "down", "tokens", "cold", "plain"];
const world = await startWorld(
  Object.fromEntries(IDS.map((id) => [id, { alg: "ES256" }])),
  {
    tokens: Object.fromEntries(IDS.filter((id) => id !== "timed").map((id) => [id, {}])),
    routes: { "/v1/{*rest}": { upstream: "service:ECHO", authenticate: ["bearer"] }, "/page": { upstream: "service:ECHO" } },
  },
);
const { issuers, postern } = world;
afterEach(() => world.mend());

const use = (issuer, token = issuer.accessToken()) => call(postern, "/v1/a", token);
const fetches = (issuer) => [issuer.count("discovery"), issuer.count("jwks")];
const fails = (answer) => void (answer.status = 500);

async function timer() {
  const worker = await postern.miniflare.getWorker("postern");
  const { outcome } = await worker.scheduled({ cron: CRON });
  assert.equal(outcome, "ok");
}

test("keys are asked for with the tag they came with, and 304 renews them", async () => {
  const { tagged } = issuers;
  const tags = [];
  tagged.bend.jwks = (answer, { request }) => {
    tags.push(request.headers["if-none-match"]);
    answer.headers.etag = `"${tagged.keys[0].kid}"`;
    if (request.headers["if-none-match"] === answer.headers.etag) Object.assign(answer, { status: 304, body: "" });
  };
  assert.equal((await use(tagged)).status, 200);
  for (let life = 0; life < 3; life += 1) {
    await postern.advance(LIFE);
    assert.equal((await use(tagged)).status, 200);
  }
  const tag = `"${tagged.keys[0].kid}"`;
  assert.deepEqual(tags, [undefined, tag, tag, tag]);
  tagged.keys = [newKey("ES256")];
  assert.equal((await use(tagged)).status, 200, "a new set has a new tag");
  assert.equal(tags.length, 5);
});

test("the timer fetches what every issuer publishes, and the first login asks for nothing more", async () => {
  const { timed } = issuers;
  await timer();
  await timed.when(() => fetches(timed).every((count) => count === 1), "the timer's fetches");
  await postern.settled();
  timed.bend.discovery = timed.bend.jwks = fails;
  assert.equal((await logIn(world.browser(), { provider: "timed" })).status, 200);
  assert.deepEqual(fetches(timed), [1, 1]);
});

test("the timer renews keys before they age, and leaves young documents alone", async () => {
  const { plain } = issuers;
  await timer();
  await postern.settled();
  const [, before] = fetches(plain);
  await postern.advance(5 * MINUTES);
  await timer();
  await plain.when(() => plain.count("jwks") === before + 1, "keys are renewed");
  await postern.settled();
  const [discoveries] = fetches(plain);
  await postern.advance(5 * MINUTES);
  await timer();
  await plain.when(() => plain.count("jwks") === before + 2, "keys are renewed again");
  assert.equal(plain.count("discovery"), discoveries, "metadata lives longer");
});

test("whoever meets ageing keys is answered at once, and the fetch goes on after the answer", async () => {
  //
  const { ageing } = issuers;
  assert.equal((await use(ageing)).status, 200);
  await postern.advance(LIFE / 2);
  const keys = ageing.hold("jwks");
  const before = ageing.count("jwks");
  const answers = await postern.timeless(() => Promise.all(Array.from({ length: 10 }, () => use(ageing))));
  assert.deepEqual(answers.map(({ status }) => status), answers.map(() => 200));
  await keys.asked;
  assert.equal(ageing.count("jwks"), before + 1);
  keys.release();
  await postern.settled();
  // Renewed: old age would make the next one wait.
  ageing.bend.jwks = fails;
  await postern.advance(LIFE / 2 - 10);
  assert.equal((await use(ageing)).status, 200);
  assert.equal(ageing.count("jwks"), before + 1);
});

test("a key that the issuer took back stops working at the end of the set's life, without anybody asking before", async () => {
  //
  const { gone } = issuers;
  const old = gone.keys[0];
  assert.equal((await use(gone)).status, 200);
  gone.keys = [newKey("ES256")];
  await postern.advance(LIFE + 1);
  const token = gone.accessToken({}, { key: old });
  assert.equal((await use(gone, token)).status, 401);
  assert.equal((await use(gone)).status, 200);
});

test("while an issuer is down known keys work, new sign-ins get 503 and Retry-After, and that has an end", async () => {
  //
  const { down } = issuers;
  assert.equal((await use(down)).status, 200);
  const browser = world.browser();
  await logIn(browser, { provider: "down" });
  const drop = (answer) => void (answer.drop = true);
  down.bend = { discovery: drop, jwks: drop, token: drop };
  const assertUnavailable = (answer) => {
    assert.equal(answer.status, 503, answer.body.slice(0, 200));
    assert.ok(Number(answer.headers["retry-after"]) > 0);
  };
  for (const hours of [1, 10, 12]) {
    await postern.advance(hours * HOURS);
    assert.equal((await use(down)).status, 200, `after ${hours} hours more`);
  }
  await postern.advance(HOURS / 2);
  const silent = down.hold("jwks");
  assert.equal((await postern.timeless(() => use(down))).status, 200, "while the issuer says nothing at all");
  silent.release();
  const stranger = down.accessToken({}, { key: newKey("ES256") });
  await postern.settled();
  assertUnavailable(await use(down, stranger));
  assertUnavailable(await logIn(world.browser(), { provider: "down" }));
  await postern.advance(1.5 * HOURS);
  assertUnavailable(await use(down));
  await postern.advance(24 * HOURS);
  const answer = await world.browser().navigate("/auth/login?provider=down");
  assertUnavailable(answer);
  world.mend();
  await postern.advance(6);
  assert.equal((await use(down)).status, 200);
});

test("a provider that was never reached lets nobody begin", async () => {
  issuers.cold.bend.discovery = (answer) => void (answer.drop = true);
  const answer = await world.browser().navigate("/auth/login?provider=cold");
  assert.equal(answer.status, 503);
  assert.ok(Number(answer.headers["retry-after"]) > 0);
  world.mend();
  await postern.advance(6);
  assert.ok((await begin(world.browser(), { provider: "cold" })).url.href.startsWith(issuers.cold.base));
});

test("a shared cache that fails costs a question to the issuer, and nobody their access", async () => {
  await postern.break({ POSTERN_CACHE: "throw" });
  try {
    assert.equal((await use(issuers.tokens)).status, 200);
    await postern.advance(LIFE);
    assert.equal((await use(issuers.tokens)).status, 200);
  } finally {
    await postern.break({});
  }
});
