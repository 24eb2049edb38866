// Where consent is remembered (`AGENTS.remember`), in a real browser: the same is not asked twice of a person who comes by
// themselves, and everything else is asked.

import assert from "node:assert/strict";
import { test } from "node:test";

import { startProgram } from "./support/program.mjs";
import { launchChromium, newSignedIn, ROUTES, signIn, startApplication } from "./support/world.mjs";

const browser = await launchChromium();
const application = {
  routes: { ...ROUTES, "/mcp": { upstream: "service:ECHO", mcp: { scopes: { "tools/call:search": "docs:read", "tools/call:delete_*": "docs:write" } } } },
};
const { origin } = await startApplication({ main: {} }, { ...application, vars: { AGENTS: { remember: true } } });
const program = await startProgram(origin);

const question = (page) => page.getByRole("heading", { name: "Allow this program to act for you?" });

/** The person types the address in. */
const comesByThemselves = (page, state, more) => page.goto(program.address(state, more));

/** The answer, where the person sees no page of ours on the way. */
async function passes(page, state, more) {
  const seen = [];
  const note = (frame) => { if (frame === page.mainFrame()) seen.push(frame.url()); };
  page.on("framenavigated", note);
  await comesByThemselves(page, state, more);
  const answer = await program.arrived(page);
  page.off("framenavigated", note);
  assert.deepEqual(seen, [page.url()]);
  assert.deepEqual([answer.get("state"), answer.get("iss")], [state, origin]);
  return answer;
}

/** The person allows what they are asked, for so long; the tokens of the program. */
async function allows(page, life = "30") {
  await question(page).waitFor();
  await page.getByLabel("For how long").selectOption(life);
  await page.getByRole("button", { name: "Allow" }).click();
  return tokensOf(await program.arrived(page));
}

async function tokensOf(answer) {
  const tokens = await program.redeem(answer.get("code"));
  assert.equal(tokens.status, 200);
  return tokens.json();
}

/** What the doors of `/mcp` say to a token: 401 where it is over. */
async function call(access) {
  const _meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} };
  const answer = await fetch(`${origin}/mcp`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${access}`, "content-type": "application/json", accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "search",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "search", arguments: {}, _meta } }),
  });
  return answer.status;
}

const READ = { scope: "docs:read" };

test("what a person allowed for days is not asked again, until they end it; more is asked, and so is what a page sends", async () => {
  //
  const { context, page, complaints } = await newSignedIn(browser, origin);
  await comesByThemselves(page, "first", READ);
  const first = await allows(page);
  assert.equal(first.scope, "docs:read");

  const second = await tokensOf(await passes(page, "second", READ));
  assert.deepEqual([second.scope, await call(second.access_token)], ["docs:read", 200]);
  await comesByThemselves(page, "wider", { scope: "docs:read docs:write" });
  await question(page).waitFor();
  await comesByThemselves(page, "all there is");
  await question(page).waitFor();
  await program.connect(page, "/another-page");
  await question(page).waitFor();

  await page.goto(`${origin}/auth/sessions`);
  const ends = page.getByRole("button", { name: "End Example Agent" });
  for (let left = await ends.count(); left > 0; left -= 1) {
    await Promise.all([page.waitForEvent("load"), ends.first().click()]);
    assert.equal(await ends.count(), left - 1);
  }
  for (const { access_token: access } of [first, second]) assert.equal(await call(access), 401);
  await comesByThemselves(page, "after the end", READ);
  await question(page).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

test("what a person allowed until they sign out is asked again", async () => {
  //
  const { context, page } = await newSignedIn(browser, origin);
  await comesByThemselves(page, "first", READ);
  await allows(page, "session");
  await comesByThemselves(page, "second", READ);
  await question(page).waitFor();
  await context.close();
});

test("who has to sign in on the way is asked, whatever they allowed before", async () => {
  //
  const { context, page } = await newSignedIn(browser, origin);
  await comesByThemselves(page, "first", READ);
  await allows(page);
  await passes(page, "second", READ);
  await context.clearCookies();
  await comesByThemselves(page, "signed out", READ);
  await signIn(page);
  await question(page).waitFor();
  await context.close();
});

test("where it is not remembered, everything is asked", async () => {
  //
  const forgetful = await startApplication({ main: {} }, { ...application, vars: { AGENTS: {} } });
  const other = await startProgram(forgetful.origin);
  const { context, page } = await newSignedIn(browser, forgetful.origin);
  for (const state of ["first", "second"]) {
    await page.goto(other.address(state, READ));
    await question(page).waitFor();
    await page.getByLabel("For how long").selectOption("30");
    await page.getByRole("button", { name: "Allow" }).click();
    assert.equal((await other.redeem((await other.arrived(page)).get("code"))).status, 200);
  }
  await context.close();
});
