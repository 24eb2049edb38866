// How a provider finds out whether a token request comes from its client (RFC 6749 §2.3.1, RFC 7523 §3).

import { constants, createPublicKey, verify } from "node:crypto";

import { publicJwk } from "./keys.mjs";

const formDecode = (text) => decodeURIComponent(text.replaceAll("+", " "));

function basic(client, request) {
  const [scheme, credentials] = (request.headers.authorization ?? "").split(" ");
  if (scheme !== "Basic") return false;
  const [id, secret] = Buffer.from(credentials, "base64").toString().split(":").map(formDecode);
  return id === client.id && secret === client.secret;
}

function post(client, request, form) {
  return !request.headers.authorization && form.get("client_id") === client.id && form.get("client_secret") === client.secret;
}

/** A public client: it names itself, and shows nothing. */
function none(client, request, form) {
  return !request.headers.authorization && form.get("client_id") === client.id && !form.has("client_secret") && !form.has("client_assertion");
}

const VERIFICATION = {
  ES256: { dsaEncoding: "ieee-p1363" },
  RS256: {},
  PS256: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
};

function privateKeyJwt({ client, url, base, assertions, clock }, request, form) {
  if (form.get("client_assertion_type") !== "urn:ietf:params:oauth:client-assertion-type:jwt-bearer") return false;
  const [header, payload, signature] = (form.get("client_assertion") ?? "").split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  const now = clock();
  assertions.push({ header: JSON.parse(Buffer.from(header, "base64url").toString()), claims });
  const key = createPublicKey({ key: publicJwk(client.key), format: "jwk" });
  const signed = verify("sha256", Buffer.from(`${header}.${payload}`), { key, ...VERIFICATION[client.key.alg] }, Buffer.from(signature, "base64url"));
  const audience = client.audience === "endpoint" ? `${new URL(base).origin}${request.url}` : url;
  return signed && claims.aud === audience && claims.iss === client.id && claims.sub === client.id && claims.exp > now && claims.exp < now + 600;
}

/** Apple: the client secret is a JWT, by the key that it knows the team's client by. */
function apple({ client, url, assertions, clock }, request, form) {
  const [header, payload, signature] = (form.get("client_secret") ?? "").split(".");
  if (!signature || request.headers.authorization || form.get("client_id") !== client.id) return false;
  const read = (part) => JSON.parse(Buffer.from(part, "base64url").toString());
  const claims = read(payload);
  assertions.push({ header: read(header), claims });
  const key = createPublicKey({ key: publicJwk(client.key), format: "jwk" });
  const signed = verify("sha256", Buffer.from(`${header}.${payload}`), { key, ...VERIFICATION.ES256 }, Buffer.from(signature, "base64url"));
  const now = clock();
  return signed && claims.aud === url && claims.iss === client.team && claims.sub === client.id && claims.exp > now && claims.exp <= now + 300;
}

/** Whether the request proves to be the issuer's one client, by the one method registered for it. */
export function checkClient(issuer, request, form) {
  issuer.assertions ??= [];
  const methods = { client_secret_basic: basic, client_secret_post: post, none };
  const method = methods[issuer.client.auth];
  if (method) return method(issuer.client, request, form);
  return issuer.client.auth === "apple" ? apple(issuer, request, form) : privateKeyJwt(issuer, request, form);
}
