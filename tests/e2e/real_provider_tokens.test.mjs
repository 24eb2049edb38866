// Programs with access tokens of a certified provider: client credentials with a resource indicator (RFC 6749 §4.4,
// RFC 8707), by which it issues JWTs (RFC 9068).

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { DEMO_RESOURCE, DEMO_ROBOT, startProvider } from "../../demo/provider/provider.mjs";
import { startPostern } from "./support/postern.mjs";
import { ORIGIN, clientOf, signedIn } from "./support/real_provider.mjs";
import { assertTokenRefused, call, forwardedBy } from "./support/tokens.mjs";

const SECRET = "s3cret:%+&/=?~";
const OTHER_RESOURCE = "https://other.demo.test";

const provider = await startProvider({
  clients: [
    { ...DEMO_ROBOT, client_id: "reporter", client_secret: SECRET },
    clientOf("demo", { client_id: "app", client_secret: SECRET }),
  ],
  resources: { [DEMO_RESOURCE]: { scopes: ["hello:read", "hello:write"] }, [OTHER_RESOURCE]: { scopes: ["hello:read"] } },
});
const bearer = (more) => ({ upstream: "service:ECHO", authenticate: ["bearer"], ...more });
const postern = await startPostern({
  providers: {
    demo: {
      issuer: { url: provider.issuer, alg: "RS256", client: { id: "app", secret: SECRET, auth: "client_secret_basic" } },
      scopes: ["openid", "profile", "hello:read"], resource: DEMO_RESOURCE,
    },
  },
  vars: { ISSUERS: { demo: { issuer: provider.issuer, audience: DEMO_RESOURCE } } },
  routes: {
    "/v1/{*rest}": bearer(),
    "/v1/read": bearer({ require: { scopes: ["hello:read"] } }),
    "/v1/write": bearer({ require: { scopes: ["hello:write"] } }),
    "/v1/people": bearer({ require: { kinds: ["human"] } }),
    "/api/relay": { upstream: "service:ECHO", token: "relay" },
  },
});
after(async () => {
  await postern.close();
  await provider.close();
});

/** A token of the service client's own. */
async function clientToken(parameters) {
  const authorization = `Basic ${Buffer.from(`reporter:${encodeURIComponent(SECRET)}`).toString("base64")}`;
  const body = new URLSearchParams({ grant_type: "client_credentials", ...parameters });
  const answer = await fetch(`${provider.issuer}/token`, { method: "POST", headers: { authorization }, body });
  const tokens = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(tokens));
  return tokens.access_token;
}

const refused = (path, token, expected) => assertTokenRefused(postern, () => call(postern, path, token), { tokens: [token], ...expected });

test("a service gets a token for itself, and in by it", async () => {
  const token = await clientToken({ resource: DEMO_RESOURCE, scope: "hello:read" });
  const mark = await postern.mark();
  const { answer, seen } = await forwardedBy(postern, () => call(postern, "/v1/read", token));
  assert.equal(answer.status, 200, answer.body);
  assert.equal(seen[0].headers.authorization, undefined);
  const [{ kind, client_id, subject, issuer, means }] = await postern.eventsSince(mark);
  assert.deepEqual({ kind, client_id, subject, issuer, means }, { kind: "service", client_id: "reporter", subject: "reporter", issuer: provider.issuer, means: "bearer" });
});

test("what its token is not for stays shut", async () => {
  const reader = await clientToken({ resource: DEMO_RESOURCE, scope: "hello:read" });
  const { parameters } = await refused("/v1/write", reader, { status: 403, error: "insufficient_scope", reason: "authz.insufficient_scope" });
  assert.equal(parameters.scope, "hello:write");
  await refused("/v1/people", reader, { status: 403, reason: "authz.kind_not_accepted" });
  const elsewhere = await clientToken({ resource: OTHER_RESOURCE, scope: "hello:read" });
  await refused("/v1/read", elsewhere, { status: 401, error: "invalid_token", reason: "access_token.aud_mismatch" });
  // Without a resource this provider's tokens are opaque.
  const opaque = await clientToken({});
  await refused("/v1/read", opaque, { status: 401, error: "invalid_token", reason: "jwt.malformed" });
});

test("a client that was told nothing finds its own way in", async () => {
  const nothing = await assertTokenRefused(postern, () => postern.send("/v1/read"), { status: 401, reason: "authn.no_token" });
  const { pathname } = new URL(nothing.parameters.resource_metadata);
  const { authorization_servers: [server] } = JSON.parse((await postern.send(pathname)).body);
  const { token_endpoint: endpoint } = await (await fetch(`${server}/.well-known/openid-configuration`)).json();
  assert.equal(endpoint, `${provider.issuer}/token`);
  const token = await clientToken({ resource: DEMO_RESOURCE, scope: nothing.parameters.scope });
  assert.equal((await call(postern, "/v1/read", token)).status, 200);
});

test("a person's token is a person's, and their ID token is none", async () => {
  const { browser } = await signedIn(postern, "demo");
  const { headers } = JSON.parse((await browser.fetch("/api/relay")).body);
  const token = headers.authorization.replace("Bearer ", "");
  const mark = await postern.mark();
  assert.equal((await call(postern, "/v1/people", token)).status, 200);
  const [{ kind, subject, client_id }] = await postern.eventsSince(mark);
  assert.deepEqual({ kind, subject, client_id }, { kind: "human", subject: "c5c1f0d4-alice", client_id: "app" });
  const logout = await browser.navigate("/auth/logout", { method: "POST", fields: [], initiator: ORIGIN, follow: false });
  const idToken = new URL(logout.headers.location).searchParams.get("id_token_hint");
  await refused("/v1/people", idToken, { status: 401, error: "invalid_token", reason: "access_token.typ_refused" });
});

test("a token ends when it says so", async () => {
  const token = await clientToken({ resource: DEMO_RESOURCE, scope: "hello:read" });
  await postern.advance(600);
  assert.equal((await call(postern, "/v1/read", token)).status, 200, "within the leeway");
  await postern.advance(60);
  await refused("/v1/read", token, { status: 401, error: "invalid_token", reason: "access_token.expired" });
});
