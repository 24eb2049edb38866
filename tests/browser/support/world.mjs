// Chromium, Postern, and certified providers with sign-in pages, each on a port of its own.

import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

/** A person with a profile of their own in a Chromium that binds sessions to its device, with keys in software. */
export async function newBoundPerson({ spki }) {
  const features = "DeviceBoundSessions:RequireOriginTrialTokens/false,EnableBoundSessionCredentialsSoftwareKeysForManualTesting";
  const folder = mkdtempSync(join(tmpdir(), "postern-profile-"));
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.CHROMIUM_BIN ?? "/usr/bin/chromium",
    args: [...FLAGS, "--headless=new", `--enable-features=${features}`, `--ignore-certificate-errors-spki-list=${spki}`],
  });
  context.setDefaultTimeout(10_000);
  const close = async () => {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  };
  // Also where a test stops in the middle.
  after(close);
  return { context, page: context.pages()[0] ?? (await context.newPage()), close };
}

/** Takes TLS off for a server on `port`, with a certificate of its own for `host`; every request as it came is in `seen`. */
export async function startTlsProxy(host, port) {
  const folder = mkdtempSync(join(tmpdir(), "postern-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", `/CN=${host}`, "-addext", `subjectAltName=DNS:${host}`], { stdio: "ignore" });
  const credentials = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true, force: true });
  const publicKey = new X509Certificate(credentials.cert).publicKey.export({ type: "spki", format: "der" });
  const proxy = { seen: [], to: undefined, spki: createHash("sha256").update(publicKey).digest("base64") };
  const pass = (incoming, done) => {
    const { method, url, headers, rawHeaders } = incoming;
    const note = { method, url, headers };
    proxy.seen.push(note);
    const outgoing = httpRequest({ host: "127.0.0.1", port: proxy.to, method, path: url, headers: rawHeaders, agent: false });
    outgoing.on("error", () => incoming.destroy());
    return done(outgoing, note);
  };
  const server = createTlsServer(credentials, (incoming, answer) => {
    pass(incoming, (outgoing, note) => {
      outgoing.on("response", (response) => {
        note.status = response.statusCode;
        note.answered = response.headers;
        answer.writeHead(response.statusCode, response.rawHeaders);
        response.pipe(answer);
      });
      incoming.pipe(outgoing);
    });
  });
  server.on("upgrade", (incoming, socket) => {
    pass(incoming, (outgoing, note) => {
      const lines = ({ rawHeaders }) => rawHeaders.flatMap((text, index) => (index % 2 ? [] : [`${text}: ${rawHeaders[index + 1]}\r\n`])).join("");
      const head = (response) => `HTTP/1.1 ${(note.status = response.statusCode)} ${response.statusMessage}\r\n${lines(response)}\r\n`;
      outgoing.on("response", (response) => {
        socket.write(head(response));
        response.pipe(socket);
      });
      outgoing.on("upgrade", (response, other, first) => {
        socket.write(head(response));
        socket.write(first);
        other.on("error", () => socket.destroy());
        socket.on("error", () => other.destroy());
        other.pipe(socket).pipe(other);
      });
      outgoing.end();
    });
  });
  proxy.port = await listen(server, port);
  after(() => new Promise((closed) => {
    server.close(closed);
    server.closeAllConnections();
  }));
  return proxy;
}

/** The same as [`startApplication`], by TLS. */
export async function startApplicationByTls({ session, routes = ROUTES, upstream = PAGES, vars } = {}) {
  const proxy = await startTlsProxy("app.localhost", await freePort());
  const origin = `https://app.localhost:${proxy.port}`;
  const providers = { main: await providerFor("main", origin) };
  const postern = await startPostern({ providers, session, routes, upstream, vars: { PUBLIC_URL: origin, ...vars } });
  after(() => postern.close());
  await postern.behindTls();
  proxy.to = postern.port;
  return { origin, postern, proxy };
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
  await Promise.race([button.waitFor(), page.waitForURL(/^https?:\/\/([a-z]+\.)*localhost/)]).catch(() => {});
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
