// A TLS terminator with real handshakes in the place of Cloudflare's edge. It tells Postern of a connection's certificate
// what `request.cf.tlsClientAuth` says: workerd itself knows nothing of client certificates.

import { spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createTlsServer, request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { findNginx } from "../../../scripts/lib/proxies.mjs";
import { freePort } from "./ports.mjs";

const FOLDER = fileURLToPath(new URL("../../../fixtures/certificates/", import.meta.url));
const STARTS_WITHIN_MS = 15_000;

export const file = (name) => join(FOLDER, name);
export const certificate = (name) => new X509Certificate(readFileSync(file(`${name}.pem`)));
export const hasNginx = () => Boolean(findNginx());

/** The Subject Key Identifier of the authority of the fixtures. */
export const AUTHORITY = "54BE0E0A5200A8BB2EA56CDDE712D4441098B597";
const NAMES = { "CN=Partner CA,O=Partner": AUTHORITY };

/** Node writes a name line by line, and the other way round than RFC 2253. */
export const rfc2253 = (name) => name.split("\n").reverse().join(",");

/** What the platform would say of a connection with this certificate. */
export function clientAuth(x509, verified, names = {}) {
  if (!x509) return { certPresented: "0", certVerified: "NONE", certRevoked: "0", certFingerprintSHA256: "", certRFC9440: "" };
  const { subject = rfc2253(x509.subject), issuer = rfc2253(x509.issuer) } = names;
  return {
    certPresented: "1", certVerified: verified, certRevoked: "0", certRFC9440TooLarge: false,
    certFingerprintSHA256: x509.fingerprint256.replaceAll(":", "").toLowerCase(), certRFC9440: `:${x509.raw.toString("base64")}:`,
    certSubjectDNRFC2253: subject, certIssuerDNRFC2253: issuer, certIssuerSKI: NAMES[issuer] ?? "00", certSerial: x509.serialNumber,
  };
}

async function passOn(postern, tlsClientAuth, incoming, outgoing) {
  await postern.connections({ tlsClientAuth });
  const headers = Object.entries(incoming.headers).filter(([name]) => !["host", "connection"].includes(name) && !name.startsWith("x-edge-"));
  const answer = await postern.send(incoming.url, { method: incoming.method, headers });
  outgoing.writeHead(answer.status, { "content-type": "application/json" }).end(answer.body);
}

const listening = (server) => new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port)));
const credentials = () => ({ cert: readFileSync(file("partner.pem")), key: readFileSync(file("partner.key")) });

async function startNode(postern) {
  const options = { ...credentials(), ca: readFileSync(file("authority.pem")), requestCert: true, rejectUnauthorized: false };
  const server = createTlsServer(options, (incoming, outgoing) => {
    const { socket } = incoming;
    const verified = socket.authorized ? "SUCCESS" : `FAILED:${socket.authorizationError}`;
    return passOn(postern, clientAuth(socket.getPeerX509Certificate(), verified), incoming, outgoing);
  });
  return { port: await listening(server), close: async () => void server.close() };
}

/** The real nginx shakes hands; what it found goes in headers to a server of ours, which stands for the way to Postern. */
async function startNginx(postern) {
  const behind = createHttpServer((incoming, outgoing) => {
    const told = (name) => incoming.headers[`x-edge-${name}`] ?? "";
    const x509 = told("certificate") && new X509Certificate(decodeURIComponent(told("certificate")));
    const names = { subject: told("subject"), issuer: told("issuer") };
    return passOn(postern, x509 ? clientAuth(x509, told("verify"), names) : clientAuth(), incoming, outgoing);
  });
  const [inner, port, folder] = [await listening(behind), await freePort(), mkdtempSync(join(tmpdir(), "postern-edge-"))];
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`).join("\n");
  writeFileSync(join(folder, "nginx.conf"), `daemon off; pid ${folder}/pid; error_log stderr warn; events {}
http {
  access_log off;
  ${temporary}
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${file("partner.pem")}; ssl_certificate_key ${file("partner.key")};
    ssl_client_certificate ${file("authority.pem")}; ssl_verify_client optional_no_ca;
    location / {
      proxy_pass http://127.0.0.1:${inner};
      proxy_set_header X-Edge-Verify $ssl_client_verify;
      proxy_set_header X-Edge-Certificate $ssl_client_escaped_cert;
      proxy_set_header X-Edge-Subject $ssl_client_s_dn;
      proxy_set_header X-Edge-Issuer $ssl_client_i_dn;
    }
  }
}`);
  const child = spawn(findNginx(), ["-c", join(folder, "nginx.conf"), "-p", folder, "-e", "stderr"], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk) => { said += chunk; });
  const exited = new Promise((done) => child.once("exit", done));
  for (const until = Date.now() + STARTS_WITHIN_MS; !(await call(port, "/ready").catch(() => undefined));) {
    if (Date.now() > until || child.exitCode !== null) throw new Error(`nginx does not answer:\n${said}`);
    await new Promise((soon) => setTimeout(soon, 25));
  }
  return {
    port,
    close: async () => {
      child.kill("SIGTERM");
      await exited;
      behind.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Starts an edge of this kind, `node` or `nginx`, in front of a Postern. */
export const startEdge = (kind, postern) => (kind === "nginx" ? startNginx(postern) : startNode(postern));

/** Connects with a certificate of the fixtures, or with none, and sends one request. */
export function call(port, path, { as, method = "GET", headers = {}, body } = {}) {
  const own = as ? { cert: readFileSync(file(`${as}.pem`)), key: readFileSync(file(`${as}.key`)) } : {};
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({ host: "127.0.0.1", port, path, method, headers, agent: false, rejectUnauthorized: false, ...own }, (incoming) => {
      const chunks = [];
      incoming.on("data", (chunk) => chunks.push(chunk));
      incoming.on("end", () => resolve({ status: incoming.statusCode, body: Buffer.concat(chunks).toString() }));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
