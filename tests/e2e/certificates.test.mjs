// Client certificates as identity: `authenticate = ["certificate"]`, by the platform's word about the connection alone.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { logIn } from "./support/login.mjs";
import { AUTHORITY, call, certificate, clientAuth, hasNginx, startEdge } from "./support/tls_edge.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({ main: {} }, {
  vars: {
    CERTIFICATES: {
      partner: { issuer_ski: AUTHORITY, san: "dns:api.partner.example", scopes: ["orders:read"], roles: ["partner"] },
      named: { issuer: "CN=Partner CA,O=Partner", subject: "CN=api.partner.example,O=Example", scopes: ["orders:read"] },
    },
  },
  routes: {
    "/api/orders/{*rest}": { upstream: "service:ECHO", authenticate: ["certificate"], require: { scopes: ["orders:read"], certificates: ["partner"] }, token: "assertion" },
    "/api/both/{*rest}": { upstream: "service:ECHO", authenticate: ["session", "certificate"], headers: { "X-Seat-Subject": "subject", "X-Seat-Kind": "kind" } },
  },
});
const { postern } = world;
const partner = (changes = {}) => ({ tlsClientAuth: { ...clientAuth(certificate("partner"), "SUCCESS"), ...changes } });

async function ask(cf, path = "/api/orders/7", options = {}) {
  await postern.connections(cf);
  const mark = await postern.mark();
  const answer = await postern.send(path, options);
  const [event] = await postern.eventsSince(mark);
  return { ...answer, event };
}

const claims = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));

test("a certificate names a program, which the log, the assertion and the requirements know", async () => {
  //
  const answer = await ask(partner());
  assert.equal(answer.status, 200, answer.body);
  const { event } = answer;
  assert.deepEqual([event.means, event.kind, event.certificate, event.subject], ["certificate", "service", "partner", "dns:api.partner.example"]);
  assert.equal(event.issuer, `x509:${AUTHORITY.toLowerCase()}`);
  const about = claims(JSON.parse(answer.body).headers["x-postern-assertion"]);
  assert.deepEqual(about.sub_id, { format: "iss_sub", iss: event.issuer, sub: event.subject });
  assert.deepEqual([about.kind, about.scope, about.roles, about.provider, about.auth_time], ["service", "orders:read", ["partner"], undefined, undefined]);
});

test("what the platform does not vouch for is refused, field by field", async () => {
  //
  const other = clientAuth(certificate("common-name"), "SUCCESS");
  for (const [cf, reason] of [
    [partner({ certPresented: "0" }), "mtls.certificate_missing"],
    [partner({ certVerified: "FAILED:self signed certificate" }), "mtls.certificate_not_verified"],
    [partner({ certRevoked: "1" }), "mtls.certificate_revoked"],
    [partner({ certRevoked: undefined }), "mtls.certificate_revoked"],
    [partner({ certFingerprintSHA256: "" }), "mtls.certificate_unnamed"],
    [partner({ certIssuerSKI: "" }), "certificate.no_authority"],
    [partner({ certIssuerSKI: "00", certIssuerDNRFC2253: "CN=Other" }), "certificate.unlisted"],
    [partner({ certRFC9440: "", certRFC9440TooLarge: true }), "certificate.unreadable"],
    [partner({ certRFC9440: other.certRFC9440 }), "certificate.contradictory"],
    [{ colo: "DFW" }, "mtls.certificate_missing"],
    [null, "mtls.certificate_missing"],
  ]) {
    const answer = await ask(cf);
    assert.deepEqual([answer.status, answer.event.reason], [403, reason], JSON.stringify(cf));
  }
  // Its common name is the name that the rule asks for.
  const named = await ask({ tlsClientAuth: other });
  assert.deepEqual([named.status, named.event.reason, named.event.certificate], [403, "authz.certificate_not_accepted", "named"]);
});

test("no header makes up for a certificate", async () => {
  //
  const { certRFC9440, certFingerprintSHA256 } = clientAuth(certificate("partner"), "SUCCESS");
  const headers = [["client-cert", certRFC9440], ["cf-cert-presented", "true"], ["cf-cert-verified", "true"], ["cf-client-cert-sha256", certFingerprintSHA256]];
  const answer = await ask(null, "/api/orders/7", { headers });
  assert.deepEqual([answer.status, answer.event.reason], [403, "mtls.certificate_missing"]);
});

test("a page of another origin gets nothing by the certificate that a browser shows", async () => {
  for (const headers of [[["sec-fetch-site", "cross-site"], ["sec-fetch-mode", "no-cors"]], [["origin", "https://elsewhere.example"]]]) {
    const answer = await ask(partner(), "/api/orders/7", { method: "POST", headers, body: "x" });
    assert.equal(answer.status, 403);
    assert.match(answer.event.reason, /^csrf\./);
  }
  assert.equal((await ask(partner(), "/api/orders/7", { method: "POST", body: "x" })).status, 200);
});

test("a session counts before a certificate, and people with a device's certificate can sign in", async () => {
  const browser = world.browser();
  await logIn(browser);
  await postern.connections(partner());
  const mine = await browser.fetch("/api/both/a");
  assert.equal(JSON.parse(mine.body).headers["x-seat-kind"], "human", mine.body);
  const program = await ask(partner(), "/api/both/a");
  assert.deepEqual([program.status, program.event.means], [200, "certificate"]);
  const device = { tlsClientAuth: clientAuth(certificate("stranger"), "SUCCESS") };
  const nobody = await ask(device, "/api/both/a");
  assert.deepEqual([nobody.status, nobody.event.reason, nobody.event.detail], [401, "authn.no_credential", "certificate.unlisted"]);
  const page = await ask(device, "/api/both/a", { headers: [["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"], ["sec-fetch-site", "none"], ["accept", "text/html"]] });
  assert.equal(page.status, 302);
  await postern.connections(null);
});

for (const kind of ["node", "nginx"]) {
  test(`real handshakes, terminated by ${kind}`, { skip: kind === "nginx" && !hasNginx() && "there is no nginx" }, async () => {
    //
    const edge = await startEdge(kind, postern);
    after(() => edge.close());
    for (const [as, status] of [["partner", 200], ["common-name", 403], ["stranger", 403], [undefined, 403]]) {
      const answer = await call(edge.port, "/api/orders/7", { as });
      assert.equal(answer.status, status, `${as}: ${answer.body}`);
    }
    const mark = await postern.mark();
    await call(edge.port, "/api/orders/7", { as: "stranger" });
    const [event] = await postern.eventsSince(mark);
    assert.equal(event.reason, "mtls.certificate_not_verified");
  });
}
