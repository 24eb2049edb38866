// Administration by client, over HTTP and in two isolates: an administrator sees what people granted to a client, and ends it.

import assert from "node:assert/strict";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { after, afterEach, test } from "node:test";

import { SignJWT } from "jose";

import { allowed, consent, program, register, token } from "./support/agents.mjs";
import { order, read, signedIn } from "./support/management.mjs";
import { freePort } from "./support/ports.mjs";
import { startWorld } from "./support/world.mjs";

const ACCESS = "urn:ietf:params:oauth:token-type:access_token";
const REVOKE = "/auth/admin/agents/revoke";

/** A helper that has a key and publishes it. */
const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
const site = createServer((request, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({
    client_id: helper, client_name: "Helper", redirect_uris: ["http://127.0.0.1/cb"], token_endpoint_auth_method: "private_key_jwt",
    jwks: { keys: [{ ...own.publicKey.export({ format: "jwk" }), kid: "own", alg: "ES256", use: "sig" }] },
  }));
});
await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
after(() => site.close());
const helper = `http://127.0.0.1:${site.address().port}/client.json`;

const port = await freePort();
const world = await startWorld({ main: {} }, {
  host: "localhost", port, twin: true,
  routes: { "/mcp": { upstream: "service:ECHO", methods: ["GET"], authenticate: ["agent"], require: { any_scope: ["docs:read"] } } },
  vars: {
    AGENTS: { register: true, delegates: [helper] }, ADMIN: { principals: ["main|root"] }, LIMITS: { login: false, callback: false },
  },
});
const { postern } = world;
afterEach(() => world.mend());

const root = await signedIn(world, "root");
const opens = async (access, to) => (await program(postern, "/mcp", { method: "GET", headers: [["authorization", `Bearer ${access}`]], to })).status;
const list = (client, more = {}) => read(root, `/auth/admin/agents?${new URLSearchParams({ client, ...more })}`);
const who = ({ json }) => json.grants.map(({ subject }) => subject).sort();

async function assertOpens(tokens, status) {
  for (const access of tokens) for (const to of [undefined, "twin"]) assert.equal(await opens(access, to), status);
}

test("of two people, three grants to one client end, and what is under way does not begin", async () => {
  // R-311, R-418
  const [client, other] = [await register(postern, "Agent"), await register(postern, "Other")];
  const [alice, bob] = [await signedIn(world, "alice"), await signedIn(world, "bob")];
  const tokens = [await consent(alice, client), await consent(alice, client), await consent(bob, client)];
  const access = tokens.map(({ access_token: text }) => text);
  const { access_token: unconcerned } = await consent(bob, other);
  const found = await list(client);
  assert.deepEqual([found.status, who(found), found.json.next], [200, ["alice", "alice", "bob"], null]);
  assert.deepEqual(new Set(found.json.grants.map((grant) => grant.client)), new Set([client]));
  assert.equal((await list(client, { provider: "main", subject: "bob" })).json.grants.length, 1);
  await assertOpens([...access, unconcerned], 200);
  const underWay = await allowed(alice, client);
  const mark = await postern.mark();
  const ended = await order(root, REVOKE, { client });
  assert.deepEqual([ended.status, ended.json], [200, { ended: 4, next: null }]);
  // The lines about people belong to no request.
  const lines = await postern.allEventsSince(mark);
  const [line] = lines.filter(({ event }) => event === "admin");
  assert.deepEqual([line.action, line.ended, line.target.startsWith("agent ")], ["agents.revoke", 4, true]);
  const people = lines.filter(({ reason }) => reason === "agent.ended_for_client");
  assert.deepEqual(people.map(({ subject, ended: count }) => `${subject} ${count}`).sort(), ["alice 3", "bob 1"]);
  await assertOpens(access, 401);
  await assertOpens([unconcerned], 200);
  const late = await token(postern, underWay);
  assert.deepEqual([late.status, JSON.parse(late.body).error], [400, "invalid_grant"]);
  for (const { refresh_token } of tokens) {
    const refused = await token(postern, { grant_type: "refresh_token", client_id: client, refresh_token });
    assert.equal(JSON.parse(refused.body).error, "invalid_grant");
  }
  assert.deepEqual([(await list(client)).json.grants, who(await list(other))], [[], ["bob"]]);
  // Who allows it again has it again.
  await postern.advance(2);
  const { access_token: again } = await consent(alice, client);
  await assertOpens([again], 200);
  assert.deepEqual(who(await list(client)), ["alice"]);
});

test("a consent form from before is answered too late", async () => {
  // R-418
  const client = await register(postern, "Late");
  const alice = await signedIn(world, "alice");
  await consent(alice, client);
  const asked = await alice.navigate(`/auth/agents/authorize?${new URLSearchParams({
    response_type: "code", client_id: client, redirect_uri: "http://127.0.0.1/cb", resource: `${postern.origin}/mcp`,
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256",
  })}`, { initiator: postern.origin });
  const question = /name="question" value="([^"]*)"/.exec(asked.body)[1];
  assert.equal((await order(root, REVOKE, { client })).json.ended, 1);
  const mark = await postern.mark();
  const late = await alice.navigate("/auth/agents/authorize", {
    method: "POST", fields: [["question", question], ["answer", "allow"], ["for", "session"]], initiator: postern.origin, follow: false,
  });
  const [{ reason }] = await postern.eventsSince(mark);
  assert.deepEqual([late.status, reason], [403, "agent.consent_over"]);
});

test("more people than fit on a page", async () => {
  // R-418
  const client = await register(postern, "Popular");
  const names = Array.from({ length: 27 }, (_, at) => `crowd-${at}`).sort();
  const access = [];
  for (const name of names) access.push((await consent(await signedIn(world, name), client)).access_token);
  const first = await list(client);
  assert.deepEqual([first.json.grants.length, typeof first.json.next], [25, "string"]);
  const second = await list(client, { after: first.json.next });
  assert.deepEqual([[...who(first), ...who(second)].sort(), second.json.next], [names, null]);
  const begun = await order(root, REVOKE, { client });
  assert.equal(begun.json.ended, 25);
  const rest = await order(root, REVOKE, { client, after: begun.json.next });
  assert.deepEqual(rest.json, { ended: 2, next: null });
  for (const text of access) assert.equal(await opens(text), 401);
});

test("what a helper was given in exchange is found by the helper", async () => {
  // R-323, R-418
  const client = await register(postern, "Agent");
  const { access_token: access } = await consent(await signedIn(world, "alice"), client, { scope: "docs:read" });
  const exchange = async () => {
    const now = Math.floor(postern.now() / 1000);
    const proof = await new SignJWT({}).setProtectedHeader({ alg: "ES256", kid: "own" }).setIssuer(helper).setSubject(helper)
      .setAudience(postern.origin).setJti(randomUUID()).setIssuedAt(now).setExpirationTime(now + 60).sign(own.privateKey);
    const answer = await token(postern, {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange", subject_token: access, subject_token_type: ACCESS, client_id: helper,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", client_assertion: proof,
    });
    assert.equal(answer.status, 200, answer.body);
    return JSON.parse(answer.body).access_token;
  };
  const narrowed = await exchange();
  const [parent] = (await list(client)).json.grants;
  const [grant] = (await list(helper)).json.grants;
  assert.deepEqual([grant.subject, grant.parent], ["alice", parent.id]);
  assert.equal((await order(root, REVOKE, { client: helper })).json.ended, 1);
  await assertOpens([narrowed], 401);
  await assertOpens([access], 200);
  await postern.advance(2);
  const again = await exchange();
  assert.equal((await order(root, REVOKE, { client })).json.ended, 1);
  await assertOpens([access, again], 401);
});
