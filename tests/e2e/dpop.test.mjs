// Tokens that are bound to a key (RFC 9449): a service of a certified provider, in workerd.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startProvider } from "../../demo/provider/provider.mjs";
import { DpopKey, FOR_MACHINES, issuerTable, machine, tokenFor } from "./support/machine.mjs";
import { startWorld } from "./support/world.mjs";

const [any, strict, nonces] = await Promise.all(
  ["any", "strict", "nonces"].map((name) => startProvider({ ...FOR_MACHINES, name, clients: [machine("reporter")] })),
);
after(() => Promise.all([any, strict, nonces].map((provider) => provider.close())));

const route = (issuer, more = {}) => ({ upstream: "service:ECHO", authenticate: ["bearer"], require: { issuers: [issuer] }, ...more });
const world = await startWorld({ main: {} }, {
  twin: true,
  vars: {
    ISSUERS: {
      any: issuerTable(any),
      strict: issuerTable(strict, { sender: "dpop" }),
      nonces: issuerTable(nonces, { sender: "dpop", dpop_nonce: true }),
    },
  },
  routes: {
    "/api/any/{id}": route("any"),
    "/api/strict": route("strict"),
    "/api/nonces": route("nonces"),
    "/api/write": route("any", { require: { issuers: ["any"], scopes: ["hello:write"] } }),
  },
});
const { postern } = world;

const PATH = "/api/any/~7";
const at = (path) => `${postern.origin}${path}`;
const dpop = (token, ...proofs) => [["authorization", `DPoP ${token}`], ...proofs.map((proof) => ["dpop", proof])];
const challengesOf = ({ headers }) => String(headers["www-authenticate"] ?? "");

/** A key, a token bound to it, and proofs for requests with that token. */
async function bound(provider = any, alg = "ES256") {
  const key = await DpopKey.generate(alg);
  const { token, type } = await key.tokenFor("reporter", provider);
  assert.equal(type, "DPoP");
  return { key, token, prove: (more = {}) => key.proof({ url: at(PATH), token, now: postern.now(), ...more }) };
}

/** Sends a request that must be refused with 401, for this reason in the log and this error to the client. */
async function refused(headers, { path = PATH, method = "GET", reason, error }) {
  const mark = await postern.mark();
  const forwarded = (await postern.forwarded()).length;
  const answer = await postern.send(path, { method, headers });
  const [event] = await postern.eventsSince(mark);
  assert.equal(answer.status, 401, answer.body);
  assert.equal(event.reason, reason);
  assert.equal((await postern.forwarded()).length, forwarded);
  assert.match(challengesOf(answer), new RegExp(`error="${error}"`));
  for (const [name, value] of headers) {
    const secret = value.split(".").pop();
    assert.ok(secret.length < 20 || !`${answer.body}${JSON.stringify(answer.headers)}${JSON.stringify(event)}`.includes(secret), name);
  }
  return answer;
}

for (const alg of ["ES256", "ES384", "PS256", "EdDSA"]) {
  test(`a service proves the key of its token with ${alg} and is let in; token and proof stay behind`, async () => {
    // RFC 9449 §7.1
    const { key, token, prove } = await bound(any, alg);
    const mark = await postern.mark();
    const answer = await postern.send(PATH, { headers: dpop(token, await prove()) });
    assert.equal(answer.status, 200, answer.body);
    const { headers } = JSON.parse(answer.body);
    assert.deepEqual([headers.dpop, headers.authorization], [undefined, undefined]);
    const [event] = await postern.eventsSince(mark);
    assert.deepEqual([event.means, event.jkt, event.kind], ["dpop", await key.thumbprint(), "service"]);
  });
}

test("the address of a proof may be written in any way that means the same", async () => {
  //
  const { token, prove } = await bound();
  for (const htu of [at("/api/any/%7E7?page=2#top"), at(PATH).replace("http://localhost", "HTTP://LOCALHOST"), at("/x/../api/./any/~7")]) {
    assert.equal((await postern.send(PATH, { headers: dpop(token, await prove({ claims: { htu } })) })).status, 200, htu);
  }
  assert.equal((await postern.send(`${PATH}?page=3`, { headers: dpop(token, await prove()) })).status, 200);
});

test("a proof works once, in every isolate", async () => {
  //
  const { token, prove } = await bound();
  const proof = await prove();
  const headers = dpop(token, proof);
  assert.equal((await postern.send(PATH, { headers })).status, 200);
  await refused(headers, { reason: "dpop.replayed", error: "invalid_dpop_proof" });
  assert.equal((await postern.sendToTwin(PATH, { headers })).status, 401);
  const other = dpop(token, await prove());
  assert.equal((await postern.sendToTwin(PATH, { headers: other })).status, 200);
  await refused(other, { reason: "dpop.replayed", error: "invalid_dpop_proof" });
  // What was used stays used when the objects forget all they have in memory.
  await postern.evict("ONCE");
  await refused(headers, { reason: "dpop.replayed", error: "invalid_dpop_proof" });
});

test("of twenty copies of one request at once, in two isolates, one is let in", async () => {
  //
  const { token, prove } = await bound();
  const headers = dpop(token, await prove());
  const copies = Array.from({ length: 20 }, (_, index) =>
    index % 2 ? postern.send(PATH, { headers }) : postern.sendToTwin(PATH, { headers }));
  const statuses = (await Promise.all(copies)).map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, ...Array(19).fill(401)]);
});

test("the same jti with another key is another proof", async () => {
  //
  const claims = { jti: "the-same" };
  for (const { token, prove } of [await bound(), await bound()]) {
    assert.equal((await postern.send(PATH, { headers: dpop(token, await prove({ claims })) })).status, 200);
  }
});

test("a bound token is nothing without its proof, and a proof nothing for another token", async () => {
  //
  const { key, token, prove } = await bound();
  const other = await bound();
  const plain = await tokenFor("reporter", any);
  assert.equal(plain.type, "Bearer");
  const foreign = await DpopKey.generate();
  const proof = await prove();
  for (const [headers, expected] of [
    [[["authorization", `Bearer ${token}`]], { reason: "sender.bound_token_as_bearer", error: "invalid_token" }],
    [[["authorization", `Bearer ${token}`], ["dpop", proof]], { reason: "sender.bound_token_as_bearer", error: "invalid_token" }],
    [dpop(token), { reason: "dpop.missing", error: "invalid_dpop_proof" }],
    [dpop(token, proof, proof), { reason: "dpop.repeated", error: "invalid_dpop_proof" }],
    [dpop(token, `${proof}, ${await prove()}`), { reason: "dpop.repeated", error: "invalid_dpop_proof" }],
    [dpop(plain.token, await key.proof({ url: at(PATH), token: plain.token, now: postern.now() })), { reason: "sender.token_not_bound", error: "invalid_token" }],
    [dpop(token, await other.prove()), { reason: "dpop.key_mismatch", error: "invalid_token" }],
    [dpop(token, await foreign.proof({ url: at(PATH), token, now: postern.now() })), { reason: "dpop.key_mismatch", error: "invalid_token" }],
    [dpop(token, await prove({ token: other.token })), { reason: "dpop.ath_mismatch", error: "invalid_token" }],
    [dpop(token, await prove({ token: undefined })), { reason: "dpop.ath_malformed", error: "invalid_dpop_proof" }],
    [dpop(token, await foreign.proof({ url: at(PATH), token, now: postern.now(), header: { jwk: key.jwk } })), { reason: "dpop.not_verified", error: "invalid_dpop_proof" }],
    [dpop(token, token), { reason: "dpop.key_missing", error: "invalid_dpop_proof" }],
  ]) {
    await refused(headers, expected);
  }
  // None of these used the good proof up.
  assert.equal((await postern.send(PATH, { headers: dpop(token, proof) })).status, 200);
  assert.equal((await postern.send(PATH, { headers: [["authorization", `Bearer ${plain.token}`]] })).status, 200);
});

test("a proof is for one method, one address and one minute", async () => {
  //
  const { key, token, prove } = await bound();
  const now = Math.floor(postern.now() / 1000);
  for (const [more, reason] of [
    [{ method: "POST" }, "dpop.htm_mismatch"],
    [{ url: at("/api/any/8") }, "dpop.htu_mismatch"],
    [{ url: "https://attacker.example/api/any/~7" }, "dpop.htu_mismatch"],
    [{ url: `http://127.0.0.1:${postern.port}${PATH}` }, "dpop.htu_mismatch"],
    [{ claims: { htu: PATH } }, "dpop.htu_malformed"],
    [{ claims: { iat: now - 90 } }, "dpop.iat_too_old"],
    [{ claims: { iat: now + 60 } }, "dpop.iat_in_future"],
    [{ claims: { iat: undefined } }, "dpop.iat_malformed"],
    [{ claims: { jti: undefined } }, "dpop.jti_malformed"],
    [{ header: { typ: "JWT" } }, "dpop.typ_refused"],
    [{ header: { jwk: undefined } }, "dpop.key_missing"],
    [{ header: { jwk: key.secret } }, "dpop.key_private"],
  ]) {
    await refused(dpop(token, await prove(more)), { reason, error: "invalid_dpop_proof" });
  }
});

test("where a key is required, a plain token is refused and the challenge asks for a proof", async () => {
  const plain = await tokenFor("reporter", strict);
  const answer = await refused([["authorization", `Bearer ${plain.token}`]], { path: "/api/strict", reason: "sender.token_not_bound", error: "invalid_token" });
  assert.match(challengesOf(answer), /^DPoP .*algs="ES256 ES384 EdDSA PS256"/);
  assert.doesNotMatch(challengesOf(answer), /Bearer/);
  const { token, key } = await bound(strict);
  const proof = await key.proof({ url: at("/api/strict"), token, now: postern.now() });
  assert.equal((await postern.send("/api/strict", { headers: dpop(token, proof) })).status, 200);
});

test("a route that takes both says so", async () => {
  // RFC 9449 §7.2
  const answer = await postern.send(PATH, {});
  assert.equal(answer.status, 401);
  assert.match(challengesOf(answer), /Bearer/);
  assert.match(challengesOf(answer), /DPoP algs="ES256 ES384 EdDSA PS256"/);
  assert.doesNotMatch(challengesOf(answer), /error=/);
  assert.equal(answer.headers["dpop-nonce"], undefined);
});

test("what the token does not allow stays forbidden, whatever the proof", async () => {
  const { token, key } = await bound();
  const proof = await key.proof({ url: at("/api/write"), token, now: postern.now() });
  const answer = await postern.send("/api/write", { headers: dpop(token, proof) });
  assert.equal(answer.status, 403);
  assert.match(challengesOf(answer), /DPoP .*error="insufficient_scope"/);
});

test("a memory of proofs that does not answer lets nobody in", async () => {
  //
  const { token, prove } = await bound();
  for (const fault of ["throw", "status", "garbage"]) {
    await postern.break({ ONCE: fault });
    assert.equal((await postern.send(PATH, { headers: dpop(token, await prove()) })).status, 503, fault);
  }
  await postern.break({});
  assert.equal((await postern.send(PATH, { headers: dpop(token, await prove()) })).status, 200);
});

test("a proof needs our nonce where one is asked for, and an old one is not enough", async () => {
  // Last, as it moves the clock.
  const path = "/api/nonces";
  const { token, key } = await bound(nonces);
  const prove = (nonce) => key.proof({ url: at(path), token, now: postern.now(), claims: { nonce } });
  const first = await refused(dpop(token, await prove()), { path, reason: "dpop.nonce_missing", error: "use_dpop_nonce" });
  const nonce = first.headers["dpop-nonce"];
  assert.match(nonce, /^[a-z0-9]{1,8}\.[\w-]{43}$/);
  assert.match(first.headers["cache-control"], /no-store/);
  assert.equal((await postern.send(path, { headers: dpop(token, await prove(nonce)) })).status, 200);
  assert.equal((await postern.sendToTwin(path, { headers: dpop(token, await prove(nonce)) })).status, 200);
  for (const foreign of ["", "eyJ7S_zG.eyJH0-Z.HX4w-7v", nonce.slice(0, -1), 7]) {
    await refused(dpop(token, await prove(foreign)), { path, reason: "dpop.nonce_refused", error: "use_dpop_nonce" });
  }
  await postern.advance(660);
  const stale = await refused(dpop(token, await prove(nonce)), { path, reason: "dpop.nonce_refused", error: "use_dpop_nonce" });
  assert.notEqual(stale.headers["dpop-nonce"], nonce);
  assert.equal((await postern.send(path, { headers: dpop(token, await prove(stale.headers["dpop-nonce"])) })).status, 200);
});
