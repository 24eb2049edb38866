// Services ask for decisions (AuthZEN), in workerd: the interoperability scenario, who may ask, and many questions at once.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Publisher } from "./support/policies.mjs";
import { startWorld } from "./support/world.mjs";

const ONE = "/access/v1/evaluation";
const MANY = "/access/v1/evaluations";

const world = await startWorld(
  { main: {} },
  { policies: true, tokens: { main: {} }, vars: { AUTHZEN: { require: { scopes: ["decide"] } } } },
);
const { postern } = world;
const { main } = world.issuers;

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const scenario = JSON.parse(read("fixtures/authzen/todo.json"));

const service = (claims = {}) => main.accessToken({ scope: "decide", ...claims });

function ask(path, question, { token = service(), headers = [] } = {}) {
  const authorization = token ? [["authorization", `Bearer ${token}`]] : [];
  const body = typeof question === "string" ? question : JSON.stringify(question);
  return postern.send(path, { method: "POST", headers: [["content-type", "application/json"], ...authorization, ...headers], body });
}

async function told(act) {
  const mark = await postern.mark();
  const answer = await act();
  const events = (await postern.eventsSince(mark)).filter(({ event }) => event === "evaluation");
  assert.equal(events.length, 1);
  return { answer, event: events[0] };
}

test("before anything is published the answer is no", async () => {
  const { answer, event } = await told(() => ask(ONE, scenario.evaluation[0].request));
  assert.equal(answer.status, 200, answer.body);
  assert.deepEqual(JSON.parse(answer.body), { decision: false, context: { id: event.request_id } });
  assert.equal(event.evaluations[0].reason, "policy.none_loaded");
});

test("the answers are those that the interoperability scenario expects", async () => {
  //
  const files = Object.fromEntries(["todo.cedar", "todo.cedarschema"].map((name) => [name, read(`examples/policies/todo/${name}`)]));
  await new Publisher(postern).publish(files);
  await postern.advance(60);
  await ask(ONE, scenario.evaluation[0].request);
  for (const { request, expected } of scenario.evaluation) {
    const answer = await ask(ONE, request);
    assert.equal(answer.status, 200, answer.body);
    assert.equal(JSON.parse(answer.body).decision, expected, JSON.stringify(request));
  }
  for (const { request, expected } of scenario.evaluations) {
    const { evaluations } = JSON.parse((await ask(MANY, request)).body);
    assert.deepEqual(evaluations.map(({ decision }) => ({ decision })), expected);
  }
});

test("forty questions at once get the same answers, and one line in the log", async () => {
  const evaluations = scenario.evaluation.map(({ request }) => request);
  const { answer, event } = await told(() => ask(MANY, { evaluations }));
  const decisions = JSON.parse(answer.body).evaluations;
  assert.deepEqual(decisions.map(({ decision }) => decision), scenario.evaluation.map(({ expected }) => expected));
  assert.deepEqual(event.evaluations.map(({ decision }) => decision), decisions.map(({ decision }) => decision));
  assert.match(event.policy_version, /^[0-9a-f]{64}$/);
});

test("nobody asks without a token, or with one that is for less, and the refusal is in words", async () => {
  const question = scenario.evaluation[0].request;
  for (const [token, status, reason] of [
    [null, 401, "authn.no_token"],
    [service({ scope: "read" }), 403, "authz.insufficient_scope"],
    [service({ sub: "alice" }), 403, "authz.kind_not_accepted"],
    [service({ aud: "https://other.example.com" }), 401, "access_token.aud_mismatch"],
  ]) {
    const { answer, event } = await told(() => ask(ONE, question, { token }));
    assert.deepEqual([answer.status, event.reason], [status, reason]);
    assert.match(answer.headers["content-type"], /^text\/plain/);
    assert.ok(answer.body.includes(event.request_id) && !answer.body.includes(reason), answer.body);
    assert.equal(event.evaluations, undefined);
  }
});

test("what is no question gets 400, and the caller's own id of the request comes back", async () => {
  for (const body of ["", "{", '{"subject":"alice"}', "x".repeat(200_000)]) {
    const { answer, event } = await told(() => ask(ONE, body, { headers: [["x-request-id", "mine-7"]] }));
    assert.deepEqual([answer.status, answer.headers["x-request-id"]], [400, "mine-7"]);
    assert.deepEqual([event.reason, event.client_request_id], ["evaluation.malformed", "mine-7"]);
  }
});

test("the metadata is there for everybody", async () => {
  const answer = await postern.send("/.well-known/authzen-configuration");
  assert.equal(answer.status, 200);
  const { policy_decision_point, access_evaluation_endpoint } = JSON.parse(answer.body);
  assert.equal(access_evaluation_endpoint, `${policy_decision_point}${ONE}`);
});
