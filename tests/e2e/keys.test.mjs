// Keys: which of a provider's keys verify its ID tokens, how new ones are found, and which are never asked for.

import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";

import { startCanaryHost } from "../provider/canary_host.mjs";
import { newKey, publicJwk, sharedKey } from "../provider/keys.mjs";
import { logIn, whoIs } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const canary = await startCanaryHost(JSON.stringify({ keys: [] }));
after(() => canary.close());

const IDS = [
  "junk", "rotate", "flood", "use", "ops", "algmember", "notops", "decoy", "wrongdecoy", "single", "several", "foreign", "removed",
  "small", "empty", "html", "large", "closed", "crowd",
];
const world = await startWorld({ ...Object.fromEntries(IDS.map((id) => [id, {}])), es: { alg: "ES256" } });
const { issuers, postern } = world;
afterEach(() => world.mend());

const good = sharedKey("RS256");
const jwks = (...keys) => (answer) => void (answer.body = { keys });
const logsIn = async (provider) => {
  const browser = world.browser();
  const answer = await logIn(browser, { provider });
  assert.equal(answer.status, 200, answer.body.slice(0, 400));
  assert.ok(await whoIs(browser));
};

test("keys that make no sense are ignored, and the good one beside them is used", async () => {
  //
  issuers.junk.bend.jwks = jwks(
    { kty: "PQC", kid: "future", x: "AAAA" }, { kid: "no type" }, { kty: "RSA", kid: "no members" }, "text", null, 7, {},
    { kty: "EC", crv: "P-256", x: "AA", y: "AA", kid: "short" }, { kty: "RSA", n: "!!", e: "AQAB", kid: "not base64" },
    { kty: "OKP", crv: "X25519", x: "AAAA", kid: "not for signing" }, { ...publicJwk(good), kid: 7 }, publicJwk(good),
  );
  await logsIn("junk");
});

test("a key that is new since the last login is found by one more fetch", async () => {
  //
  await logsIn("rotate");
  const before = issuers.rotate.count("jwks");
  issuers.rotate.keys = [newKey("RS256")];
  await logsIn("rotate");
  assert.equal(issuers.rotate.count("jwks"), before + 1);
});

test("all who sign in at the very moment of a rotation are let in after one fetch", async () => {
  //
  await logsIn("crowd");
  const before = issuers.crowd.count("jwks");
  issuers.crowd.keys = [newKey("RS256")];
  const keys = issuers.crowd.hold("jwks");
  const logins = Array.from({ length: 5 }, () => logsIn("crowd"));
  await postern.waiting(logins.length);
  keys.release();
  await Promise.all(logins);
  assert.equal(issuers.crowd.count("jwks"), before + 1);
});

test("a flood of unknown key ids asks the provider at most every two seconds, and hides no real rotation", async () => {
  // R-009; by the thousand: key_flood.test.mjs
  await logsIn("flood");
  const before = issuers.flood.count("jwks");
  const started = Date.now();
  issuers.flood.bend.idToken = (token) => void (token.header.kid = `random-${Math.random()}`);
  for (let wave = 0; wave < 4; wave += 1) {
    await Promise.all(Array.from({ length: 5 }, async () => assert.notEqual((await logIn(world.browser(), { provider: "flood" })).status, 200)));
  }
  const [fetches, seconds] = [issuers.flood.count("jwks") - before, (Date.now() - started) / 1000];
  assert.ok(fetches <= seconds / 2 + 2, `${fetches} fetches in ${seconds} s`);
  issuers.flood.bend = {};
  issuers.flood.keys = [newKey("RS256")];
  await logsIn("flood");
});

const REFUSED_KEYS = [
  ["use", { use: "enc" }, "a key for encryption"],
  ["ops", { key_ops: ["encrypt"] }, "a key whose operations do not include verify"],
  ["algmember", { alg: "RS512" }, "a key for another algorithm"],
];
for (const [id, members, what] of REFUSED_KEYS) {
  test(`${what} verifies nothing`, async () => {
    //
    issuers[id].bend.jwks = jwks(publicJwk(good, members));
    await world.loginFails({ provider: id, reason: /^jwt\.key_un/ });
  });
}

test("a key without `use` and `alg` and with the operation verify is used", async () => {
  //
  const { use, alg, ...bare } = publicJwk(good);
  assert.ok(use && alg);
  issuers.notops.bend.jwks = jwks({ ...bare, key_ops: ["verify"] });
  await logsIn("notops");
});

test("of several keys with one id, the one that fits the algorithm is used", async () => {
  //
  const { kid } = good;
  issuers.decoy.bend.jwks = jwks(publicJwk(sharedKey("ES256"), { kid }), publicJwk(newKey("RS256"), { kid, use: "enc" }), publicJwk(good));
  await logsIn("decoy");
});

test("when none of the keys with the right id fits, none is used", async () => {
  //
  const { kid } = good;
  issuers.wrongdecoy.bend.jwks = jwks(publicJwk(sharedKey("ES256"), { kid }), publicJwk(newKey("RS256"), { kid }));
  await world.loginFails({ provider: "wrongdecoy", reason: "jwt.bad_signature" });
});

const withoutKid = (token) => void delete token.header.kid;

test("a token without key id is verified when only one key can be meant", async () => {
  //
  issuers.single.bend.idToken = withoutKid;
  issuers.single.bend.jwks = jwks(publicJwk(sharedKey("ES256")), publicJwk(good));
  await logsIn("single");
});

test("a token without key id is refused when several keys could be meant", async () => {
  //
  issuers.several.bend.idToken = withoutKid;
  issuers.several.bend.jwks = jwks(publicJwk(newKey("RS256")), publicJwk(good));
  await world.loginFails({ provider: "several", reason: "jwt.key_ambiguous" });
});

const attacker = newKey("RS256");
const POINTERS = [
  ["jku", () => ({ jku: `${canary.origin}/jku` })],
  ["x5u", () => ({ x5u: `${canary.origin}/x5u` })],
  ["jwk", () => ({ jwk: publicJwk(attacker) })],
  ["x5c", () => ({ x5c: [attacker.publicKey.export({ format: "der", type: "spki" }).toString("base64")] })],
];
for (const [name, header] of POINTERS) {
  test(`a key that the token itself points to with \`${name}\` is never believed`, async () => {
    //
    for (const kid of [good.kid, attacker.kid]) {
      issuers.foreign.bend.idToken = (token) => {
        token.key = attacker;
        Object.assign(token.header, { kid, ...header() });
      };
      await world.loginFails({ provider: "foreign", reason: /^jwt\./ });
    }
    assert.deepEqual(canary.hits, []);
  });
}

test("a key that the provider withdrew stops verifying within the documented bound", async () => {
  //
  const old = newKey("RS256");
  issuers.removed.keys = [old];
  await logsIn("removed");
  issuers.removed.keys = [newKey("RS256")];
  issuers.removed.bend.idToken = (token) => {
    token.key = old;
    token.header.kid = old.kid;
  };
  await postern.advance(2 * 3600);
  await logIn(world.browser(), { provider: "removed" });
  await postern.settled();
  await world.loginFails({ provider: "removed", reason: "jwt.key_unknown" });
});

test("an RSA key of less than 2048 bits is not used", async () => {
  // RFC 7518 §3.3
  const weak = newKey("RS256", { bits: 1024 });
  issuers.small.keys = [weak];
  await world.loginFails({ provider: "small", reason: /^jwt\.key/ });
});

const UNREADABLE = [
  ["empty", jwks(), [400, 403], "no keys at all"],
  ["html", (answer) => void (answer.body = "<html>"), [503], "a page instead of keys"],
  ["large", (answer) => void (answer.body.padding = "x".repeat(2_000_000)), [503], "more than the size limit"],
  ["closed", (answer) => void (answer.status = 500), [503], "an error"],
];
for (const [id, hook, status, what] of UNREADABLE) {
  test(`a key set that is ${what} lets nobody in`, async () => {
    //
    issuers[id].bend.jwks = hook;
    await world.loginFails({ provider: id, status, reason: /^(jwt|keys|provider)\./ });
  });
}
