// Access tokens at guarded routes: sent as a program sends them, and refused as every refusal must be.

import assert from "node:assert/strict";

import { assertOneRefusalEvent, assertRefusalBody } from "./refusals.mjs";

/** What is forwarded while `act` runs, with its answer. */
export async function forwardedBy(postern, act) {
  const before = (await postern.forwarded()).length;
  const answer = await act();
  return { answer, seen: (await postern.forwarded()).slice(before) };
}

/** A request with one `Authorization` header and nothing else. */
export function call(postern, path, token, { method = "GET", headers = [], scheme = "Bearer" } = {}) {
  return postern.send(path, { method, headers: [["authorization", `${scheme} ${token}`], ...headers] });
}

/** The challenges of an answer, in order: `[scheme, { parameter: value }]`. */
export function challengesOf(answer) {
  const text = answer.headers["www-authenticate"] ?? "";
  const starts = [...text.matchAll(/(?:^|, )([A-Za-z]+) (?=[a-z_-]+=)/g)];
  return starts.map((start, place) => {
    const own = text.slice(start.index + start[0].length, starts[place + 1]?.index);
    return [start[1], Object.fromEntries([...own.matchAll(/([a-z_-]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]))];
  });
}

/**
 * Runs `act`, which must be refused: with this status, reason and error code, nothing forwarded, one event, and no part of
 * the token in answer or log that says more than its header.
 * @param {{ status: number, reason: string | RegExp, error?: string, tokens?: string[], navigation?: boolean }} expected `error`: none where it is
 * left out; `tokens`: what must not show
 */
export async function assertTokenRefused(postern, act, { status, reason, error, tokens = [], navigation = false }) {
  const mark = await postern.mark();
  const { answer, seen } = await forwardedBy(postern, act);
  assert.equal(answer.status, status, answer.body.slice(0, 300));
  assert.deepEqual(seen, [], "something was forwarded");
  assert.deepEqual(answer.setCookies, []);
  const event = await assertOneRefusalEvent(postern, mark, reason);
  assertRefusalBody(answer, { navigation, requestId: event.request_id });
  const [scheme, parameters] = challengesOf(answer)[0] ?? [];
  assert.equal(parameters?.error, error, answer.headers["www-authenticate"]);
  if (error) assert.equal(scheme, "Bearer");
  const shown = answer.body + JSON.stringify(answer.headers) + (await postern.linesSince(mark)).join("\n");
  for (const token of tokens) {
    for (const part of [token, ...token.split(".").slice(1)].filter(({ length }) => length >= 16)) {
      assert.ok(!shown.includes(part), `shows ${part.slice(0, 16)}…`);
    }
  }
  return { answer, event, parameters };
}
