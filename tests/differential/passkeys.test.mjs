// What browsers say of passkeys, good and bent, before our ceremonies and those of npm `@simplewebauthn/server` and, where it is
// installed, PyPI `webauthn`: the same verdict, or a reason why ours is stricter.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { verifyAuthenticationResponse, verifyRegistrationResponse } from "@simplewebauthn/server";

import { compare } from "./compare.mjs";
import { makePasskeyCases } from "./passkey_cases.mjs";
import { PASSKEYS_PYTHON, PASSKEYS_STRICTER } from "./passkey_divergences.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const ALGORITHMS = [-7, -8, -257];
const { POSTERN_VERDICTS, PYTHON = "python3" } = process.env;
const OURS = POSTERN_VERDICTS ? [join(dirname(POSTERN_VERDICTS), "passkeys")] : ["cargo", "run", "--locked", "--quiet", "--example", "passkeys"];

/** One line of JSON in for each case, one line out. */
async function verdicts([command, ...args], lines) {
  const child = spawn(command, args, { cwd: join(HERE, "../.."), stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(`${lines.map((line) => JSON.stringify(line)).join("\n")}\n`);
  const chunks = [];
  for await (const chunk of child.stdout) chunks.push(chunk);
  const codes = Buffer.concat(chunks).toString().trimEnd().split("\n");
  assert.equal(codes.length, lines.length);
  return codes;
}

const ours = (cases) => verdicts(OURS, cases.map(({ asked, credential, known }) => ({ ...asked, credential, known })));

/** `ok`, or the message of the refusal. The library leaves it to its caller to look the credential up, so that is done here. */
async function simplewebauthns({ kind, asked, credential, known, cose }) {
  const expected = { response: credential, expectedChallenge: asked.challenge, expectedOrigin: asked.origin, expectedRPID: asked.rp_id, requireUserVerification: true };
  try {
    if (kind === "proof" && credential.id !== known.id) return "unknown credential";
    const { verified } = kind === "registration"
      ? await verifyRegistrationResponse({ ...expected, supportedAlgorithmIDs: ALGORITHMS })
      : await verifyAuthenticationResponse({ ...expected, credential: { id: known.id, publicKey: Buffer.from(cose, "base64url"), counter: known.sign_count } });
    return verified ? "ok" : "not verified";
  } catch (error) {
    return error.message;
  }
}

function check(t, cases, codes, others, divergences) {
  const { accepted, summary } = compare(cases, codes, others, divergences);
  t.diagnostic(summary);
  assert.ok(accepted > 50 && accepted < cases.length / 2, `${accepted} of ${cases.length} accepted`);
}

//
test("our ceremonies and simplewebauthn's agree, or a reason is written down why not", async (t) => {
  const cases = makePasskeyCases();
  check(t, cases, await ours(cases), await Promise.all(cases.map(simplewebauthns)), { stricter: PASSKEYS_STRICTER, wider: [] });
});

const hasPython = spawnSync(PYTHON, ["-c", "import webauthn; assert webauthn.__version__.startswith('3.')"]).status === 0;

//
test("our ceremonies and those of webauthn for Python agree, or a reason is written down why not", { skip: !hasPython && "PyPI webauthn 3 is not installed" }, async (t) => {
  const cases = makePasskeyCases();
  const lines = cases.map(({ asked, credential, known, cose }) => ({ ...asked, credential, known, cose }));
  check(t, cases, await ours(cases), await verdicts([PYTHON, join(HERE, "passkeys.py")], lines), { stricter: PASSKEYS_PYTHON, wider: [] });
});
