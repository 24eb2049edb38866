// Whoever has a session and none of its person's factors guesses codes: in two isolates at once, and in vain.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn } from "./support/login.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { codeOf, stepAt } from "./support/totp.mjs";
import { startWorld } from "./support/world.mjs";

const GUESSES = 1000;
const AT_ONCE = 50;
/** How many wrong codes are looked at before the first pause. */
const FREE = 5;
/** How fast a clock runs that stands still. */
const STILL = 1e-4;

const world = await startWorld({ main: {} }, { twin: true, vars: { SECOND: { factors: ["totp"] } } });
const { postern } = world;
const { main } = world.issuers;

const HEADERS = [["content-type", "application/json"], ["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "cors"], ["sec-fetch-dest", "empty"], ["accept", "*/*"]];

async function signedIn(sub) {
  main.user.sub = sub;
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider: "main" })).status, 200);
  return browser;
}

const post = (browser, path, body) => browser.fetch(path, { method: "POST", body: JSON.stringify(body), headers: [["content-type", "application/json"]] });

/** Adds an app. Its secret. */
async function withApp(browser) {
  const { secret, pending } = JSON.parse((await post(browser, "/auth/second/totp/begin", {})).body);
  const code = codeOf(secret, stepAt(postern.now()));
  const added = await post(browser, "/auth/second/totp/finish", { pending, code, name: "" });
  assert.equal(added.status, 201, added.body);
  return secret;
}

/** Sends a code with this cookie to one of the isolates. */
function guess(cookie, code, at) {
  const headers = [...HEADERS, ["origin", postern.origin], ["cookie", `${SESSION_COOKIE}=${cookie}`]];
  const asked = ["/auth/second/verify/totp", { method: "POST", body: JSON.stringify({ code }), headers }];
  return at % 2 ? postern.sendToTwin(...asked) : postern.send(...asked);
}

test("of a thousand guesses in two isolates five are looked at, and the sign-in goes on", { timeout: 120_000 }, async () => {
  //
  const secret = await withApp(await signedIn("alice"));
  const thief = await signedIn("alice");
  const cookie = thief.jar.cookies.get(SESSION_COOKIE).value;
  await postern.advance(60);
  const right = [-1, 0, 1].map((off) => codeOf(secret, stepAt(postern.now()) + off));
  const wrong = [...Array(GUESSES + 3)].map((_, at) => String(at).padStart(6, "0")).filter((code) => !right.includes(code));
  const statuses = [];
  // Time does not pass for the Worker meanwhile: the first pause of a minute does not come to its end.
  await postern.lapse(STILL);
  for (let from = 0; from < GUESSES; from += AT_ONCE) {
    const some = wrong.slice(from, from + AT_ONCE);
    statuses.push(...(await Promise.all(some.map((code, at) => guess(cookie, code, at)))).map(({ status }) => status));
  }
  const locked = await guess(cookie, right[1], 0);
  assert.equal(locked.status, 429, "the right code tells itself apart");
  assert.ok(Number(locked.headers["retry-after"]) >= 1 && Number(locked.headers["retry-after"]) <= 60);
  await postern.lapse(1);
  assert.equal(statuses.length, GUESSES);
  assert.equal(statuses.filter((status) => status !== 429).length, FREE);
  // Nobody is locked out of the site, and after the pause the person proves as before.
  const person = await signedIn("alice");
  await postern.advance(61);
  const proven = await post(person, "/auth/second/verify/totp", { code: codeOf(secret, stepAt(postern.now())) });
  assert.equal(proven.status, 200, proven.body);
});

test("one code that is sent fifty times in two isolates is good once", async () => {
  //
  const secret = await withApp(await signedIn("bob"));
  await postern.advance(60);
  const code = codeOf(secret, stepAt(postern.now()));
  const browsers = [];
  for (let at = 0; at < 4; at += 1) browsers.push(await signedIn("bob"));
  const cookies = browsers.map((browser) => browser.jar.cookies.get(SESSION_COOKIE).value);
  const answers = await Promise.all([...Array(50)].map((_, at) => guess(cookies[at % cookies.length], code, at)));
  assert.equal(answers.filter(({ status }) => status === 200).length, 1, answers.map(({ status }) => status).join(" "));
});
