// One scriptable OpenID provider: honest until a test bends it.
//
// Each hook in `bend` gets the draft of an answer and may change it in place or return another:
// `discovery`, `jwks`, `token`, `userinfo`, `introspection`, `endSession` get an Answer (answers.mjs), `authorization`
// an authorization response, `idToken` the parts of an ID token, `page` whatever else is asked for.

import { createHash, randomBytes } from "node:crypto";

import { html, json, redirect } from "./answers.mjs";
import { checkClient } from "./client_check.mjs";
import { compactJws, hashOf, leftHalf, publicJwk, sharedKey, signature } from "./keys.mjs";

const MIN_CANARY_CHARS = 16;
/** How long a test waits for what must come: long enough for any machine, so that it is told what did not. */
const AT_MOST_MS = 60_000;
const random = (label) => `canary-${label}-${randomBytes(18).toString("base64url")}`;
const nowSeconds = () => Math.floor(Date.now() / 1000);

const ENDPOINTS = {
  "/.well-known/openid-configuration": "discovery",
  "/jwks": "jwks",
  "/authorize": "authorization",
  "/token": "token",
  "/userinfo": "userinfo",
  "/end-session": "endSession",
  "/revoke": "revocation",
  "/introspect": "introspection",
  // Of plain OAuth 2, as GitHub has it.
  "/user": "oauthUser",
  "/user/emails": "oauthEmails",
};
const METADATA = "/.well-known/openid-configuration";

/** What GitHub says in the place of registered errors, with status 200. */
const GITHUB_ERRORS = { invalid_grant: "bad_verification_code", invalid_client: "incorrect_client_credentials" };

/** An endpoint that answers nobody, until it is released. */
class Hold {
  #asked = Promise.withResolvers();
  #released = Promise.withResolvers();

  /** Resolves with the first request that is kept waiting. */
  get asked() {
    return this.#asked.promise;
  }

  /** Answers whatever is kept waiting, and from now on at once. */
  release() {
    this.#released.resolve();
  }

  /** Keeps a request waiting. */
  pass(request) {
    this.#asked.resolve(request);
    return this.#released.promise;
  }
}

export class Issuer {
  #holds = new Map();
  #watchers = new Set();

  /**
   * @param {string} url the issuer identifier, as configured at the client
   * @param {object} [options] `alg`, `client` (`id`, `secret`, `auth`, `key`), `user` (claims; `sub` among them), `oauth2`:
   * it is no provider of OpenID Connect, and says errors with status 200, as GitHub does
   */
  constructor(url, { alg = "RS256", client = {}, user = {}, oauth2 = false } = {}) {
    this.oauth2 = oauth2;
    this.url = url;
    this.base = url.replace(/\/$/, "");
    this.alg = alg;
    this.client = { id: "postern-test", secret: random("secret"), auth: "client_secret_basic", ...client };
    this.user = { sub: "alice", name: "Alice", email: "alice@example.com", email_verified: true, ...user };
    this.clock = nowSeconds;
    this.tokenType = "Bearer";
    this.reset();
  }

  /** Honest again, with nothing remembered. Canaries stay: they must never show, however old. */
  reset() {
    for (const hold of this.#holds.values()) hold.release();
    this.#holds.clear();
    this.keys = [sharedKey(this.alg)];
    this.bend = {};
    this.checks = { pkce: true, client: true };
    this.requests = [];
    this.violations = [];
    this.codes = new Map();
    /** `once`: a new refresh token with every use, and using one twice ends them all; `same`: it stays; `silent`: and nothing is said of it. */
    this.rotation = "once";
    this.tokenLife = 3600;
    this.refreshTokens = new Map();
    this.revoked = [];
    /** Opaque access tokens, and what is said of each. */
    this.opaqueTokens = new Map();
    this.canaries ??= new Set([this.client.secret]);
  }

  /** How often an endpoint was asked; all of them when none is named. */
  count(endpoint) {
    return endpoint ? this.requests.filter((request) => request.endpoint === endpoint).length : this.requests.length;
  }

  /** The last request an endpoint got. */
  last(endpoint) {
    return this.requests.findLast((request) => request.endpoint === endpoint);
  }

  /**
   * Lets an endpoint answer nobody until the hold is released. A request counts when it comes in; its answer is made when it
   * goes out, of what holds then.
   * @returns {Hold}
   */
  hold(endpoint) {
    const hold = new Hold();
    this.#holds.set(endpoint, hold);
    return hold;
  }

  /** Resolves once `holds()`, which is asked whenever a request came in or was answered. */
  async when(holds, what, milliseconds = AT_MOST_MS) {
    const waiting = Promise.withResolvers();
    const look = () => holds() && waiting.resolve();
    const late = setTimeout(() => waiting.reject(new Error(`this did not come: ${what}`)), milliseconds);
    this.#watchers.add(look);
    try {
      look();
      await waiting.promise;
    } finally {
      this.#watchers.delete(look);
      clearTimeout(late);
    }
  }

  /** The methods that answer, by their paths. */
  get endpoints() {
    return ENDPOINTS;
  }

  /** Answers one request that came in under this issuer's path. */
  async answer(request) {
    // Where each tenant has an issuer, metadata is below ours.
    const path = request.path.endsWith(METADATA) ? METADATA : request.path;
    const endpoint = this.endpoints[path] ?? "unknown";
    this.requests.push({ endpoint, ...request });
    this.#look();
    await this.#holds.get(endpoint)?.pass(request);
    const answer = await this.#answerOf(endpoint, request);
    this.#look();
    return answer;
  }

  #answerOf(endpoint, request) {
    if (endpoint === "unknown") return this.bent("page", html("not found", 404), { request });
    return this[endpoint](request);
  }

  #look() {
    for (const look of this.#watchers) look();
  }

  /**
   * A logout token (Back-Channel Logout §2.4). Claims that are `undefined` are left out.
   * @param {object} claims what is added or changed; `sub` or `sid` among them
   * @param {object} [parts] `header` members, `key`, `signer` to bend the signature
   */
  logoutToken(claims, { header = {}, key = this.keys[0], signer = (input) => signature(key, input, key.alg) } = {}) {
    const now = this.clock();
    const all = {
      iss: this.url, aud: this.client.id, iat: now, exp: now + 120, jti: random("jti"),
      events: { "http://schemas.openid.net/event/backchannel-logout": {} }, ...claims,
    };
    const token = compactJws({ alg: this.alg, kid: key.kid, typ: "logout+jwt", ...header }, all, signer);
    this.#plant(token);
    return token;
  }

  /**
   * An opaque access token of Alice's; claims that are `undefined` are left out of what introspection says.
   * @param {object} claims what is added or changed; `aud` among them
   */
  opaqueToken(claims) {
    const token = random("opaque");
    const now = this.clock();
    this.opaqueTokens.set(token, {
      active: true, iss: this.url, sub: this.user.sub, client_id: "cli", token_type: "Bearer", iat: now, exp: now + this.tokenLife, ...claims,
    });
    this.canaries.add(token);
    return token;
  }

  /**
   * An access token by RFC 9068, as a client that asked for itself would get one. Claims that are `undefined` are left out.
   * @param {object} claims what is added or changed
   * @param {object} [parts] `header` members, `key`, `signer` to bend the signature
   */
  accessToken(claims = {}, { header = {}, key = this.keys[0], signer = (input) => signature(key, input, key.alg) } = {}) {
    const now = this.clock();
    const all = {
      iss: this.url, aud: "https://api.example.com", sub: "reporter", client_id: "reporter", iat: now, exp: now + 300,
      jti: random("jti"), scope: "read", ...claims,
    };
    const token = compactJws({ alg: key.alg, kid: key.kid, typ: "at+jwt", ...header }, all, signer);
    this.#plant(token, token.split(".").at(-1), String(all.jti));
    return token;
  }

  async bent(hook, draft, context) {
    return (await this.bend[hook]?.(draft, context)) ?? draft;
  }

  metadata() {
    return {
      issuer: this.url,
      authorization_endpoint: `${this.base}/authorize`,
      token_endpoint: `${this.base}/token`,
      userinfo_endpoint: `${this.base}/userinfo`,
      jwks_uri: `${this.base}/jwks`,
      end_session_endpoint: `${this.base}/end-session`,
      revocation_endpoint: `${this.base}/revoke`,
      introspection_endpoint: `${this.base}/introspect`,
      response_types_supported: ["code"],
      response_modes_supported: ["query", "form_post"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: [this.alg],
      token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true,
    };
  }

  discovery(request) {
    if (this.oauth2) return html("not found", 404);
    return this.bent("discovery", json(this.metadata()), { request });
  }

  jwks(request) {
    return this.bent("jwks", json({ keys: this.keys.map((key) => publicJwk(key)) }), { request });
  }

  userinfo(request) {
    return this.bent("userinfo", json(this.user), { request });
  }

  /** Whose access token it is, by a number. */
  oauthUser(request) {
    const known = this.canaries.has((request.headers.authorization ?? "").replace(/^Bearer /, ""));
    const user = { id: 583231, login: "octocat", name: "The Octocat", email: "public@example.com", avatar_url: "https://avatars.example/1" };
    return this.bent("oauthUser", known ? json(user) : json({ message: "Bad credentials" }, 401), { request });
  }

  oauthEmails(request) {
    const all = [{ email: "octocat@example.com", primary: true, verified: true, visibility: null }];
    return this.bent("oauthEmails", json(all), { request });
  }

  endSession(request) {
    const target = request.query.get("post_logout_redirect_uri");
    const state = request.query.get("state");
    const answer = target ? redirect(`${target}${state ? `?state=${encodeURIComponent(state)}` : ""}`) : html("signed out");
    return this.bent("endSession", answer, { request });
  }

  /** RFC 6749 §4.1.1 and §4.1.2. Nobody is asked anything: whoever comes is `user`. */
  async authorization(request) {
    const asked = Object.fromEntries(request.query);
    this.#checkAuthorization(request.query);
    const code = random("code");
    this.canaries.add(code);
    const draft = {
      target: asked.redirect_uri,
      mode: asked.response_mode ?? "query",
      params: [["code", code], ["state", asked.state], ...(this.oauth2 ? [] : [["iss", this.url]])],
    };
    const bent = await this.bent("authorization", draft, { asked, code });
    this.codes.set(code, { asked, user: { ...this.user } });
    return respond(bent);
  }

  #checkAuthorization(query) {
    const must = (what, held) => held || this.violations.push(`authorization request: ${what}`);
    for (const name of new Set(query.keys())) must(`one ${name}`, query.getAll(name).length === 1);
    must("response_type is code", query.get("response_type") === "code");
    must("client_id is ours", query.get("client_id") === this.client.id);
    must("scope has openid", this.oauth2 || (query.get("scope") ?? "").split(" ").includes("openid"));
    must("no nonce where there is no ID token", !this.oauth2 || !query.has("nonce"));
    must("PKCE is S256", query.get("code_challenge_method") === "S256");
    must("code_challenge is a SHA-256", /^[A-Za-z0-9_-]{43}$/.test(query.get("code_challenge") ?? ""));
    must("redirect_uri without fragment", !(query.get("redirect_uri") ?? "#").includes("#"));
  }

  /** RFC 6749 §4.1.3 and §4.1.4, RFC 7636 §4.6. */
  async token(request) {
    const form = new URLSearchParams(request.body);
    const renews = form.get("grant_type") === "refresh_token";
    const refusal = renews ? this.#refuseRefresh(request, form) : this.#refuseToken(request, form);
    const grant = () => (renews ? this.refreshTokens.get(form.get("refresh_token")).grant : this.codes.get(form.get("code")));
    const refused = () => (this.oauth2 ? json({ error: GITHUB_ERRORS[refusal] }) : json({ error: refusal }, 400));
    const answer = refusal ? refused() : json(await this.#tokens(grant(), form, request));
    return this.bent("token", answer, { request, form, refusal });
  }

  /** RFC 6749 §6, with the reuse detection of RFC 9700 §4.14.2. */
  #refuseRefresh(request, form) {
    const known = this.refreshTokens.get(form.get("refresh_token"));
    if (this.checks.client && !checkClient(this, request, form)) return "invalid_client";
    if (!known) return "invalid_grant";
    if (known.used && this.rotation === "once") {
      this.violations.push("token request: a refresh token was sent twice");
      known.grant.over = true;
    }
    if (known.grant.over || known.revoked) return "invalid_grant";
    known.used = true;
    return undefined;
  }

  /** RFC 7009 §2: what is not known is fine too. */
  revocation(request) {
    const form = new URLSearchParams(request.body);
    const allowed = !this.checks.client || checkClient(this, request, form);
    const answer = allowed ? { status: 200, headers: {}, body: "" } : json({ error: "invalid_client" }, 401);
    const known = this.refreshTokens.get(form.get("token"));
    return this.bent("revocation", answer, { request, form }).then((bent) => {
      if (bent.status === 200 && !bent.drop && !bent.hang) {
        this.revoked.push(form.get("token"));
        if (known) known.revoked = true;
      }
      return bent;
    });
  }

  /** RFC 7662 §2. */
  introspection(request) {
    const form = new URLSearchParams(request.body);
    const must = (what, held) => held || this.violations.push(`introspection request: ${what}`);
    must("a POST of a form", request.method === "POST" && request.headers["content-type"] === "application/x-www-form-urlencoded");
    must("one token, in the body", form.getAll("token").length === 1 && request.query.size === 0);
    must("the hint is access_token", form.get("token_type_hint") === "access_token");
    const known = checkClient(this, request, form) && (this.opaqueTokens.get(form.get("token")) ?? { active: false });
    return this.bent("introspection", known ? json(known) : json({ error: "invalid_client" }, 401), { request, form });
  }

  /** The refresh tokens that could still be used. */
  get aliveRefreshTokens() {
    const alive = ([, { used, revoked, grant }]) => !revoked && !grant.over && !(used && this.rotation === "once");
    return [...this.refreshTokens].filter(alive).map(([token]) => token);
  }

  #refreshToken(grant, form) {
    const presented = form.get("refresh_token");
    if (presented && this.rotation === "silent") return undefined;
    if (presented && this.rotation === "same") return presented;
    const token = random("refresh");
    this.refreshTokens.set(token, { grant });
    return token;
  }

  #refuseToken(request, form) {
    const grant = this.codes.get(form.get("code"));
    if (this.checks.client && !checkClient(this, request, form)) return "invalid_client";
    if (!grant || form.get("grant_type") !== "authorization_code") return "invalid_grant";
    if (grant.used) {
      this.violations.push("token request: a code was sent twice");
      return "invalid_grant";
    }
    grant.used = true;
    if (form.get("redirect_uri") !== grant.asked.redirect_uri) return "invalid_grant";
    if (this.checks.pkce && !provesChallenge(form, grant.asked)) return "invalid_grant";
    return undefined;
  }

  /** An access token of a grant, which this request is the answer to. */
  newAccessToken() {
    return random("access");
  }

  async #tokens(grant, form, request) {
    const accessToken = this.newAccessToken(grant, request);
    if (this.oauth2) {
      this.#plant(accessToken);
      return { access_token: accessToken, token_type: "bearer", scope: grant.asked.scope.replaceAll(" ", ",") };
    }
    const refreshToken = this.#refreshToken(grant, form);
    grant.authTime ??= this.clock();
    const idToken = await this.#idToken(grant, accessToken, form);
    this.#plant(accessToken, refreshToken ?? "", idToken, idToken.split(".").at(-1));
    return {
      access_token: accessToken,
      token_type: this.tokenType,
      expires_in: this.tokenLife,
      refresh_token: refreshToken,
      scope: grant.asked.scope,
      id_token: idToken,
    };
  }

  /** What a test makes of a token may be too short to be told from other text. */
  #plant(...secrets) {
    for (const secret of secrets) if (secret.length >= MIN_CANARY_CHARS) this.canaries.add(secret);
  }

  async #idToken(grant, accessToken, form) {
    const now = this.clock();
    const key = this.keys[0];
    const { asked, user } = grant;
    const draft = {
      key,
      header: { alg: this.alg, kid: key.kid, typ: "JWT" },
      claims: {
        ...user, iss: this.url, aud: this.client.id, iat: now, exp: now + 600, auth_time: grant.authTime, nonce: asked.nonce,
        at_hash: leftHalf(accessToken, hashOf(this.alg)),
        ...(asked.acr_values && { acr: asked.acr_values.split(" ")[0], amr: ["pwd"] }),
      },
    };
    const bent = await this.bent("idToken", draft, { asked, accessToken, form });
    if (typeof bent === "string") return bent;
    return compactJws(bent.header, bent.claims, bent.signer ?? ((input) => signature(bent.key, input, bent.key.alg)));
  }
}

function provesChallenge(form, asked) {
  const verifier = form.get("code_verifier") ?? "";
  return createHash("sha256").update(verifier).digest("base64url") === asked.code_challenge;
}

const escapeHtml = (text) => String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

function respond({ target, mode, params, status = 303 }) {
  if (mode === "form_post") {
    const inputs = params.map(([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`);
    return html(
      `<!doctype html><body onload="document.forms[0].submit()"><form method="post" action="${escapeHtml(target)}">${inputs.join("")}</form>`,
    );
  }
  const separator = mode === "fragment" ? "#" : "?";
  return redirect(`${target}${separator}${new URLSearchParams(params)}`, status);
}
