//! The parameters of an authorization request → a JWT that we sign (RFC 9101): for pushed requests alone.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};

use super::client_auth::AssertionMaker;
use super::login::MAX_AGE;
use super::pushed::PushedError;
use crate::config::{ClientAuth, Provider};
use crate::jose::AssertionKey;
use crate::json;
use crate::ports::{Random, Signing};
use crate::secret::Secret;
use crate::time::Seconds;

const TYP: &str = "oauth-authz-req+jwt";
const LIFETIME: Seconds = Seconds::new(60);
/// What no parameter may be, for it would mean something else in there (RFC 9101 §4, §10.8; RFC 7519 §4.1).
const NOT_PARAMETERS: [&str; 3] = ["request", "request_uri", "sub"];

/// Signs the request, by the key that proves who we are.
///
/// # Errors
/// When there is no such key, or it does not sign.
pub(super) async fn signed(
    provider: &Provider,
    parameters: &[(String, String)],
    AssertionMaker { now, random, signing }: AssertionMaker<'_, impl Random, impl Signing>,
) -> Result<Secret<String>, PushedError> {
    let ClientAuth::PrivateKeyJwt(how) = &provider.client_auth else { return Err(PushedError::NoKey) };
    let parameters = parameters.iter().filter(|(name, _)| !NOT_PARAMETERS.contains(&name.as_str()));
    let mut claims: Map<String, Value> =
        json::object(parameters.map(|(name, value)| (name.clone(), claim(name, value))));
    let mut id = [0; 16];
    random.fill(&mut id);
    for (name, value) in [
        ("iss", Value::from(provider.client_id.as_str())),
        ("aud", provider.issuer.as_str().into()),
        ("jti", Base64UrlUnpadded::encode_string(&id).into()),
        ("iat", now.as_unix().into()),
        ("nbf", now.as_unix().into()),
        ("exp", now.plus(LIFETIME).as_unix().into()),
    ] {
        claims.insert(name.to_owned(), value);
    }
    let key = AssertionKey::from_jwk(&how.key, how.algorithm).map_err(|_| PushedError::ClientKey)?;
    key.sign(TYP, &claims, signing).await.ok_or(PushedError::ClientKey)
}

/// A parameter as it stands in there: a number and an object as such (OpenID Connect Core §6.1), all else as text.
fn claim(name: &str, value: &str) -> Value {
    let typed = if [MAX_AGE, "claims"].contains(&name) { json::from_text(value).ok() } else { None };
    typed.unwrap_or_else(|| value.into())
}

#[cfg(test)]
mod tests;
