// What the 31 modules of the OpenID Foundation's conformance tests ask of clients of FAPI 2.0
// (`fapi2-security-profile-final-client-test-…`), in workerd: the same behaviours of the provider, and what Postern does.
// `docs/guides/fapi.md` has the verdicts; `tests/flow/fapi_suite.rs` runs nearly the same natively.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, test } from "node:test";

import { newKey, sharedKey } from "../provider/keys.mjs";
import { openDoor, showing, thumbprint } from "./support/certificate_door.mjs";
import { authorize, begin, callback, whoIs } from "./support/login.mjs";
import { assertLoginFails, assertNobody } from "./support/refusals.mjs";
import { certificate } from "./support/tls_edge.mjs";
import { startWorld } from "./support/world.mjs";

const PAGE = readFileSync(new URL("../../docs/guides/fapi.md", import.meta.url), "utf8");
/** How long Postern does not ask again for metadata that was no good. */
const COOLDOWN_SECONDS = 120;

// All that `profile` sets, and nothing else but what a module is about.
const settings = { profile: "fapi2", id_token_algs: undefined, userinfo: true };
const door = await openDoor();
const world = await startWorld({
  plain: { fapi: "dpop", settings },
  jarm: { fapi: "dpop", settings: { ...settings, response_mode: "jwt" } },
  mistaken: { fapi: "dpop", settings },
  certified: { fapi: "mtls", settings: { ...settings, sender_constrained: "mtls", mtls_certificate: "PARTNER" } },
}, {
  session: { claims: ["name", "email"] },
  routes: { "/page": { upstream: "service:ECHO" } },
  services: { PARTNER: showing("partner") },
});
const { issuers, postern } = world;
door.leadTo(world.host);
after(() => door.close());
afterEach(() => world.mend());

/** The endpoints that a sign-in asks at most, in their order. */
const ENDPOINTS = ["discovery", "pushed", "authorization", "token", "userinfo"];

/**
 * A module: `hooks` bend the provider's answers (fapi.mjs), `prepare` what it wants.
 * @param {string} last the endpoint that is asked last
 * @param {object} [more] `provider`, `hooks`, `prepare`, and `proves`: what has to be so after a sign-in
 */
const moduleOf = (name, reason, last, more = {}) => ({ name, reason, last, provider: "plain", hooks: {}, prepare: () => {}, proves: () => {}, ...more });
const good = (name, more) => moduleOf(name, "login.succeeded", "userinfo", more);
const idToken = (name, reason, bend) => moduleOf(name, reason, "token", { hooks: { idToken: bend } });
const response = (name, reason, bend, more) => moduleOf(name, reason, "authorization", { hooks: { authorization: ({ params }) => bend(params) }, ...more });
const signed = (name, reason, bend) => moduleOf(name, reason, "authorization", { provider: "jarm", hooks: { response: bend } });

const parameter = (params, name) => params.find(([own]) => own === name);
const dropParameter = (params, name) => params.splice(params.indexOf(parameter(params, name)), 1);
/** `none` as the suite has it, without a signature; and with bytes in its place. */
const unsigned = (draft) => Object.assign(draft, { header: { alg: "none" }, signer: () => "" });
const hollow = (draft) => Object.assign(draft, { header: { alg: "none" }, signer: () => Buffer.alloc(64, 1) });
const asked = (endpoint, times) => (issuer) => assert.equal(issuer.count(endpoint), times, `${endpoint} was asked`);

const OF_FLOWS = [
  good("happy-path", { proves: asked("token", 2) }),
  moduleOf("discovery-issuer-mismatch", "metadata.issuer_mismatch", "discovery", {
    provider: "mistaken", hooks: { discovery: ({ body }) => { body.issuer += "/invalid"; } },
  }),
  good("token-endpoint-response-without-expires_in", {
    hooks: { token: ({ body }) => { delete body.expires_in; } },
  }),
  good("token-type-case-insensitivity", {
    hooks: { token: ({ body, status }) => { if (status === 200) body.token_type = "dPoP"; } },
  }),
  good("rs-dpop-auth-scheme-case-insensitivity", {
    prepare: (issuer) => Object.assign(issuer, { scheme: "dPoP", nonces: { ...issuer.nonces, userinfo: "of-the-resource" } }),
    proves: asked("userinfo", 2),
  }),
  good("happy-path-no-dpop-nonce", {
    prepare: (issuer) => { issuer.nonces.token = undefined; },
    proves: asked("token", 1),
  }),
  good("happy-path-no-mtls-endpoint-aliases", {
    provider: "certified",
    hooks: { discovery: ({ body }, issuer) => Object.assign(body, atTheDoor(issuer)) },
    proves: shownAtTheDoor,
  }),
];

const OF_ID_TOKENS = [
  idToken("invalid-iss", "id_token.iss_mismatch", ({ claims }) => { claims.iss += "1"; }),
  idToken("invalid-aud", "id_token.aud_mismatch", ({ claims }) => { claims.aud += "1"; }),
  idToken("invalid-secondary-aud", "id_token.azp_missing", ({ claims }) => { claims.aud = [claims.aud, `${claims.aud}1`]; }),
  idToken("invalid-null-alg", "jwt.malformed", unsigned),
  idToken("invalid-null-alg", "jwt.alg_unsupported", hollow),
  idToken("invalid-alternate-alg", "jwt.alg_not_allowed", (draft) => {
    const key = sharedKey("RS256");
    Object.assign(draft, { key, header: { alg: "RS256", kid: key.kid } });
  }),
  idToken("invalid-expired-exp", "id_token.expired", ({ claims }, { clock }) => { claims.exp = clock() - 300; }),
  idToken("invalid-missing-exp", "id_token.exp_malformed", ({ claims }) => { delete claims.exp; }),
  idToken("invalid-missing-aud", "id_token.aud_malformed", ({ claims }) => { delete claims.aud; }),
  idToken("invalid-missing-iss", "id_token.iss_mismatch", ({ claims }) => { delete claims.iss; }),
  good("valid-aud-as-array", { hooks: { idToken: ({ claims }) => { claims.aud = [claims.aud]; } } }),
  idToken("invalid-nonce", "id_token.nonce_mismatch", ({ claims }) => { claims.nonce += "1"; }),
  idToken("invalid-missing-nonce", "id_token.nonce_missing", ({ claims }) => { delete claims.nonce; }),
];

// Without its `state`, no response ends the login that it was for.
const OF_RESPONSES = [
  response("invalid-authorization-response-iss", "callback.iss_mismatch", (params) => { parameter(params, "iss")[1] += "1"; }),
  response("remove-authorization-response-iss", "callback.iss_missing", (params) => dropParameter(params, "iss")),
  response("ensure-authorization-response-with-invalid-state-fails", "callback.no_transaction", (params) => { parameter(params, "state")[1] += "1"; }, { consumed: false }),
  response("ensure-authorization-response-with-invalid-missing-state-fails", "callback.state_missing", (params) => dropParameter(params, "state"), { consumed: false }),
  signed("ensure-jarm-without-iss-fails", "response.iss_mismatch", ({ claims }) => { delete claims.iss; }),
  signed("ensure-jarm-with-invalid-iss-fails", "response.iss_mismatch", ({ claims }) => { claims.iss += "1"; }),
  signed("ensure-jarm-without-aud-fails", "response.aud_mismatch", ({ claims }) => { delete claims.aud; }),
  signed("ensure-jarm-with-invalid-aud-fails", "response.aud_mismatch", ({ claims }) => { claims.aud += "1"; }),
  signed("ensure-jarm-without-exp-fails", "response.exp_malformed", ({ claims }) => { delete claims.exp; }),
  signed("ensure-jarm-with-expired-exp-fails", "response.expired", ({ claims }, { clock }) => { claims.exp = clock() - 300; }),
  // By another key of the same name.
  signed("ensure-jarm-with-invalid-sig-fails", "jwt.bad_signature", (parts) => { parts.key = newKey("ES256", { kid: parts.key.kid }); }),
  signed("ensure-jarm-signature-is-not-none", "jwt.malformed", unsigned),
  signed("ensure-jarm-signature-is-not-none", "jwt.alg_unsupported", hollow),
];

const MODULES = [...OF_FLOWS, ...OF_ID_TOKENS, ...OF_RESPONSES];

const isGood = ({ reason }) => reason === "login.succeeded";

/** Endpoints that ask for a certificate, though no alias says so. */
function atTheDoor({ url }) {
  const base = `https://127.0.0.1:${door.port}${new URL(url).pathname}`;
  return { pushed_authorization_request_endpoint: `${base}/par`, token_endpoint: `${base}/token`, userinfo_endpoint: `${base}/userinfo` };
}

function shownAtTheDoor(issuer) {
  const { pathname } = new URL(issuer.url);
  const shown = thumbprint(certificate("partner"));
  assert.deepEqual(door.requests, ["par", "token", "userinfo"].map((endpoint) => ({ path: `${pathname}/${endpoint}`, shown })));
  assert.equal(issuer.metadata().mtls_endpoint_aliases, undefined);
}

/** Bends the provider as a module says; resolves with the hooks that were used since, by their names. */
function bend({ provider, hooks, prepare }) {
  const issuer = issuers[provider];
  const used = new Set();
  for (const [name, hook] of Object.entries(hooks)) {
    issuer.bend[name] = (draft) => {
      used.add(name);
      hook(draft, issuer);
    };
  }
  prepare(issuer);
  return used;
}

/** A sign-in up to the request to Postern that decides about it; resolves with that request. */
async function wayBack(browser, { provider, last }) {
  if (last === "discovery") return () => browser.navigate(`/auth/login?provider=${provider}`, { initiator: postern.origin });
  const step = await authorize(browser, await begin(browser, { provider }));
  return () => callback(browser, step);
}

async function signsIn({ provider }) {
  const browser = world.browser();
  const mark = await postern.mark();
  const answer = await callback(browser, await authorize(browser, await begin(browser, { provider })));
  const events = await postern.eventsSince(mark);
  assert.equal(answer.status, 200, JSON.stringify(events));
  assert.deepEqual(events.map(({ reason }) => reason), ["login.started", "login.succeeded"]);
  const { claims, issuer } = await whoIs(browser);
  assert.deepEqual([claims.name, claims.email, issuer], ["Alice", "alice@example.com", issuers[provider].url]);
}

async function isRefused(module) {
  const browser = world.browser();
  const act = await wayBack(browser, module);
  const isEarly = module.last === "discovery";
  const { reason, consumed = !isEarly } = module;
  await assertLoginFails(world.scene(browser), act, { reason, consumed, status: isEarly ? [503] : [400, 403] });
  await assertNobody(browser);
}

/** Nothing was asked after the last endpoint, and nothing was wrong with what was asked. */
function assertAsked({ provider, last }) {
  const issuer = issuers[provider];
  const later = ENDPOINTS.slice(ENDPOINTS.indexOf(last) + 1);
  assert.ok(last === "discovery" || issuer.count(last) > 0, `${last} was not asked`);
  for (const endpoint of later) assert.equal(issuer.count(endpoint), 0, `${endpoint} was asked`);
  assert.deepEqual(issuer.violations, []);
  const ids = (issuer.assertions ?? []).map(({ claims }) => claims.jti);
  assert.equal(new Set(ids).size, ids.length, "an assertion was used twice");
}

for (const module of MODULES) {
  test(`${module.name}: ${module.reason}`, async () => {
    // R-137, R-138, R-141, R-143, R-146, R-378, R-379
    const used = bend(module);
    await (isGood(module) ? signsIn(module) : isRefused(module));
    assertAsked(module);
    assert.deepEqual([...used], Object.keys(module.hooks), "what the provider does was not seen");
    module.proves(issuers[module.provider]);
    if (isGood(module)) return;
    // The same provider signs people in, if it does not do that.
    world.mend();
    if (module.last === "discovery") await postern.advance(COOLDOWN_SECONDS);
    await signsIn(module);
  });
}

test("every module has its verdict in the guide, and the guide no other", () => {
  const rows = [...PAGE.matchAll(/^\| `([^`]+)` \| (Passes|Refuses)\..*? \| (`.+`) \|$/gm)];
  const said = Object.fromEntries(rows.map(([, name, verdict, reasons]) => [name, `${verdict}: ${reasons.replaceAll("`", "")}`]));
  const verdict = (modules) => `${modules.every(isGood) ? "Passes" : "Refuses"}: ${modules.map(({ reason }) => reason).join(", ")}`;
  const here = Object.entries(Object.groupBy(MODULES, ({ name }) => name)).map(([name, modules]) => [name, verdict(modules)]);
  assert.deepEqual([rows.length, here.length], [31, 31]);
  assert.deepEqual(said, Object.fromEntries(here));
});
