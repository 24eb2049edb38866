// Passkeys in workerd: each algorithm by WebCrypto, what is stored, and what two proofs at once are worth. The authenticator is
// of `node:crypto`.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { KEYS, authenticator, good, made } from "../differential/passkey_authenticator.mjs";
import { logIn, whoIs } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({ main: {} }, {
  routes: {
    "/page": { methods: ["GET"], upstream: "service:ECHO" },
    "/vault": { methods: ["GET"], upstream: "service:ECHO", require: { second: "15m" } },
  },
  vars: { SECOND: { enrol_within: "1h" } },
});
const { postern, issuers } = world;
afterEach(() => world.mend());

const AT = { rpId: "localhost", origin: postern.origin };
let people = 0;

async function signedIn() {
  issuers.main.user = { sub: `passkeys-${(people += 1)}` };
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  return browser;
}

const post = (browser, path, body) =>
  browser.fetch(path, { method: "POST", headers: body ? [["content-type", "application/json"]] : [], body: body && JSON.stringify(body) });

async function asked(browser, path) {
  const answer = await post(browser, path);
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body);
}

/** Adds a passkey; resolves with the device and its id, for {@link proof}. */
async function enrolled(browser, alg, changes = {}) {
  const device = authenticator(alg);
  const { challenge, user } = await asked(browser, "/auth/second/passkey/begin");
  const one = { ...good(device, "registration"), ...AT, challenge, ...changes };
  const answer = await post(browser, "/auth/second/passkey/finish", { credential: made(one).credential, name: alg });
  assert.equal(answer.status, 201, answer.body);
  return { device, id: one.id, userHandle: user.id };
}

async function proof(browser, { device, id, userHandle }, changes = {}) {
  const { challenge } = await asked(browser, "/auth/second/verify/passkey/begin");
  return { credential: made({ ...good(device, "proof"), ...AT, challenge, id, userHandle, ...changes }).credential };
}

const prove = async (browser, key, changes) => post(browser, "/auth/second/verify/passkey", await proof(browser, key, changes));

//
test("each algorithm signs for what asks for a second factor, and a bit more or less does not", async () => {
  for (const alg of Object.keys(KEYS)) {
    const browser = await signedIn();
    assert.equal((await browser.fetch("/vault")).status, 401, "before there is any");
    const key = await enrolled(browser, alg);
    await postern.advance(16 * 60);
    assert.equal((await browser.fetch("/vault")).status, 401, alg);
    const mark = await postern.mark();
    const bent = await prove(browser, key, { signature: (bytes) => (bytes[bytes.length - 3] ^= 1, bytes) });
    assert.equal(bent.status, 403, bent.body);
    await postern.logged(mark, ({ reason }) => reason === "passkey.signature");
    const answer = await prove(browser, key);
    assert.equal(answer.status, 200, answer.body);
    assert.equal((await browser.fetch("/vault")).status, 200, alg);
  }
});

//
test("of two proofs at once one counts, and no challenge is good twice", async () => {
  const browser = await signedIn();
  const key = await enrolled(browser, "ES256", { count: 1 });
  const both = [await proof(browser, key, { count: 5 }), await proof(browser, key, { count: 5 })];
  const answers = await Promise.all(both.map((body) => post(browser, "/auth/second/verify/passkey", body)));
  assert.deepEqual(answers.map(({ status }) => status).filter((status) => status === 200), [200], JSON.stringify(answers.map(({ body }) => body)));
  assert.ok(await whoIs(browser) !== undefined, "the session goes on under the id of the one that counted");
  const once = await proof(browser, key, { count: 6 });
  assert.equal((await post(browser, "/auth/second/verify/passkey", once)).status, 200);
  assert.equal((await post(browser, "/auth/second/verify/passkey", once)).status, 403);
});

test("a passkey is there after the object was thrown out of memory", async () => {
  const browser = await signedIn();
  const key = await enrolled(browser, "EdDSA");
  const begun = await proof(browser, key);
  await postern.evict("SUBJECTS");
  assert.equal((await post(browser, "/auth/second/verify/passkey", begun)).status, 200, "and so is the challenge");
});
