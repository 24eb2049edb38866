// The built SAML Worker in workerd: the same answers as natively, one question at a time, and nothing for anybody else.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { convertV4MiniflareOptions, Miniflare } from "miniflare";

import { builtModules, PLATFORM } from "./support/postern.mjs";

const CASES = JSON.parse(readFileSync(new URL("../../fixtures/saml/verifier.json", import.meta.url), "utf8"));
const CONFIGURATION = readFileSync(fileURLToPath(new URL("../../wrangler.saml.toml", import.meta.url)), "utf8");

const built = builtModules("build-saml").sort((one, other) => Number(other.path.endsWith("index.js")) - Number(one.path.endsWith("index.js")));
const worker = new Miniflare(convertV4MiniflareOptions({ modules: built, compatibilityDate: PLATFORM.compatibilityDate }));
after(() => worker.dispose());

const send = (body, method = "POST") => worker.dispatchFetch("https://saml.internal/", { method, body });
const ask = async (question) => (await send(JSON.stringify(question))).json();
const named = (description) => CASES.find((one) => one.description === description).input;

test("the SAML Worker answers each question as the SAML verifier does natively", async () => {
  //
  assert.ok(CASES.length > 10);
  for (const { description, input, expect } of CASES) assert.deepEqual(await ask(input), expect, description);
});

test("a signed assertion tells the person, and each way of bending it is refused for its reason", async () => {
  //
  const { verified } = await ask(named("a signed assertion"));
  assert.equal(verified.name_id.value, "alice");
  const refusals = {
    "an unsigned response": "signature.missing", "an assertion signed by another key": "signature.bad", "a name that was changed after signing": "signature.bad",
    "a comment in the name": "gate.comment", "an unsigned assertion beside the signed one": "gate.assertions", "a document type definition": "gate.doctype",
    "an assertion for another audience": "assertion.audience",
  };
  for (const [description, reason] of Object.entries(refusals)) {
    assert.equal((await ask(named(description))).refused.reason, reason, description);
  }
});

test("questions at once do not mix", async () => {
  const answers = await Promise.all([...CASES, ...CASES].map(({ input }) => ask(input)));
  assert.deepEqual(answers, [...CASES, ...CASES].map(({ expect }) => expect));
});

test("what is no question gets no answer", async () => {
  assert.equal((await send(undefined, "GET")).status, 405);
  assert.equal((await send("x".repeat(1024 * 1024 + 1))).status, 413);
  assert.equal((await ask({ v: 9, question: named("a sign-in request to be written").question })).refused.reason, "question.version");
  const answer = await send("{}");
  assert.equal((await answer.json()).refused.reason, "question.form");
  assert.equal(answer.headers.get("cache-control"), "no-store");
});

test("the SAML Worker is deployed with nothing to take and nowhere to go", () => {
  //
  for (const none of ["routes", "kv_namespaces", "durable_objects", "services", "vars", "secrets", "r2_buckets", "triggers"]) {
    assert.ok(!new RegExp(`^\\[*${none}\\b`, "m").test(CONFIGURATION), none);
  }
  for (const line of ["workers_dev = false", "preview_urls = false", "cpu_ms = 200"]) assert.ok(CONFIGURATION.includes(`\n${line}\n`), line);
});
