// A person allows a program to act for them, in a real browser: the page, its form, and the way to the program and back.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import { Response } from "miniflare";

import { mcpUpstream } from "../e2e/support/mcp_upstream.mjs";
import { startProgram } from "./support/program.mjs";
import { launchChromium, newPerson, newSignedIn, ROUTES, signIn, startApplication } from "./support/world.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LANGUAGES = ["en-US", "de", "fr", "es", "pt-BR", "ja", "ar"];

const browser = await launchChromium();
const server = mcpUpstream();
server.Response = Response;
const scopes = { "tools/call:search": "docs:read", "tools/call:delete_*": "docs:write" };
const { origin } = await startApplication({ main: {} }, {
  services: { MCP: (request) => server.service(request) },
  routes: { ...ROUTES, "/mcp": { upstream: "service:MCP", mcp: { scopes } } },
  vars: { AGENTS: {} },
});

const { at, link, connect, arrived, redeem } = await startProgram(origin);

test("who is not signed in signs in, sees the question, allows it and is back at the program", async () => {
  //
  const { context, page, complaints } = await newPerson(browser);
  await connect(page);
  await signIn(page);
  await page.getByRole("heading", { name: "Allow this program to act for you?" }).waitFor();
  const text = await page.locator("main").textContent();
  for (const part of ["Example Agent", new URL(at).host, `${new URL(origin).host}/mcp`, "docs:read", "search", "delete_*"]) {
    assert.ok(text.includes(part), `${part}: ${text}`);
  }
  assert.equal(await page.locator("script").count(), 0);
  assert.ok(await page.getByRole("note").isVisible());
  await page.getByLabel("For how long").selectOption("30");
  await page.getByRole("button", { name: "Allow" }).click();
  const answer = await arrived(page);
  assert.match(answer.get("code"), /^pstn_ac_/);
  assert.deepEqual([answer.get("state"), answer.get("iss")], ["/", origin]);
  const tokens = await redeem(answer.get("code"));
  assert.equal(tokens.status, 200, await tokens.text());
  await page.goto(`${origin}/auth/sessions`);
  await page.getByRole("button", { name: "End Example Agent" }).click();
  await page.getByText("Example Agent").waitFor({ state: "detached" });
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the address of a server is all that a program needs, until the person ends it", async () => {
  //
  const kept = {};
  const authProvider = {
    redirectUrl: `${at}/cb`,
    clientMetadata: { client_name: "Example Agent", redirect_uris: [`${at}/cb`] },
    clientInformation: () => ({ client_id: `${at}/client.json` }),
    tokens: () => kept.tokens,
    saveTokens: (tokens) => { kept.tokens = tokens; },
    invalidateCredentials: () => { kept.tokens = undefined; },
    codeVerifier: () => kept.verifier,
    saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
    redirectToAuthorization: (url) => { kept.url = url; },
  };
  const connection = () => new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { authProvider });
  const program = () => new Client({ name: "program", version: "1" }, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  const first = connection();
  await assert.rejects(program().connect(first), UnauthorizedError);
  const { context, page, complaints } = await newPerson(browser);
  await page.goto(kept.url.href);
  await signIn(page);
  await page.getByRole("button", { name: "Allow" }).click();
  await first.finishAuth(await arrived(page));
  const client = program();
  await client.connect(connection());
  assert.equal((await client.callTool({ name: "search", arguments: { q: "tea" } })).content[0].text, "search tea");

  await page.goto(`${origin}/auth/sessions`);
  assert.ok(await page.getByText("When you sign out").isVisible());
  await page.getByRole("button", { name: "End Example Agent" }).click();
  await page.getByText("Example Agent").waitFor({ state: "detached" });
  const before = server.seen.length;
  await assert.rejects(client.callTool({ name: "search", arguments: { q: "tea" } }), UnauthorizedError);
  assert.equal(server.seen.length, before);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("two tabs are two questions, each is answered once, and a no is told", async () => {
  //
  const { context, page, complaints } = await newSignedIn(browser, origin);
  const other = await context.newPage();
  await connect(page, "/one");
  await connect(other, "/two");
  await other.getByRole("button", { name: "Refuse" }).click();
  const refused = await arrived(other);
  assert.deepEqual([refused.get("error"), refused.get("state")], ["access_denied", "/two"]);
  const question = page.locator('input[name="question"]');
  const answered = await question.inputValue();
  await page.getByRole("button", { name: "Allow" }).click();
  assert.equal((await arrived(page)).get("state"), "/one");
  await connect(page, "/three");
  await question.evaluate((input, value) => { input.value = value; }, answered);
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByRole("heading", { name: "This question is over" }).waitFor();
  assert.deepEqual(complaints.filter((text) => !/403/.test(text)), []);
  await context.close();
});

test("no other site frames the question", async () => {
  //
  const { context, page } = await newSignedIn(browser, origin);
  await page.goto(`${at}/frame`);
  await page.setContent(`<iframe src="${link("framed")}"></iframe>`);
  await page.frameLocator("iframe").locator("body").waitFor({ state: "attached" }).catch(() => {});
  assert.equal(await page.frameLocator("iframe").getByRole("button", { name: "Allow" }).count(), 0);
  await context.close();
});

test("the question is accessible in every language, without script, in light and dark, narrow and wide", async () => {
  const { context } = await newSignedIn(browser, origin);
  const state = await context.storageState();
  await context.close();
  for (const locale of LANGUAGES) {
    const { context, page, complaints } = await newPerson(browser, { locale, storageState: state });
    await connect(page);
    await page.locator("#for").waitFor();
    await page.evaluate(AXE);
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        const found = await page.evaluate(async () => {
          const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
          const { clientWidth, scrollWidth } = document.documentElement;
          return { violations: violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`), overhang: scrollWidth - clientWidth };
        });
        assert.deepEqual(found, { violations: [], overhang: 0 }, `${locale} ${colorScheme} ${width}`);
      }
    }
    assert.deepEqual(complaints, [], locale);
    await context.close();
  }
  const quiet = await browser.newContext({ javaScriptEnabled: false, storageState: state });
  const plain = await quiet.newPage();
  await connect(plain);
  await plain.getByRole("button", { name: "Allow" }).focus();
  await plain.keyboard.press("Enter");
  assert.ok((await arrived(plain)).get("code"));
  await quiet.close();
});
