// A scriptable provider of FAPI 2.0: it takes pushed requests alone, from a client that signs, binds tokens to the key of a
// proof or to a certificate, and signs its responses where it is asked to.
//
// Two more hooks in `bend`: `pushed` gets an Answer, `response` the parts of a signed response.

import { randomBytes } from "node:crypto";

import { html, json } from "./answers.mjs";
import { checkClient } from "./client_check.mjs";
import { Issuer } from "./issuer.mjs";
import { compactJws, newKey, sharedKey, signature, thumbprint } from "./keys.mjs";
import { readProof } from "./proofs.mjs";

const REQUEST_URI = "urn:ietf:params:oauth:request_uri:";
const LIFE_SECONDS = 60;
const random = () => randomBytes(18).toString("base64url");

export class FapiIssuer extends Issuer {
  /** @param {object} options those of Issuer, and `fapi`: what tokens are bound to, `dpop` or `mtls` */
  constructor(url, { fapi, client, ...options }) {
    super(url, { alg: "ES256", ...options, client: { auth: "private_key_jwt", key: newKey("ES256"), ...client } });
    this.binds = fapi;
    this.tokenType = fapi === "dpop" ? "DPoP" : "Bearer";
  }

  reset() {
    super.reset();
    // One more, for clients that want no other.
    this.keys.push(sharedKey("RS256"));
    this.pushedRequests = new Map();
    /** Each proof that came, with the endpoint that it came to. */
    this.proofs = [];
    /** What proofs have to hold, by the endpoint; `undefined`: nothing. */
    this.nonces = { token: random(), userinfo: undefined };
    /** How it spells the scheme of its challenges. */
    this.scheme = "DPoP";
    /** Access tokens, and what each is bound to. */
    this.bound = new Map();
  }

  get endpoints() {
    return { ...super.endpoints, "/par": "pushed" };
  }

  metadata() {
    return {
      ...super.metadata(),
      pushed_authorization_request_endpoint: `${this.base}/par`,
      require_pushed_authorization_requests: true,
      response_modes_supported: ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"],
      token_endpoint_auth_methods_supported: ["private_key_jwt"],
      authorization_signing_alg_values_supported: [this.alg],
      ...(this.binds === "dpop" ? { dpop_signing_alg_values_supported: ["ES256"] } : { tls_client_certificate_bound_access_tokens: true }),
    };
  }

  /** RFC 9126 §2. */
  pushed(request) {
    const form = new URLSearchParams(request.body);
    const isClient = !this.checks.client || checkClient(this, request, form);
    if (!isClient || form.has("request_uri")) {
      return this.bent("pushed", json({ error: isClient ? "invalid_request" : "invalid_client" }, isClient ? 400 : 401), { request, form });
    }
    const uri = REQUEST_URI + random();
    this.pushedRequests.set(uri, form);
    return this.bent("pushed", json({ request_uri: uri, expires_in: LIFE_SECONDS }, 201), { request, form });
  }

  /** RFC 9126 §4: a request that was pushed is used once, and nothing else goes through the browser. */
  async authorization(request) {
    const uri = request.query.get("request_uri");
    const form = this.pushedRequests.get(uri);
    this.pushedRequests.delete(uri);
    if (form?.get("client_id") !== request.query.get("client_id")) return html("this was not pushed", 400);
    if (request.query.size !== 2) this.violations.push("authorization request: client_id and request_uri alone");
    return super.authorization({ ...request, query: form });
  }

  async token(request) {
    const shown = await this.#shown("token", request);
    const form = new URLSearchParams(request.body);
    const asked = this.codes.get(form.get("code"))?.asked;
    const isOthers = asked?.dpop_jkt && asked.dpop_jkt !== shown.cnf?.jkt;
    const error = shown.error ?? (isOthers ? "invalid_grant" : undefined);
    if (!error) return super.token({ ...request, cnf: shown.cnf });
    const answer = json({ error }, 400);
    Object.assign(answer.headers, shown.headers);
    return this.bent("token", answer, { request, form, refusal: error });
  }

  /** By RFC 9068, bound to what was shown. */
  newAccessToken({ asked, user }, { cnf }) {
    const token = this.accessToken({ aud: this.url, sub: user.sub, client_id: this.client.id, scope: asked.scope, cnf });
    this.bound.set(token, cnf);
    return token;
  }

  async userinfo(request) {
    const [scheme, token] = (request.headers.authorization ?? "").split(" ");
    const { cnf, error = "invalid_token", headers } = await this.#shown("userinfo", request, token);
    const isBound = cnf && JSON.stringify(this.bound.get(token)) === JSON.stringify(cnf);
    if (isBound && scheme === this.tokenType) return super.userinfo(request);
    const challenge = `${this.binds === "dpop" ? this.scheme : "Bearer"} error="${error}"`;
    return this.bent("userinfo", { status: 401, headers: { "www-authenticate": challenge, ...headers }, body: "" }, { request });
  }

  /** ID tokens say who it is, and UserInfo the rest. */
  async bent(hook, draft, context) {
    if (hook === "idToken") for (const name of ["name", "email", "email_verified"]) delete draft.claims[name];
    const own = hook === "authorization" ? await this.#response(draft, context) : draft;
    return super.bent(hook, own, context);
  }

  /** JARM §2.1 and §2.3, where it is asked for. */
  async #response(draft, context) {
    if (!draft.mode.endsWith("jwt")) return draft;
    const mode = draft.mode === "form_post.jwt" ? "form_post" : "query";
    const [key] = this.keys;
    const claims = { ...Object.fromEntries(draft.params), iss: this.url, aud: this.client.id, exp: this.clock() + LIFE_SECONDS };
    const parts = { key, header: { alg: this.alg, kid: key.kid }, claims, signer: (input) => signature(parts.key, input, parts.key.alg) };
    await super.bent("response", parts, context);
    return { ...draft, mode, params: [["response", compactJws(parts.header, parts.claims, parts.signer)]] };
  }

  /** What a request shows that it has: `cnf`, as a token has it; or an `error`, and the `headers` that go with it. */
  #shown(endpoint, request, accessToken) {
    if (this.binds === "dpop") return this.#shownKey(endpoint, request, accessToken);
    return request.certificate ? { cnf: { "x5t#S256": thumbprint(request.certificate) } } : { error: "invalid_client" };
  }

  async #shownKey(endpoint, request, accessToken) {
    const expected = { origin: new URL(this.url).origin, now: this.clock(), accessToken };
    const proof = await readProof(request, expected).catch(() => undefined);
    if (!proof || this.proofs.some(({ claims }) => claims.jti === proof.claims.jti)) return { error: "invalid_dpop_proof" };
    this.proofs.push({ endpoint, ...proof });
    const nonce = this.nonces[endpoint];
    if (nonce && proof.claims.nonce !== nonce) return { error: "use_dpop_nonce", headers: { "dpop-nonce": nonce } };
    return { cnf: { jkt: proof.jkt } };
  }
}
