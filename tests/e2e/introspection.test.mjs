// Opaque access tokens: an API's callers hold words that only their issuer understands, and Postern asks it.

import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";

import { newKey, privateJwk } from "../provider/keys.mjs";
import { startProviders } from "../provider/host.mjs";
import { DEMO_RESOURCE, startProvider } from "../../demo/provider/provider.mjs";
import { startPostern } from "./support/postern.mjs";
import { assertNothingLeaks, assertRefusalBody } from "./support/refusals.mjs";

const API = "https://api.example.com";
const CACHE = 60;
const CERTIFIED_SECRET = "the-secret-of-the-api";

const host = await startProviders();
const key = newKey("ES256");
const issuers = {
  basic: host.issuer("basic"),
  post: host.issuer("post", { client: { auth: "client_secret_post" } }),
  jwt: host.issuer("jwt", { client: { auth: "private_key_jwt", key } }),
  never: host.issuer("never"),
  scoped: host.issuer("scoped"),
};
const login = host.issuer("login");
const certified = await startProvider({
  resources: { [DEMO_RESOURCE]: { scopes: ["hello:read"], format: "opaque" } },
  clients: [
    { client_id: "robot", client_secret: "the-secret-of-the-robot", grant_types: ["client_credentials"], response_types: [], redirect_uris: [] },
    { client_id: "api", client_secret: CERTIFIED_SECRET, grant_types: [], response_types: [], redirect_uris: [] },
  ],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_ctx, client) => client.clientId === "api" },
  },
});

const table = (issuer, settings = {}) => ({
  issuer: issuer.url, audience: API, tokens: "opaque", client_id: issuer.client.id, client_auth: issuer.client.auth, cache: `${CACHE}s`, ...settings,
});
const route = (id, more = {}) => ({ upstream: "service:ECHO", authenticate: ["bearer"], require: { issuers: [id], ...more } });
const postern = await startPostern({
  providers: { login },
  routes: {
    "/certified": route("certified", { scopes: ["hello:read"] }),
    ...Object.fromEntries(Object.keys(issuers).map((id) => [`/${id}/{*rest}`, route(id)])),
  },
  vars: {
    ISSUERS: {
      certified: { issuer: certified.issuer, audience: DEMO_RESOURCE, tokens: "opaque", client_id: "api" },
      basic: table(issuers.basic),
      post: table(issuers.post),
      jwt: table(issuers.jwt, { introspection_endpoint: `${issuers.jwt.url}/introspect` }),
      never: table(issuers.never, { cache: "0s" }),
      scoped: table(issuers.scoped, { require_aud: false }),
    },
    ISSUER_CERTIFIED_CLIENT_SECRET: CERTIFIED_SECRET,
    ISSUER_JWT_PRIVATE_KEY: JSON.stringify(privateJwk(key)),
    ...Object.fromEntries(["basic", "post", "never", "scoped"].map((id) => [`ISSUER_${id.toUpperCase()}_CLIENT_SECRET`, issuers[id].client.secret])),
  },
});
const all = Object.values(issuers);
for (const issuer of all) issuer.clock = () => Math.floor(postern.now() / 1000);
after(async () => {
  await postern.close();
  await certified.close();
  await host.close();
});
afterEach(async () => {
  for (const issuer of all) {
    assert.deepEqual(issuer.violations, []);
    issuer.reset();
  }
  // A pause after an endpoint that was down, and what was spent on made-up tokens, are over by then.
  await postern.advance(1000);
});

const call = (path, token, headers = []) => postern.send(path, { headers: [["authorization", `Bearer ${token}`], ...headers] });
const token = (issuer, claims = {}) => issuer.opaqueToken({ aud: API, ...claims });

/** The event of one call that goes through. */
async function allowed(path, presented, headers) {
  const mark = await postern.mark();
  const answer = await call(path, presented, headers);
  assert.equal(answer.status, 200, answer.body);
  const [event, ...others] = await postern.eventsSince(mark);
  assert.deepEqual([event.outcome, others], ["allow", []]);
  assertNothingLeaks(JSON.stringify(event), all, "the event");
  return event;
}

/** What every refusal here holds, whatever the reason. */
function assertRefused(answer, event) {
  assertRefusalBody(answer, { requestId: event.request_id });
  assertNothingLeaks(answer.body + JSON.stringify(answer.headers), all, "the answer");
  assertNothingLeaks(JSON.stringify(event), all, "the event");
  if (answer.status === 401) assert.match(answer.headers["www-authenticate"], /^Bearer error="invalid_token"/);
  if (answer.status === 503) assert.ok(Number(answer.headers["retry-after"]) > 0);
}

/** One call that does not. */
async function refused(path, presented, status, reason, headers) {
  const mark = await postern.mark();
  const forwarded = (await postern.forwarded()).length;
  const answer = await call(path, presented, headers);
  const [event] = await postern.eventsSince(mark);
  assert.deepEqual([answer.status, event.reason], [status, reason], answer.body);
  assertRefused(answer, event);
  assert.equal((await postern.forwarded()).length, forwarded, "something was forwarded");
  return answer;
}

function atCertified(path, client, form) {
  const authorization = `Basic ${Buffer.from(client.join(":")).toString("base64")}`;
  return fetch(`${certified.issuer}${path}`, { method: "POST", headers: { authorization }, body: new URLSearchParams(form) });
}

test("a service's opaque token of a certified provider opens its route, is asked about once, and ends when it is revoked", async () => {
  //
  const robot = ["robot", "the-secret-of-the-robot"];
  const issued = await atCertified("/token", robot, { grant_type: "client_credentials", resource: DEMO_RESOURCE, scope: "hello:read" });
  const { access_token: opaque } = await issued.json();
  assert.ok(opaque && !opaque.includes("."));
  const asked = () => certified.requests.filter(({ path }) => path === "/token/introspection").length;
  const event = await allowed("/certified", opaque);
  assert.deepEqual([event.subject, event.kind, event.issuer, event.token_issuer], ["robot", "service", certified.issuer, "certified"]);
  await Promise.all(Array.from({ length: 20 }, () => call("/certified", opaque)));
  assert.equal(asked(), 1);
  assert.equal((await atCertified("/token/revocation", robot, { token: opaque })).status, 200);
  assert.equal((await allowed("/certified", opaque)).remembered, true);
  await postern.advance(CACHE);
  await refused("/certified", opaque, 401, "introspection.inactive");
  await refused("/certified", "made-up", 401, "introspection.inactive");
  await refused("/certified", "made-up", 401, "introspection.inactive");
  assert.equal(asked(), 3);
});

for (const id of ["basic", "post", "jwt"]) {
  test(`the issuer is asked by a client that proves itself (${issuers[id].client.auth})`, async () => {
    //
    const issuer = issuers[id];
    const event = await allowed(`/${id}/a`, token(issuer, { scope: "read" }));
    assert.deepEqual([event.subject, event.kind, event.client_id], ["alice", "human", "cli"]);
    assert.equal(issuer.count("introspection"), 1);
    assert.ok(!issuer.last("introspection").url.includes("?"));
  });
}

test("what the issuer says of an active token is checked like the claims of a JWT", async () => {
  //
  const now = issuers.basic.clock();
  const cases = [
    [{ active: "true" }, 503, "introspection.active_malformed"],
    [{ active: 1 }, 503, "introspection.active_malformed"],
    [{ active: undefined }, 503, "introspection.active_malformed"],
    [{ active: false }, 401, "introspection.inactive"],
    [{ iss: "https://elsewhere.example" }, 401, "introspection.iss_mismatch"],
    [{ aud: "https://another.example" }, 401, "introspection.aud_mismatch"],
    [{ aud: undefined }, 401, "introspection.aud_missing"],
    [{ token_type: "refresh_token" }, 401, "introspection.token_type_refused"],
    [{ exp: now - 60 }, 401, "introspection.expired"],
    [{ exp: "tomorrow" }, 401, "introspection.exp_malformed"],
    [{ nbf: now + 1000 }, 401, "introspection.not_yet_valid"],
    [{ iat: now + 1000 }, 401, "introspection.iat_in_future"],
    [{ sub: 7 }, 401, "introspection.sub_malformed"],
    [{ token_type: "DPoP" }, 401, "introspection.dpop_key_missing"],
  ];
  for (const [claims, status, reason] of cases) {
    await refused("/basic/a", token(issuers.basic, claims), status, reason);
  }
});

test("an answer that is none lets nobody in, and says so as a fault of ours", async () => {
  //
  const bends = [
    [(answer) => void (answer.status = 401), "introspection.client_refused"],
    [(answer) => void (answer.status = 403), "introspection.client_refused"],
    [(answer) => void (answer.status = 404), "introspection.unexpected_status"],
    [(answer) => void (answer.status = 500), "introspection.unexpected_status"],
    [() => ({ status: 302, headers: { location: `${host.origin}/elsewhere` }, body: "" }), "introspection.unexpected_status"],
    [() => ({ status: 200, headers: { "content-type": "text/html" }, body: "<p>active: true</p>" }), "introspection.not_json"],
    [(answer) => void (answer.headers["content-type"] = "text/plain"), "introspection.not_json"],
    [(answer) => void (answer.body = `{"active":false,"active":true,"sub":"alice","aud":"${API}"}`), "introspection.not_json"],
    [(answer) => void (answer.body = { ...answer.body, padding: "x".repeat(100_000) }), "provider.answer_too_large"],
    [(answer) => void (answer.endless = true), "provider.answer_too_large"],
  ];
  for (const [bend, reason] of bends) {
    issuers.basic.bend.introspection = bend;
    await refused("/basic/a", token(issuers.basic), 503, reason);
    await postern.advance(10);
  }
  assert.ok(!host.seen.some((line) => line.includes("/elsewhere")), "a redirect was followed");
  issuers.basic.bend = {};
  await allowed("/basic/a", token(issuers.basic));
});

test("while the issuer is down, tokens known to be good work on for as long as `cache` says, and no others", async () => {
  //
  const [known, fresh] = [token(issuers.basic), token(issuers.basic)];
  await allowed("/basic/a", known);
  issuers.basic.bend.introspection = (answer) => void (answer.drop = true);
  await refused("/basic/a", fresh, 503, "provider.unreachable");
  const asked = issuers.basic.count("introspection");
  await refused("/basic/a", fresh, 503, "introspection.paused");
  assert.equal(issuers.basic.count("introspection"), asked, "it is left alone for a moment");
  await postern.advance(CACHE / 2);
  await allowed("/basic/a", known);
  await postern.advance(CACHE / 2);
  await refused("/basic/a", known, 503, "provider.unreachable");
  issuers.basic.bend = {};
  await postern.advance(10);
  await allowed("/basic/a", fresh);
});

test("no token is good past its end, however long the issuer's word would count", async () => {
  //
  const ending = token(issuers.basic, { exp: issuers.basic.clock() - 30 });
  await allowed("/basic/a", ending);
  await postern.advance(15);
  assert.equal((await allowed("/basic/a", ending)).remembered, true);
  await postern.advance(20);
  await refused("/basic/a", ending, 401, "introspection.expired");
  assert.equal(issuers.basic.count("introspection"), 2);
});

test("an issuer with `cache = \"0s\"` is asked every time", async () => {
  //
  const always = token(issuers.never);
  for (let time = 1; time <= 3; time += 1) {
    await allowed("/never/a", always);
    assert.equal(issuers.never.count("introspection"), time);
  }
  issuers.never.opaqueTokens.delete(always);
  await refused("/never/a", always, 401, "introspection.inactive");
});

test("an endpoint that is trusted about the audience need not name it, but a refresh token is still none", async () => {
  //
  await allowed("/scoped/a", token(issuers.scoped, { aud: undefined }));
  await refused("/scoped/a", token(issuers.scoped, { aud: "https://another.example" }), 401, "introspection.aud_mismatch");
  await refused("/scoped/a", token(issuers.scoped, { aud: undefined, token_type: undefined }), 401, "introspection.token_type_refused");
});

test("everybody's token answers for its owner alone, however the requests are mixed", async () => {
  const people = Array.from({ length: 12 }, (_, number) => `person-${number}`);
  const tokens = people.map((sub) => token(issuers.basic, { sub }));
  const mark = await postern.mark();
  const order = Array.from({ length: 300 }, (_, number) => (number * 7 + (number % 5)) % people.length);
  const paths = order.map((person, number) => `/basic/${person}-${number}`);
  // Fewer at once than may be asked about at once.
  for (let start = 0; start < order.length; start += 60) {
    const wave = paths.slice(start, start + 60).map((path, number) => call(path, tokens[order[start + number]]));
    assert.ok((await Promise.all(wave)).every(({ status }) => status === 200));
  }
  const events = await postern.eventsSince(mark);
  assert.equal(events.length, order.length);
  for (const { path, subject } of events) assert.equal(subject, people[Number(/^\/basic\/(\d+)-/.exec(path)[1])], path);
});

test("a token of one issuer is nothing at the routes of another", async () => {
  //
  const one = token(issuers.basic);
  await allowed("/basic/a", one);
  await refused("/post/a", one, 401, "introspection.inactive");
  assert.equal(issuers.post.count("introspection"), 1);
});

test("made-up tokens are asked about a few times only, and keep nobody out who comes from elsewhere", async () => {
  //
  const [known, fresh] = [token(issuers.basic), token(issuers.basic)];
  const attacker = [["cf-connecting-ip", "203.0.113.7"]];
  await allowed("/basic/a", known, attacker);
  const [mark, before] = [await postern.mark(), issuers.basic.count("introspection")];
  const forwarded = (await postern.forwarded()).length;
  const answers = [];
  // Every second two more may be asked about, so the clock stands still.
  await postern.timeless(async () => {
    for (let wave = 0; wave < 10; wave += 1) {
      answers.push(...await Promise.all(Array.from({ length: 50 }, (_, n) => call("/basic/a", `made-up-${wave}-${n}`, attacker))));
    }
  });
  const asked = issuers.basic.count("introspection") - before;
  assert.equal(asked, 100, "questions for 500 made-up tokens");
  // What one certain token gets is a matter of the moment, what all get is not.
  const events = new Map((await postern.eventsSince(mark)).map((event) => [event.request_id, event]));
  for (const answer of answers) {
    const { request_id: requestId } = JSON.parse(answer.body);
    const event = events.get(requestId);
    const expected = event?.reason === "introspection.too_many" ? [503, "introspection.too_many"] : [401, "introspection.inactive"];
    assert.deepEqual([answer.status, event?.reason], expected, answer.body);
    assertRefused(answer, event);
  }
  assert.equal(events.size, 500);
  assert.equal(answers.filter(({ status }) => status === 401).length, asked);
  assert.equal((await postern.forwarded()).length, forwarded, "something was forwarded");
  await allowed("/basic/a", known, attacker);
  await allowed("/basic/a", fresh, [["cf-connecting-ip", "198.51.100.1"]]);
  const silent = issuers.basic.count("introspection");
  for (const odd of ["a".repeat(5000), "a=b"]) assert.ok([400, 401].includes((await call("/basic/a", odd)).status));
  assert.equal(issuers.basic.count("introspection"), silent, "the issuer was asked about what is no token");
});
