//! The introspection request and its answer (RFC 7662): what an opaque access token means, by word of who issued it.
//!
//! The endpoint is asked by us, over TLS, as a client that has proven itself; so the answer is as good as a signed
//! token, and is checked as one: issuer, audience, times. Introspection also knows refresh tokens (§2.1), which are
//! no access tokens: they have neither our audience nor a token type.

use serde_json::{Map, Value};

use super::client_auth::{AssertionMaker, Client, ClientKeyUnusable, FormPost, authenticated};
use super::exchange;
use crate::claims::{audiences, beginning, is_ahead, is_over, name, optional, time};
use crate::config::WithoutAudience;
use crate::http::{StatusCode, is_token68};
use crate::json::{self, said};
use crate::ports::{OutboundRequest, OutboundResponse, Random, Signing};
use crate::time::Timestamp;

/// An answer larger than this is refused: no more than a JWT may say.
pub const MAX_BYTES: usize = crate::jose::jws::MAX_TOKEN_BYTES;

/// The longest token asked about. Opaque ones have 20 to 300 characters, but an issuer may well want to be asked about JWTs.
pub const MAX_TOKEN_BYTES: usize = 4 * 1024;

/// The token types that an access token may have (RFC 6750, RFC 9449 §5), in small letters.
pub const TOKEN_TYPES: [&str; 2] = ["bearer", "dpop"];

/// What the answer about a good token must be. Every field is given.
#[derive(Clone, Copy, Debug)]
pub struct IntrospectionExpectations<'a> {
    /// The configured issuer, whose endpoint was asked.
    pub issuer: &'a str,
    /// Of these, `aud` must contain one.
    pub audiences: &'a [String],
    /// What vouches for the audience when there is no `aud`.
    pub without_audience: WithoutAudience,
    /// Now.
    pub now: Timestamp,
}

/// What the issuer says of an active access token that is for us. Only [`Introspected::check`] makes one:
///
/// ```compile_fail,E0451
/// # fn forge(real: postern::oidc::introspection::Introspected) -> postern::oidc::introspection::Introspected {
/// postern::oidc::introspection::Introspected { subject: "somebody else".to_owned(), ..real }
/// # }
/// ```
#[derive(Clone)]
pub struct Introspected {
    subject: String,
    client_id: Option<String>,
    starts_at: Timestamp,
    expires_at: Option<Timestamp>,
    claims: Map<String, Value>,
}

impl std::fmt::Debug for Introspected {
    /// Nothing of the person: it may end up in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Introspected").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Why an answer vouches for nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntrospectionError {
    /// Our own key does not sign: a configuration error.
    ClientKey,
    /// The endpoint does not take our word for who we are (§2.3).
    ClientRefused(StatusCode),
    /// Any other status but 200.
    Status(StatusCode),
    /// Not a strict JSON object, or not said to be one.
    NotJson,
    /// `active` is missing or no boolean.
    ActiveMalformed,
    /// `active` is `false`: unknown, expired, revoked, or not for us to know (§2.2).
    Inactive,
    /// `iss` is there and not the issuer.
    IssMismatch,
    /// `aud` is there, and neither a string nor an array of strings.
    AudMalformed,
    /// `aud` is missing.
    AudMissing,
    /// `aud` does not contain us.
    AudMismatch,
    /// `token_type` is no access token's, or `aud` and `token_type` are both missing, as with a refresh token.
    TokenType,
    /// `token_type` is `DPoP` and no key is named that it is bound to.
    UnboundDpop,
    /// `exp` is there and no time.
    ExpMalformed,
    /// Past `exp`.
    Expired,
    /// `nbf` is there and no time.
    NbfMalformed,
    /// Before `nbf`.
    NotYetValid,
    /// `iat` is there and no time.
    IatMalformed,
    /// `iat` is in the future.
    IatInFuture,
    /// `sub` is no such string; or it is missing, and the token is not a client's own.
    SubMalformed,
    /// `client_id` is there and no such string.
    ClientIdMalformed,
}

impl IntrospectionError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ClientKey => "introspection.client_key_unusable",
            Self::ClientRefused(_) => "introspection.client_refused",
            Self::Status(_) => "introspection.unexpected_status",
            Self::NotJson => "introspection.not_json",
            Self::ActiveMalformed => "introspection.active_malformed",
            Self::Inactive => "introspection.inactive",
            Self::IssMismatch => "introspection.iss_mismatch",
            Self::AudMalformed => "introspection.aud_malformed",
            Self::AudMissing => "introspection.aud_missing",
            Self::AudMismatch => "introspection.aud_mismatch",
            Self::TokenType => "introspection.token_type_refused",
            Self::UnboundDpop => "introspection.dpop_key_missing",
            Self::ExpMalformed => "introspection.exp_malformed",
            Self::Expired => "introspection.expired",
            Self::NbfMalformed => "introspection.nbf_malformed",
            Self::NotYetValid => "introspection.not_yet_valid",
            Self::IatMalformed => "introspection.iat_malformed",
            Self::IatInFuture => "introspection.iat_in_future",
            Self::SubMalformed => "introspection.sub_malformed",
            Self::ClientIdMalformed => "introspection.client_id_malformed",
        }
    }

    /// Whether this says something of the token. Else nothing was learnt of it: it is refused now, and may be good.
    #[must_use]
    pub const fn is_of_the_token(self) -> bool {
        !matches!(
            self,
            Self::ClientKey | Self::ClientRefused(_) | Self::Status(_) | Self::NotJson | Self::ActiveMalformed
        )
    }

    /// Whether the endpoint is better left alone for a moment. Not so for statuses that a single odd token may cause.
    #[must_use]
    pub const fn says_try_later(self) -> bool {
        match self {
            Self::Status(status) => matches!(status.as_u16(), 429 | 502 | 503 | 504),
            _ => false,
        }
    }
}

/// Whether a credential may be an opaque token: the endpoint is asked about no other text.
#[must_use]
pub fn may_be_opaque(token: &str) -> bool {
    token.len() <= MAX_TOKEN_BYTES && is_token68(token)
}

/// Asks what a token means (§2.1). It travels in the body alone, which no log holds.
///
/// # Errors
/// When the client's key is unusable.
pub async fn request(
    client: Client<'_>,
    endpoint: &str,
    token: &str,
    maker: AssertionMaker<'_, impl Random, impl Signing>,
) -> Result<OutboundRequest, IntrospectionError> {
    let fields = vec![("token", token), ("token_type_hint", "access_token")];
    let post = FormPost { endpoint, fields, max_bytes: MAX_BYTES };
    authenticated(client, post, maker).await.map_err(|ClientKeyUnusable| IntrospectionError::ClientKey)
}

/// Reads the answer (§2.2, R-119): what it says of a token that is active. Nothing but `true` makes it so.
///
/// # Errors
/// When the token is not active, or the answer is none.
pub fn process(response: &OutboundResponse) -> Result<Map<String, Value>, IntrospectionError> {
    match response.status {
        StatusCode::OK => {}
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            return Err(IntrospectionError::ClientRefused(status));
        }
        status => return Err(IntrospectionError::Status(status)),
    }
    let document = exchange::is_json(&response.headers).then(|| json::parse_object(&response.body, MAX_BYTES));
    let Some(Ok(document)) = document else { return Err(IntrospectionError::NotJson) };
    match document.get("active") {
        Some(Value::Bool(true)) => Ok(document),
        Some(Value::Bool(false)) => Err(IntrospectionError::Inactive),
        _ => Err(IntrospectionError::ActiveMalformed),
    }
}

impl Introspected {
    /// Checks what is said of an active token as the claims of a JWT would be (R-119, RFC 7662 §4).
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(
        claims: Map<String, Value>,
        expected: &IntrospectionExpectations<'_>,
    ) -> Result<Self, IntrospectionError> {
        check_issuer(&claims, expected.issuer)?;
        check_audience(&claims, expected)?;
        check_kind(&claims)?;
        let expires_at = check_expiry(&claims, expected.now)?;
        let starts_at = check_start(&claims, expected.now)?;
        let client_id = optional(&claims, "client_id", name, IntrospectionError::ClientIdMalformed)?;
        let subject = optional(&claims, "sub", name, IntrospectionError::SubMalformed)?;
        // A client's own token need not have a `sub` (§2.2); it then speaks for that client (RFC 9068 §2.2).
        let clients_own = || client_id.clone().filter(|_| said(&claims, "username").is_none());
        let subject = subject.or_else(clients_own).ok_or(IntrospectionError::SubMalformed)?;
        Ok(Self { subject, client_id, starts_at, expires_at, claims })
    }

    /// `sub`, or `client_id` for a client's own token without one: a name together with the issuer only (R-057).
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// `client_id`
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// The later of `nbf` and `iat`
    #[must_use]
    pub const fn starts_at(&self) -> Timestamp {
        self.starts_at
    }

    /// `exp`
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// All members of the answer: `scope`, `username`, `cnf` and the rest.
    #[must_use]
    pub const fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The same, taken out.
    #[must_use]
    pub fn into_claims(self) -> Map<String, Value> {
        self.claims
    }
}

fn check_issuer(claims: &Map<String, Value>, issuer: &str) -> Result<(), IntrospectionError> {
    match said(claims, "iss") {
        Some(iss) if iss.as_str() != Some(issuer) => Err(IntrospectionError::IssMismatch),
        _ => Ok(()),
    }
}

/// R-116: a token for another API is none for ours.
fn check_audience(
    claims: &Map<String, Value>,
    expected: &IntrospectionExpectations<'_>,
) -> Result<(), IntrospectionError> {
    if said(claims, "aud").is_none() {
        return match expected.without_audience {
            WithoutAudience::Refuse => Err(IntrospectionError::AudMissing),
            WithoutAudience::TrustEndpoint if said(claims, "token_type").is_none() => {
                Err(IntrospectionError::TokenType)
            }
            WithoutAudience::TrustEndpoint | WithoutAudience::TrustEndpointForKind => Ok(()),
        };
    }
    let audiences = audiences(claims, "aud").ok_or(IntrospectionError::AudMalformed)?;
    let ours = |audience: &&str| expected.audiences.iter().any(|own| own == audience);
    if audiences.iter().any(ours) { Ok(()) } else { Err(IntrospectionError::AudMismatch) }
}

/// R-106: refresh tokens and others that introspection knows are no access tokens.
fn check_kind(claims: &Map<String, Value>) -> Result<(), IntrospectionError> {
    let Some(kind) = said(claims, "token_type") else { return Ok(()) };
    let kind = kind.as_str().map(str::to_ascii_lowercase).unwrap_or_default();
    if !TOKEN_TYPES.contains(&kind.as_str()) {
        return Err(IntrospectionError::TokenType);
    }
    let bound = claims.get("cnf").and_then(Value::as_object).is_some_and(|cnf| said(cnf, "jkt").is_some());
    if kind == "dpop" && !bound { Err(IntrospectionError::UnboundDpop) } else { Ok(()) }
}

fn check_expiry(claims: &Map<String, Value>, now: Timestamp) -> Result<Option<Timestamp>, IntrospectionError> {
    let expires_at = optional(claims, "exp", time, IntrospectionError::ExpMalformed)?;
    if expires_at.is_some_and(|expires_at| is_over(expires_at, now)) {
        return Err(IntrospectionError::Expired);
    }
    Ok(expires_at)
}

/// The later of `nbf` and `iat`, neither of which may be in the future (R-103, R-104).
fn check_start(claims: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, IntrospectionError> {
    let not_before = optional(claims, "nbf", beginning, IntrospectionError::NbfMalformed)?;
    if not_before.is_some_and(|not_before| is_ahead(not_before, now)) {
        return Err(IntrospectionError::NotYetValid);
    }
    let issued_at = optional(claims, "iat", time, IntrospectionError::IatMalformed)?;
    if issued_at.is_some_and(|issued_at| is_ahead(issued_at, now)) {
        return Err(IntrospectionError::IatInFuture);
    }
    Ok(issued_at.max(not_before).unwrap_or_default())
}

#[cfg(test)]
mod tests;
