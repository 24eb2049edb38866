// workerd is killed while people add second factors and prove them, and started again over the same storage: nothing is half
// done, and no code is good twice.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startProviders } from "../provider/host.mjs";
import { Browser } from "./support/browser.mjs";
import { logIn } from "./support/login.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { codeOf, stepAt } from "./support/totp.mjs";
import { BareWorkerd } from "./support/workerd.mjs";

/** A few every day, many in the long run. */
const KILLS = process.env.POSTERN_TEST_LONG === "1" ? 100 : 9;
const LONGEST_ROUND_MS = 20_000;
/** In which a kill may fall after a request went out. */
const WINDOW_MS = 40;

const host = await startProviders();
const issuer = host.issuer("main");
const workerd = new BareWorkerd({ providers: { main: issuer }, vars: { SECOND: { factors: ["totp"] } } });
after(() => Promise.all([workerd.close(), host.close()]));

const pause = (milliseconds) => new Promise((over) => setTimeout(over, milliseconds));
const cookieOf = (browser) => browser.jar.cookies.get(SESSION_COOKIE).value;
const post = (browser, path, body) =>
  browser.fetch(path, { method: "POST", body: JSON.stringify(body), headers: [["content-type", "application/json"]] });
const prove = (browser, kind, code) => post(browser, `/auth/second/verify/${kind}`, { code });
const now = () => stepAt(Date.now());

async function signedIn(sub) {
  issuer.user.sub = sub;
  const browser = new Browser(workerd);
  assert.equal((await logIn(browser)).status, 200);
  return browser;
}

/** Whether a session goes on under the id that this cookie has. */
async function lives(cookie) {
  const { status } = await workerd.send("/auth/me?touch=false", { headers: [["cookie", `${SESSION_COOKIE}=${cookie}`], ["sec-fetch-site", "same-origin"]] });
  assert.ok([200, 401].includes(status), String(status));
  return status === 200;
}

async function factors(browser) {
  const answer = await browser.fetch("/auth/second");
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body);
}

/** Kills while `send` goes on: at once, after its answer, or in between. The answer, and whether the session moved. */
async function killed(kill, browser, send) {
  const before = cookieOf(browser);
  const asked = send().catch(() => undefined);
  if (kill % 3 === 1) await asked;
  if (kill % 3 === 2) await pause(Math.random() * WINDOW_MS);
  await workerd.kill();
  const answer = await asked;
  await workerd.start();
  return { answer, moved: !(await lives(before)) };
}

test("kills while factors are added and proven", { timeout: KILLS * LONGEST_ROUND_MS }, async () => {
  //
  await workerd.start();
  const told = { added: 0, proven: 0, recovered: 0, nothing: 0 };
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const sub = `person-${kill}`;
    let browser = await signedIn(sub);
    const begun = await post(browser, "/auth/second/totp/begin", {});
    assert.equal(begun.status, 200, begun.body);
    const { secret, pending } = JSON.parse(begun.body);
    let step = now();
    const finish = () => post(browser, "/auth/second/totp/finish", { pending, code: codeOf(secret, step), name: "Phone" });
    let { answer, moved } = await killed(kill, browser, finish);
    if (answer) assert.equal(answer.status, 201, answer.body);
    if (answer) assert.ok(moved, "a factor that was confirmed is lost");
    told.added += Number(answer !== undefined);
    told.nothing += Number(!answer && !moved);

    // Either nothing happened, or all of it: the factor, its recovery codes, and the new id.
    let there = await factors(await signedIn(sub));
    assert.deepEqual([there.factors.length, there.recovery.left], moved ? [1, 10] : [0, 0], "an enrolment is half done");
    if (!moved) {
      step = now();
      answer = await finish();
      assert.equal(answer.status, 201, answer.body);
    }
    const used = await prove(await signedIn(sub), "totp", codeOf(secret, step));
    assert.notEqual(used.status, 200, "the code that added the app is good once more");

    browser = await signedIn(sub);
    step = Math.max(step + 1, now());
    const proof = await killed(kill, browser, () => prove(browser, "totp", codeOf(secret, step)));
    if (proof.answer) assert.equal(proof.answer.status, 200, proof.answer.body);
    if (proof.answer) assert.ok(proof.moved, "a proof that was confirmed is lost");
    told.proven += Number(proof.answer !== undefined);
    const again = await prove(await signedIn(sub), "totp", codeOf(secret, step));
    if (proof.moved) assert.notEqual(again.status, 200, "a code is good twice");
    else if (now() <= step + 1) assert.equal(again.status, 200, `a code is used up by nothing: ${again.body}`);
    assert.notEqual((await prove(await signedIn(sub), "totp", codeOf(secret, step))).status, 200, "a code is good twice");

    // The codes are known where the answer came.
    const [paper] = answer ? JSON.parse(answer.body).recovery_codes : [];
    if (!paper) continue;
    browser = await signedIn(sub);
    const other = await signedIn(sub);
    const recovery = await killed(kill, browser, () => prove(browser, "recovery", paper));
    if (recovery.answer) assert.ok(recovery.moved, "a recovery that was confirmed is lost");
    assert.equal(await lives(cookieOf(other)), !recovery.moved, "a recovery code that was used left another session");
    told.recovered += Number(recovery.answer?.status === 200);
    there = await factors(await signedIn(sub));
    assert.equal(there.recovery.left, recovery.moved ? 9 : 10, "a recovery is half done");
    if (recovery.moved) assert.notEqual((await prove(await signedIn(sub), "recovery", paper)).status, 200, "a recovery code is good twice");
  }
  for (const [what, count] of Object.entries(told)) assert.ok(count > 0, `${what}: every kill came too early, or too late`);
});
