//! A provider that does as it is told: discovery, keys, codes, tokens, and any of it bent.

mod fapi;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use base64ct::{Base64UrlUnpadded, Encoding};
use postern::http::{HeaderMap, HeaderValue, StatusCode, header};
use postern::jose::Es256Signer;
use postern::ports::{FetchError, OutboundRequest, OutboundResponse};
use postern::secret::Secret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::CANARY;
use super::dpop::DpopServer;

/// What a provider can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    Metadata,
    Keys,
    Token,
    Revocation,
    UserInfo,
    Introspection,
    Pushed,
}

/// What becomes of a refresh token that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It is returned as it is.
    Same,
    /// It stays, and the answer says nothing of it.
    Silent,
    /// Another takes its place; whoever uses the old one again ends them all (RFC 9700 §4.14.2).
    Once,
}

/// An answer, or none.
pub type Answer = Result<OutboundResponse, FetchError>;

type Bend = RefCell<Option<Box<dyn Fn(&mut Value)>>>;

/// The provider, and the ways to bend it.
pub struct Provider {
    issuer: String,
    pub metadata: RefCell<Value>,
    /// The key that signs.
    pub key: RefCell<Es256Signer>,
    /// The keys that it publishes.
    pub published: RefCell<Vec<Value>>,
    /// Whether documents carry an `ETag`, and are confirmed by it.
    pub etag: Cell<bool>,
    claims: Bend,
    tokens: Bend,
    /// What is known of the person at UserInfo.
    pub user: RefCell<Value>,
    scripted: RefCell<BTreeMap<Endpoint, Answer>>,
    grants: RefCell<BTreeMap<String, Grant>>,
    issued: Cell<usize>,
    pub rotation: Cell<Rotation>,
    /// What is done with a request to the token endpoint is done, but nobody hears of it.
    pub mute: Cell<bool>,
    /// The refresh tokens that are good.
    pub alive: RefCell<BTreeSet<String>>,
    /// The refresh tokens used, in order.
    pub used: RefCell<Vec<String>>,
    /// The tokens that were to be forgotten, in order.
    pub forgotten: RefCell<Vec<String>>,
    families: RefCell<BTreeMap<String, (usize, i64)>>,
    /// What is said of opaque access tokens; of all others, that they are not active.
    pub opaque: RefCell<BTreeMap<String, Value>>,
    /// The authorization requests that were pushed and not used, by their `request_uri`.
    pub pushed: RefCell<BTreeMap<String, BTreeMap<String, String>>>,
    /// Whether it is found at `https://mtls.corp.example` too.
    pub aliases: Cell<bool>,
    /// What tokens are bound to.
    pub dpop: DpopServer,
}

struct Grant {
    nonce: String,
    code_challenge: String,
    redirect_uri: String,
    auth_time: i64,
    dpop_jkt: Option<String>,
}

/// A signing key made from one number, named after it.
pub fn signer(number: u8) -> Es256Signer {
    signer_named(number, &format!("key-{number}"))
}

/// The same, under any name.
pub fn signer_named(number: u8, kid: &str) -> Es256Signer {
    let secret = p256::SecretKey::from_slice(&[number; 32]).unwrap();
    let mut jwk: Value = serde_json::from_str(&secret.to_jwk_string()).unwrap();
    jwk["kid"] = kid.into();
    Es256Signer::from_jwk(&Secret::new(jwk.to_string())).unwrap()
}

/// The public half as `SubjectPublicKeyInfo` in PEM.
pub fn spki(key: &Es256Signer) -> String {
    let point: Vec<u8> = key
        .public()
        .members()
        .iter()
        .filter(|(name, _)| ["x", "y"].contains(name))
        .flat_map(|(_, value)| Base64UrlUnpadded::decode_vec(value).unwrap())
        .collect();
    let mut der: Vec<u8> =
        vec![0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08];
    der.extend([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04]);
    der.extend(point);
    let text = base64ct::Base64::encode_string(&der);
    let (first, second) = text.split_at(64);
    format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n")
}

/// A JSON answer.
pub fn answer(status: u16, body: &Value) -> OutboundResponse {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    OutboundResponse { status: StatusCode::from_u16(status).unwrap(), headers, body: body.to_string().into_bytes() }
}

impl Provider {
    pub fn new(issuer: &str) -> Self {
        let key = signer(if issuer.contains("corp") { 1 } else { 2 });
        Self {
            issuer: issuer.to_owned(),
            metadata: RefCell::new(json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/jwks"),
                "userinfo_endpoint": format!("{issuer}/userinfo"),
                "end_session_endpoint": format!("{issuer}/logout"),
                "revocation_endpoint": format!("{issuer}/revoke"),
                "introspection_endpoint": format!("{issuer}/introspect"),
                "authorization_response_iss_parameter_supported": true,
                "code_challenge_methods_supported": ["S256"],
            })),
            published: RefCell::new(vec![key.public_jwk()]),
            key: RefCell::new(key),
            etag: Cell::new(false),
            claims: Bend::default(),
            tokens: Bend::default(),
            user: RefCell::new(json!({ "sub": "alice", "name": "Alice at UserInfo", "email": "alice@example.com" })),
            scripted: RefCell::default(),
            grants: RefCell::default(),
            issued: Cell::new(0),
            rotation: Cell::new(Rotation::Once),
            mute: Cell::new(false),
            alive: RefCell::default(),
            used: RefCell::default(),
            forgotten: RefCell::default(),
            families: RefCell::default(),
            opaque: RefCell::default(),
            pushed: RefCell::default(),
            aliases: Cell::new(false),
            dpop: DpopServer::default(),
        }
    }

    /// Changes every ID token from now on.
    pub fn bend_claims(&self, bend: impl Fn(&mut Value) + 'static) {
        *self.claims.borrow_mut() = Some(Box::new(bend));
    }

    /// Changes every token response from now on.
    pub fn bend_tokens(&self, bend: impl Fn(&mut Value) + 'static) {
        *self.tokens.borrow_mut() = Some(Box::new(bend));
    }

    /// Answers so at this endpoint from now on.
    pub fn script(&self, endpoint: Endpoint, answer: Answer) {
        self.scripted.borrow_mut().insert(endpoint, answer);
    }

    /// Does not answer at all from now on.
    pub fn go_down(&self) {
        for endpoint in [
            Endpoint::Metadata,
            Endpoint::Keys,
            Endpoint::Token,
            Endpoint::Revocation,
            Endpoint::UserInfo,
            Endpoint::Introspection,
            Endpoint::Pushed,
        ] {
            self.script(endpoint, Err(FetchError::Network));
        }
    }

    /// Answers as it should again.
    pub fn recover(&self) {
        self.scripted.borrow_mut().clear();
        *self.claims.borrow_mut() = None;
        *self.tokens.borrow_mut() = None;
    }

    /// Signs with another key from now on, and publishes it beside those that it has.
    pub fn rotate(&self, number: u8) {
        let key = signer(number);
        self.published.borrow_mut().push(key.public_jwk());
        *self.key.borrow_mut() = key;
    }

    /// A logout token with these claims changed; `null` takes one away.
    pub fn logout_token(&self, typ: Option<&str>, now: i64, changes: &Value) -> String {
        self.issued.set(self.issued.get() + 1);
        let mut claims = json!({
            "iss": self.issuer,
            "aud": "app",
            "iat": now,
            "exp": now + 120,
            "jti": format!("jti-{}", self.issued.get()),
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        let claims = claims.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            claims.insert(name.clone(), value.clone());
        }
        claims.retain(|_, value| !value.is_null());
        self.key.borrow().sign(typ, claims)
    }

    /// The person signs in here: from the authorization request to the authorization response.
    pub fn authorize(&self, request: &str) -> AuthorizationResponse {
        let url = url::Url::parse(request).unwrap();
        assert!(request.starts_with(&format!("{}/authorize?", self.issuer)), "{request}");
        let query: BTreeMap<String, String> = self.asked(url.query_pairs().into_owned().collect());
        assert_eq!(query.get("code_challenge_method").map(String::as_str), Some("S256"));
        self.issued.set(self.issued.get() + 1);
        let code = format!("code-{CANARY}-{}-{}", self.issuer.len(), self.issued.get());
        let grant = Grant {
            // OAuth 2 has none.
            nonce: query.get("nonce").cloned().unwrap_or_default(),
            code_challenge: query["code_challenge"].clone(),
            redirect_uri: query["redirect_uri"].clone(),
            auth_time: 1_800_000_000,
            dpop_jkt: query.get("dpop_jkt").cloned(),
        };
        self.grants.borrow_mut().insert(code.clone(), grant);
        let mut response =
            AuthorizationResponse { redirect_uri: query["redirect_uri"].clone(), parameters: Vec::new() };
        response.set("code", &code);
        response.set("state", &query["state"]);
        if self.metadata.borrow()["authorization_response_iss_parameter_supported"] == true {
            response.set("iss", &self.issuer);
        }
        response
    }

    pub(super) fn endpoint(&self, url: &str) -> Option<Endpoint> {
        if self.aliases.get()
            && let Some(path) = url.strip_prefix("https://mtls.corp.example")
        {
            return self.endpoint(&format!("{}{path}", self.issuer));
        }
        match url.strip_prefix(&self.issuer)? {
            // Below the issuer too, as where each tenant has one.
            path if path.ends_with("/.well-known/openid-configuration") => Some(Endpoint::Metadata),
            "/jwks" => Some(Endpoint::Keys),
            "/token" => Some(Endpoint::Token),
            "/revoke" => Some(Endpoint::Revocation),
            "/userinfo" => Some(Endpoint::UserInfo),
            "/introspect" => Some(Endpoint::Introspection),
            "/par" => Some(Endpoint::Pushed),
            _ => None,
        }
    }

    pub(super) fn answer(&self, endpoint: Endpoint, request: &OutboundRequest, now: i64) -> Answer {
        if let Some(scripted) = self.scripted.borrow().get(&endpoint) {
            return scripted.clone();
        }
        match endpoint {
            Endpoint::Metadata => Ok(self.document(request, &self.metadata.borrow())),
            Endpoint::Keys => Ok(self.document(request, &json!({ "keys": *self.published.borrow() }))),
            Endpoint::Token => {
                let form = form(request);
                if self.dpop.on.get()
                    && let Err(refusal) = self.dpop.check(request, None, now)
                {
                    return Ok(*refusal);
                }
                let answer = match form["grant_type"].as_str() {
                    "refresh_token" => self.renew(&form, now),
                    _ => self.redeem(&form, now),
                };
                if self.mute.get() { Err(FetchError::Timeout) } else { Ok(answer) }
            }
            Endpoint::Pushed => Ok(self.push(form(request))),
            Endpoint::Revocation => Ok(self.forget(&form(request)["token"])),
            Endpoint::UserInfo if self.dpop.on.get() => {
                let authorization = request.headers[header::AUTHORIZATION].to_str().unwrap();
                let token = authorization.strip_prefix("DPoP ").unwrap_or("none");
                Ok(match self.dpop.check(request, Some(token), now) {
                    Ok(_) => answer(200, &self.user.borrow()),
                    Err(refusal) => *refusal,
                })
            }
            Endpoint::UserInfo => Ok(answer(200, &self.user.borrow())),
            Endpoint::Introspection => {
                let known = self.opaque.borrow().get(&form(request)["token"]).cloned();
                Ok(answer(200, &known.unwrap_or_else(|| json!({ "active": false }))))
            }
        }
    }

    fn document(&self, request: &OutboundRequest, body: &Value) -> OutboundResponse {
        if !self.etag.get() {
            return answer(200, body);
        }
        let digest = Base64UrlUnpadded::encode_string(&Sha256::digest(body.to_string()));
        let etag = HeaderValue::try_from(format!("\"{digest}\"")).unwrap();
        let mut response = answer(200, body);
        if request.headers.get(header::IF_NONE_MATCH) == Some(&etag) {
            response = OutboundResponse { status: StatusCode::NOT_MODIFIED, body: Vec::new(), ..response };
        }
        response.headers.insert(header::ETAG, etag);
        response
    }

    /// RFC 6749 §4.1.3 and RFC 7636 §4.6, from the other side.
    fn redeem(&self, form: &BTreeMap<String, String>, now: i64) -> OutboundResponse {
        let grant = self.grants.borrow_mut().remove(&form["code"]).filter(|grant| {
            let challenge = Base64UrlUnpadded::encode_string(&Sha256::digest(&form["code_verifier"]));
            let jkt = self.dpop.proofs.borrow().last().map(|(_, _, jkt)| jkt.clone());
            let is_bound = grant.dpop_jkt.is_none() || grant.dpop_jkt == jkt;
            let is_ours = self.dpop.without_pkce.get() || grant.code_challenge == challenge;
            is_bound && is_ours && grant.redirect_uri == form["redirect_uri"]
        });
        let Some(grant) = grant else { return answer(400, &json!({ "error": "invalid_grant" })) };
        let refresh_token = self.new_refresh_token(self.issued.get(), grant.auth_time);
        self.tokens(Some(&grant.nonce), grant.auth_time, Some(refresh_token), now)
    }

    /// RFC 6749 §6, from the other side.
    fn renew(&self, form: &BTreeMap<String, String>, now: i64) -> OutboundResponse {
        let presented = &form["refresh_token"];
        self.used.borrow_mut().push(presented.clone());
        let Some((family, auth_time)) = self.families.borrow().get(presented).copied() else {
            return answer(400, &json!({ "error": "invalid_grant" }));
        };
        if !self.alive.borrow().contains(presented) {
            let families = self.families.borrow();
            self.alive.borrow_mut().retain(|token| families[token].0 != family);
            return answer(400, &json!({ "error": "invalid_grant" }));
        }
        self.issued.set(self.issued.get() + 1);
        let successor = match self.rotation.get() {
            Rotation::Same => Some(presented.clone()),
            Rotation::Silent => None,
            Rotation::Once => {
                self.alive.borrow_mut().remove(presented);
                Some(self.new_refresh_token(family, auth_time))
            }
        };
        self.tokens(None, auth_time, successor, now)
    }

    /// RFC 7009 §2.2: also what is not known any more is fine.
    fn forget(&self, token: &str) -> OutboundResponse {
        self.forgotten.borrow_mut().push(token.to_owned());
        self.alive.borrow_mut().remove(token);
        OutboundResponse { body: Vec::new(), ..answer(200, &Value::Null) }
    }

    fn new_refresh_token(&self, family: usize, auth_time: i64) -> String {
        let token = format!("refresh-{CANARY}-{}", self.families.borrow().len() + 1);
        self.families.borrow_mut().insert(token.clone(), (family, auth_time));
        self.alive.borrow_mut().insert(token.clone());
        token
    }

    fn tokens(&self, nonce: Option<&str>, auth_time: i64, refresh_token: Option<String>, now: i64) -> OutboundResponse {
        let mut claims = json!({
            "iss": self.issuer,
            "sub": "alice",
            "aud": "app",
            "exp": now + 300,
            "iat": now,
            "auth_time": auth_time,
            "name": "Alice",
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        if let Some(bend) = &*self.claims.borrow() {
            bend(&mut claims);
        }
        let mut tokens = json!({
            "access_token": format!("access-{CANARY}-{}", self.issued.get()),
            "refresh_token": refresh_token,
            "id_token": self.key.borrow().sign(None, claims.as_object().unwrap()),
            "token_type": "Bearer",
            "expires_in": 600,
        });
        if self.dpop.on.get() && !self.dpop.ignored.get() {
            tokens["token_type"] = "DPoP".into();
            self.dpop.bind(tokens["access_token"].as_str().unwrap());
        }
        if let Some(bend) = &*self.tokens.borrow() {
            bend(&mut tokens);
        }
        answer(200, &tokens)
    }
}

fn form(request: &OutboundRequest) -> BTreeMap<String, String> {
    form_urlencoded::parse(request.body.as_bytes()).into_owned().collect()
}

/// An authorization response on its way back, with parameters to bend.
#[derive(Clone)]
pub struct AuthorizationResponse {
    redirect_uri: String,
    parameters: Vec<(String, String)>,
}

impl AuthorizationResponse {
    /// Sets a parameter in place of what it was.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.add(name, value);
    }

    /// Adds a parameter, whether or not it is there.
    pub fn add(&mut self, name: &str, value: &str) {
        self.parameters.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a parameter away.
    pub fn remove(&mut self, name: &str) {
        self.parameters.retain(|(known, _)| known != name);
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap()
    }

    /// Comes back at another place.
    pub fn arrive_at(&mut self, path: &str) {
        self.redirect_uri = format!("{}{path}", super::ORIGIN);
    }

    /// The path that it comes back to.
    pub fn path(&self) -> &str {
        let (_, after_scheme) = self.redirect_uri.split_once("://").unwrap();
        after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap()
    }

    /// Its parameters, encoded.
    pub fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.parameters).finish()
    }

    /// The path and query that it comes back to.
    pub fn target(&self) -> String {
        format!("{}?{}", self.path(), self.encoded())
    }
}
