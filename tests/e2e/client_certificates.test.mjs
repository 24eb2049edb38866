// A client that proves itself by its certificate (RFC 8705 §2), through a binding. On Cloudflare the binding is one of
// `mtls_certificates`, which the local runtime does not have; here a network service of workerd with the same certificate
// stands in for it, so that the handshake is a real one.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { createServer } from "node:https";
import { after, test } from "node:test";

import { startProvider } from "../../demo/provider/provider.mjs";
import { logIn } from "./support/login.mjs";
import { FOR_MACHINES } from "./support/machine.mjs";
import { freePort } from "./support/ports.mjs";
import { startWorld } from "./support/world.mjs";

const API = "https://billing.example.test";
const fixture = (name) => readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), "utf8");
const [certificate, privateKey] = [fixture("client.pem"), fixture("client.key")];
const door = await freePort();
const pem = (raw) => `-----BEGIN CERTIFICATE-----\n${raw.toString("base64")}\n-----END CERTIFICATE-----`;
const HEADER = "x-client-certificate";

const machine = (id, method, more) => ({
  client_id: id, grant_types: ["client_credentials"], response_types: [], redirect_uris: [], token_endpoint_auth_method: method, ...more,
});
const { X509Certificate } = await import("node:crypto");
/** A client's own certificate, as it stands in its registration. */
const jwks = (text) => {
  const { publicKey, raw } = new X509Certificate(text);
  return { keys: [{ ...publicKey.export({ format: "jwk" }), x5c: [raw.toString("base64")] }] };
};
const shown = (ctx) => (ctx.get(HEADER) ? new X509Certificate(Buffer.from(ctx.get(HEADER), "base64")) : undefined);
const provider = await startProvider({
  resources: { [API]: { scopes: ["invoices:read"] } },
  clients: [
    machine("by-subject", "tls_client_auth", { tls_client_auth_san_dns: "localhost" }),
    machine("other-subject", "tls_client_auth", { tls_client_auth_san_dns: "elsewhere.example" }),
    machine("by-certificate", "self_signed_tls_client_auth", { jwks: jwks(certificate) }),
    machine("other-certificate", "self_signed_tls_client_auth", { jwks: jwks(readFileSync(new URL("../../fixtures/certificates/partner.pem", import.meta.url), "utf8")) }),
  ],
  features: {
    clientCredentials: { enabled: true },
    mTLS: {
      enabled: true, tlsClientAuth: true, selfSignedTlsClientAuth: true,
      getCertificate: shown, certificateAuthorized: (ctx) => shown(ctx) !== undefined,
      certificateSubjectMatches: (ctx, property, expected) => property === "tls_client_auth_san_dns" && shown(ctx).subjectAltName.split(", ").includes(`DNS:${expected}`),
    },
  },
  configuration: {
    ...FOR_MACHINES.configuration,
    clientAuthMethods: ["client_secret_basic", "none", "tls_client_auth", "self_signed_tls_client_auth"],
    discovery: { mtls_endpoint_aliases: { token_endpoint: `https://127.0.0.1:${door}/token` } },
  },
});

/** The address for those that show a certificate: it hands on which one. */
const handshakes = [];
const tls = createServer({ key: fixture("server.key"), cert: fixture("server.pem"), requestCert: true, rejectUnauthorized: false }, (request, response) => {
  const { raw } = request.socket.getPeerCertificate();
  handshakes.push(raw ? pem(raw) : undefined);
  const headers = { ...request.headers, host: new URL(provider.issuer).host, ...(raw && { [HEADER]: raw.toString("base64") }) };
  request.pipe(httpRequest(provider.issuer + request.url, { method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  }));
});
await new Promise((listening) => tls.listen(door, "127.0.0.1", listening));

const entry = (id, more = {}) => ({
  issuer: provider.issuer, client_id: id, client_auth: "tls_client_auth", mtls_certificate: "CERTIFICATE", resource: API, scopes: ["invoices:read"], ...more,
});
const ownCertificate = { client_auth: "self_signed_tls_client_auth" };
const route = (id) => ({ upstream: "service:ECHO", token: `service:${id}` });
const network = (more) => ({ network: { allow: ["public", "private"], tlsOptions: { trustedCertificates: [fixture("server.pem")], ...more } } });
const world = await startWorld({ main: {} }, {
  routes: { "/billing/{*rest}": route("billing"), "/other/{*rest}": route("other"), "/bare/{*rest}": route("bare"), "/own/{*rest}": route("own"), "/another/{*rest}": route("another") },
  vars: { SERVICES: {
    own: entry("by-certificate", ownCertificate), another: entry("other-certificate", ownCertificate), billing: entry("by-subject"), other: entry("other-subject"), bare: entry("by-subject", { mtls_certificate: "BARE" }),
  } },
  services: { CERTIFICATE: network({ keypair: { privateKey, certificateChain: certificate } }), BARE: network({}) },
});
const { postern } = world;
after(() => Promise.all([provider.close(), tls.close()]));
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
  assert.deepEqual(handshakes.map((seen) => new X509Certificate(seen).fingerprint256), [new X509Certificate(certificate).fingerprint256]);
  assert.ok(!provider.requests.some(({ path }) => path === "/token") || handshakes.length === 1);
});

test("a client that is known by its own certificate shows that one", async () => {
  //
  handshakes.length = 0;
  const mark = await postern.mark();
  const answer = await browser.fetch("/own/1");
  assert.equal(answer.status, 200, JSON.stringify(await failure(mark)));
  const token = JSON.parse(answer.body).headers.authorization.split(" ")[1];
  const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  assert.deepEqual([claims.aud, claims.client_id], [API, "by-certificate"]);
  assert.deepEqual(handshakes.map((seen) => new X509Certificate(seen).fingerprint256), [new X509Certificate(certificate).fingerprint256]);
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
