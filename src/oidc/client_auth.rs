//! How Postern proves to an authorization server that it is the client (OpenID Connect Core §9).

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use serde_json::json;

use super::exchange;
use crate::config::{AppleKey, AssertionAudience, ClientAssertion, ClientAuth, Provider};
use crate::http::{HeaderValue, header};
use crate::jose::{Algorithm, AssertionKey};
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
    match client.auth {
        ClientAuth::Basic(secret) => {
            let mut request = post.build();
            request.headers.insert(header::AUTHORIZATION, basic(client.id, secret)?);
            Ok(request)
        }
        ClientAuth::Post(secret) => {
            post.fields.extend([("client_id", client.id), ("client_secret", secret.expose())]);
            Ok(post.build())
        }
        // RFC 6749 §3.2.1: it says who it is, and proves nothing.
        ClientAuth::None => {
            post.fields.push(("client_id", client.id));
            Ok(post.build())
        }
        ClientAuth::Apple(how) => {
            let secret = apple_secret(client, how, maker).await?;
            let mut post: FormPost<'_> = post;
            post.fields.extend([("client_id", client.id), ("client_secret", secret.expose())]);
            Ok(post.build())
        }
        ClientAuth::PrivateKeyJwt(how) => {
            let audience = match &how.audience {
                AssertionAudience::Issuer => client.issuer,
                AssertionAudience::Endpoint => post.endpoint,
                AssertionAudience::Fixed(audience) => audience,
            };
            let assertion = client_assertion(client.id, audience, how, maker).await?;
            let mut post: FormPost<'_> = post;
            post.fields.extend([
                ("client_id", client.id),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", assertion.expose()),
            ]);
            Ok(post.build())
        }
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

/// What Apple takes for a client secret: a JWT that its key signs for the issuer, as the team.
async fn apple_secret(
    client: Client<'_>,
    how: &AppleKey,
    AssertionMaker { now, signing, .. }: AssertionMaker<'_, impl Random, impl Signing>,
) -> Result<Secret<String>, ClientKeyUnusable> {
    let key = AssertionKey::from_jwk(&how.key, Algorithm::Es256).map_err(|_| ClientKeyUnusable)?;
    let claims = json!({
        "iss": how.team_id,
        "sub": client.id,
        "aud": client.issuer,
        "iat": now,
        "exp": now.plus(APPLE_LIFETIME),
    });
    let claims = claims.as_object().ok_or(ClientKeyUnusable)?;
    key.sign(claims, signing).await.ok_or(ClientKeyUnusable)
}

/// `private_key_jwt` (RFC 7523 §3; the audience is one, as a string: FAPI 2.0 §5.3.3.1, R-032).
async fn client_assertion(
    client_id: &str,
    audience: &str,
    how: &ClientAssertion,
    AssertionMaker { now, random, signing }: AssertionMaker<'_, impl Random, impl Signing>,
) -> Result<Secret<String>, ClientKeyUnusable> {
    let key = AssertionKey::from_jwk(&how.key, how.algorithm).map_err(|_| ClientKeyUnusable)?;
    let mut id = [0; 16];
    random.fill(&mut id);
    let claims = json!({
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": Base64UrlUnpadded::encode_string(&id),
        "iat": now,
        "exp": now.plus(ASSERTION_LIFETIME),
    });
    let claims = claims.as_object().ok_or(ClientKeyUnusable)?;
    key.sign(claims, signing).await.ok_or(ClientKeyUnusable)
}
