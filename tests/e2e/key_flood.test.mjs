// Made-up key ids by the thousand: what they cost the issuer, and how soon a real new key is found among them.

import assert from "node:assert/strict";
import { Agent, request as httpRequest } from "node:http";
import { after, test } from "node:test";

import { newKey, publicJwk } from "../provider/keys.mjs";
import { logIn } from "./support/login.mjs";
import { call } from "./support/tokens.mjs";
import { startWorld } from "./support/world.mjs";

const FLOOD = 10_000;
const LANES = 40;
// docs/concepts/providers.md, "Keys and metadata": one fetch every 2 seconds while a budget of 5 lasts, one every 10 seconds from then on.
const SPACING = 2;
const BURST = 5;
const REFILL = 10;

const IDS = ["flood", "crowd", "gone", "late"];
const world = await startWorld(
  Object.fromEntries(IDS.map((id) => [id, { alg: "ES256" }])),
  {
    tokens: Object.fromEntries(IDS.map((id) => [id, {}])),
    routes: { "/v1/{*rest}": { upstream: "service:ECHO", authenticate: ["bearer"] } },
  },
);
const { issuers, postern } = world;
const pool = new Agent({ keepAlive: true, maxSockets: LANES });
after(() => pool.destroy());

/** One request on a connection that stays open: its status. */
function ask(token) {
  return new Promise((resolve, reject) => {
    const headers = { host: new URL(postern.origin).host, authorization: `Bearer ${token}` };
    const outgoing = httpRequest({ host: "127.0.0.1", port: postern.port, path: "/v1/a", headers, agent: pool });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => incoming.resume().on("end", () => resolve(incoming.statusCode)));
    outgoing.end();
  });
}

/** A token that names a key nobody has. Its signature is not looked at. */
function madeUp(issuer, number) {
  const [, payload, signature] = issuer.accessToken().split(".");
  const header = Buffer.from(JSON.stringify({ alg: "ES256", typ: "at+jwt", kid: `random-${number}-${Math.random()}` }));
  return [header.toString("base64url"), payload, signature].join(".");
}

/** Of the Worker's time. */
const seconds = (since) => (postern.now() - since) / 1000;
const opens = async (issuer, token = issuer.accessToken()) => (await call(postern, "/v1/a", token)).status === 200;

/** Tries until a token of this issuer's opens the route: how many seconds had to be waited in between, of the Worker's time. */
async function untilItOpens(issuer, limit) {
  for (let waited = 0; ; waited += 1) {
    if (await opens(issuer)) return waited;
    assert.ok(waited < limit, `no luck in ${limit} seconds`);
    await postern.advance(1);
  }
}

test("ten thousand made-up key ids are few fetches, and a real rotation among them is found within seconds", async (t) => {
  //
  const issuer = issuers.flood;
  assert.ok(await opens(issuer));
  const [before, discoveries] = [issuer.count("jwks"), issuer.count("discovery")];
  const started = postern.now();
  const template = madeUp(issuer, 0).split(".");
  let sent = 0;
  let found;
  const statuses = {};
  const lane = async () => {
    while (sent < FLOOD) {
      sent += 1;
      const header = Buffer.from(JSON.stringify({ alg: "ES256", typ: "at+jwt", kid: `random-${sent}` })).toString("base64url");
      const status = await ask([header, ...template.slice(1)].join("."));
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (sent >= FLOOD / 2 && !found) {
        issuer.keys = [newKey("ES256")];
        found = untilItOpens(issuer, REFILL + SPACING);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const took = seconds(started);
  const foundAfter = await found;
  const fetches = issuer.count("jwks") - before;
  t.diagnostic(`${FLOOD} made-up key ids in ${took.toFixed(1)} s: ${fetches} fetches; the new key found after ${foundAfter} s`);
  assert.deepEqual(Object.keys(statuses), ["401"], JSON.stringify(statuses));
  assert.ok(fetches <= Math.min(took / SPACING, BURST + took / REFILL) + 2, `${fetches} fetches in ${took} s`);
  assert.equal(issuer.count("discovery"), discoveries);
});

test("everybody who comes at the moment of a rotation is let in, after one fetch", async () => {
  //
  const issuer = issuers.crowd;
  assert.ok(await opens(issuer));
  issuer.keys = [newKey("ES256")];
  const keys = issuer.hold("jwks");
  const before = issuer.count("jwks");
  const tokens = Array.from({ length: 30 }, () => ask(issuer.accessToken()));
  const logins = Array.from({ length: 5 }, () => logIn(world.browser(), { provider: "crowd" }));
  await postern.waiting(tokens.length + logins.length);
  keys.release();
  assert.deepEqual(await Promise.all(tokens), tokens.map(() => 200));
  assert.deepEqual((await Promise.all(logins)).map(({ status }) => status), logins.map(() => 200));
  assert.equal(issuer.count("jwks"), before + 1);
});

test("a client that hangs up as soon as it caused a fetch does not end it", async () => {
  // or one who does so again and again would keep every new key out
  const issuer = issuers.gone;
  assert.ok(await opens(issuer));
  const keys = issuer.hold("jwks");
  const before = issuer.count("jwks");
  const headers = { host: new URL(postern.origin).host, authorization: `Bearer ${madeUp(issuer, 0)}` };
  const outgoing = httpRequest({ host: "127.0.0.1", port: postern.port, path: "/v1/a", headers, agent: false });
  outgoing.on("error", () => {});
  outgoing.end();
  await keys.asked;
  await new Promise((closed) => outgoing.on("close", closed).destroy());
  // A question and an answer: by now the Worker knows that the other client has gone.
  await postern.mark();
  // The answer that is held back will have the new key.
  issuer.keys = [newKey("ES256")];
  keys.release();
  await postern.settled();
  assert.ok(await opens(issuer));
  assert.equal(issuer.count("jwks"), before + 1);
});

test("a key that is published after its first token was sent is found within ten seconds", async (t) => {
  //
  const issuer = issuers.late;
  assert.ok(await opens(issuer));
  const published = issuer.keys;
  issuer.bend.jwks = (answer) => void (answer.body = { keys: published.map((key) => publicJwk(key)) });
  issuer.keys = [newKey("ES256")];
  const before = issuer.count("jwks");
  await postern.timeless(async () => {
    for (let again = 0; again < 11; again += 1) assert.ok(!(await opens(issuer)));
  });
  assert.equal(issuer.count("jwks"), before + 1, "one question for one name");
  issuer.bend = {};
  t.diagnostic(`found after ${await untilItOpens(issuer, REFILL)} s`);
});
