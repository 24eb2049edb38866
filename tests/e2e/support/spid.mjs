// spid-sp-test (PyPI), Italy's test of service providers; it signs and verifies by xmlsec1.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { inflateRawSync } from "node:zlib";

const SCRIPT = fileURLToPath(new URL("spid.py", import.meta.url));
const python = process.env.SPID_PYTHON ?? "python3";

function missing() {
  if (spawnSync("xmlsec1", ["--version"], { stdio: "ignore" }).status !== 0) return "there is no xmlsec1 (Debian or Ubuntu: `apt-get install xmlsec1`)";
  if (spawnSync(python, ["-c", "import spid_sp_test.response"], { stdio: "ignore" }).status !== 0) return "python3 has no spid-sp-test (SPID_PYTHON names another one)";
  return undefined;
}

/** Why the tool is not there; `false`: it is. */
export const withoutSpid = missing() ? `did NOT run: ${missing()}` : false;

function tell(command, input) {
  const { status, stdout, stderr } = spawnSync(python, ["-W", "ignore", SCRIPT, command], { input, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (status !== 0) throw new Error(`spid.py ${command}: ${stderr.slice(-3000)}`);
  return stdout;
}

/** The metadata of the tool's identity provider, whose key signs. */
export const metadata = () => tell("metadata").trim();

/** The names of its tests of responses. */
export const tests = () => JSON.parse(tell("list"));

/** What the tool finds wrong with our metadata and with a request: `{ count, wrong }`. */
export const checks = (metadata, request) => JSON.parse(tell("checks", JSON.stringify({ metadata, request })));

/** What the tool answers to each of these, `{ test, request, padded, named, unbent }`, and the statuses that it takes for it. */
export const responses = (wanted) => JSON.parse(tell("responses", JSON.stringify(wanted)));

/** The request that a login leads to, as XML. */
export const requestOf = (url) => inflateRawSync(Buffer.from(url.searchParams.get("SAMLRequest"), "base64")).toString();
