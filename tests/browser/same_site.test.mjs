// `SameSite=Strict` without its price: links from other sites arrive, forms from there do not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { launchChromium, newPerson, signIn, startApplication, startOtherSite } from "./support/world.mjs";

const browser = await launchChromium();
const strict = await startApplication({ main: {} });
const lax = await startApplication({ main: {} }, { session: { same_site: "lax" } });
const pages = {};
const elsewhere = await startOtherSite(pages);
for (const [name, { origin }] of Object.entries({ strict, lax })) {
  pages[`/${name}`] = `
    <a href="${origin}/page?from=elsewhere">link</a>
    <form method="post" action="${origin}/api/echo"><button name="x" value="1">post</button></form>
    <form method="post" action="${origin}/auth/logout"><button>sign out</button></form>`;
  pages[`/${name}/image`] = `<img src="${origin}/auth/login?provider=main"><iframe src="${origin}/auth/login?provider=main"></iframe>`;
}

async function signedIn({ origin }) {
  const person = await newPerson(browser);
  await person.page.goto(`${origin}/page`);
  await signIn(person.page);
  await person.page.waitForURL(`${origin}/page`);
  return person;
}

/** The navigations of a page, as `status path`. */
function watch(page) {
  const seen = [];
  page.on("response", (response) => {
    if (response.request().isNavigationRequest()) seen.push(`${response.status()} ${new URL(response.url()).pathname}`);
  });
  return seen;
}

test("the strict cookie is there right after the redirects of a sign-in that began with a typed address", async () => {
  const { page, context } = await newPerson(browser);
  const seen = watch(page);
  await page.goto(`${strict.origin}/page`);
  await signIn(page);
  await page.waitForURL(`${strict.origin}/page`);
  assert.equal(await page.locator("#here").textContent(), "/page");
  assert.deepEqual(seen.slice(-2), ["200 /auth/callback/main", "200 /page"]);
  await context.close();
});

test("a link on another site to a guarded page arrives, signed in, by one turn through ourselves", async () => {
  const { page, context, complaints } = await signedIn(strict);
  await page.goto(`${elsewhere}/strict`);
  const seen = watch(page);
  await page.getByRole("link").click();
  await page.waitForFunction(() => document.querySelector("#here"));
  assert.equal(await page.locator("#here").textContent(), "/page?from=elsewhere");
  assert.deepEqual(seen, ["200 /page", "200 /page"]);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a link on another site leads who is not signed in to the sign-in, once, and back", async () => {
  const { page, context } = await newPerson(browser);
  await page.goto(`${elsewhere}/strict`);
  await page.getByRole("link").click();
  await page.getByLabel("Password").waitFor();
  await signIn(page);
  await page.waitForURL(`${strict.origin}/page?from=elsewhere`);
  assert.equal(await page.locator("#here").textContent(), "/page?from=elsewhere");
  await context.close();
});

test("with `same_site = lax` a link on another site arrives without a turn", async () => {
  const { page, context } = await signedIn(lax);
  const session = (await context.cookies(lax.origin)).find(({ name }) => name === "__Host-postern");
  assert.equal(session.sameSite, "Lax");
  await page.goto(`${elsewhere}/lax`);
  const seen = watch(page);
  await page.getByRole("link").click();
  await page.waitForFunction(() => document.querySelector("#here"));
  assert.deepEqual(seen, ["200 /page"]);
  await context.close();
});

for (const [name, application, statuses] of [["strict", strict, [401]], ["lax", lax, [401, 403]]]) {
  test(`a form on another site does nothing here (${name})`, async () => {
    //
    const { page, context } = await signedIn(application);
    await page.goto(`${elsewhere}/${name}`);
    const [response] = await Promise.all([page.waitForResponse(/\/api\/echo/), page.getByRole("button", { name: "post" }).click()]);
    assert.ok(statuses.includes(response.status()), String(response.status()));
    await context.close();
  });

  test(`a form on another site signs nobody out (${name})`, async () => {
    //
    const { page, context } = await signedIn(application);
    await page.goto(`${elsewhere}/${name}`);
    const [response] = await Promise.all([page.waitForResponse(/\/auth\/logout/), page.getByRole("button", { name: "sign out" }).click()]);
    assert.equal(response.status(), 403);
    await page.goto(`${application.origin}/page`);
    assert.equal(await page.locator("#here").textContent(), "/page");
    await context.close();
  });
}

test("images and frames on another site start no login", async () => {
  //
  const { page, context } = await newPerson(browser);
  const mark = await strict.postern.mark();
  await page.goto(`${elsewhere}/strict/image`, { waitUntil: "networkidle" });
  const events = await strict.postern.eventsSince(mark);
  assert.deepEqual(events.map(({ event, outcome, status }) => [event, outcome, status]), Array(2).fill(["login.start", "deny", 403]));
  assert.deepEqual(await context.cookies(strict.origin), []);
  await context.close();
});
