// An identity provider that signs whatever it is told to. What it signs is written as canonical XML, so nothing is canonicalised here.

import { execFileSync } from "node:child_process";
import { createHash, createPrivateKey, sign, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const NOW = 1_790_000_000;
export const IDP = "https://idp.example/metadata";
export const US = "https://app.example/auth/saml/metadata/corp";
export const ACS = "https://app.example/auth/saml/acs/corp";
export const REQUEST = "_request0123456789abcdef";
const DS = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#";
const MORE = "http://www.w3.org/2001/04/xmldsig-more#";
/** By the first part of a key's kind, or all of it. */
const METHODS = { rsa: ["rsa-sha256", "sha256"], "ec:P-256": ["ecdsa-sha256", "sha256"], "ec:P-384": ["ecdsa-sha384", "sha384"] };

const time = (seconds) => new Date((NOW + seconds) * 1000).toISOString().replace(".000Z", "Z");

/** A new key with a certificate: `rsa:2048`, or `ec:P-384`. */
export function newKey(kind) {
  const [type, size] = kind.split(":");
  const folder = mkdtempSync(join(tmpdir(), "postern-bench-key-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const wanted = type === "rsa" ? ["-newkey", kind] : ["-newkey", "ec", "-pkeyopt", `ec_paramgen_curve:${size}`];
  execFileSync("openssl", ["req", "-x509", ...wanted, "-nodes", "-keyout", key, "-out", cert, "-days", "36500", "-subj", "/CN=idp"], { stdio: "ignore" });
  const found = { method: METHODS[kind] ?? METHODS[type], key: createPrivateKey(readFileSync(key)), certificate: new X509Certificate(readFileSync(cert)).raw.toString("base64") };
  rmSync(folder, { recursive: true, force: true });
  return found;
}

/** The signature over `xml`, canonical, whose root has this ID; `prefixes` are kept, and `certificates` stand beside it. */
export function signature(signer, xml, id, { prefixes = "", certificates = [] } = {}) {
  const kept = prefixes && `<ec:InclusiveNamespaces xmlns:ec="${EXCLUSIVE}" PrefixList="${prefixes}"></ec:InclusiveNamespaces>`;
  const [method, hash] = signer.method;
  const digest = createHash("sha256").update(xml).digest("base64");
  const inside = `<ds:CanonicalizationMethod Algorithm="${EXCLUSIVE}"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="${MORE}${method}"></ds:SignatureMethod><ds:Reference URI="#${id}"><ds:Transforms><ds:Transform Algorithm="${DS}enveloped-signature"></ds:Transform><ds:Transform Algorithm="${EXCLUSIVE}">${kept}</ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>${digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>`;
  const value = sign(hash, Buffer.from(`<ds:SignedInfo xmlns:ds="${DS}">${inside}`), { key: signer.key, dsaEncoding: "ieee-p1363" }).toString("base64");
  const beside = certificates.length ? `<ds:KeyInfo><ds:X509Data>${certificates.map((one) => `<ds:X509Certificate>${one}</ds:X509Certificate>`).join("")}</ds:X509Data></ds:KeyInfo>` : "";
  return `<ds:Signature xmlns:ds="${DS}"><ds:SignedInfo>${inside}<ds:SignatureValue>${value}</ds:SignatureValue>${beside}</ds:Signature>`;
}

/** An assertion with these statements beside the usual ones, signed by `signer`. */
export function assertion(signer, more = "", options = {}) {
  const around = (signed) => `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_assertion" IssueInstant="${time(0)}" Version="2.0"><saml:Issuer>${IDP}</saml:Issuer>${signed}<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData InResponseTo="${REQUEST}" NotOnOrAfter="${time(300)}" Recipient="${ACS}"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="${time(-30)}" NotOnOrAfter="${time(300)}"><saml:AudienceRestriction><saml:Audience>${US}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="${time(-10)}" SessionIndex="_session"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="groups"><saml:AttributeValue>staff</saml:AttributeValue></saml:Attribute>${more}</saml:AttributeStatement></saml:Assertion>`;
  return around(signer ? signature(signer, around(""), "_assertion", options) : "");
}

/** A response around it, signed by `signer`; `declared` are declarations of namespaces, in their order, which the signature keeps. */
export function response(signer, inside, { declared = "", ...options } = {}) {
  const around = (signed) => `<samlp:Response${declared} xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" Destination="${ACS}" ID="_response" InResponseTo="${REQUEST}" IssueInstant="${time(0)}" Version="2.0"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">${IDP}</saml:Issuer>${signed}<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"></samlp:StatusCode></samlp:Status>${inside}</samlp:Response>`;
  return around(signer ? signature(signer, around(""), "_response", options) : "");
}

/** The question about a response. */
export const question = (xml, certificates, more = {}) => ({
  verify: { response: Buffer.from(xml).toString("base64"), certificates, idp_entity_id: IDP, entity_id: US, acs: ACS, request_id: REQUEST, now: NOW, skew: 60, decrypted: null, ...more },
});
