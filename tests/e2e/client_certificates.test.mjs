// A client that proves itself by its certificate (RFC 8705 §2), through a binding.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startProvider } from "../../demo/provider/provider.mjs";
import { MTLS, openDoor, showing, thumbprint } from "./support/certificate_door.mjs";
import { logIn } from "./support/login.mjs";
import { FOR_MACHINES } from "./support/machine.mjs";
import { certificate } from "./support/tls_edge.mjs";
import { startWorld } from "./support/world.mjs";

const API = "https://billing.example.test";
const door = await openDoor();

const machine = (id, method, more) => ({
  client_id: id, grant_types: ["client_credentials"], response_types: [], redirect_uris: [], token_endpoint_auth_method: method, ...more,
});
/** A client's own certificate, as it stands in its registration. */
const jwks = (x509) => ({ keys: [{ ...x509.publicKey.export({ format: "jwk" }), x5c: [x509.raw.toString("base64")] }] });
const provider = await startProvider({
  resources: { [API]: { scopes: ["invoices:read"] } },
  clients: [
    machine("by-subject", "tls_client_auth", { tls_client_auth_san_dns: "api.partner.example" }),
    machine("other-subject", "tls_client_auth", { tls_client_auth_san_dns: "elsewhere.example" }),
    machine("by-certificate", "self_signed_tls_client_auth", { jwks: jwks(certificate("partner")) }),
    machine("other-certificate", "self_signed_tls_client_auth", { jwks: jwks(certificate("stranger")) }),
  ],
  features: { clientCredentials: { enabled: true }, mTLS: { ...MTLS, certificateBoundAccessTokens: false } },
  configuration: {
    ...FOR_MACHINES.configuration,
    clientAuthMethods: ["client_secret_basic", "none", "tls_client_auth", "self_signed_tls_client_auth"],
    discovery: { mtls_endpoint_aliases: door.aliases },
  },
});

door.leadTo(provider);

const entry = (id, more = {}) => ({
  issuer: provider.issuer, client_id: id, client_auth: "tls_client_auth", mtls_certificate: "CERTIFICATE", resource: API, scopes: ["invoices:read"], ...more,
});
const ownCertificate = { client_auth: "self_signed_tls_client_auth" };
const route = (id) => ({ upstream: "service:ECHO", token: `service:${id}` });
const world = await startWorld({ main: {} }, {
  routes: { "/billing/{*rest}": route("billing"), "/other/{*rest}": route("other"), "/bare/{*rest}": route("bare"), "/own/{*rest}": route("own"), "/another/{*rest}": route("another") },
  vars: { SERVICES: {
    own: entry("by-certificate", ownCertificate), another: entry("other-certificate", ownCertificate), billing: entry("by-subject"), other: entry("other-subject"), bare: entry("by-subject", { mtls_certificate: "BARE" }),
  } },
  services: { CERTIFICATE: showing("partner"), BARE: showing() },
});
const { postern } = world;
after(() => Promise.all([provider.close(), door.close()]));
const browser = world.browser();
await logIn(browser, { provider: "main" });

const failure = async (mark) => (await postern.allEventsSince(mark)).find(({ event }) => event === "service_token.failed");

test("the server is shown the certificate, at its address for those that have one", async () => {
  //
  const mark = await postern.mark();
  const answer = await browser.fetch("/billing/1");
  assert.equal(answer.status, 200, JSON.stringify(await failure(mark)));
  const { headers } = JSON.parse(answer.body);
  const claims = JSON.parse(Buffer.from(headers.authorization.split(".")[1], "base64url"));
  assert.deepEqual([claims.aud, claims.client_id], [API, "by-subject"]);
  const asked = provider.requests.filter(({ path }) => path === "/token").length;
  assert.deepEqual([asked, door.requests], [1, [{ path: "/token", shown: thumbprint(certificate("partner")) }]]);
});

test("a client that is known by its own certificate shows that one", async () => {
  //
  const before = door.requests.length;
  const mark = await postern.mark();
  const answer = await browser.fetch("/own/1");
  assert.equal(answer.status, 200, JSON.stringify(await failure(mark)));
  const token = JSON.parse(answer.body).headers.authorization.split(" ")[1];
  const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  assert.deepEqual([claims.aud, claims.client_id], [API, "by-certificate"]);
  assert.deepEqual(door.requests.slice(before), [{ path: "/token", shown: thumbprint(certificate("partner")) }]);
});

test("a certificate that is another client's, or none, proves nothing", async () => {
  //
  for (const [path, service] of [["/other/1", "other"], ["/bare/1", "bare"], ["/another/1", "another"]]) {
    const mark = await postern.mark();
    const answer = await browser.fetch(path);
    assert.equal(answer.status, 503, answer.body);
    const { service: of, reason } = await failure(mark);
    assert.deepEqual([of, reason], [service, "token.invalid_client"]);
  }
});

test("without its binding the site says so at once, and lets nobody in", async () => {
  //
  const mark = await postern.mark();
  await postern.restart({ SERVICES: { billing: entry("by-subject", { mtls_certificate: "LOST" }) }, ROUTES: { "/billing/{*rest}": route("billing") } });
  assert.equal((await postern.send("/auth/me")).status, 500);
  assert.ok((await postern.linesSince(mark)).some((line) => line.includes("LOST")));
});
