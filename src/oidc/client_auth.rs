//! How Postern proves to an authorization server that it is the client (OpenID Connect Core §9).

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use super::exchange;
use crate::config::{AppleKey, AssertionAudience, ClientAssertion, ClientAuth, Provider, SecretAssertion};
use crate::http::{HeaderValue, header};
use crate::jose::{Algorithm, AssertionKey, DEFAULT_TYP, sign_by_secret};
use crate::ports::{OutboundRequest, Random, Signing};
use crate::secret::Secret;
use crate::time::{Seconds, Timestamp};

const ASSERTION_LIFETIME: Seconds = Seconds::new(60);
const APPLE_LIFETIME: Seconds = Seconds::minutes(5);

/// Who Postern is to an authorization server, and what proves it.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// `client_id`
    pub id: &'a str,
    /// What proves that we are it.
    pub auth: &'a ClientAuth,
    /// The server it is proven to: the audience of an assertion, unless the configuration names another.
    pub issuer: &'a str,
}

impl<'a> From<&'a Provider> for Client<'a> {
    fn from(provider: &'a Provider) -> Self {
        Self { id: &provider.client_id, auth: &provider.client_auth, issuer: provider.issuer.as_str() }
    }
}

/// What it takes to make an assertion: the time, chance, and somebody who signs.
#[derive(Clone, Copy, Debug)]
pub struct AssertionMaker<'a, Rng, Backend> {
    /// Now.
    pub now: Timestamp,
    /// For its `jti`.
    pub random: &'a Rng,
    /// For keys that the core does not sign with itself.
    pub signing: &'a Backend,
}

/// Our own key or secret proves nothing: a configuration error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientKeyUnusable;

/// A form POST on which the client has proven itself the way the server wants it.
///
/// # Errors
/// When the client's key is unusable.
pub(super) async fn authenticated<'a>(
    client: Client<'a>,
    mut post: FormPost<'a>,
    maker: AssertionMaker<'_, impl Random, impl Signing>,
) -> Result<OutboundRequest, ClientKeyUnusable> {
    let proof = match client.auth {
        ClientAuth::Basic(secret) => {
            let mut request = post.build();
            request.headers.insert(header::AUTHORIZATION, basic(client.id, secret)?);
            return Ok(request);
        }
        ClientAuth::Post(secret) => {
            post.fields.extend([("client_id", client.id), ("client_secret", secret.expose())]);
            return Ok(post.build());
        }
        // RFC 6749 §3.2.1: it says who it is, and proves nothing.
        ClientAuth::None => {
            post.fields.push(("client_id", client.id));
            return Ok(post.build());
        }
        // RFC 8705 §2: it says who it is, and the connection proves it.
        ClientAuth::Tls(shown) => {
            post.fields.push(("client_id", client.id));
            let mut request = post.build();
            request.certificate = Some(shown.binding.clone());
            return Ok(request);
        }
        // Apple takes a JWT for a client secret: by its key, for the issuer, as the team.
        ClientAuth::Apple(AppleKey { key, team_id }) => {
            let names = [team_id, client.id, client.issuer];
            let key = SigningKey::Private(key, Algorithm::Es256);
            ProofOfClient { key, typ: DEFAULT_TYP, names, lifetime: APPLE_LIFETIME, once: false }
        }
        ClientAuth::SecretJwt(SecretAssertion { secret, typ, audience }) => {
            let names = [client.id, client.id, audience_of(client, audience, post.endpoint)];
            let key = SigningKey::Shared(secret);
            ProofOfClient { key, typ, names, lifetime: ASSERTION_LIFETIME, once: true }
        }
        ClientAuth::PrivateKeyJwt(ClientAssertion { key, algorithm, typ, audience, .. }) => {
            let names = [client.id, client.id, audience_of(client, audience, post.endpoint)];
            let key = SigningKey::Private(key, *algorithm);
            ProofOfClient { key, typ, names, lifetime: ASSERTION_LIFETIME, once: true }
        }
    };
    let is_assertion = proof.once;
    let proof = proof.sign(maker).await?;
    let mut post: FormPost<'_> = post;
    post.fields.push(("client_id", client.id));
    if is_assertion {
        post.fields.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    }
    post.fields.push((if is_assertion { "client_assertion" } else { "client_secret" }, proof.expose()));
    Ok(post.build())
}

fn audience_of<'a>(client: Client<'a>, audience: &'a AssertionAudience, endpoint: &'a str) -> &'a str {
    match audience {
        AssertionAudience::Issuer => client.issuer,
        AssertionAudience::Endpoint => endpoint,
        AssertionAudience::Fixed(audience) => audience,
    }
}

/// Where a form goes, and what is in it.
pub(super) struct FormPost<'a> {
    pub(super) endpoint: &'a str,
    pub(super) fields: Vec<(&'a str, &'a str)>,
    /// The largest answer read.
    pub(super) max_bytes: usize,
}

impl FormPost<'_> {
    fn build(self) -> OutboundRequest {
        exchange::form_post(self.endpoint.to_owned(), &self.fields, self.max_bytes)
    }
}

/// `client_secret_basic`: id and secret are form-encoded before they are joined (RFC 6749 §2.3.1, R-031).
fn basic(client_id: &str, secret: &Secret<String>) -> Result<HeaderValue, ClientKeyUnusable> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Secret::new(format!("{}:{}", encode(client_id), encode(secret.expose())));
    let mut value = HeaderValue::try_from(format!("Basic {}", Base64::encode_string(pair.expose().as_bytes())))
        .map_err(|_| ClientKeyUnusable)?;
    value.set_sensitive(true);
    Ok(value)
}

/// What signs.
enum SigningKey<'a> {
    /// Our own key, as a JWK.
    Private(&'a Secret<String>, Algorithm),
    /// The client's secret.
    Shared(&'a Secret<String>),
}

/// What proves, by a signature, that we are the client.
struct ProofOfClient<'a> {
    key: SigningKey<'a>,
    typ: &'a str,
    /// `iss`, `sub` and `aud`; the last is one, as a string (FAPI 2.0 §5.3.3.1, R-032).
    names: [&'a str; 3],
    lifetime: Seconds,
    /// Whether it has a name of its own, so that it counts once (RFC 7523 §3).
    once: bool,
}

impl ProofOfClient<'_> {
    async fn sign(
        self,
        AssertionMaker { now, random, signing }: AssertionMaker<'_, impl Random, impl Signing>,
    ) -> Result<Secret<String>, ClientKeyUnusable> {
        let [iss, sub, aud] = self.names;
        let claims = json!({ "iss": iss, "sub": sub, "aud": aud, "iat": now, "exp": now.plus(self.lifetime) });
        let Value::Object(mut claims) = claims else { return Err(ClientKeyUnusable) };
        if self.once {
            let mut id = [0; 16];
            random.fill(&mut id);
            claims.insert("jti".to_owned(), Base64UrlUnpadded::encode_string(&id).into());
        }
        match self.key {
            SigningKey::Private(key, algorithm) => {
                let key = AssertionKey::from_jwk(key, algorithm).map_err(|_| ClientKeyUnusable)?;
                key.sign(self.typ, &claims, signing).await.ok_or(ClientKeyUnusable)
            }
            SigningKey::Shared(secret) => sign_by_secret(secret, self.typ, &claims).ok_or(ClientKeyUnusable),
        }
    }
}
