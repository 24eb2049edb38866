// Tokens that are bound to a client certificate (RFC 8705 §3): the platform's word about the connection, and nothing else.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, test } from "node:test";

import { startProvider } from "../../demo/provider/provider.mjs";
import { issuerTable, machine, tokenFor } from "./support/machine.mjs";
import { startWorld } from "./support/world.mjs";

// Made for this file; nobody has their keys.
const OWN = new X509Certificate(`-----BEGIN CERTIFICATE-----
MIIBfTCCASOgAwIBAgIURt9lseXVPiZbOP8oaU6eYaHrTtowCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIcmVwb3J0ZXIwIBcNMjYxMTIyMDg1MzI1WhgPMjEyNjEwMjkw
ODUzMjVaMBMxETAPBgNVBAMMCHJlcG9ydGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEiSLmy3V7C2v1HjJzazaoJUZ8EXEBguYaZYDbFy50OBBIkFXNfH/9Ld/L
Sc7bkJMX8zg+KEVTRR9ShxEsUpkfs6NTMFEwHQYDVR0OBBYEFFr2HM0PcYkBfL18
w6USWaRf3r1HMB8GA1UdIwQYMBaAFFr2HM0PcYkBfL18w6USWaRf3r1HMA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhANey5dSO/7AUwScR/ugOjFJm
8zGkME//o9NbYtOs/aXnAiBqS4ff/SrNwv/o7zXR704uPKhBRoCHnmalgv4VdU/o
dg==
-----END CERTIFICATE-----`);
const OTHER = new X509Certificate(`-----BEGIN CERTIFICATE-----
MIIBfjCCASOgAwIBAgIUM5TTav+mLHx23S2ytNOHnnz+4AIwCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIcmVwb3J0ZXIwIBcNMjYxMTIyMDg1MzI1WhgPMjEyNjEwMjkw
ODUzMjVaMBMxETAPBgNVBAMMCHJlcG9ydGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAE/2IRJ4ZX3rUqu8o4AQIpJThsOPNjc+2eq3ofwfyDPkC9TfxEv/7Xegpz
Rp7x533MQnrc8IpZB0WDg6iIXxB9ZqNTMFEwHQYDVR0OBBYEFK+eMU6IYemoyjAK
UfyjouSrz/7EMB8GA1UdIwQYMBaAFK+eMU6IYemoyjAKUfyjouSrz/7EMA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhANhnQf58sUi7MHQ+t6joOlOC
eXRTmf1hCr3Vj2D1scFDAiEA1X8KuDBoqGD1q1sKm63SKP7rOq4s4xvbUpA+INRX
T48=
-----END CERTIFICATE-----`);

const mTLS = { enabled: true, certificateBoundAccessTokens: true, getCertificate: () => OWN };
const clients = [machine("bound", { tls_client_certificate_bound_access_tokens: true }), machine("plain")];
const [any, strict] = await Promise.all(["any", "strict"].map((name) => startProvider({ name, clients, features: { clientCredentials: { enabled: true }, mTLS } })));
after(() => Promise.all([any, strict].map((provider) => provider.close())));

const world = await startWorld({ main: {} }, {
  vars: { ISSUERS: { any: issuerTable(any), strict: issuerTable(strict, { sender: "mtls" }) } },
  routes: { "/api/{*rest}": { upstream: "service:ECHO", authenticate: ["bearer"] } },
});
const { postern } = world;

const hex = (certificate) => certificate.fingerprint256.replaceAll(":", "").toLowerCase();
/** What the platform says of a connection with this certificate. */
const connection = (certificate, more = {}) => ({
  tlsClientAuth: { certPresented: "1", certVerified: "SUCCESS", certRevoked: "0", certFingerprintSHA256: hex(certificate), ...more },
});

async function call(token, headers = []) {
  const mark = await postern.mark();
  const answer = await postern.send("/api/a", { headers: [["authorization", `Bearer ${token}`], ...headers] });
  const [event] = await postern.eventsSince(mark);
  return { ...answer, event };
}

test("a token is good on a connection with the certificate it is bound to", async () => {
  //
  for (const provider of [any, strict]) {
    const { token } = await tokenFor("bound", provider);
    await postern.connections(connection(OWN));
    const answer = await call(token);
    assert.equal(answer.status, 200, answer.body);
    assert.equal(answer.event.means, "mtls");
  }
});

test("on any other connection it is not", async () => {
  //
  const { token } = await tokenFor("bound", any);
  for (const [cf, reason] of [
    [connection(OTHER), "mtls.certificate_mismatch"],
    [connection(OWN, { certPresented: "0" }), "mtls.certificate_missing"],
    [connection(OWN, { certVerified: "NONE" }), "mtls.certificate_not_verified"],
    [connection(OWN, { certVerified: "FAILED:self signed certificate" }), "mtls.certificate_not_verified"],
    [connection(OWN, { certRevoked: "1" }), "mtls.certificate_revoked"],
    [connection(OWN, { certRevoked: undefined }), "mtls.certificate_revoked"],
    [connection(OWN, { certFingerprintSHA256: "" }), "mtls.certificate_unnamed"],
    [connection(OWN, { certFingerprintSHA256: undefined }), "mtls.certificate_unnamed"],
    [{ tlsClientAuth: { certPresented: "0", certVerified: "NONE", certRevoked: "0", certFingerprintSHA256: "" } }, "mtls.certificate_missing"],
    [{ tlsClientAuth: null }, "mtls.certificate_missing"],
    [{ colo: "DFW" }, "mtls.certificate_missing"],
    [null, "mtls.certificate_missing"],
  ]) {
    await postern.connections(cf);
    const answer = await call(token);
    assert.deepEqual([answer.status, answer.event.reason], [401, reason], JSON.stringify(cf));
    assert.match(answer.headers["www-authenticate"], /Bearer .*error="invalid_token"/);
  }
});

test("no header makes up for a certificate, and none of them reaches the upstream", async () => {
  //
  const { token } = await tokenFor("bound", any);
  const plain = await tokenFor("plain", any);
  const pem = encodeURIComponent(OWN.toString());
  const spoofed = [
    ["client-cert", `:${OWN.raw.toString("base64")}:`], ["client-cert-chain", `:${OWN.raw.toString("base64")}:`], ["x-ssl-client-cert", pem],
    ["x-ssl-client-verify", "SUCCESS"], ["x-ssl-cert-sha256", hex(OWN)], ["ssl-client-verify", "SUCCESS"], ["x-forwarded-client-cert", `Hash=${hex(OWN)}`],
    ["cf-client-cert-sha256", hex(OWN)], ["cf-cert-verified", "true"], ["cf-cert-presented", "true"], ["cf-client-cert-der-base64", OWN.raw.toString("base64")],
    ["x-tls-client-cert", pem], ["x-client-cert", pem], ["x-arr-clientcert", OWN.raw.toString("base64")], ["x-amzn-mtls-clientcert", pem],
  ];
  await postern.connections(null);
  const answer = await call(token, spoofed);
  assert.deepEqual([answer.status, answer.event.reason], [401, "mtls.certificate_missing"]);
  const passed = await call(plain.token, spoofed);
  assert.equal(passed.status, 200);
  const { headers } = JSON.parse(passed.body);
  for (const [name] of spoofed) assert.equal(headers[name], undefined, name);
});

test("where a certificate is required, a plain token is refused, and so it is under the other scheme", async () => {
  //
  await postern.connections(connection(OWN));
  const plain = await tokenFor("plain", strict);
  const answer = await call(plain.token);
  assert.deepEqual([answer.status, answer.event.reason], [401, "sender.token_not_bound"]);
  const { token } = await tokenFor("bound", any);
  const mark = await postern.mark();
  const other = await postern.send("/api/a", { headers: [["authorization", `DPoP ${token}`]] });
  const [event] = await postern.eventsSince(mark);
  assert.deepEqual([other.status, event.reason], [401, "sender.token_bound_otherwise"]);
});
