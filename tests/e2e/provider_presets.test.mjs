// Providers that differ, by their presets: GitHub, Microsoft Entra with several tenants, Apple, Cognito's logout.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { newKey } from "../provider/keys.mjs";
import { authorize, begin, callback, logIn, whoIs } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const ONE = "6f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10";
const TWO = "0f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10";
const PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad";
const none = { client_auth: undefined, id_token_algs: undefined };
const templateOf = ({ base }) => `${base}/{tenantid}/v2.0`;

const world = await startWorld(
  {
    github: {
      oauth2: true, client: { auth: "client_secret_post" },
      settings: {
        preset: "github", ...none,
        table: ({ base }) => ({
          authorization_endpoint: `${base}/authorize`, token_endpoint: `${base}/token`,
          user_endpoint: `${base}/user`, emails_endpoint: `${base}/user/emails`,
        }),
      },
    },
    entra: { settings: { preset: "entra-multitenant", tenants: [ONE], table: (issuer) => ({ issuer: templateOf(issuer) }) } },
    apple: {
      client: { auth: "apple", team: "A1B2C3D4E5", key: newKey("ES256") },
      settings: { preset: "apple", team_id: "A1B2C3D4E5", key_id: "F6G7H8I9J0" },
    },
    cognito: {
      settings: {
        preset: "cognito", tenant: "custom:tenant",
        table: ({ base }) => ({ end_session_endpoint: `${base}/logout` }),
      },
    },
  },
  { session: { claims: ["name", "email", "email_verified", "preferred_username", "tid", "unverified_name"] } },
);
const { github, entra, apple } = world.issuers;
afterEach(() => world.mend());

/** Entra, with somebody of this tenant. */
function ofTenant(tenant, { iss = templateOf(entra).replace("{tenantid}", tenant), tid = tenant, issuerOfKey } = {}) {
  entra.bend.discovery = (answer) => void Object.assign(answer.body, { issuer: templateOf(entra), authorization_response_iss_parameter_supported: false });
  entra.bend.authorization = (draft) => void (draft.params = draft.params.filter(([name]) => name !== "iss"));
  entra.bend.idToken = (draft) => void Object.assign(draft.claims, { iss, tid });
  if (issuerOfKey) entra.bend.jwks = (answer) => answer.body.keys.forEach((key) => (key.issuer = issuerOfKey));
}

test("GitHub: a person is the number that the user endpoint tells", async () => {
  //
  const browser = world.browser();
  const mark = await world.postern.mark();
  assert.equal((await logIn(browser, { provider: "github" })).status, 200);
  const { claims } = await whoIs(browser);
  assert.deepEqual(claims, { name: "The Octocat", preferred_username: "octocat", email: "octocat@example.com", email_verified: true });
  assert.deepEqual(github.violations, []);
  assert.equal(github.count("discovery"), 0);
  const finished = (await world.postern.eventsSince(mark)).find(({ event }) => event === "login.finish");
  assert.equal(finished.subject, "583231");
  assert.equal(finished.issuer, github.url);
});

test("GitHub: an error with status 200, or nobody's id, lets nobody in", async () => {
  //
  github.bend.token = (answer) => void Object.assign(answer, { status: 200, body: { error: "bad_verification_code" } });
  await world.loginFails({ provider: "github", reason: "token.invalid_grant" });
  world.mend();
  for (const id of [1e20, -1, null, "", true]) {
    github.bend.oauthUser = (answer) => void (answer.body = { ...answer.body, id });
    await world.loginFails({ provider: "github", reason: "userinfo.id_malformed" });
  }
  github.bend.oauthUser = (answer) => void Object.assign(answer, { status: 401 });
  await world.loginFails({ provider: "github", reason: "userinfo.refused" });
});

test("Entra: people of a listed tenant sign in, and nobody else does", async () => {
  //
  ofTenant(ONE);
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "entra" })).status, 200);
  assert.equal((await whoIs(browser)).claims.tid, ONE);
  assert.match(entra.last("discovery").path, /^\/organizations\/v2\.0\//);
  for (const [tenant, bent, reason] of [
    [TWO, {}, "id_token.tid_refused"],
    [PERSONAL, {}, "id_token.tid_refused"],
    [ONE, { tid: [ONE] }, "id_token.tid_malformed"],
    [ONE, { tid: null }, "id_token.tid_malformed"],
    [ONE, { iss: templateOf(entra).replace("{tenantid}", TWO) }, "id_token.iss_mismatch"],
    [ONE, { iss: templateOf(entra) }, "id_token.iss_mismatch"],
    [ONE, { iss: `https://login.microsoftonline.us/${ONE}/v2.0` }, "id_token.iss_mismatch"],
  ]) {
    world.mend();
    ofTenant(tenant, bent);
    await world.loginFails({ provider: "entra", reason });
  }
});

test("Apple: the client secret is signed, and the name is kept as what it is", async () => {
  //
  const withUser = (user) => (draft) => void draft.params.push(["user", user]);
  for (const [user, expected] of [
    ['{"name":{"firstName":"Jane","lastName":"Appleseed"}}', "Jane Appleseed"],
    ['{"name":"root"}', undefined],
    ["x".repeat(5000), undefined],
  ]) {
    apple.bend.authorization = withUser(user);
    const browser = world.browser();
    const answer = await callback(browser, await authorize(browser, await begin(browser, { provider: "apple" })));
    assert.equal(answer.status, 200, answer.body);
    assert.equal((await whoIs(browser)).claims.unverified_name, expected);
  }
  const { header, claims } = apple.assertions.at(-1);
  assert.deepEqual(header, { alg: "ES256", kid: "F6G7H8I9J0", typ: "JWT" });
  assert.equal(claims.exp - claims.iat, 300);
  assert.deepEqual(apple.violations, []);
});

test("Cognito: a sign-out has its own parameters, and no ID token", async () => {
  //
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "cognito" })).status, 200);
  const { origin } = world.postern;
  const answer = await browser.navigate("/auth/logout", { initiator: origin, method: "POST", fields: [], follow: false });
  const location = new URL(answer.headers.location);
  assert.equal(location.pathname, "/cognito/logout");
  assert.deepEqual(Object.fromEntries(location.searchParams), { client_id: world.issuers.cognito.client.id, logout_uri: `${origin}/auth/logged-out` });
});
