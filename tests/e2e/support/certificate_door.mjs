// The address at which a provider asks for client certificates (RFC 8705 §5), and what shows them to it. On Cloudflare that is a
// binding of `mtls_certificates`, which the local runtime does not have; here it is a network service of workerd with a
// certificate, so that the handshakes are real.

import { readFileSync } from "node:fs";
import { createServer } from "node:https";

import { thumbprint } from "../../provider/keys.mjs";
import { certificate, file } from "./tls_edge.mjs";

const fixture = (name) => readFileSync(new URL(`../../../fixtures/tls/${name}`, import.meta.url), "utf8");
const PATHS = {
  pushed_authorization_request_endpoint: "/request", token_endpoint: "/token", userinfo_endpoint: "/me", revocation_endpoint: "/token/revocation",
};

export { thumbprint };

/** A service binding that shows a certificate of the fixtures, or none. */
export function showing(as) {
  const pem = (kind) => readFileSync(file(`${as}.${kind}`), "utf8");
  const keypair = as && { privateKey: pem("key"), certificateChain: pem("pem") };
  const tlsOptions = { trustedCertificates: [fixture("server.pem")], ...(keypair && { keypair }) };
  return { network: { allow: ["public", "private"], tlsOptions } };
}

/** The feature `mTLS` of a provider that goes by the connection and nothing else. */
export const MTLS = {
  enabled: true,
  tlsClientAuth: true,
  selfSignedTlsClientAuth: true,
  certificateBoundAccessTokens: true,
  getCertificate: ({ socket }) => socket.getPeerX509Certificate?.(),
  certificateAuthorized: ({ socket }) => socket.authorized,
  certificateSubjectMatches: ({ socket }, property, expected) =>
    property === "tls_client_auth_san_dns" && socket.getPeerX509Certificate().subjectAltName.split(", ").includes(`DNS:${expected}`),
};

/**
 * Starts the address. It asks everybody for a certificate, takes any, and leaves it to the provider what to make of it; it knows
 * the authority of the fixtures.
 * @returns {Promise<{ port: number, aliases: Record<string, string>, requests: { path: string, shown?: string }[], leadTo: (provider: object) => void, close: () => void }>}
 *   `aliases`: what the provider's metadata says of it; `requests`: what came, with the thumbprint of what was shown
 */
export async function openDoor() {
  const requests = [];
  const server = createServer({
    key: fixture("server.key"), cert: fixture("server.pem"), ca: certificate("authority").toString(), requestCert: true, rejectUnauthorized: false,
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  const aliases = Object.fromEntries(Object.entries(PATHS).map(([name, path]) => [name, `https://127.0.0.1:${port}${path}`]));
  const leadTo = (provider) => server.on("request", (request, response) => {
    const x509 = request.socket.getPeerX509Certificate();
    requests.push({ path: request.url, shown: x509 && thumbprint(x509) });
    provider.server.emit("request", request, response);
  });
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { port, aliases, requests, leadTo, close };
}
