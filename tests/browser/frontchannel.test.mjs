// Front-channel logout as browsers do it: a frame of ours in the provider's own page. From another site no cookie
// comes along; from a sibling domain it does. Either way the provider has to name the session.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { html } from "../provider/answers.mjs";
import { startProviders } from "../provider/host.mjs";
import { startPostern } from "../e2e/support/postern.mjs";
import { freePort } from "../e2e/support/ports.mjs";
import { launchChromium, newPerson, startOtherSite } from "./support/world.mjs";

const browser = await launchChromium();
const SITES = { "another site": "127.0.0.1", "a sibling": "localhost" };

/** Postern on `localhost`, and a provider of front-channel logout there or elsewhere. */
async function application(hostname, sameSite) {
  const host = await startProviders();
  host.origin = `http://${hostname}:${host.port}`;
  const issuer = host.issuer("main");
  const port = await freePort();
  const providers = { main: { issuer, frontchannel_logout: true } };
  const postern = await startPostern({ providers, port, session: { same_site: sameSite } });
  after(() => Promise.all([postern.close(), host.close()]));
  const notify = `${postern.origin}/auth/frontchannel-logout/main`;
  const named = (sid) => `${notify}?${new URLSearchParams({ iss: issuer.url, sid })}`;
  return { issuer, postern, notify, named };
}

/** Somebody who signed in just now, and what the provider calls that. */
async function signedIn({ issuer, postern }, sid) {
  issuer.bend.idToken = ({ claims }) => void (claims.sid = sid);
  const person = await newPerson(browser);
  await person.page.goto(`${postern.origin}/page`);
  await person.page.waitForURL(`${postern.origin}/page`);
  assert.ok(await isIn(person, postern));
  return person;
}

const isIn = async ({ page }, { origin }) => {
  assert.ok(page.url().startsWith(origin));
  return (await page.evaluate(async () => (await fetch("/auth/me?touch=false")).status)) === 200;
};

/** The provider's page of after a logout, with one frame in it. Tells what the frame shows, and what the log says. */
async function framedBy({ context }, { issuer, postern }, source) {
  const mark = await postern.mark();
  const page = await context.newPage();
  issuer.bend.page = () => html(`<!doctype html><iframe src="${source.replaceAll("&", "&amp;")}"></iframe>`);
  await page.goto(`${issuer.url}/signed-out`, { waitUntil: "load" });
  const shown = await page.frames()[1].locator("body").textContent().catch(() => "");
  await page.close();
  return { shown, events: await postern.eventsSince(mark) };
}

for (const sameSite of ["strict", "lax"]) {
  test(`the frame of a provider on another site carries no \`${sameSite}\` cookie: what it names ends, and nothing else`, async () => {
    //
    const world = await application(SITES["another site"], sameSite);
    const person = await signedIn(world, "sid-1");
    const nameless = await framedBy(person, world, world.notify);
    assert.deepEqual(nameless.events.map(({ event, reason, subject }) => [event, reason, subject]), [["logout.frontchannel", "logout.no_session", undefined]]);
    assert.ok(await isIn(person, world.postern));
    const wrong = await framedBy(person, world, world.named("sid-of-nobody"));
    assert.equal(wrong.events[0].ended, 0);
    assert.ok(await isIn(person, world.postern));
    const named = await framedBy(person, world, world.named("sid-1"));
    assert.match(named.shown, /signed out/i);
    assert.deepEqual(named.events.map(({ reason, ended, subject }) => [reason, ended, subject]), [["logout.sessions_ended", 1, undefined]]);
    assert.ok(!(await isIn(person, world.postern)));
    await person.context.close();
  });
}

test("the frame of a provider on a sibling domain carries the cookie: the session at hand ends if it is named, and no other's", async () => {
  //
  const world = await application(SITES["a sibling"], "strict");
  for (const [sid, named] of [["sid-1", world.named("sid-1")], ["sid-2", `${world.notify}?sid=sid-2`]]) {
    const person = await signedIn(world, sid);
    const others = await framedBy(person, world, world.named("sid-of-somebody-else"));
    assert.equal(others.events[0].reason, "logout_request.not_this_session");
    const nameless = await framedBy(person, world, world.notify);
    assert.deepEqual(nameless.events.map(({ reason, ended, subject }) => [reason, ended, subject]), [["logout.no_session", 0, undefined]]);
    assert.ok(await isIn(person, world.postern));
    const { events } = await framedBy(person, world, named);
    assert.deepEqual(events.map(({ reason, ended, subject }) => [reason, ended, subject]), [["logout.sessions_ended", 1, "alice"]]);
    assert.ok(!(await isIn(person, world.postern)));
    await person.context.close();
  }
});

test("nobody but the provider may show the frame, and the provider may show no other page", async () => {
  //
  const world = await application(SITES["another site"], "strict");
  const person = await signedIn(world, "sid-1");
  const elsewhere = await startOtherSite({ "/": `<iframe src="${world.notify}"></iframe>` });
  const page = await person.context.newPage();
  const complaint = page.waitForEvent("console", { predicate: (message) => /frame-ancestors/.test(message.text()) });
  await page.goto(elsewhere);
  await complaint;
  assert.doesNotMatch(await page.frames()[1].content(), /signed out/i);
  await page.close();
  for (const path of ["/auth/logged-out", "/auth/sessions", "/page"]) {
    const { shown } = await framedBy(person, world, `${world.postern.origin}${path}`);
    if (path !== "/page") assert.doesNotMatch(shown, /signed|session/i, path);
  }
  assert.ok(await isIn(person, world.postern));
  await person.context.close();
});
