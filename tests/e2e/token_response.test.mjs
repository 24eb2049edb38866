// The token response: a JSON object with a bearer token and an ID token, or no login.

import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";

import { startCanaryHost } from "../provider/canary_host.mjs";
import { logIn, whoIs } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const world = await startWorld({ main: {} });
const { main } = world.issuers;
const canary = await startCanaryHost();
after(() => canary.close());
afterEach(() => world.mend());

const change = (members) => (answer) => void Object.assign(answer.body, members);
const replace = (members) => (answer) => void Object.assign(answer, members);
const asText = (edit) => (answer) => void (answer.body = edit(JSON.stringify(answer.body)));

const REFUSED = [
  ["R-054: a token type nobody can use", change({ token_type: "MAC" }), "token.type_unknown"],
  ["R-054: DPoP where bearer was asked for", change({ token_type: "DPoP" }), "token.type_unknown"],
  ["R-054: no token type", change({ token_type: undefined }), "token.type_unknown"],
  ["R-054: a number as token type", change({ token_type: 7 }), "token.type_unknown"],
  ["R-056: an error with status 200", replace({ body: { error: "invalid_grant" } }), /^token\./],
  ["R-056: an error with status 400", replace({ status: 400, body: { error: "invalid_grant" } }), "token.invalid_grant"],
  ["R-056: an error without a body", replace({ status: 400, body: "" }), /^token\./],
  ["R-056: an error beside tokens", change({ error: "invalid_grant" }), /^token\./],
  ["R-056: a page", replace({ headers: { "content-type": "text/html" }, body: "<h1>hello</h1>" }), /^token\./],
  ["R-056: nothing", replace({ body: "" }), /^token\./],
  ["R-056: an array", (answer) => void (answer.body = [answer.body]), /^token\./],
  ["R-056: null", replace({ body: "null" }), /^token\./],
  ["R-056: text that is not UTF-8", replace({ body: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]) }), /^token\./],
  ["R-056: a member twice", asText((text) => text.replace("{", '{"token_type":"Bearer",')), /^token\./],
  ["R-056: an ID token twice", asText((text) => text.replace("{", '{"id_token":"x",')), /^token\./],
  ["R-056: something after the object", asText((text) => `${text}{}`), /^token\./],
  ["R-056: arrays a thousand deep", asText((text) => text.replace("{", `{"x":${"[".repeat(1000)}${"]".repeat(1000)},`)), /^token\./],
  ["no ID token", change({ id_token: undefined }), "token.member_missing"],
  ["an ID token that is a number", change({ id_token: 7 }), /^(token|id_token|jwt)\./],
  ["an access token that is an object", change({ access_token: {} }), /^token\./],
  ["an access token with a line break", change({ access_token: "x\r\nX-Injected: 1" }), /^(token|id_token|jwt)\./],
  ["a redirect", replace({ status: 307, headers: { location: `${canary.origin}/token` } }), "token.refused"],
  ["more than the size limit", change({ padding: "x".repeat(2_000_000) }), "provider.answer_too_large"],
  ["a body without end", replace({ endless: true }), "provider.answer_too_large"],
];
for (const [what, bend, reason] of REFUSED) {
  test(`${what} ends the login`, async () => {
    main.bend.token = bend;
    await world.loginFails({ reason, status: [400, 503] });
    assert.deepEqual(canary.hits, []);
  });
}

const ACCEPTED = [
  ["R-054: `bearer`", change({ token_type: "bearer" })],
  ["R-054: `BEARER`", change({ token_type: "BEARER" })],
  ["R-055: no expires_in", change({ expires_in: undefined })],
  ["R-055: expires_in as text", change({ expires_in: "3600" })],
  ["R-055: a negative expires_in", change({ expires_in: -5 })],
  ["R-055: an expires_in beyond all clocks", asText((text) => text.replace(/"expires_in":\d+/, '"expires_in":99999999999999999999'))],
  ["R-055: an expires_in that is null", change({ expires_in: null })],
  ["R-055: an expires_in of 0", change({ expires_in: 0 })],
  ["R-055: a float as expires_in", change({ expires_in: 3599.5 })],
  ["no scope and no refresh token", change({ scope: undefined, refresh_token: undefined })],
  ["no access token", change({ access_token: undefined, token_type: undefined })],
  ["members that are null", change({ access_token: null, refresh_token: null, scope: null, error: null })],
  ["members that nobody knows", change({ session_state: "x", "not-before-policy": 0, nested: { deep: [1] } })],
];
for (const [what, bend] of ACCEPTED) {
  test(`${what} is fine`, async () => {
    main.bend.token = bend;
    const browser = world.browser();
    const answer = await logIn(browser);
    assert.equal(answer.status, 200, answer.body.slice(0, 400));
    const me = await whoIs(browser);
    assert.ok(me.session.expires_at * 1000 > world.postern.now());
  });
}
