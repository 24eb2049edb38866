// A certified provider that rotates refresh tokens and takes a second use for theft: asked once, however many wait.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { DEMO_RESOURCE } from "../../demo/provider/provider.mjs";
import { whoIs } from "./support/login.mjs";
import { startPostern } from "./support/postern.mjs";
import { asScript, signedIn, startRealProviders } from "./support/real_provider.mjs";
import { until } from "./support/until.mjs";

const SECRET = "a-secret-of-the-client";
const LIFE = 120;
const PARALLEL = 200;

const { main: provider } = await startRealProviders({
  main: { accessTokenTtl: LIFE, client: { client_secret: SECRET, grant_types: ["authorization_code", "refresh_token"] } },
});
const postern = await startPostern({
  providers: {
    main: {
      issuer: { url: provider.issuer, alg: "RS256", client: { id: "main", secret: SECRET, auth: "client_secret_basic" } },
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

const tokenRequests = () => provider.requests.filter(({ path }) => path === "/token").length;

test("two hundred requests at the end of an access token are one renewal, two hundred answers and no logout", async () => {
  //
  const { browser } = await signedIn(postern, "main");
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
  const { browser } = await signedIn(postern, "main");
  const headers = asScript(browser);
  const asked = (path, method = "GET") => postern.send(path, { method, headers });
  await postern.advance(LIFE);
  const answers = await Promise.all(Array.from({ length: PARALLEL }, (_, index) =>
    (index === PARALLEL / 2 ? asked("/auth/logout", "POST") : asked("/api/relay"))));
  assert.equal(answers[PARALLEL / 2].status, 200);
  assert.equal((await asked("/api/relay")).status, 401);
  await until(() => provider.requests.some(({ path }) => path.startsWith("/token/revocation")), "the refresh token is revoked");
});
