// Chromium, Postern, and certified providers with sign-in pages, each on a port of its own.

import { createServer } from "node:http";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { startProvider } from "../../../demo/provider/provider.mjs";
import { startPostern } from "../../e2e/support/postern.mjs";
import { freePort } from "../../e2e/support/ports.mjs";

const PAGES = fileURLToPath(new URL("pages.mjs", import.meta.url));
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export const ROUTES = {
  "/": { methods: ["GET"], upstream: "service:ECHO", public: true },
  "/api/echo": { methods: ["GET", "POST"], upstream: "service:ECHO" },
  "/page": { methods: ["GET"], upstream: "service:ECHO" },
};

async function listen(server, port = 0) {
  await new Promise((listening) => server.listen(port, "127.0.0.1", listening));
  return server.address().port;
}

/** Chromium, closed after the file's tests. */
export async function launchChromium() {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM_BIN ?? "/usr/bin/chromium", args: FLAGS });
  after(() => browser.close());
  return browser;
}

/** A certified provider for one Postern, and how Postern is configured for it. */
export async function providerFor(id, origin, settings = {}) {
  const client = { id: "postern", secret: `secret-of-${id}`, auth: "client_secret_basic" };
  const provider = await startProvider({
    name: `Provider ${id}`,
    clients: [{
      client_id: client.id, client_secret: client.secret, client_name: "Application",
      redirect_uris: [`${origin}/auth/callback/${id}`], post_logout_redirect_uris: [`${origin}/auth/logged-out`],
    }],
  });
  after(() => provider.close());
  return { issuer: { url: provider.issuer, alg: "RS256", client }, ...settings };
}

/**
 * Starts Postern on a real port, in front of pages, with a certified provider for each of `settings`.
 * @param {Record<string, object>} settings of providers, by id
 */
export async function startApplication(settings, { session, vars, services, routes = ROUTES, upstream = PAGES, host = "localhost" } = {}) {
  const port = await freePort();
  const origin = `http://${host}:${port}`;
  const providers = {};
  for (const [id, more] of Object.entries(settings)) providers[id] = await providerFor(id, origin, more);
  const postern = await startPostern({ providers, session, vars, services, routes, port, host, upstream });
  after(() => postern.close());
  return { origin, postern, providers };
}

/** Another site, on `127.0.0.1`: pages whose bodies are given by path. */
export async function startOtherSite(pages) {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,">${pages[request.url] ?? ""}`);
  });
  const port = await listen(server);
  after(() => new Promise((closed) => {
    server.close(closed);
    server.closeAllConnections();
  }));
  return `http://127.0.0.1:${port}`;
}

/** Signs in on the provider's own pages; ends where the login was for. */
export async function signIn(page, { login = "alice", password = "wonderland" } = {}) {
  await page.getByLabel("User name").fill(login);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await allow(page);
}

/** Consents, where the provider asks for it. */
export async function allow(page) {
  const button = page.getByRole("button", { name: "Allow" });
  await Promise.race([button.waitFor(), page.waitForURL(/^http:\/\/([a-z]+\.)*localhost/)]).catch(() => {});
  if (await button.isVisible().catch(() => false)) await button.click();
}

/**
 * A page of a new profile that notes what went wrong in ours: a policy that was violated, an error in the console.
 * @returns {Promise<{ context: import("playwright-core").BrowserContext, page: import("playwright-core").Page, complaints: string[] }>}
 */
export async function newPerson(browser, options = {}) {
  const context = await browser.newContext(options);
  const complaints = [];
  context.on("console", (message) => {
    if (message.type() === "error" && !message.location().url.startsWith("http://127.0.0.1")) complaints.push(message.text());
  });
  context.on("weberror", (error) => complaints.push(String(error.error())));
  context.setDefaultTimeout(10_000);
  return { context, page: await context.newPage(), complaints };
}

/** A new person who has signed in on the way to `/page`, and is there. */
export async function newSignedIn(browser, origin) {
  const person = await newPerson(browser);
  await person.page.goto(`${origin}/page`);
  await signIn(person.page);
  await person.page.waitForURL(`${origin}/page`);
  return person;
}
