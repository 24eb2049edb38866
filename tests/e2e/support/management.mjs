// The endpoints of management, as the running Worker lists them, and who may use them.

import assert from "node:assert/strict";

import { logIn } from "./login.mjs";

const JSON_TYPE = ["content-type", "application/json"];

/** Whom `provider` calls `sub`, signed in. */
export async function signedIn(world, sub, claims = {}, provider = "main") {
  world.issuers[provider].user = { sub, ...claims };
  const browser = world.browser();
  assert.equal((await logIn(browser, { provider })).status, 200);
  return browser;
}

/** A request for an endpoint of the list that is well-formed as far as every endpoint asks. */
export function request(browser, { method, path }, { headers = [], ...options } = {}) {
  const target = path.replace("{id}", "0123456789abcdef0123").replace("{version}", "0".repeat(64));
  const body = method === "GET" ? undefined : "{}";
  return browser.fetch(target, { method, body, headers: [...(body ? [JSON_TYPE] : []), ...headers], ...options });
}

/** Hands an order to an endpoint. */
export async function order(browser, path, members) {
  const answer = await browser.fetch(path, { method: "POST", headers: [JSON_TYPE], body: JSON.stringify(members) });
  return { ...answer, json: JSON.parse(answer.body) };
}

/** What an endpoint tells. */
export async function read(browser, path) {
  const answer = await browser.fetch(path);
  return { ...answer, json: JSON.parse(answer.body) };
}

/** The list. */
export const endpoints = async (administrator) => (await read(administrator, "/auth/admin")).json.endpoints;

/** Every endpoint is shut to each of these callers, with this status and reason; one event each tells the action. */
export async function assertShut(postern, rows, callers) {
  assert.ok(rows.length > 3, "the list is short");
  for (const row of rows) {
    for (const [name, { browser, headers, status, reason }] of Object.entries(callers)) {
      const mark = await postern.mark();
      const answer = await request(browser, row, { headers });
      const [event, ...more] = await postern.eventsSince(mark);
      const which = `${row.method} ${row.path}, ${name}`;
      assert.deepEqual([answer.status, event.reason, event.action, more.length], [status, reason, row.action, 0], which);
    }
  }
}
