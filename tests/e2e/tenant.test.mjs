// A tenant's things are for those whom their provider or issuer says belong to it, whatever the request says.

import assert from "node:assert/strict";
import { test } from "node:test";

import { logIn } from "./support/login.mjs";
import { call, forwardedBy } from "./support/tokens.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld(
  { main: { user: { org_id: "acme" } } },
  {
    tokens: { main: {} },
    routes: {
      "/page": { upstream: "service:ECHO" },
      "/orgs/{org}/{*rest}": {
        upstream: "service:ECHO", authenticate: ["session", "bearer"], require: { tenant: "{org}" },
        token: "assertion", headers: { "X-Tenant": "tenant" },
      },
    },
  },
);
const { postern } = world;
const { main } = world.issuers;
const CLAIMING = [["x-tenant", "evil"], ["x-tenant-id", "evil"], ["x-org-id", "evil"], ["x-postern-tenant", "evil"]];

test("a member reaches what is the tenant's, and the upstream is told which that is", async () => {
  //
  const browser = world.browser();
  await logIn(browser, { provider: "main" });
  const mark = await postern.mark();
  const answer = await browser.fetch("/orgs/acme/orders?org_id=evil", { headers: CLAIMING });
  assert.equal(answer.status, 200, answer.body);
  const { headers } = JSON.parse(answer.body);
  assert.deepEqual([headers["x-tenant"], headers["x-postern-tenant"], headers["x-postern-assertion"]?.split(".").length], ["acme", undefined, 3]);
  assert.equal(JSON.parse(Buffer.from(headers["x-postern-assertion"].split(".")[1], "base64url")).tenant, "acme");
  assert.equal((await postern.eventsSince(mark))[0].tenant, "acme");
});

test("nobody reaches another tenant's, by session or token, whatever the request says", async () => {
  //
  const browser = world.browser();
  await logIn(browser, { provider: "main" });
  for (const path of ["/orgs/evil/orders?tenant=acme", "/orgs/Acme/orders", "/orgs/acme%20/orders"]) {
    assert.equal((await browser.fetch(path, { headers: CLAIMING })).status, 403, path);
  }
  for (const [claims, path, status] of [
    [{ org_id: "acme" }, "/orgs/acme/x", 200],
    [{ org_id: "acme" }, "/orgs/evil/x", 403],
    [{ tenant: "evil", org: "evil" }, "/orgs/evil/x", 403],
    [{ org_id: ["evil"] }, "/orgs/evil/x", 403],
  ]) {
    const { answer, seen } = await forwardedBy(postern, () => call(postern, path, main.accessToken(claims), { headers: CLAIMING }));
    assert.deepEqual([answer.status, seen.length], [status, status === 200 ? 1 : 0], JSON.stringify(claims));
  }
});
