// A signed-in person visits a hostile page: on another site, and on a sibling subdomain, whose requests carry even a
// `Strict` cookie. What the application and the log recorded tells what came through.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { attackFrom, FORMS, postAtTop } from "./support/attacks.mjs";
import { launchChromium, newPerson, signIn, startApplication, startOtherSite } from "./support/world.mjs";

const guarded = (more = {}) => ({ upstream: "service:ECHO", headers: { "X-Who": "subject" }, ...more });
const ROUTES = {
  "/": { methods: ["GET"], upstream: "service:ECHO", public: true },
  "/page": guarded({ methods: ["GET"] }),
  "/api/{*rest}": guarded(),
  "/live/{*rest}": guarded({ methods: ["GET"] }),
};
const MOST_LOGINS = 4;

const browser = await launchChromium();
const settings = { host: "app.demo.localhost", routes: ROUTES, upstream: fileURLToPath(new URL("support/ledger.mjs", import.meta.url)) };
const applications = {
  strict: await startApplication({ main: { pass_through: ["prompt"] } }, settings),
  lax: await startApplication({ main: {} }, { ...settings, session: { same_site: "lax" } }),
};
const elsewhere = await startOtherSite({});
const pages = {
  "another site": `${elsewhere}/`,
  "a sibling subdomain": `${elsewhere.replace("127.0.0.1", "evil.demo.localhost")}/`,
};

/** Somebody who has signed in, and now looks at a hostile page. */
async function visit({ origin }, hostile) {
  const { page, context } = await newPerson(browser);
  await page.goto(`${origin}/page`);
  await signIn(page);
  await page.waitForURL(`${origin}/page`);
  await page.goto(hostile);
  return { page, context, cookies: await cookiesOf(context, origin) };
}

/** But for the one that says for some seconds that somebody came from signing in. */
const cookiesOf = async (context, origin) =>
  (await context.cookies(origin)).filter(({ name }) => name !== "__Host-postern-arrived").map(({ name, value }) => `${name}=${value}`).sort();

/** What the application and the log recorded while `act` ran. */
async function recorded({ postern }, act) {
  const [mark, before] = [await postern.mark(), (await postern.forwarded()).length];
  const result = await act();
  return { result, seen: (await postern.forwarded()).slice(before), events: await postern.eventsSince(mark) };
}

/** That the person is still signed in, with the same session. */
async function assertStillSignedIn(page, { origin }) {
  await page.goto(`${origin}/`);
  assert.equal(await page.evaluate(async () => (await fetch("/auth/me?touch=false")).status), 200);
}

const isLetIn = ({ outcome, subject }) => outcome === "allow" && subject;

for (const [same_site, application] of Object.entries(applications)) {
  for (const [where, hostile] of Object.entries(pages)) {
    test(`a page of ${where} reads nothing, changes nothing and signs nobody out (${same_site})`, async () => {
      //
      const { page, context, cookies } = await visit(application, hostile);
      const { result, seen, events } = await recorded(application, () => attackFrom(page, application.origin));
      const found = Object.entries(result).filter(([, told]) => told !== "");
      assert.deepEqual(found, []);
      assert.deepEqual(seen, [], "something reached the application");
      assert.deepEqual(events.filter(isLetIn), []);
      assert.ok(events.length >= Object.keys(result).length, `only ${events.length} attempts were noticed`);
      assert.ok(events.every(({ outcome, reason }) => outcome === "deny" || reason === "own.page"), JSON.stringify(events.filter(({ outcome }) => outcome !== "deny")));
      if (where === "a sibling subdomain") assert.ok(events.some(({ reason }) => reason.startsWith("csrf.")), "no cookie came along: nothing was tried");
      assert.deepEqual(await cookiesOf(context, application.origin), cookies, "cookies came or went");
      await assertStillSignedIn(page, application);
      await context.close();
    });

    test(`a form on a page of ${where} that takes the person along does nothing (${same_site})`, async () => {
      //
      const { page, context, cookies } = await visit(application, hostile);
      const { seen, events } = await recorded(application, async () => {
        for (const form of FORMS) {
          await page.goto(hostile);
          const status = await postAtTop(page, { origin: application.origin, ...form });
          assert.ok([401, 403].includes(status), `${form.enctype} ${form.path}: ${status}`);
        }
      });
      assert.deepEqual(seen, [], "something reached the application");
      assert.equal(events.length, FORMS.length);
      assert.ok(events.every(({ outcome }) => outcome === "deny"));
      assert.deepEqual(await cookiesOf(context, application.origin), cookies);
      await assertStillSignedIn(page, application);
      await context.close();
    });

    test(`a link on a page of ${where} leads in, as links do, and its page still reads nothing (${same_site})`, async () => {
      // what the record would show of all the others
      const { page, context } = await visit(application, hostile);
      const { seen } = await recorded(application, async () => {
        const [opened] = await Promise.all([context.waitForEvent("page"), page.evaluate((url) => void (window.opened = window.open(url)), `${application.origin}/page`)]);
        await opened.waitForSelector("#here");
        const read = await page.evaluate(() => {
          try {
            return window.opened.document.body.textContent;
          } catch (error) {
            return error.name;
          }
        });
        assert.equal(read, "SecurityError");
      });
      assert.deepEqual(seen.map(({ method, path, who }) => [method, path, /alice$/.test(who)]), [["GET", "/page", true]]);
      await context.close();
    });
  }
}

test("however often a hostile page sends somebody to sign in, few logins wait, and the session stays", async () => {
  //
  const application = applications.strict;
  const { page, context, cookies } = await visit(application, pages["a sibling subdomain"]);
  for (let count = 0; count < MOST_LOGINS + 2; count += 1) {
    await page.goto(pages["a sibling subdomain"]);
    await page.evaluate((url) => void (location.href = url), `${application.origin}/auth/login?provider=main&prompt=login`);
    await page.getByLabel("Password").waitFor();
  }
  const now = await cookiesOf(context, application.origin);
  const logins = now.filter((cookie) => cookie.startsWith("__Host-postern-login-"));
  assert.equal(logins.length, MOST_LOGINS);
  assert.deepEqual(now.filter((cookie) => !logins.includes(cookie)), cookies);
  await assertStillSignedIn(page, application);
  await context.close();
});
