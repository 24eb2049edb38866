//! A verified JWT and what an API expects → an access token's claims that may be believed (RFC 9068 §4).

use std::fmt;

use serde_json::{Map, Value};

use crate::claims::{AUD, audiences, beginning, is_ahead, is_over, name, optional, text, time};
use crate::config::{Profile, TokenIssuer};
pub use crate::ids::actor::Actor;
use crate::jose::{VerifiedJwt, is_media_type};
use crate::json::said;
use crate::oidc::introspection::Introspected;
use crate::oidc::key_issuer::signs_for;
use crate::time::Timestamp;

/// The most parties that act for one another in one token (RFC 8693 §4.1).
const MAX_ACTORS: usize = 8;
/// Where issuers from before RFC 9068 put the client's id.
const LEGACY_CLIENT_ID: [&str; 4] = ["client_id", "azp", "appid", "cid"];
/// Claims by which a JWT is of another kind than an access token, whatever its `typ`: those that only ID tokens
/// have (OpenID Connect Core §2, §3.3.2.11), and that of logout and security event tokens (RFC 8417 §2).
pub(super) const FOREIGN_CLAIMS: [&str; 5] = ["nonce", "at_hash", "c_hash", "s_hash", "events"];

/// What an access token must be. Every field is given.
#[derive(Debug)]
pub struct AccessTokenExpectations<'a> {
    /// Whose token it is: its issuer's name and audiences.
    pub issuer: &'a TokenIssuer,
    /// What its tokens must say.
    pub profile: Profile,
    /// Now.
    pub now: Timestamp,
}

/// What an issuer says of whoever has a token of its. Only a check here makes one:
///
/// ```compile_fail,E0451
/// # use postern::authn::access_token::AccessTokenClaims;
/// # fn forge(real: AccessTokenClaims) -> AccessTokenClaims {
/// AccessTokenClaims { subject: "somebody else".to_owned(), ..real }
/// # }
/// ```
#[derive(Clone)]
pub struct AccessTokenClaims {
    subject: String,
    client_id: Option<String>,
    /// The later of `nbf` and `iat`.
    starts_at: Timestamp,
    expires_at: Timestamp,
    auth_time: Option<Timestamp>,
    actors: Vec<Actor>,
    claims: Map<String, Value>,
}

impl fmt::Debug for AccessTokenClaims {
    /// Nothing of the subject: it may end up in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokenClaims").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The check an access token failed. Each stands for one claim, or one rule about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessTokenError {
    /// `typ` says that it is another kind of token, or does not say that it is this one (R-114).
    TypRefused,
    /// A claim that only another kind of token has (R-106).
    KindRefused,
    /// `iss` is not the issuer, or missing.
    IssMismatch,
    /// The key that verified it is for the tokens of another issuer (R-386).
    KeyIssuerMismatch,
    /// `aud` is missing, empty, or neither a string nor an array of strings.
    AudMalformed,
    /// `aud` does not contain us.
    AudMismatch,
    /// `exp` is missing or no time.
    ExpMalformed,
    /// Past `exp`.
    Expired,
    /// `iat` is missing or no time.
    IatMalformed,
    /// `iat` is in the future.
    IatInFuture,
    /// `nbf` is there and no time.
    NbfMalformed,
    /// Before `nbf`.
    NotYetValid,
    /// `sub` is missing, no string, empty, longer than 255 characters, or not ASCII.
    SubMalformed,
    /// `client_id` is missing and required, or no such string.
    ClientIdMalformed,
    /// `jti` is missing and required, no string, or empty.
    JtiMalformed,
    /// `auth_time` is there and no time.
    AuthTimeMalformed,
    /// `auth_time` is in the future.
    AuthTimeInFuture,
    /// `act` is there and no chain of parties with a `sub` each, or too long a one.
    ActMalformed,
}

impl AccessTokenError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TypRefused => "access_token.typ_refused",
            Self::KindRefused => "access_token.kind_refused",
            Self::IssMismatch => "access_token.iss_mismatch",
            Self::KeyIssuerMismatch => "access_token.key_issuer_mismatch",
            Self::AudMalformed => "access_token.aud_malformed",
            Self::AudMismatch => "access_token.aud_mismatch",
            Self::ExpMalformed => "access_token.exp_malformed",
            Self::Expired => "access_token.expired",
            Self::IatMalformed => "access_token.iat_malformed",
            Self::IatInFuture => "access_token.iat_in_future",
            Self::NbfMalformed => "access_token.nbf_malformed",
            Self::NotYetValid => "access_token.not_yet_valid",
            Self::SubMalformed => "access_token.sub_malformed",
            Self::ClientIdMalformed => "access_token.client_id_malformed",
            Self::JtiMalformed => "access_token.jti_malformed",
            Self::AuthTimeMalformed => "access_token.auth_time_malformed",
            Self::AuthTimeInFuture => "access_token.auth_time_in_future",
            Self::ActMalformed => "access_token.act_malformed",
        }
    }
}

impl AccessTokenClaims {
    /// Checks the claims, in the order of RFC 9068 §4. Decryption and signature are behind a [`VerifiedJwt`]; its key
    /// set and algorithms must be the issuer's.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(jwt: VerifiedJwt, expected: &AccessTokenExpectations<'_>) -> Result<Self, AccessTokenError> {
        check_typ(jwt.header().typ(), expected.profile)?;
        check_kind(jwt.claims(), expected.profile)?;
        if !signs_for(jwt.key_issuer(), expected.issuer.issuer.as_str()) {
            return Err(AccessTokenError::KeyIssuerMismatch);
        }
        Self::read(jwt.into_claims(), expected)
    }

    /// What nobody signed, checked all the same: to ask what would be decided about whoever had such a token.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn hypothetical(
        claims: Map<String, Value>,
        expected: &AccessTokenExpectations<'_>,
    ) -> Result<Self, AccessTokenError> {
        Self::read(claims, expected)
    }

    fn read(claims: Map<String, Value>, expected: &AccessTokenExpectations<'_>) -> Result<Self, AccessTokenError> {
        let &AccessTokenExpectations { issuer, profile, now } = expected;
        if text(&claims, "iss") != Some(issuer.issuer.as_str()) {
            return Err(AccessTokenError::IssMismatch);
        }
        check_audience(&claims, issuer)?;
        let (starts_at, expires_at) = check_times(&claims, profile, now)?;
        check_jti(&claims, profile)?;
        Ok(Self {
            subject: name(&claims, "sub").ok_or(AccessTokenError::SubMalformed)?,
            client_id: client_id(&claims, profile)?,
            starts_at,
            expires_at,
            auth_time: auth_time(&claims, now)?,
            actors: actors(said(&claims, "act"))?,
            claims,
        })
    }

    /// What an issuer said of an opaque token when it was asked. Where it did not say until when it is good, it is as
    /// good as its word, until `word_ends_at`.
    ///
    /// # Errors
    /// When it says something more of the token that cannot be read.
    pub fn introspected(
        token: Introspected,
        word_ends_at: Timestamp,
        now: Timestamp,
    ) -> Result<Self, AccessTokenError> {
        Ok(Self {
            subject: token.subject().to_owned(),
            client_id: token.client_id().map(str::to_owned),
            starts_at: token.starts_at(),
            expires_at: token.expires_at().unwrap_or(word_ends_at),
            auth_time: auth_time(token.claims(), now)?,
            actors: actors(said(token.claims(), "act"))?,
            claims: token.into_claims(),
        })
    }

    /// What the token of a program says, whose platform's rules it meets. Only that validator makes one.
    pub(super) const fn of_workload(
        subject: String,
        starts_at: Timestamp,
        expires_at: Timestamp,
        claims: Map<String, Value>,
    ) -> Self {
        Self { subject, client_id: None, starts_at, expires_at, auth_time: None, actors: Vec::new(), claims }
    }

    /// Whether it is good at another time too, by the rules by which its times were checked.
    ///
    /// # Errors
    /// When it has expired by then, or had not begun.
    pub fn check_times(&self, now: Timestamp) -> Result<(), AccessTokenError> {
        check_end(self.expires_at, now)?;
        if is_ahead(self.starts_at, now) { Err(AccessTokenError::NotYetValid) } else { Ok(()) }
    }

    /// `sub`: names somebody together with the issuer only (R-057).
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// `client_id`: the program that got the token.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// `exp`.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// `auth_time`: when the person proved themselves (RFC 9068 §2.2.1).
    #[must_use]
    pub const fn auth_time(&self) -> Option<Timestamp> {
        self.auth_time
    }

    /// `jti`.
    #[must_use]
    pub fn jti(&self) -> Option<&str> {
        text(&self.claims, "jti").filter(|jti| !jti.is_empty())
    }

    /// `act`: who acts for the subject at present, and whom they act for in turn (RFC 8693 §4.1).
    #[must_use]
    pub fn actors(&self) -> &[Actor] {
        &self.actors
    }

    /// `cnf`: what the token is bound to (RFC 7800 §3.1). Whatever stands there, it is bound: what says nothing of a
    /// binding, as an empty text, might have been meant to say something. Only `null` is as good as nothing.
    #[must_use]
    pub fn confirmation(&self) -> Option<&Value> {
        self.claims.get("cnf").filter(|cnf| !cnf.is_null())
    }

    /// Whether it is the client's own, with no person behind it (RFC 9068 §5): by RFC 9068 §2.2, or by the marks of
    /// issuers that call the client something else in `sub`.
    #[must_use]
    pub fn is_clients_own(&self) -> bool {
        const MARKS: [(&str, &str); 2] = [("gty", "client-credentials"), ("idtyp", "app")];
        self.client_id.as_deref() == Some(self.subject.as_str())
            || MARKS.iter().any(|(name, mark)| text(&self.claims, name) == Some(mark))
    }

    /// All claims.
    #[must_use]
    pub const fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

/// R-114.
fn check_typ(typ: Option<&str>, profile: Profile) -> Result<(), AccessTokenError> {
    let is = |expected: &str| typ.is_some_and(|typ| is_media_type(typ, expected));
    let fits = match profile {
        Profile::Rfc9068 => is("at+jwt"),
        Profile::Legacy => is("at+jwt") || is("JWT") || typ.is_none(),
    };
    if fits { Ok(()) } else { Err(AccessTokenError::TypRefused) }
}

/// R-106. Where `typ` does not tell kinds of tokens apart, claims do: those of other kinds, and the names that some
/// issuers give theirs (`typ` of Keycloak, `token_use` of Cognito).
fn check_kind(claims: &Map<String, Value>, profile: Profile) -> Result<(), AccessTokenError> {
    let foreign = FOREIGN_CLAIMS.iter().any(|name| said(claims, name).is_some());
    let named_otherwise = |name: &str, own: &[&str]| {
        said(claims, name).is_some_and(|kind| !own.iter().any(|own| kind.as_str() == Some(own)))
    };
    let other = match profile {
        Profile::Rfc9068 => said(claims, "events").is_some(),
        Profile::Legacy => {
            foreign || named_otherwise("typ", &["Bearer", "DPoP"]) || named_otherwise("token_use", &["access"])
        }
    };
    if other { Err(AccessTokenError::KindRefused) } else { Ok(()) }
}

/// R-115, R-116: others may be in there beside us. Another claim says it only where `aud` does not: a token with an `aud` is
/// one for somebody else, or an ID token.
fn check_audience(claims: &Map<String, Value>, issuer: &TokenIssuer) -> Result<(), AccessTokenError> {
    let name = issuer.audience_claim.as_str();
    if name != AUD && said(claims, AUD).is_some() {
        return Err(AccessTokenError::AudMismatch);
    }
    let audiences = audiences(claims, name).filter(|all| !all.is_empty()).ok_or(AccessTokenError::AudMalformed)?;
    let own = |audience: &&str| issuer.audience.iter().any(|own| own == audience);
    if audiences.iter().any(own) { Ok(()) } else { Err(AccessTokenError::AudMismatch) }
}

/// R-103, R-104, R-115. From when on the token is good, and until when.
fn check_times(
    claims: &Map<String, Value>,
    profile: Profile,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), AccessTokenError> {
    let expires_at = time(claims, "exp").ok_or(AccessTokenError::ExpMalformed)?;
    check_end(expires_at, now)?;
    let issued_at = optional(claims, "iat", time, AccessTokenError::IatMalformed)?;
    match issued_at {
        None if profile == Profile::Rfc9068 => return Err(AccessTokenError::IatMalformed),
        Some(issued_at) if is_ahead(issued_at, now) => return Err(AccessTokenError::IatInFuture),
        _ => {}
    }
    let not_before = optional(claims, "nbf", beginning, AccessTokenError::NbfMalformed)?;
    if not_before.is_some_and(|not_before| is_ahead(not_before, now)) {
        return Err(AccessTokenError::NotYetValid);
    }
    Ok((issued_at.max(not_before).unwrap_or(Timestamp::from_unix(0)), expires_at))
}

fn check_end(expires_at: Timestamp, now: Timestamp) -> Result<(), AccessTokenError> {
    if is_over(expires_at, now) { Err(AccessTokenError::Expired) } else { Ok(()) }
}

fn check_jti(claims: &Map<String, Value>, profile: Profile) -> Result<(), AccessTokenError> {
    match said(claims, "jti") {
        None if profile == Profile::Legacy => Ok(()),
        Some(Value::String(_)) => Ok(()),
        _ => Err(AccessTokenError::JtiMalformed),
    }
}

fn client_id(claims: &Map<String, Value>, profile: Profile) -> Result<Option<String>, AccessTokenError> {
    if profile == Profile::Rfc9068 {
        return name(claims, "client_id").map(Some).ok_or(AccessTokenError::ClientIdMalformed);
    }
    match LEGACY_CLIENT_ID.iter().find(|place| said(claims, place).is_some()) {
        Some(place) => name(claims, place).map(Some).ok_or(AccessTokenError::ClientIdMalformed),
        None => Ok(None),
    }
}

fn auth_time(claims: &Map<String, Value>, now: Timestamp) -> Result<Option<Timestamp>, AccessTokenError> {
    let auth_time = optional(claims, "auth_time", time, AccessTokenError::AuthTimeMalformed)?;
    if auth_time.is_some_and(|auth_time| is_ahead(auth_time, now)) {
        return Err(AccessTokenError::AuthTimeInFuture);
    }
    Ok(auth_time)
}

/// RFC 8693 §4.1: the outermost acts now, those further in acted before.
fn actors(act: Option<&Value>) -> Result<Vec<Actor>, AccessTokenError> {
    let mut actors = Vec::new();
    let mut next = act;
    while let Some(act) = next {
        let act = act.as_object().filter(|_| actors.len() < MAX_ACTORS).ok_or(AccessTokenError::ActMalformed)?;
        let subject = name(act, "sub").ok_or(AccessTokenError::ActMalformed)?;
        let issuer = optional(act, "iss", text_of, AccessTokenError::ActMalformed)?;
        actors.push(Actor { issuer, subject });
        next = said(act, "act");
    }
    Ok(actors)
}

fn text_of(claims: &Map<String, Value>, name: &str) -> Option<String> {
    text(claims, name).map(str::to_owned)
}

#[cfg(test)]
mod tests;
