// A certified provider that rotates refresh tokens and takes a second use for theft: asked once, however many wait.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { DEMO_RESOURCE, startProvider } from "../../demo/provider/provider.mjs";
import { ScriptedBrowser } from "../../demo/provider/scripted-browser.mjs";
import { Browser } from "./support/browser.mjs";
import { begin, whoIs } from "./support/login.mjs";
import { startPostern } from "./support/postern.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { until } from "./support/until.mjs";

const ORIGIN = "http://localhost:8787";
const SECRET = "a-secret-of-the-client";
const LIFE = 120;
const PARALLEL = 200;

const provider = await startProvider({
  accessTokenTtl: LIFE,
  clients: [{
    client_id: "postern",
    client_secret: SECRET,
    client_name: "Postern",
    grant_types: ["authorization_code", "refresh_token"],
    redirect_uris: [`${ORIGIN}/auth/callback/main`],
    post_logout_redirect_uris: [`${ORIGIN}/auth/logged-out`],
  }],
});
const postern = await startPostern({
  providers: {
    main: {
      issuer: { url: provider.issuer, alg: "RS256", client: { id: "postern", secret: SECRET, auth: "client_secret_basic" } },
      scopes: ["openid", "profile", "email", "hello:read", "offline_access"],
      prompt: "consent",
      resource: DEMO_RESOURCE,
    },
  },
});
after(async () => {
  await postern.close();
  await provider.close();
});

const ours = (url) => url.startsWith(`${ORIGIN}/`);
const tokenRequests = () => provider.requests.filter(({ path }) => path === "/token").length;

async function signedIn() {
  const browser = new Browser(postern);
  const person = new ScriptedBrowser();
  const login = await person.navigate((await begin(browser, { provider: "main" })).url.href, { stop: ours });
  const consent = await person.submit(login.url, { login: "alice", password: "wonderland" }, { stop: ours });
  const end = ours(consent.url) ? consent : await person.submit(consent.url, {}, { stop: ours });
  const answer = await browser.navigate(end.url, { initiator: "http://127.0.0.1:1", follow: false });
  assert.equal(answer.status, 200, answer.body.slice(0, 300));
  return browser;
}

test("two hundred requests at the end of an access token are one renewal, two hundred answers and no logout", async () => {
  //
  const browser = await signedIn();
  for (let round = 0; round < 3; round += 1) {
    await postern.advance(LIFE);
    const before = tokenRequests();
    const answers = await Promise.all(Array.from({ length: PARALLEL }, () => browser.fetch("/api/relay")));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    assert.equal(tokenRequests() - before, 1);
  }
  assert.equal((await whoIs(browser)).claims.name, "Alice Liddell");
});

test("with a logout among them nobody is in afterwards, and the provider has forgotten the refresh token", async () => {
  //
  const browser = await signedIn();
  const line = `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}`;
  const asked = (path, method = "GET") =>
    postern.send(path, { method, headers: [["cookie", line], ["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "cors"]] });
  await postern.advance(LIFE);
  const answers = await Promise.all(Array.from({ length: PARALLEL }, (_, index) =>
    (index === PARALLEL / 2 ? asked("/auth/logout", "POST") : asked("/api/relay"))));
  assert.equal(answers[PARALLEL / 2].status, 200);
  assert.equal((await asked("/api/relay")).status, 401);
  await until(() => provider.requests.some(({ path }) => path.startsWith("/token/revocation")), "the refresh token is revoked");
});
