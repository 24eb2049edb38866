// How Postern proves to a provider that it is the client.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { newKey } from "../provider/keys.mjs";
import { logIn } from "./support/login.mjs";
import { startWorld } from "./support/world.mjs";

const SECRET = "pass:%+& é/=?";

const world = await startWorld({
  basic: { client: { id: "app:1%+", secret: SECRET } },
  post: { client: { id: "app:1%+", secret: SECRET, auth: "client_secret_post" } },
  jwt: { client: { auth: "private_key_jwt", key: newKey("ES256") } },
  rsa: { client: { auth: "private_key_jwt", key: newKey("RS256") }, settings: { client_assertion: { alg: "RS256" } } },
  pss: { client: { auth: "private_key_jwt", key: newKey("PS256"), audience: "endpoint" }, settings: { client_assertion: { alg: "PS256", audience: "endpoint" } } },
  public: { client: { auth: "none" } },
  wrong: {},
});
const { issuers } = world;
afterEach(() => world.mend());

test("client_secret_basic form-encodes id and secret before they are joined", async () => {
  // RFC 6749 §2.3.1 and Appendix B, byte for byte
  assert.equal((await logIn(world.browser(), { provider: "basic" })).status, 200);
  const { headers, body } = issuers.basic.last("token");
  const expected = Buffer.from("app%3A1%25%2B:pass%3A%25%2B%26+%C3%A9%2F%3D%3F").toString("base64");
  assert.equal(headers.authorization, `Basic ${expected}`);
  assert.ok(!new URLSearchParams(body).has("client_secret"));
});

test("client_secret_post puts both in the form and none in a header", async () => {
  assert.equal((await logIn(world.browser(), { provider: "post" })).status, 200);
  const { headers, body, url } = issuers.post.last("token");
  assert.equal(headers.authorization, undefined);
  assert.equal(new URLSearchParams(body).get("client_secret"), SECRET);
  assert.ok(!url.includes("?"));
});

test("private_key_jwt signs a short assertion for the issuer alone, with a new jti each time", async () => {
  //
  for (let count = 0; count < 3; count += 1) assert.equal((await logIn(world.browser(), { provider: "jwt" })).status, 200);
  const { assertions, client, url } = issuers.jwt;
  assert.equal(new Set(assertions.map(({ claims }) => claims.jti)).size, 3);
  for (const { header, claims } of assertions) {
    assert.equal(header.alg, "ES256");
    assert.equal(header.kid, client.key.kid);
    assert.equal(claims.aud, url);
    assert.equal(claims.iss, client.id);
    assert.equal(claims.sub, client.id);
    assert.ok(claims.exp - claims.iat <= 300);
  }
});

test("private_key_jwt signs with RS256 and PS256 too, and for the endpoint where that is configured", async () => {
  //
  for (const [provider, alg] of [["rsa", "RS256"], ["pss", "PS256"]]) {
    assert.equal((await logIn(world.browser(), { provider })).status, 200, provider);
    const { assertions, client, url, base } = issuers[provider];
    assert.deepEqual(assertions.at(-1).header, { alg, typ: "JWT", kid: client.key.kid });
    assert.equal(assertions.at(-1).claims.aud, provider === "pss" ? `${base}/token` : url);
  }
});

test("a public client names itself and proves itself by PKCE alone", async () => {
  assert.equal((await logIn(world.browser(), { provider: "public" })).status, 200);
  const { headers, body } = issuers.public.last("token");
  const form = new URLSearchParams(body);
  assert.equal(headers.authorization, undefined);
  assert.deepEqual([form.get("client_id"), form.has("client_secret"), form.has("code_verifier")], [issuers.public.client.id, false, true]);
});

test("a provider that does not know the client lets nobody in, and the secret shows nowhere", async () => {
  issuers.wrong.bend.token = (answer) => void Object.assign(answer, { status: 401, body: { error: "invalid_client", error_description: issuers.wrong.client.secret } });
  await world.loginFails({ provider: "wrong", reason: "token.invalid_client" });
});
