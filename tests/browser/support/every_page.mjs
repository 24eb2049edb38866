// Every page of Postern's that people see, each made to appear as it does in use: for the tests of pages and for the pictures
// of the docs.

import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

import { startPostern } from "../../e2e/support/postern.mjs";
import { freePort } from "../../e2e/support/ports.mjs";
import { providerFor } from "./world.mjs";

const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#0b6e4f"/><path d="M18 46V30a14 14 0 0 1 28 0v16" fill="none" stroke="#fff" stroke-width="7"/></svg>`;

/** What the site says of itself. */
export const PAGES = {
  name: "Acme Portal", logo: "/public/logo.svg", accent: "#0b6e4f",
  support: "mailto:help@example.com", request_access: "https://access.example.com/request",
};

/** Long enough for all that is looked at. */
const KEYS = { prefix: "acme", max_age: "24h", self_service: { scopes: ["orders:read", "orders:write"], per_person: 100 } };

const LONGEST_NAME = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";

const guarded = (more = {}) => ({ methods: ["GET", "POST"], upstream: "service:ECHO", ...more });

const ROUTES = {
  "/": { methods: ["GET"], upstream: "service:ECHO", public: true },
  "/public/{*rest}": { methods: ["GET"], upstream: "assets", public: true },
  "/page": guarded(),
  "/forbidden": guarded({ require: { scopes: ["admin"] } }),
  "/often": guarded({ public: true, limits: { address: { rate: "1/1h" } } }),
  "/gone": guarded({ public: true, upstream: "https://127.0.0.1:9" }),
  "/mcp": { upstream: "service:ECHO", mcp: { approve: ["tools/call:delete_*"] } },
};

const USER_AGENTS = [
  "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15",
];

/**
 * A site with a provider that signs people in, others to choose from, and something wrong of every kind. `longest`: whether
 * one has a name as long as names may be.
 */
export async function startEveryPage({ longest = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "postern-pages-"));
  mkdirSync(join(folder, "public"));
  writeFileSync(join(folder, "public/logo.svg"), LOGO);
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const others = {
    zeta: { name: longest ? LONGEST_NAME : "Customers", icon: "building" },
    partner: { name: "Partner companies", icon: "people", domains: ["partner.example"] },
    main: { name: "Employees", icon: "/public/logo.svg", domains: ["example.com"] },
  };
  const providers = {};
  for (const [id, more] of Object.entries(others)) providers[id] = await providerFor(id, origin, more);
  const vars = { PAGES, ADMIN: { principals: ["main|c5c1f0d4-alice"] }, DECISIONS: { keep: "1h" }, KEYS, AGENTS: { register: true } };
  const postern = await startPostern({ providers, routes: ROUTES, vars, port, assets: folder });
  const close = async () => {
    await postern.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { origin, postern, close };
}

/** The same, closed after the file's tests. */
export async function everyPage() {
  const site = await startEveryPage();
  after(site.close);
  return site;
}

/** Signs in without the provider's pages in between: `visit` opens an address in a browser that does. */
export async function signInHere(page, origin, { login = "alice", password = "wonderland", to = "/page" } = {}) {
  await page.goto(`${origin}/auth/login?provider=main&return_to=${encodeURIComponent(to)}`);
  await page.getByLabel("User name").fill(login);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  const allow = page.getByRole("button", { name: "Allow" });
  await Promise.race([allow.waitFor(), page.waitForURL(`${origin}${to}`)]).catch(() => {});
  if (await allow.isVisible().catch(() => false)) await allow.click();
  await page.waitForURL(`${origin}${to}`);
}

/** The cookies of somebody who is signed in from several browsers, some of them alike. */
export async function signedInState(browser, origin) {
  for (const userAgent of [...USER_AGENTS, USER_AGENTS[0], USER_AGENTS[0]]) {
    const context = await browser.newContext({ userAgent });
    await signInHere(await context.newPage(), origin);
    await context.close();
  }
  const context = await browser.newContext();
  const page = await context.newPage();
  await signInHere(page, origin);
  const state = await context.storageState();
  await context.close();
  return state;
}

/** A page that leads on by itself, without that: what it looks like meanwhile. */
const held = (path) => async (page, origin) => {
  const url = `${origin}${path}`;
  await page.route(url, async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace(/<meta http-equiv="refresh"[^>]*>/, "");
    await route.fulfill({ response, body });
  });
  await page.goto(url);
  await page.unroute(url);
};

const at = (path) => (page, origin) => page.goto(`${origin}${path}`);

/** Makes a key: the page that shows it. */
const newKey = async (page, origin) => {
  await page.goto(`${origin}/auth/keys`);
  await page.locator("#name").fill("Build server");
  await page.locator('input[name="scope"]').first().check();
  await page.locator('form[action="/auth/keys"] button').click();
  await page.locator("output").waitFor();
};

/** The list, with a key that has been used never and one that is deleted. */
const keys = async (page, origin) => {
  await newKey(page, origin);
  await page.goto(`${origin}/auth/keys`);
  await page.locator('form[action$="/delete"] button').first().click();
  await page.locator(".mark").first().waitFor();
};

const CALLBACK = "http://127.0.0.1:9/cb";

/** Programs that have registered, by site. */
const clients = {};

/** Lets a program act, and has it call a tool that waits for a yes: where that is asked. */
async function waitingCall(page, origin) {
  const { request } = page.context();
  const posted = async (path, options) => (await request.post(`${origin}${path}`, options)).json();
  const registration = { data: { client_name: "Agent", redirect_uris: [CALLBACK] } };
  clients[origin] ??= (await posted("/auth/agents/register", registration)).client_id;
  const client = clients[origin];
  const verifier = randomBytes(32).toString("base64url");
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const query = new URLSearchParams({
    response_type: "code", client_id: client, redirect_uri: CALLBACK, resource: `${origin}/mcp`, code_challenge: challenge,
    code_challenge_method: "S256",
  });
  await page.route(`${CALLBACK}**`, (route) => route.fulfill({ body: "" }));
  await page.goto(`${origin}/auth/agents/authorize?${query}`);
  await page.locator('button[value="allow"]').click();
  await page.waitForURL(`${CALLBACK}**`);
  const code = new URL(page.url()).searchParams.get("code");
  const form = { grant_type: "authorization_code", code, redirect_uri: CALLBACK, client_id: client, code_verifier: verifier };
  const { access_token: token } = await posted("/auth/agents/token", { form });
  const version = "2026-07-28";
  const params = { name: "delete_doc", arguments: { id: 7, note: "<b>old</b>" }, _meta: { "io.modelcontextprotocol/protocolVersion": version } };
  const { approval_url: url } = await posted("/mcp", {
    data: { jsonrpc: "2.0", id: 1, method: "tools/call", params },
    headers: {
      authorization: `Bearer ${token}`, accept: "application/json, text/event-stream", "mcp-protocol-version": version,
      "mcp-method": "tools/call", "mcp-name": "delete_doc",
    },
  });
  return url;
}

const approval = async (page, origin) => page.goto(await waitingCall(page, origin));

/** The list, with one call that was allowed and one that waits. */
const approvals = async (page, origin) => {
  await approval(page, origin);
  await page.locator('button[value="allow"]').click();
  await page.locator("form").waitFor({ state: "detached" });
  await waitingCall(page, origin);
  await page.goto(`${origin}/auth/approvals`);
};

/** By name: whether somebody is signed in, and how the page comes to be seen. */
export const EVERY_PAGE = {
  chooser: { open: at("/auth/login?return_to=%2Fpage") },
  "chooser, an address of nobody's": { open: at("/auth/login?return_to=%2Fpage&email=jane%40nowhere.example") },
  "one moment": { open: held("/auth/continue?to=%2Felsewhere") },
  "signed out": { open: at("/auth/logged-out") },
  "login failed": { open: at("/auth/callback/main?state=x&code=y") },
  "nothing here": { open: at("/nothing") },
  "method not allowed": { open: at("/auth/sessions/end-others") },
  "too many requests": { open: async (page, origin) => (await page.goto(`${origin}/often`), page.goto(`${origin}/often`)) },
  "application does not answer": { open: at("/gone") },
  "unknown provider": { open: at("/auth/login?provider=nobody") },
  "not sent yet": {
    open: async (page, origin) => {
      await page.goto(`${origin}/`);
      await page.evaluate(() => {
        const form = Object.assign(document.createElement("form"), { method: "post", action: "/page" });
        document.body.append(form);
        form.submit();
      });
      await page.locator("ol").waitFor();
    },
  },
  forbidden: { signedIn: true, open: at("/forbidden") },
  sessions: { signedIn: true, open: at("/auth/sessions") },
  "a new key": { signedIn: true, open: newKey },
  "API keys": { signedIn: true, open: keys },
  "a call to allow": { signedIn: true, open: approval },
  "calls to allow": { signedIn: true, open: approvals },
  "still signed in": { signedIn: true, open: at("/auth/logged-out") },
  "signed in for another tab": { signedIn: true, open: at("/auth/signed-in") },
  explain: { signedIn: true, english: true, open: at("/auth/admin/explain") },
};
