// Identity providers of others that speak SAML, each on a port of its own: nanoidp (PyPI, with signxml) and SimpleSAMLphp
// (Debian, with xmlseclibs).

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

import { builtModules, PLATFORM } from "./postern.mjs";
import { freePort } from "./ports.mjs";
import { until } from "./until.mjs";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const python = process.env.PYTHON ?? "python3";

/** Where Debian puts it; `SIMPLESAMLPHP` names another place. */
const SIMPLESAML = process.env.SIMPLESAMLPHP ?? "/usr/share/simplesamlphp";

const runs = (command, ...args) => spawnSync(command, args, { stdio: "ignore" }).status === 0;

/** Why a provider is not there; `false`: it is. */
export const withoutNanoidp = !runs(python, "-c", "import nanoidp") && "did NOT run: python3 has no nanoidp (PYTHON names another one)";
export const withoutSimpleSaml = !(existsSync(SIMPLESAML) && runs("php", "-r", "exit(class_exists(\"DOMDocument\") ? 0 : 1);")) && "did NOT run: there is no SimpleSAMLphp (Debian or Ubuntu: `apt-get install simplesamlphp php-cli php-xml`)";

/** The SAML Worker, as a Worker beside Postern's. */
export const samlWorker = () => ({ name: "saml", modulesRoot: ROOT, modules: builtModules("build-saml"), ...PLATFORM });

function newFolder() {
  const folder = mkdtempSync(join(tmpdir(), "postern-saml-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A key and a certificate of its own, for `name`. */
function newCertificate(folder, name) {
  const [key, cert] = [join(folder, `${name}.pem`), join(folder, `${name}.crt`)];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "90", "-subj", `/CN=${name}`], { stdio: "ignore" });
  return { key: readFileSync(key, "utf8"), certificate: new X509Certificate(readFileSync(cert)) };
}

/** A key of Postern's with its certificate, as its secret has it. */
export function newSigningKey() {
  const { key, certificate } = newCertificate(newFolder(), "postern");
  const jwk = { ...createPrivateKey(key).export({ format: "jwk" }), x5c: [certificate.raw.toString("base64")] };
  return { jwk: JSON.stringify(jwk), certificate };
}

const fingerprint = (certificate) => certificate.fingerprint256;

/** A server of another's, once it answers at `url`; it ends with the file's tests. */
async function start(command, args, options, url) {
  const output = [];
  // In a group of its own: PHP has workers, and all of them have to go.
  const server = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"], detached: true });
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (text) => output.push(String(text)));
  after(async () => {
    const ended = new Promise((done) => server.once("exit", done));
    if (server.exitCode !== null) return;
    process.kill(-server.pid, "SIGKILL");
    await ended;
  });
  await until(async () => (await fetch(url).catch(() => undefined))?.ok, () => `an answer at ${url}: ${output.join("").slice(-2000)}`);
  return output;
}

/** nanoidp with `alice`, for a Postern at `origin`. */
export async function startNanoidp(origin, id) {
  const folder = newFolder();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const entityId = "urn:example:nanoidp";
  writeFileSync(join(folder, "settings.yaml"), JSON.stringify({
    config_version: 1,
    server: { host: "127.0.0.1", port },
    oauth: { issuer: url, audience: "unused", clients: [] },
    saml: { entity_id: entityId, sso_url: `${url}/saml/sso`, default_acs_url: `${origin}/auth/saml/acs/${id}`, export_groups: true, groups_attr_name: "groups", strict_binding: true },
  }));
  writeFileSync(join(folder, "users.yaml"), JSON.stringify({
    config_version: 1,
    users: { alice: { password: "wonderland", email: "alice@example.org", groups: ["admins", "staff"], roles: ["USER"] } },
  }));
  mkdirSync(join(folder, "keys"));
  await start(python, ["-m", "nanoidp", "--config", folder, "--port", String(port)], { cwd: folder }, `${url}/saml/metadata`);
  const certificate = new X509Certificate(await (await fetch(`${url}/saml/cert.pem`)).text());
  return { url, table: { issuer: entityId, saml: { metadata: `${url}/saml/metadata`, certificates: [fingerprint(certificate)] } } };
}

const php = (value) => `json_decode(${JSON.stringify(JSON.stringify(value)).replaceAll("$", "\\$")}, true)`;

/**
 * SimpleSAMLphp with `alice`, for a Postern at `origin` that signs by `key`.
 * @param {{ remote?: object, prepend?: string }} [more] what else it is told of Postern, and PHP that runs first
 */
export async function startSimpleSaml(origin, id, key, { remote = {}, prepend = "" } = {}) {
  const folder = newFolder();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const entityId = `${url}/idp`;
  for (const name of ["config", "metadata", "cert", "log", "data", "tmp", "sessions"]) mkdirSync(join(folder, name));
  const { certificate } = newCertificate(join(folder, "cert"), "idp");
  const write = (file, variable, value) => writeFileSync(join(folder, file), `<?php\n$${variable} = ${php(value)};\n`);
  write("config/config.php", "config", {
    "baseurlpath": `${url}/`, "certdir": `${folder}/cert/`, "loggingdir": `${folder}/log/`, "datadir": `${folder}/data/`, "tempdir": `${folder}/tmp`,
    "metadatadir": `${folder}/metadata`, "metadata.sources": [{ type: "flatfile" }], "secretsalt": randomBytes(16).toString("hex"),
    "auth.adminpassword": randomBytes(16).toString("hex"), "technicalcontact_name": "Nobody", "technicalcontact_email": "na@example.org", "timezone": "UTC",
    "enable.saml20-idp": true, "module.enable": { exampleauth: true, core: true, saml: true }, "store.type": "phpsession", "session.phpsession.savepath": `${folder}/sessions`,
    "session.cookie.secure": false, "session.cookie.samesite": "Lax", "logging.handler": "file", "logging.level": 7, "language.available": ["en"], "theme.use": "default",
  });
  write("config/authsources.php", "config", {
    people: { 0: "exampleauth:UserPass", "alice:wonderland": { uid: ["alice"], mail: ["alice@example.org"], groups: ["admins", "staff"] } },
  });
  write("metadata/saml20-idp-hosted.php", "metadata", {
    [entityId]: {
      host: "__DEFAULT__", privatekey: "idp.pem", certificate: "idp.crt", auth: "people", "saml20.sign.assertion": true, "sign.logout": true, "redirect.sign": true, "redirect.validate": true,
      "signature.algorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", NameIDFormat: [PERSISTENT],
      authproc: { 3: { class: "saml:AttributeNameID", attribute: "uid", Format: PERSISTENT } },
    },
  });
  write("metadata/saml20-sp-remote.php", "metadata", {
    [`${origin}/auth/saml/metadata/${id}`]: {
      AssertionConsumerService: [{ index: 0, isDefault: true, Binding: "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", Location: `${origin}/auth/saml/acs/${id}` }],
      SingleLogoutService: [{ Binding: "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect", Location: `${origin}/auth/saml/slo/${id}` }],
      certData: key.certificate.raw.toString("base64"), NameIDFormat: PERSISTENT, ...remote,
    },
  });
  const env = { ...process.env, SIMPLESAMLPHP_ROOT: SIMPLESAML, SIMPLESAMLPHP_CONFIG_DIR: join(folder, "config"), PHP_CLI_SERVER_WORKERS: "4" };
  const metadata = `${url}/saml2/idp/metadata.php`;
  await start("php", ["-d", "error_reporting=E_ALL&~E_DEPRECATED&~E_WARNING", "-d", "display_errors=0", "-d", `auto_prepend_file=${prepend}`, "-S", `127.0.0.1:${port}`, "-t", join(SIMPLESAML, "www")], { env, cwd: folder }, metadata);
  return { url, folder, table: { issuer: entityId, saml: { metadata, certificates: [fingerprint(certificate)], name_id_format: "persistent", sign_requests: true } } };
}
