// The programs in examples/verify-assertion, against assertions that the Worker made: each believes what is true and
// nothing else.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { compactJws, newKey, signature } from "../provider/keys.mjs";
import { HEADER, ownKey } from "./support/assertions.mjs";
import { logIn } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";
import { freePort } from "./support/ports.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EXAMPLES = join(ROOT, "examples/verify-assertion");
const AUDIENCE = "service:ECHO";
const RUST_BUILD_MS = 900_000;

const world = await startWorld({ main: {} }, { port: await freePort(), routes: { "/orders": { upstream: AUDIENCE, token: "assertion" } } });
const { postern } = world;
const { url } = world.issuers.main;

async function assertion() {
  const browser = world.browser();
  await logIn(browser, { provider: "main" });
  return JSON.parse((await browser.fetch("/orders")).body).headers[HEADER];
}

const python = process.env.PYTHON ?? "python3";
const hasPython = spawnSync(python, ["-c", "import jwt, cryptography"]).status === 0;
const target = join(ROOT, "target/examples");
const cargo = ["build", "--locked", "--quiet", "--manifest-path", join(EXAMPLES, "rust/Cargo.toml"), "--target-dir", target];

const PROGRAMS = [
  { language: "JavaScript", command: [process.execPath, join(EXAMPLES, "verify.mjs")] },
  { language: "Rust", command: [join(target, "debug/verify-assertion")], build: ["cargo", cargo] },
  { language: "Python", command: [python, join(EXAMPLES, "verify.py")], skip: !hasPython && "did NOT run: python3 has no PyJWT with cryptography (PYTHON names another one)" },
];

/** What it says and with which code it ends. */
async function run([program, ...first], ...rest) {
  const child = spawn(program, [...first, ...rest], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => void (out += chunk));
  child.stderr.on("data", (chunk) => void (err += chunk));
  const code = await new Promise((done) => child.on("close", done));
  return { code, out, err };
}

const parts = (token) => token.split(".");
const read = (part) => JSON.parse(Buffer.from(part, "base64url"));

/** Everything that must not count, by what is wrong with it. */
async function bad() {
  const good = await assertion();
  const [head, payload, end] = parts(good);
  const own = await ownKey(postern);
  const stranger = newKey("ES256", { kid: own.kid });
  const sign = (key, header, claims) => compactJws({ ...read(head), ...header }, { ...read(payload), ...claims }, (input) => signature(key, input, "ES256"));
  assert.deepEqual(parts(sign(own, {}, {})).slice(0, 2).map(read), [head, payload].map(read));
  await postern.advance(-600);
  const expired = await assertion();
  await postern.advance(600);
  return [
    ["made for another upstream", good, { audience: "service:OTHER" }],
    ["made for an address that begins alike", good, { audience: `${AUDIENCE}S` }],
    ["over", expired],
    ["signed by somebody else", sign(stranger, {}, {})],
    ["by a key that is not published", sign(stranger, { kid: "unheard-of" }, {})],
    // By Postern's own key, so that nothing but this one thing is wrong with it.
    ["of another type", sign(own, { typ: "JWT" }, {})],
    ["of no type", sign(own, { typ: undefined }, {})],
    ["of another issuer", sign(own, {}, { iss: `${postern.origin}/` })],
    ["without an audience", sign(own, {}, { aud: undefined })],
    ["without an end", sign(own, {}, { exp: undefined })],
    ["with another's name in it", [head, Buffer.from(JSON.stringify({ ...read(payload), sub: "admin" })).toString("base64url"), end].join(".")],
    ["without a signature", `${Buffer.from(JSON.stringify({ ...read(head), alg: "none" })).toString("base64url")}.${payload}.`],
    ["no token at all", "forged"],
  ];
}

let cases;
before(async () => {
  cases = await bad();
});
after(() => world.mend());

for (const { language, command, build, skip = false } of PROGRAMS) {
  test(`${language}: a good assertion says who asks, everything else is refused`, { skip, timeout: RUST_BUILD_MS }, async () => {
    if (build) {
      const built = await run([build[0]], ...build[1]);
      assert.equal(built.code, 0, built.err);
    }
    const { code, out, err } = await run(command, postern.origin, AUDIENCE, await assertion());
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, new RegExp(`^human alice of ${url} \\([\\w-]{43}\\)\n$`));
    for (const [what, token, { audience = AUDIENCE } = {}] of cases) {
      const refused = await run(command, postern.origin, audience, token);
      assert.deepEqual([refused.code, refused.out], [1, ""], `${what}: ${refused.err}`);
      assert.match(refused.err, /^refused: ./, what);
    }
  });
}
