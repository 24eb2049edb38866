// What a newcomer does: `npm start`, open the page, sign in, look around, sign out.
//
// The demo's ports (9001, 9002; 9010 of its agent) are part of its configuration: nothing else may run there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { freePort } from "../e2e/support/ports.mjs";
import { launchChromium, newPerson, signIn } from "./support/world.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const START = fileURLToPath(new URL("../../scripts/start.mjs", import.meta.url));
const READY_WITHIN_MS = 120_000;

/** Starts the demo as `npm start` does; resolves with what it prints as the address to open. */
async function startDemo() {
  const child = spawn(process.execPath, [START], {
    env: { ...process.env, POSTERN_PORT: String(await freePort()), NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise((exit) => child.on("exit", exit));
  after(async () => {
    child.kill("SIGTERM");
    await exited;
  });
  let said = "";
  return new Promise((ready, failed) => {
    setTimeout(() => failed(new Error(`not running in time:\n${said}`)), READY_WITHIN_MS).unref();
    exited.then((code) => failed(new Error(`ended with ${code}:\n${said}`)));
    const listen = (chunk) => {
      said += chunk;
      const address = /Open\s+(http:\/\/localhost:\d+)/.exec(said);
      if (address) ready({ origin: address[1], said: () => said });
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
  });
}

const browser = await launchChromium();
const demo = await startDemo();
const { origin } = demo;
const title = (page) => page.locator("h1:visible").first().textContent();

test("the start page lets people sign in with either provider, and then says who they are and what the API says", async () => {
  const { page, context, complaints } = await newPerson(browser);
  await page.goto(origin);
  assert.equal(await title(page), "You are signed out");
  await page.locator("#signed-out").getByRole("link", { name: "Sign in" }).click();
  await page.getByRole("link", { name: /Demo Identity/ }).click();
  await signIn(page);
  await page.waitForURL(`${origin}/`);
  await page.locator("#person-title:visible").waitFor();
  assert.equal(await page.locator("#person-title").textContent(), "Alice Liddell");
  await page.getByText("The API says: “Hello, c5c1f0d4-alice.”").waitFor();
  assert.match(await page.locator("#idle-left").textContent(), /^1[45]:\d\d$/);
  assert.match(await page.locator("#absolute-left").textContent(), /^(8:00|7:59):\d\d$/);
  assert.equal(await page.locator("#cookies").textContent(), "empty");
  await page.getByRole("button", { name: "GET /api/admin/keys" }).click();
  await page.getByText("/api/admin/keys → 403").waitFor();
  const expected = complaints.filter((text) => !/status of (401|403)/.test(text));
  assert.deepEqual(expected, []);
  await context.close();
});

test("a link to the guarded page signs people in and brings them back to it, query and fragment included", async () => {
  const { page, context } = await newPerson(browser);
  await page.goto(`${origin}/reports?week=47#tuesday`);
  await page.getByRole("link", { name: /Partner Login/ }).click();
  await signIn(page, { login: "bob", password: "builder" });
  await page.waitForURL(`${origin}/reports?week=47#tuesday`);
  await page.locator("#reports:visible").waitFor();
  assert.equal(await title(page), "Reports");
  assert.match(await page.locator("#person-detail").textContent(), /signed in with partner/);
  await context.close();
});

test("what is open is closed when the session is ended from another browser, and the page says so", async () => {
  //
  const [one, two] = await Promise.all([newPerson(browser), newPerson(browser)]);
  for (const { page } of [one, two]) {
    await page.goto(`${origin}/auth/login?provider=demo&return_to=/`);
    await signIn(page);
    await page.waitForURL(`${origin}/`);
  }
  const { page, complaints } = one;
  const talk = page.locator("#talk");
  await page.getByRole("button", { name: "Listen" }).click();
  await page.getByText(/^Tick 2, /).waitFor();
  await page.getByRole("button", { name: "Connect" }).click();
  await talk.filter({ hasText: "Hello, c5c1f0d4-alice." }).waitFor();
  await page.getByLabel("Message").fill("good morning");
  await page.keyboard.press("Enter");
  await talk.filter({ hasText: "c5c1f0d4-alice said “good morning”" }).waitFor();
  await two.page.getByRole("button", { name: "End all others" }).click();
  await talk.filter({ hasText: "Closed with 4401: session ended." }).waitFor();
  await page.getByRole("alert").filter({ hasText: "Your session has ended" }).waitFor();
  await page.getByText("Ended with the session.").waitFor();
  assert.equal(await page.getByLabel("Message").isVisible(), false);
  // Whoever tries again is refused, and the page stands it.
  await page.getByRole("button", { name: "Connect" }).click();
  await talk.filter({ hasText: "Refused." }).waitFor();
  await page.getByRole("button", { name: "Listen" }).click();
  await page.locator("#ticks").filter({ hasText: "Refused." }).waitFor();
  assert.deepEqual(complaints.filter((text) => !/status of 401|HTTP Authentication failed/.test(text)), []);
  await Promise.all([one.context.close(), two.context.close()]);
});

test("a sign-out on the page ends the session here and there", async () => {
  const { page, context } = await newPerson(browser);
  await page.goto(`${origin}/auth/login?provider=demo&return_to=/`);
  await signIn(page);
  await page.waitForURL(`${origin}/`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/127\.0\.0\.1:9001/);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/\/auth\/logged-out/);
  await page.goto(origin);
  assert.equal(await title(page), "You are signed out");
  await context.close();
});

test("what the demo prints of its decisions holds no token and no cookie", () => {
  const events = demo.said().split("\n").filter((line) => line.includes('{"time"'));
  assert.ok(events.length > 10, `${events.length} events were shown`);
  assert.doesNotMatch(events.join("\n"), /eyJ|code=|__Host-postern=/);
});

test("a person and a program with a key of theirs are greeted alike, and the API sees a token of Postern's own", async () => {
  const { page, context } = await newPerson(browser);
  await page.goto(`${origin}/auth/login?provider=demo&return_to=/`);
  await signIn(page);
  await page.waitForURL(`${origin}/`);
  await page.getByRole("button", { name: "GET /api/greeting" }).click();
  await page.getByText("The API says: “Hello, c5c1f0d4-alice.”").waitFor();
  assert.ok((await page.locator("#by-key").textContent()).includes(`${origin}/api/greeting`));
  const key = await page.evaluate(async () => {
    const order = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name: "curl", scopes: ["hello:read"] }) };
    return (await (await fetch("/auth/keys", order)).json()).key;
  });
  assert.match(key, /^demo_/);
  const greet = (headers) => fetch(`${origin}/api/greeting`, { headers });
  const answer = await greet({ authorization: `Bearer ${key}` });
  assert.equal(answer.status, 200);
  const { message, client, received } = await answer.json();
  assert.match(message, /^Hello, key:[0-9a-f]{16}\.$/);
  assert.equal(client, "robot");
  assert.ok(!received.headers.includes("cookie"));
  assert.equal((await greet({})).status, 401);
  assert.ok(demo.said().includes("/api/greeting"), "the terminal says how to try it");
  await context.close();
});

/** Starts the agent by the command that the demo prints, or with another address; its lines, one at a time, and how it ends. */
function startAgent(elsewhere) {
  const [, file, address] = /Agent\s+node (\S+) (\S+)/.exec(demo.said());
  const child = spawn(process.execPath, [file, elsewhere ?? address], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  after(() => child.kill());
  let said = "";
  const listeners = new Set();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      said += chunk;
      for (const listen of listeners) listen();
    });
  }
  const ended = once(child, "close").then(([code]) => ({ code, said }));
  const line = (pattern) => Promise.race([
    new Promise((found) => {
      const listen = () => {
        const match = pattern.exec(said);
        if (!match) return;
        listeners.delete(listen);
        found(match);
      };
      listeners.add(listen);
      listen();
    }),
    ended.then(({ code }) => { throw new Error(`ended with ${code}:\n${said}`); }),
  ]);
  return { ended, line, stop: () => child.kill() };
}

test("the agent asks a person who never saw it, and calls the tools that they allowed", async () => {
  //
  const agent = startAgent();
  const [address] = await agent.line(/http:\/\/localhost:\d+\/auth\/agents\/authorize\S+/);
  const { page, context, complaints } = await newPerson(browser);
  await page.goto(address);
  await page.getByRole("link", { name: /Demo Identity/ }).click();
  await signIn(page);
  await page.getByRole("heading", { name: "Allow this program to act for you?" }).waitFor();
  const asked = await page.locator("main").textContent();
  for (const part of ["Demo agent", "localhost:9010", `${new URL(origin).host}/mcp`, "notes:read", "search"]) assert.ok(asked.includes(part), `${part}: ${asked}`);
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByText("You can close this page.").waitFor();
  const { code, said } = await agent.ended;
  assert.equal(code, 0, said);
  assert.match(said, /^Tools that it may use: whoami, search, delete_note$/m);
  assert.match(said, /^whoami: .*"sub":"c5c1f0d4-alice".*"client":"http:\/\/localhost:9010\/client\.json"/m);
  assert.match(said, /^search: croquet$/m);
  assert.match(said, /^dump: refused \(.+\)$/m);
  assert.doesNotMatch(said, /mcp-sdk|^ +at /m);
  await page.goto(`${origin}/auth/sessions`);
  // What was granted to earlier runs of the demo is there too, at other addresses.
  const granted = page.getByRole("listitem").filter({ hasText: `${origin}/mcp` });
  await granted.getByRole("button", { name: "End Demo agent" }).click();
  await granted.waitFor({ state: "detached" });
  assert.deepEqual(complaints, []);
  await context.close();
});

test("an agent beside another one, or without the demo, says what to do", async () => {
  const agent = startAgent();
  await agent.line(/\/auth\/agents\/authorize/);
  const { code, said } = await startAgent().ended;
  assert.deepEqual([code, said.trim()], [1, "Port 9010 is taken: stop what runs there (another demo/agent.mjs?)."]);
  agent.stop();
  await agent.ended;
  const nowhere = `http://localhost:${await freePort()}`;
  const lost = await startAgent(`${nowhere}/mcp`).ended;
  assert.deepEqual([lost.code, lost.said.trim()], [1, `Nothing answers at ${nowhere}: run \`npm start\` first, and give the address that it prints.`]);
});

test("the agent says so, and ends, if the person refuses", async () => {
  const agent = startAgent();
  const [address] = await agent.line(/http:\/\/localhost:\d+\/auth\/agents\/authorize\S+/);
  const { page, context } = await newPerson(browser);
  await page.goto(address);
  await page.getByRole("link", { name: /Demo Identity/ }).click();
  await signIn(page);
  await page.getByRole("button", { name: "Refuse" }).click();
  await page.waitForURL("http://localhost:9010/callback?**");
  const { code, said } = await agent.ended;
  assert.equal(code, 1, said);
  assert.match(said, /^not allowed: access_denied$/m);
  assert.doesNotMatch(said, /^ +at /m);
  await context.close();
});
