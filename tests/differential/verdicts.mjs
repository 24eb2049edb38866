// The verdicts of both sides on the same cases. Ours by the engine itself, natively; npm `jose` as its documentation says.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

import { compactVerify, createLocalJWKSet, errors, jwtVerify } from "jose";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const BUILT_AND_RUN = ["cargo", "run", "--locked", "--quiet", "--example", "verdicts"];

/** The codes of `examples/verdicts.rs`, in the order of the cases. */
export async function ours(cases) {
  const [command, ...args] = process.env.POSTERN_VERDICTS ? [process.env.POSTERN_VERDICTS] : BUILT_AND_RUN;
  const child = spawn(command, args, { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
  const lines = cases.map(({ keys, algorithms, token, expected }) => JSON.stringify({ keys: { keys }, algorithms, token, access_token: expected }));
  child.stdin.end(`${lines.join("\n")}\n`);
  const chunks = [];
  for await (const chunk of child.stdout) chunks.push(chunk);
  const codes = Buffer.concat(chunks).toString().trimEnd().split("\n");
  if (codes.length !== cases.length) throw new Error(`${cases.length} cases, ${codes.length} verdicts`);
  return codes;
}

/**
 * `ok`, or the code of jose's error. Where several keys suit a token that names one, jose leaves the choice to
 * the caller, who may try them in turn; of a token that names none it is refused, as with us.
 */
export async function joses({ keys, algorithms, token }) {
  const options = { algorithms };
  try {
    const { payload } = await withEachKey(token, createLocalJWKSet({ keys }), options);
    const claims = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    return claims !== null && typeof claims === "object" && !Array.isArray(claims) ? "ok" : "no claims";
  } catch (error) {
    return error.code ?? error.name;
  }
}

/** What RFC 9068 §2.2 requires, and what a token must have in any case. */
const REQUIRED = { rfc9068: ["exp", "iat", "sub", "client_id", "jti"], legacy: ["exp", "sub"] };

/** The same of an access token, with all that jose can be told of what it must be. */
export async function josesOfAccessToken({ keys, algorithms, token, expected: { issuer: { issuer, audience, tokens }, now } }) {
  const options = {
    algorithms, issuer, audience, clockTolerance: 60, currentDate: new Date(now * 1000), requiredClaims: REQUIRED[tokens],
    ...(tokens === "rfc9068" && { typ: "at+jwt" }),
  };
  try {
    await jwtVerify(token, createLocalJWKSet({ keys }), options);
    return "ok";
  } catch (error) {
    return error.code ?? error.name;
  }
}

async function withEachKey(token, keySet, options) {
  try {
    return await compactVerify(token, keySet, options);
  } catch (error) {
    const { kid } = token.includes(".") ? JSON.parse(Buffer.from(token.split(".")[0], "base64url").toString() || "{}") : {};
    if (!(error instanceof errors.JWKSMultipleMatchingKeys) || kid === undefined) throw error;
    let last = error;
    for await (const key of error) {
      try {
        return await compactVerify(token, key, options);
      } catch (failure) {
        last = failure;
      }
    }
    throw last;
  }
}
