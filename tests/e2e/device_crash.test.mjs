// workerd is killed while browsers bind sessions to their devices and prove the keys, and started again over the same storage:
// what a browser was told holds, and nothing is bound twice.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startProviders } from "../provider/host.mjs";
import { Browser } from "./support/browser.mjs";
import { askAbout, bind, BOUND_COOKIE as BOUND, challengeOf, cookiesOf, Device, offerOf } from "./support/device.mjs";
import { logIn } from "./support/login.mjs";
import { BareWorkerd } from "./support/workerd.mjs";
import { send } from "./support/http.mjs";

/** A few every day, many in the long run. */
const KILLS = process.env.POSTERN_TEST_LONG === "1" ? 100 : 8;
const LONGEST_ROUND_MS = 15_000;
/** In which a kill may fall after the requests went out. */
const WINDOW_MS = 30;
const ORIGIN = "https://app.localhost";
const ID = "postern:app.localhost";
/** What stands before it takes TLS off. */
const MAIN = `import postern from "./index.js";
export * from "./index.js";
export default { fetch: (request, env, ctx) => postern.fetch(new Request(request.url.replace("http:", "https:"), request), env, ctx) };`;

const host = await startProviders();
const issuer = host.issuer("main");
const workerd = new BareWorkerd({
  providers: { main: issuer }, session: { device: "offer" }, vars: { PUBLIC_URL: ORIGIN }, routes: { "/page": { upstream: "service:ECHO" } }, main: MAIN,
});
workerd.origin = ORIGIN;
after(() => Promise.all([workerd.close(), host.close()]));

/** The answer, or undefined where the process died first. */
const answered = (asked) => asked.catch(() => undefined);
const refresh = (browser, proof) => askAbout(browser, "/auth/bound/refresh", proof, [["sec-secure-session-id", ID]]);
const status = async (browser, names) => (await send({
  port: workerd.port, url: `${ORIGIN}/page`, headers: [cookiesOf(browser, names), ["sec-fetch-site", "same-origin"]],
})).status;

async function signedIn(sub) {
  issuer.user = { sub };
  const browser = new Browser(workerd);
  const answer = await logIn(browser);
  assert.equal(answer.status, 200, answer.body);
  return { browser, answer };
}

test("kills while sessions are bound and keys are proven", { timeout: KILLS * LONGEST_ROUND_MS }, async () => {
  //
  await workerd.start();
  const told = { bind: 0, prove: 0, nothing: 0 };
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const [begins, proves] = [await signedIn(`begins-${kill}`), await signedIn(`proves-${kill}`)];
    const { device } = await bind(proves.browser, proves.answer);
    const proof = device.jws({}, { jti: challengeOf(await refresh(proves.browser)) });
    const own = new Device();
    const asked = [
      askAbout(begins.browser, "/auth/bound/register", own.registration(offerOf(begins.answer))), refresh(proves.browser, proof),
    ].map(answered);
    await [Promise.resolve(), ...asked][kill % 3];
    if (kill % 3) await new Promise((over) => setTimeout(over, Math.random() * WINDOW_MS));
    await workerd.kill();
    const [registered, proven] = await Promise.all(asked);
    await workerd.start();

    // Whoever was told that it is bound needs both cookies; another key binds it no more.
    if (registered?.status === 200) {
      assert.equal(await status(begins.browser), 200, "a confirmed binding was lost");
      const thief = new Device();
      const again = await askAbout(begins.browser, "/auth/bound/register", thief.registration(offerOf(begins.answer)));
      assert.equal(again.status, 403, "a session was bound twice");
    }
    // A proof that was answered is used up; one that was not counts at most once more, and the browser goes on by the next.
    const repeated = (await refresh(proves.browser, proof)).status;
    if (proven?.status === 200) assert.equal(repeated, 403, "a proof counted twice");
    const next = device.jws({}, { jti: challengeOf(await refresh(proves.browser)) });
    assert.equal((await refresh(proves.browser, next)).status, 200, "the binding was lost");
    assert.deepEqual([await status(proves.browser), await status(proves.browser, [BOUND])], [200, 401]);
    told.bind += Number(registered?.status === 200);
    told.prove += Number(proven?.status === 200);
    told.nothing += Number(!registered || !proven);
  }
  for (const [what, count] of Object.entries(told)) assert.ok(count > 0, `${what}: every kill came too early, or too late`);
});
