//! How Postern proves to a provider that it is the client (OpenID Connect Core §9).

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use serde_json::json;

use super::exchange;
use super::token::{MAX_BYTES, TokenError};
use crate::config::{ClientAuth, Provider};
use crate::http::{HeaderValue, header};
use crate::jose::Es256Signer;
use crate::ports::{OutboundRequest, Random};
use crate::secret::Secret;
use crate::time::{Seconds, Timestamp};

const ASSERTION_LIFETIME: Seconds = Seconds::new(60);

/// A form POST on which the client has proven itself the way the provider wants it.
///
/// # Errors
/// When the client's key is unusable.
pub(super) fn authenticated<'a>(
    provider: &'a Provider,
    endpoint: &str,
    mut fields: Vec<(&'a str, &'a str)>,
    now: Timestamp,
    random: &impl Random,
) -> Result<OutboundRequest, TokenError> {
    let client_id = provider.client_id.as_str();
    match &provider.client_auth {
        ClientAuth::Basic(secret) => {
            let mut request = post(endpoint, &fields);
            request.headers.insert(header::AUTHORIZATION, basic(client_id, secret)?);
            Ok(request)
        }
        ClientAuth::Post(secret) => {
            fields.extend([("client_id", client_id), ("client_secret", secret.expose())]);
            Ok(post(endpoint, &fields))
        }
        ClientAuth::PrivateKeyJwt(key) => {
            let assertion = client_assertion(provider, key, now, random)?;
            let mut fields: Vec<(&str, &str)> = fields;
            fields.extend([
                ("client_id", client_id),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", assertion.expose()),
            ]);
            Ok(post(endpoint, &fields))
        }
    }
}

fn post(endpoint: &str, fields: &[(&str, &str)]) -> OutboundRequest {
    exchange::form_post(endpoint.to_owned(), fields, MAX_BYTES)
}

/// `client_secret_basic`: id and secret are form-encoded before they are joined (RFC 6749 §2.3.1, R-031).
fn basic(client_id: &str, secret: &Secret<String>) -> Result<HeaderValue, TokenError> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Secret::new(format!("{}:{}", encode(client_id), encode(secret.expose())));
    let mut value = HeaderValue::try_from(format!("Basic {}", Base64::encode_string(pair.expose().as_bytes())))
        .map_err(|_| TokenError::ClientKey)?;
    value.set_sensitive(true);
    Ok(value)
}

/// `private_key_jwt` (RFC 7523 §3; the audience is the issuer, as a string: FAPI 2.0 §5.3.3.1, R-032).
fn client_assertion(
    provider: &Provider,
    key: &Secret<String>,
    now: Timestamp,
    random: &impl Random,
) -> Result<Secret<String>, TokenError> {
    let signer = Es256Signer::from_jwk(key).map_err(|_| TokenError::ClientKey)?;
    let mut id = [0; 16];
    random.fill(&mut id);
    let claims = json!({
        "iss": provider.client_id,
        "sub": provider.client_id,
        "aud": provider.issuer.as_str(),
        "jti": Base64UrlUnpadded::encode_string(&id),
        "iat": now.as_unix(),
        "exp": now.plus(ASSERTION_LIFETIME).as_unix(),
    });
    let claims = claims.as_object().ok_or(TokenError::ClientKey)?;
    Ok(Secret::new(signer.sign(Some("JWT"), claims)))
}
