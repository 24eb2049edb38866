// During a deployment, a new Worker may meet objects of the release before: those that only know requests.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn, whoIs } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({ main: {} }, { subjects: "RequestsOnlyObject" });

test("an object that has no method to call is asked by a request", async () => {
  const browser = world.browser();
  assert.equal((await logIn(browser)).status, 200);
  assert.equal((await browser.fetch("/api/echo")).status, 200);
  const cookie = ["cookie", `__Host-postern=${browser.jar.cookies.get("__Host-postern").value}`];
  assert.equal((await browser.fetch("/auth/logout", { method: "POST" })).status, 200);
  assert.equal(await whoIs(browser), undefined);
  const late = await world.postern.send("/api/echo", { headers: [cookie, ["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "cors"]] });
  assert.equal(late.status, 401);
});
