// workerd is killed while calls are asked about, allowed and used up, and started again over the same storage: no call goes on
// twice, and no answer that was confirmed is lost.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startProviders } from "../provider/host.mjs";
import { call, consent, register } from "./support/agents.mjs";
import { Browser } from "./support/browser.mjs";
import { logIn } from "./support/login.mjs";
import { BareWorkerd } from "./support/workerd.mjs";

/** A few every day, many in the long run. */
const KILLS = process.env.POSTERN_TEST_LONG === "1" ? 100 : 10;
const LONGEST_ROUND_MS = 15_000;
/** In which a kill may fall after the requests went out. */
const WINDOW_MS = 40;

const host = await startProviders();
const workerd = new BareWorkerd({
  providers: { main: host.issuer("main") },
  vars: { AGENTS: { register: true } },
  routes: { "/mcp": { upstream: "service:ECHO", mcp: { approve: ["tools/call:delete_*"] } } },
});
after(() => Promise.all([workerd.close(), host.close()]));

const pause = (milliseconds) => new Promise((over) => setTimeout(over, milliseconds));
/** The answer, or undefined where the process died first. */
const answered = (asked) => asked.catch(() => undefined);
const deleting = (access, id) => call(workerd, access, "delete_doc", { id });

/** The path of the page at which a call that has just been made waits. */
async function asks(access, id) {
  const answer = await deleting(access, id);
  assert.equal(answer.status, 403, answer.body);
  return pageOf(answer);
}

const pageOf = ({ body }) => new URL(JSON.parse(body).approval_url).pathname;
const allow = (browser, page) => browser.navigate(page, {
  method: "POST", fields: [["decision", "allow"]], initiator: workerd.origin, follow: false,
});

test("kills while calls are asked about, allowed and used up", { timeout: KILLS * LONGEST_ROUND_MS }, async () => {
  //
  await workerd.start();
  const browser = new Browser(workerd);
  assert.equal((await logIn(browser)).status, 200);
  const client = await register(workerd);
  const told = { ask: 0, allow: 0, use: 0, nothing: 0 };
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const { access_token: access } = await consent(browser, client);
    const page = await asks(access, "allowed now");
    assert.equal((await allow(browser, await asks(access, "allowed before"))).status, 303);
    const asked = [deleting(access, "asked now"), allow(browser, page), deleting(access, "allowed before")].map(answered);
    await [Promise.resolve(), ...asked][kill % 4];
    await pause(kill % 4 ? Math.random() * WINDOW_MS : 0);
    await workerd.kill();
    const [waits, decided, used] = await Promise.all(asked);
    await workerd.start();

    // Whoever was told of a page finds it.
    if (waits?.status === 403) assert.equal((await browser.navigate(pageOf(waits), { initiator: workerd.origin })).status, 200, "a question was lost");
    const uses = async (id) => [await deleting(access, id), await deleting(access, id)].filter(({ status }) => status === 200).length;
    const after = await uses("allowed now");
    assert.ok(after <= 1, "one word allowed two calls");
    if (decided?.status === 303) assert.equal(after, 1, "a confirmed word was lost");
    // The word is used up before the upstream is asked: whoever was told has had it.
    assert.ok(Number(used?.status === 200) + await uses("allowed before") <= 1, "one word allowed two calls");
    told.ask += Number(waits?.status === 403);
    told.allow += Number(decided?.status === 303);
    told.use += Number(used?.status === 200);
    told.nothing += Number(![waits, decided, used].every(Boolean));
  }
  for (const [what, count] of Object.entries(told)) assert.ok(count > 0, `${what}: every kill came too early, or too late`);
});
