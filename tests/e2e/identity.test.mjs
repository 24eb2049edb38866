// Who somebody is: the pair of issuer and subject, and nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn, whoIs } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const user = { sub: "42", email: "same@example.com", preferred_username: "same" };
const world = await startWorld({ one: { user }, other: { user } });
const { issuers, postern } = world;

test("the same subject and e-mail at two providers are two people", async () => {
  //
  const [one, other] = [world.browser(), world.browser()];
  await logIn(one, { provider: "one" });
  await logIn(other, { provider: "other" });
  assert.equal((await whoIs(one)).issuer, issuers.one.url);
  assert.equal((await whoIs(other)).issuer, issuers.other.url);
  await one.fetch("/auth/logout", { method: "POST", headers: [["accept", "application/json"]] });
  assert.equal(await whoIs(one), undefined);
  assert.ok(await whoIs(other));
});

test("two subjects with one e-mail at one provider are two people", async () => {
  //
  const subjects = [];
  for (const sub of ["a", "b"]) {
    issuers.one.user = { ...user, sub };
    const browser = world.browser();
    await logIn(browser, { provider: "one" });
    subjects.push((await whoIs(browser)).subject);
  }
  issuers.one.user = user;
  assert.deepEqual(subjects, ["a", "b"]);
});

test("subjects that only differ in case or form are two people", async () => {
  // OIDC Core §2: `sub` is case sensitive
  const browsers = [];
  for (const sub of ["user", "USER", "user ", "user\u0000", "https://op.example|user"]) {
    issuers.one.user = { ...user, sub };
    const browser = world.browser();
    assert.equal((await logIn(browser, { provider: "one" })).status, 200);
    browsers.push([sub, browser]);
  }
  issuers.one.user = user;
  for (const [sub, browser] of browsers) assert.equal((await whoIs(browser)).subject, sub);
});

test("people who use one isolate at the same time do not see each other", async () => {
  const people = Array.from({ length: 12 }, (_, index) => `person-${index}`);
  const browsers = [];
  for (const sub of people) {
    issuers.one.user = { ...user, sub };
    const browser = world.browser();
    await logIn(browser, { provider: "one" });
    browsers.push(browser);
  }
  issuers.one.user = user;
  const rounds = Array.from({ length: 5 }, () => browsers.map(async (browser) => (await whoIs(browser)).subject));
  for (const round of rounds) assert.deepEqual(await Promise.all(round), people);
});

test("only the configured claims are kept and told", async () => {
  issuers.one.user = { ...user, name: "Kept", ssn: "123-45-6789" };
  const browser = world.browser();
  const mark = await postern.mark();
  await logIn(browser, { provider: "one" });
  issuers.one.user = user;
  const me = await whoIs(browser);
  assert.equal(me.claims.name, "Kept");
  assert.ok(!JSON.stringify(me).includes("123-45-6789"));
  assert.ok(!(await postern.linesSince(mark)).some((line) => line.includes("123-45-6789")));
});
