// Sign-in and sign-out by SAML in a real browser, at identity providers of others, with the SAML Worker as it is built.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startPostern } from "../e2e/support/postern.mjs";
import { freePort } from "../e2e/support/ports.mjs";
import { newSigningKey, samlWorker, startNanoidp, startSimpleSaml, withoutNanoidp, withoutSimpleSaml } from "../e2e/support/saml.mjs";
import { launchChromium, newPerson, ROUTES } from "./support/world.mjs";

const port = await freePort();
const origin = `http://localhost:${port}`;
const key = newSigningKey();
const nano = withoutNanoidp ? undefined : await startNanoidp(origin, "nano");
const simple = withoutSimpleSaml ? undefined : await startSimpleSaml(origin, "simple", key);
const there = Object.entries({ nano, simple }).filter(([, provider]) => provider);
const skipAll = !there.length && `${withoutNanoidp}; ${withoutSimpleSaml}`;

const own = { roles: ["groups"] };
const vars = {
  PROVIDERS: Object.fromEntries(there.map(([id, { table }]) => [id, { ...table, ...own }])),
  PROVIDER_SIMPLE_PRIVATE_KEY: key.jwk,
  LIMITS: { login: false, callback: false, frontchannel_logout: false },
};
const browser = skipAll ? undefined : await launchChromium();
const routes = { ...ROUTES, "/staff": { methods: ["GET"], upstream: "service:ECHO", require: { roles: ["staff"] } }, "/root": { methods: ["GET"], upstream: "service:ECHO", require: { roles: ["root"] } } };
const postern = skipAll ? undefined : await startPostern({ providers: {}, routes, port, session: { claims: ["email"] }, vars, services: { SAML: "saml" }, beside: () => [samlWorker()] });
after(() => postern?.close());

const me = (page) => page.evaluate(async () => {
  const answer = await fetch("/auth/me");
  return answer.ok ? answer.json() : answer.status;
});
const sessionOf = async (context) => (await context.cookies(origin)).find(({ name }) => name === "__Host-postern");

/** Enters name and password where the provider asks for them. */
async function prove(page) {
  await page.locator('input[name="username"]').fill("alice");
  await page.locator('input[name="password"]').fill("wonderland");
  await page.locator('button[type="submit"], input[type="submit"], button#submit_button').first().click();
}

/** A sign-out that the provider told us wins over a sign-in of the same person that began in the same second. */
const theNextSecond = () => new Promise((over) => setTimeout(over, 1005 - (Date.now() % 1000)));

async function signIn(page, id, path = "/page") {
  await page.goto(`${origin}/auth/login?provider=${id}&return_to=${encodeURIComponent(path)}`);
  await prove(page);
  await page.waitForURL(`${origin}${path}`);
}

for (const [id, subject, skip] of [["nano", /^unspecified!alice/, withoutNanoidp], ["simple", /^persistent!alice$/, withoutSimpleSaml]]) {
  // R-360: the answer is posted from another site, and the session begins all the same.
  test(`a person signs in at ${id}`, { skip }, async () => {
    const mark = await postern.mark();
    const { page, context } = await newPerson(browser);
    await signIn(page, id, "/staff");
    const { issuer } = postern.bindings.PROVIDERS[id];
    const person = await me(page);
    assert.match(person.subject, subject);
    assert.deepEqual([person.issuer, person.provider, person.roles], [issuer, id, ["admins", "staff"]]);
    assert.ok(person.session.acr.startsWith("urn:oasis:names:tc:SAML:2.0:ac:classes:"), person.session.acr);
    assert.deepEqual([(await sessionOf(context)).sameSite, (await page.goto(`${origin}/root`)).status()], ["Strict", 403]);
    const [started, finished] = (await postern.eventsSince(mark)).filter(({ event }) => event.startsWith("login."));
    assert.deepEqual([started.reason, finished.reason], ["login.started", "login.succeeded"]);
    await context.close();
  });

  test(`what ${id} said before signs nobody in again`, { skip }, async () => {
    const { page, context } = await newPerson(browser);
    let posted;
    page.on("request", (request) => {
      if (request.url() === `${origin}/auth/saml/acs/${id}`) posted = request.postData();
    });
    await signIn(page, id);
    const mark = await postern.mark();
    const other = await newPerson(browser);
    await other.page.goto(`${origin}/`);
    await other.page.evaluate(([url, body]) => {
      const form = Object.assign(document.createElement("form"), { method: "post", action: url });
      for (const [name, value] of new URLSearchParams(body)) form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
      document.body.append(form);
      form.submit();
    }, [`/auth/saml/acs/${id}`, posted]);
    await postern.logged(mark, ({ reason }) => reason === "callback.no_transaction");
    assert.equal(await sessionOf(other.context), undefined);
    await other.context.close();
    await context.close();
  });
}

test("prompt=login has the person prove themselves again at simple, and a silent sign-in does not", { skip: withoutSimpleSaml }, async () => {
  const { page, context } = await newPerson(browser);
  await signIn(page, "simple");
  const first = (await me(page)).session.authenticated_at;
  await page.goto(`${origin}/auth/login?provider=simple&prompt=none&return_to=/page`);
  await page.waitForURL(`${origin}/page`);
  assert.equal((await me(page)).session.authenticated_at, first);
  await page.goto(`${origin}/auth/login?provider=simple&prompt=login&return_to=/page`);
  await prove(page);
  await page.waitForURL(`${origin}/page`);
  assert.ok((await me(page)).session.authenticated_at >= first);
  await context.close();
  // Nobody is signed in there: the silent one comes back without anybody.
  const stranger = await newPerson(browser);
  const mark = await postern.mark();
  await stranger.page.goto(`${origin}/auth/login?provider=simple&prompt=none&return_to=/`);
  await stranger.page.waitForURL(`${origin}/`);
  await postern.logged(mark, ({ reason }) => reason === "saml.person_wanted");
  assert.equal(await sessionOf(stranger.context), undefined);
  await stranger.context.close();
});

// R-234
test("a sign-out at simple ends the session here", { skip: withoutSimpleSaml }, async () => {
  const { page, context } = await newPerson(browser);
  await signIn(page, "simple");
  const mark = await postern.mark();
  await page.goto(`${simple.url}/saml2/idp/initSLO.php?RelayState=${encodeURIComponent(`${simple.url}/logout.php`)}`);
  const event = await postern.logged(mark, ({ event: name }) => name === "logout.backchannel");
  assert.deepEqual([event.reason, event.ended], ["logout.sessions_ended", 1]);
  await page.goto(`${origin}/`);
  assert.equal(await me(page), 401);
  await context.close();
});

// R-234
test("a sign-out here signs the person out at simple, and comes back", { skip: withoutSimpleSaml }, async () => {
  await theNextSecond();
  const { page, context } = await newPerson(browser);
  await signIn(page, "simple");
  await page.evaluate(() => {
    const form = Object.assign(document.createElement("form"), { method: "post", action: "/auth/logout" });
    document.body.append(form);
    form.submit();
  });
  await page.waitForURL(`${origin}/auth/logged-out?state=saml`);
  await page.goto(`${origin}/`);
  assert.equal(await me(page), 401);
  await page.goto(`${origin}/auth/login?provider=simple&return_to=/page`);
  await page.locator('input[name="password"]').waitFor();
  await context.close();
});

test("our metadata is what a provider needs", { skip: withoutSimpleSaml }, async () => {
  const { page, context } = await newPerson(browser);
  const answer = await page.request.get(`${origin}/auth/saml/metadata/simple`);
  const xml = await answer.text();
  assert.equal(answer.headers()["content-type"], "application/samlmetadata+xml");
  for (const text of [`entityID="${origin}/auth/saml/metadata/simple"`, `${origin}/auth/saml/acs/simple`, `${origin}/auth/saml/slo/simple`, key.certificate.raw.toString("base64").slice(0, 60)]) {
    assert.ok(xml.includes(text), `${text} in ${xml}`);
  }
  await context.close();
});
