// workerd is killed while agents redeem, refresh, use up and give back what people granted, and started again over the same storage:
// nothing is granted twice, and nothing that was confirmed is lost.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startProviders } from "../provider/host.mjs";
import { allowed, consent, program, register, token } from "./support/agents.mjs";
import { Browser } from "./support/browser.mjs";
import { logIn } from "./support/login.mjs";
import { BareWorkerd } from "./support/workerd.mjs";

/** A few every day, many in the long run. */
const KILLS = process.env.POSTERN_TEST_LONG === "1" ? 100 : 10;
const LONGEST_ROUND_MS = 15_000;
/** In which a kill may fall after the requests went out. */
const WINDOW_MS = 40;
/** A little less than the time in which a refresh token gets the same successor. */
const GRACE_MS = 9000;

const host = await startProviders();
const workerd = new BareWorkerd({
  providers: { main: host.issuer("main") },
  vars: { AGENTS: { register: true } },
  routes: { "/mcp": { upstream: "service:ECHO", authenticate: ["agent"] } },
});
after(() => Promise.all([workerd.close(), host.close()]));

const pause = (milliseconds) => new Promise((over) => setTimeout(over, milliseconds));
/** The answer, or undefined where the process died first. */
const answered = (asked) => asked.catch(() => undefined);
const refreshing = (client, refresh) => ({ grant_type: "refresh_token", refresh_token: refresh, client_id: client });
const opens = async (access) =>
  (await program(workerd, "/mcp", { headers: [["authorization", `Bearer ${access}`]] })).status;
const givenBack = (client, refresh) => program(workerd, "/auth/agents/revoke", {
  headers: [["content-type", "application/x-www-form-urlencoded"]],
  body: new URLSearchParams({ token: refresh, client_id: client }).toString(),
});

/** A token that is good for one request. */
async function single(client, access) {
  const answer = await token(workerd, {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange", subject_token: access, client_id: client,
    subject_token_type: "urn:ietf:params:oauth:token-type:access_token", task: "Book a room", uses: "1",
  });
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body).access_token;
}

test("kills while grants are redeemed, refreshed, used up and given back", { timeout: KILLS * LONGEST_ROUND_MS }, async () => {
  //
  await workerd.start();
  const browser = new Browser(workerd);
  assert.equal((await logIn(browser)).status, 200);
  const client = await register(workerd);
  const told = { redeem: 0, refresh: 0, end: 0, use: 0, nothing: 0 };
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const code = await allowed(browser, client);
    const kept = await consent(browser, client);
    const ending = await consent(browser, client);
    const once = await single(client, kept.access_token);
    const sentAt = Date.now();
    const asked = [
      token(workerd, code), token(workerd, refreshing(client, kept.refresh_token)), givenBack(client, ending.refresh_token),
      opens(once),
    ].map(answered);
    await [Promise.resolve(), ...asked][kill % 5];
    await pause(kill % 5 ? Math.random() * WINDOW_MS : 0);
    await workerd.kill();
    const [redeemed, refreshed, ended, used] = await Promise.all(asked);
    await workerd.start();

    // A code that was answered is used up; one that was not is used at most once more.
    if (redeemed?.status === 200) assert.equal(await opens(JSON.parse(redeemed.body).access_token), 200, "a grant was lost");
    const again = await token(workerd, code);
    if (redeemed?.status === 200) assert.equal(again.status, 400, "a code was redeemed twice");
    assert.equal((await token(workerd, code)).status, 400, "a code was redeemed twice");
    if (again.status === 200) assert.equal(await opens(JSON.parse(again.body).access_token), 401, "a code's second use ends its grant");

    // Whoever was not told asks again, and gets the one successor; whoever was told has it.
    const confirmed = refreshed?.status === 200 ? JSON.parse(refreshed.body).refresh_token : undefined;
    const repeated = await token(workerd, refreshing(client, kept.refresh_token));
    // On a machine that was busy for so long, the token before is one that was stolen.
    if (Date.now() - sentAt < GRACE_MS) {
      assert.equal(repeated.status, 200, `a refresh token was lost: ${repeated.body}`);
      const next = JSON.parse(repeated.body).refresh_token;
      if (confirmed) assert.equal(next, confirmed, "two successors");
      assert.equal((await token(workerd, refreshing(client, next))).status, 200, "a confirmed refresh token was lost");
    }

    if (ended?.status === 200) assert.equal(await opens(ending.access_token), 401, "a grant came back");
    // The one use counts before the upstream is asked: whoever was told has had it.
    const uses = [used, await opens(once), await opens(once)].filter((status) => status === 200).length;
    assert.ok(uses <= 1, "a token for one use opened twice");
    told.redeem += Number(redeemed?.status === 200);
    told.refresh += Number(refreshed?.status === 200);
    told.end += Number(ended?.status === 200);
    told.use += Number(used === 200);
    told.nothing += Number(![redeemed, refreshed, ended, used].every(Boolean));
  }
  for (const [what, count] of Object.entries(told)) assert.ok(count > 0, `${what}: every kill came too early, or too late`);
});
