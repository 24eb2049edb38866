//! The UserInfo request and its answer (OpenID Connect Core §5.3): more of what a provider says of a person
//! who has signed in.

use serde_json::{Map, Value};

use super::exchange::{TIMEOUT, USER_AGENT, content_type};
use super::key_issuer::signs_for;
use crate::claims::{audiences, is_over, optional, text, time};
use crate::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use crate::jose::jws::MAX_DELIVERED_BYTES;
use crate::jose::{VerifiedJwt, is_media_type};
use crate::json::{self, said};
use crate::ports::{OutboundRequest, OutboundResponse};
use crate::secret::Secret;
use crate::time::Timestamp;

/// A UserInfo response larger than this is refused: no more than an ID token may say.
pub const MAX_BYTES: usize = MAX_DELIVERED_BYTES;

/// What can be verified (OpenID Connect Core §5.1), and the claim that says so.
const VERIFIABLE: [[&str; 2]; 2] = [["email", "email_verified"], ["phone_number", "phone_number_verified"]];

/// Claims about the sign-in or the token, not the person: the ID token alone tells them, for it alone is bound to
/// this login.
const OF_THE_SIGN_IN: [&str; 15] = [
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "acr",
    "amr",
    "auth_time",
    "sid",
    "at_hash",
    "c_hash",
];

/// What a UserInfo response must be. Every field is given.
pub struct UserInfoExpectations<'a> {
    /// The issuer of the metadata, which is that of the configuration.
    pub issuer: &'a str,
    /// Our id at the provider.
    pub client_id: &'a str,
    /// The `sub` of the ID token that came with the access token.
    pub subject: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// The body of a UserInfo response, as its content type says.
#[derive(PartialEq, Eq)]
pub enum Body<'a> {
    /// `application/json`: claims, as good as the connection.
    Claims(Map<String, Value>),
    /// `application/jwt`: not verified yet.
    Jwt(&'a str),
}

/// What the provider says of the person whose ID token it is. Only its two checks make one:
///
/// ```compile_fail,E0451
/// let forged = postern::oidc::userinfo::UserInfo { claims: serde_json::Map::new() };
/// ```
pub struct UserInfo {
    claims: Map<String, Value>,
}

/// Why UserInfo is not used, and the login it was asked for ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserInfoError {
    /// The configuration asks for it and the provider's metadata has no `userinfo_endpoint`.
    NoEndpoint,
    /// The same, and it has one that is not `https`, or at an address no provider has.
    EndpointRefused,
    /// The provider gave no access token to ask with.
    NoToken,
    /// The access token does not fit into a header.
    TokenUnsendable,
    /// Any status but 200 below 500.
    Refused(StatusCode),
    /// The content type is neither `application/json` nor `application/jwt`.
    ContentType,
    /// Said to be JSON, and not one strict JSON object.
    NotJson,
    /// Said to be a JWT, and not even text.
    NotText,
    /// `typ` says that the JWT is another kind of token.
    TypRefused,
    /// It has `events`, so it is a logout or security event token.
    EventsPresent,
    /// `iss` of the JWT is not the issuer, or missing.
    IssMismatch,
    /// The key that verified the JWT is for the tokens of another issuer (R-386).
    KeyIssuerMismatch,
    /// `aud` of the JWT does not contain our id, or is missing.
    AudMismatch,
    /// `exp` of the JWT is there and no time.
    ExpMalformed,
    /// Past the JWT's `exp`.
    Expired,
    /// `sub` is not that of the ID token, or missing.
    SubMismatch,
    /// The user endpoint of a provider of OAuth 2 does not say who it is: `id` is missing, or no whole number or text.
    IdMalformed,
}

impl UserInfoError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoEndpoint => "userinfo.no_endpoint",
            Self::EndpointRefused => "userinfo.endpoint_refused",
            Self::NoToken => "userinfo.no_token",
            Self::TokenUnsendable => "userinfo.token_unsendable",
            Self::Refused(_) => "userinfo.refused",
            Self::ContentType => "userinfo.content_type_unknown",
            Self::NotJson => "userinfo.not_json",
            Self::NotText => "userinfo.not_text",
            Self::TypRefused => "userinfo.typ_refused",
            Self::EventsPresent => "userinfo.events_present",
            Self::IssMismatch => "userinfo.iss_mismatch",
            Self::KeyIssuerMismatch => "userinfo.key_issuer_mismatch",
            Self::AudMismatch => "userinfo.aud_mismatch",
            Self::ExpMalformed => "userinfo.exp_malformed",
            Self::Expired => "userinfo.expired",
            Self::SubMismatch => "userinfo.sub_mismatch",
            Self::IdMalformed => "userinfo.id_malformed",
        }
    }
}

/// Asks for UserInfo. `certificate`: the binding whose certificate is shown. The access token goes into `Authorization` and nowhere else (R-062).
///
/// # Errors
/// When the access token does not fit there.
pub fn request(
    endpoint: &str,
    access_token: &Secret<String>,
    certificate: Option<&str>,
) -> Result<OutboundRequest, UserInfoError> {
    let bearer = HeaderValue::try_from(format!("Bearer {}", access_token.expose()));
    let mut bearer = bearer.map_err(|_| UserInfoError::TokenUnsendable)?;
    bearer.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, application/jwt"));
    headers.insert(header::AUTHORIZATION, bearer);
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    Ok(OutboundRequest {
        method: Method::GET,
        url: endpoint.to_owned(),
        headers,
        body: String::new(),
        timeout: TIMEOUT,
        max_bytes: MAX_BYTES,
        via: None,
        certificate: certificate.map(str::to_owned),
    })
}

/// Reads the answer as what it says it is, and as nothing else (R-061).
///
/// # Errors
/// When it is no success, or not what it says.
pub fn process(response: &OutboundResponse) -> Result<Body<'_>, UserInfoError> {
    if response.status != StatusCode::OK {
        return Err(UserInfoError::Refused(response.status));
    }
    match content_type(&response.headers).as_deref() {
        Some("application/json") => {
            json::parse_object(&response.body, MAX_BYTES).map(Body::Claims).map_err(|_| UserInfoError::NotJson)
        }
        Some("application/jwt") => {
            std::str::from_utf8(&response.body).map(Body::Jwt).map_err(|_| UserInfoError::NotText)
        }
        _ => Err(UserInfoError::ContentType),
    }
}

impl UserInfo {
    /// Checks claims that came as JSON, from the endpoint itself (§5.3.4).
    ///
    /// # Errors
    /// When they are somebody else's.
    pub fn check(claims: Map<String, Value>, expected: &UserInfoExpectations<'_>) -> Result<Self, UserInfoError> {
        // R-060: compared byte for byte.
        if text(&claims, "sub") == Some(expected.subject) {
            Ok(Self { claims })
        } else {
            Err(UserInfoError::SubMismatch)
        }
    }

    /// Checks claims that came as a JWT (§5.3.2); its key set and algorithms must be the issuer's.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check_signed(jwt: VerifiedJwt, expected: &UserInfoExpectations<'_>) -> Result<Self, UserInfoError> {
        if jwt.header().typ().is_some_and(|typ| !is_media_type(typ, "JWT")) {
            return Err(UserInfoError::TypRefused);
        }
        let is_issuers_key = signs_for(jwt.key_issuer(), expected.issuer);
        let claims = jwt.into_claims();
        if said(&claims, "events").is_some() {
            return Err(UserInfoError::EventsPresent);
        }
        if text(&claims, "iss") != Some(expected.issuer) {
            return Err(UserInfoError::IssMismatch);
        }
        if !is_issuers_key {
            return Err(UserInfoError::KeyIssuerMismatch);
        }
        if !audiences(&claims, "aud").is_some_and(|audiences| audiences.contains(&expected.client_id)) {
            return Err(UserInfoError::AudMismatch);
        }
        let expires_at = optional(&claims, "exp", time, UserInfoError::ExpMalformed)?;
        if expires_at.is_some_and(|expires_at| is_over(expires_at, expected.now)) {
            return Err(UserInfoError::Expired);
        }
        Self::check(claims, expected)
    }

    /// Adds those of `names` that `claims` lack and this has. An address or number comes together with whether it is verified:
    /// the two documents may mean different ones (R-057).
    pub fn complete(&self, claims: &mut Map<String, Value>, names: &[String]) {
        for name in lacking(claims, names) {
            let pair = VERIFIABLE.iter().find(|pair| pair.contains(&name.as_str()));
            let Some([value, verified]) = pair else {
                self.tell(claims, &name);
                continue;
            };
            let (own, other) = (said(claims, value), said(&self.claims, value));
            // What the ID token says is signed, so it stays.
            if other.is_some() && own.is_none_or(|own| Some(own) == other) {
                claims.remove(*verified);
                self.tell(claims, value);
                self.tell(claims, verified);
            }
        }
    }

    fn tell(&self, claims: &mut Map<String, Value>, name: &str) {
        if let Some(value) = said(&self.claims, name) {
            claims.insert(name.to_owned(), value.clone());
        }
    }
}

/// Which of `names` a session lacks with these `claims`, and UserInfo could tell.
#[must_use]
pub fn lacking(claims: &Map<String, Value>, names: &[String]) -> Vec<String> {
    let told_here = |name: &&String| said(claims, name).is_none() && !OF_THE_SIGN_IN.contains(&name.as_str());
    names.iter().filter(told_here).cloned().collect()
}

#[cfg(test)]
mod tests;
