//! A verified JWT of a person's provider and what a client asks → a grant that the provider gives in the person's place
//! (Identity Assertion JWT Authorization Grant, ID-JAG; R-319…R-322).

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::authn::confirmation::Confirmation;
use crate::claims::{AUD, beginning, is_ahead, is_over, name, optional, text, time};
use crate::jose::{JwtError, VerifiedJwt, is_media_type};
use crate::json::said;
use crate::oidc::token::scope_values;
use crate::time::{Seconds, Timestamp};

/// `grant_type` of the request that brings one (RFC 7523 §2.1).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// `typ` of one; no ID token has it.
pub const TYP: &str = "oauth-id-jag+jwt";
/// How metadata says that such grants are taken (`authorization_grant_profiles_supported`).
pub const PROFILE: &str = "urn:ietf:params:oauth:grant-profile:id-jag";
/// How long one is good at most.
pub const LONGEST_LIFE: Seconds = Seconds::minutes(5);
const MAX_JTI_BYTES: usize = 255;

/// What a grant of a provider's must be. Every field is given.
#[derive(Debug)]
pub struct IdJagExpectations<'a> {
    /// The issuer whose keys verified it.
    pub issuer: &'a str,
    /// Our own name as an authorization server.
    pub audience: &'a str,
    /// The client that brings it, authenticated.
    pub client_id: &'a str,
    /// How long it is good at most.
    pub longest_life: Seconds,
    /// Now.
    pub now: Timestamp,
}

/// What a provider lets a client do for a person. Only [`IdJag::check`] makes one.
#[derive(Debug)]
pub struct IdJag {
    subject: String,
    scopes: Option<Vec<String>>,
    resource: Option<String>,
    jkt: Option<String>,
    jti: String,
    issued_at: Timestamp,
    expires_at: Timestamp,
    claims: Map<String, Value>,
}

/// The check that such a grant failed. Each stands for one claim, or one rule about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdJagError {
    /// `typ` says that it is something else, or says nothing.
    TypRefused,
    /// `iss` is not the issuer.
    IssMismatch,
    /// `aud` is not us alone.
    AudMismatch,
    /// `client_id` is not the client that brings it.
    ClientMismatch,
    /// `sub` is missing or no name.
    SubMalformed,
    /// `jti` is missing, no text, or too long.
    JtiMalformed,
    /// `exp` or `iat` is missing or no time, or `nbf` is there and no time.
    TimesMalformed,
    /// Past `exp`.
    Expired,
    /// `iat` or `nbf` is in the future.
    NotYetValid,
    /// It is good for longer than such a grant may be.
    LivesTooLong,
    /// `scope` is there and no text.
    ScopeMalformed,
    /// `resource` is there and names not exactly one.
    ResourceMalformed,
    /// `cnf` says something else than `jkt`.
    ConfirmationRefused,
    /// It says more than is understood here: `authorization_details`, or `act`.
    TooSpecific,
}

impl IdJagError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TypRefused => "id_jag.typ_refused",
            Self::IssMismatch => "id_jag.iss_mismatch",
            Self::AudMismatch => "id_jag.aud_mismatch",
            Self::ClientMismatch => "id_jag.client_mismatch",
            Self::SubMalformed => "id_jag.sub_malformed",
            Self::JtiMalformed => "id_jag.jti_malformed",
            Self::TimesMalformed => "id_jag.times_malformed",
            Self::Expired => "id_jag.expired",
            Self::NotYetValid => "id_jag.not_yet_valid",
            Self::LivesTooLong => "id_jag.lives_too_long",
            Self::ScopeMalformed => "id_jag.scope_malformed",
            Self::ResourceMalformed => "id_jag.resource_malformed",
            Self::ConfirmationRefused => "id_jag.cnf_refused",
            Self::TooSpecific => "id_jag.too_specific",
        }
    }
}

/// Why a provider's grant is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnterpriseRefusal {
    /// It is no JWT that a key of the provider's signed.
    Jwt(JwtError),
    /// It does not say what it must.
    Claims(IdJagError),
    /// Its issuer is none that may vouch for people here, or not to this client.
    NotTrusted,
    /// It is for no resource of ours, or for another one than the request.
    Resource,
    /// It is for no scope that the client may have, or the request is for more.
    Scope,
    /// It is bound to a key that was not proven.
    Key,
    /// Another client has used it.
    UsedByAnother,
    /// The person is blocked, has signed out since, or ended what it was used for.
    Ended,
    /// The person has a role that a second factor is asked for, and nobody proves one here.
    SecondFactor,
}

impl EnterpriseRefusal {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Jwt(error) => error.code(),
            Self::Claims(error) => error.code(),
            Self::NotTrusted => "id_jag.not_trusted",
            Self::Resource => "id_jag.resource",
            Self::Scope => "id_jag.scope",
            Self::Key => "id_jag.key",
            Self::UsedByAnother => "id_jag.used_by_another",
            Self::Ended => "id_jag.ended",
            Self::SecondFactor => "id_jag.second_factor",
        }
    }

    /// `error` of the answer (RFC 6749 §5.2).
    #[must_use]
    pub const fn error(self) -> &'static str {
        match self {
            Self::Resource => "invalid_target",
            Self::Scope => "invalid_scope",
            _ => "invalid_grant",
        }
    }
}

impl IdJag {
    /// Checks the claims. The key set that verified it must be that of the provider whose issuer is expected.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(jwt: VerifiedJwt, expected: &IdJagExpectations<'_>) -> Result<Self, IdJagError> {
        if !jwt.header().typ().is_some_and(|typ| is_media_type(typ, TYP)) {
            return Err(IdJagError::TypRefused);
        }
        let claims = jwt.into_claims();
        check_parties(&claims, expected)?;
        let (issued_at, expires_at) = check_times(&claims, expected)?;
        if ["authorization_details", "act"].iter().any(|name| said(&claims, name).is_some()) {
            return Err(IdJagError::TooSpecific);
        }
        let jti = text(&claims, "jti").filter(|jti| (1..=MAX_JTI_BYTES).contains(&jti.len()));
        Ok(Self {
            subject: name(&claims, "sub").ok_or(IdJagError::SubMalformed)?,
            scopes: optional(&claims, "scope", scopes, IdJagError::ScopeMalformed)?,
            resource: optional(&claims, "resource", resource, IdJagError::ResourceMalformed)?,
            jkt: confirmation(&claims)?,
            jti: jti.ok_or(IdJagError::JtiMalformed)?.to_owned(),
            issued_at,
            expires_at,
            claims,
        })
    }

    /// `sub`: what the provider calls the person, as at sign-in.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// `scope`, where it is said.
    #[must_use]
    pub fn scopes(&self) -> Option<&[String]> {
        self.scopes.as_deref()
    }

    /// `resource`, where it is said.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.resource.as_deref()
    }

    /// The key that the client has to prove, where it is bound to one.
    #[must_use]
    pub fn jkt(&self) -> Option<&str> {
        self.jkt.as_deref()
    }

    /// `jti`
    #[must_use]
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// `iat`
    #[must_use]
    pub const fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// From when on it would be refused for its age alone.
    #[must_use]
    pub const fn usable_until(&self) -> Timestamp {
        self.expires_at.plus(crate::claims::LEEWAY)
    }

    /// All claims.
    #[must_use]
    pub const fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// What is remembered of it: that it was used at all, and that this client used it.
    #[must_use]
    pub fn once_keys(&self, issuer: &str, client_id: &str) -> OnceKeys {
        OnceKeys { any: once_key(&[issuer, &self.jti]), client: once_key(&[issuer, &self.jti, client_id]) }
    }
}

/// Under which names the use of a grant is remembered.
#[derive(Debug, PartialEq, Eq)]
pub struct OnceKeys {
    /// By whatever client.
    pub any: [u8; 32],
    /// By the one that brings it.
    pub client: [u8; 32],
}

fn once_key(parts: &[&str]) -> [u8; 32] {
    // Neither an issuer nor a client id holds a NUL, and what may stands in the middle with its length before it.
    let start = Sha256::new().chain_update(b"postern/id-jag/").chain_update([parts.len() as u8]);
    let all = parts
        .iter()
        .fold(start, |digest, part| digest.chain_update((part.len() as u64).to_be_bytes()).chain_update(part));
    all.finalize().into()
}

fn check_parties(claims: &Map<String, Value>, expected: &IdJagExpectations<'_>) -> Result<(), IdJagError> {
    if text(claims, "iss") != Some(expected.issuer) {
        return Err(IdJagError::IssMismatch);
    }
    // A text, or a list of one: whoever else it were for could bring it here.
    let audience = match claims.get(AUD) {
        Some(Value::Array(all)) => all.first().filter(|_| all.len() == 1).and_then(Value::as_str),
        Some(Value::String(one)) => Some(one.as_str()),
        _ => None,
    };
    if audience != Some(expected.audience) {
        return Err(IdJagError::AudMismatch);
    }
    if text(claims, "client_id") == Some(expected.client_id) { Ok(()) } else { Err(IdJagError::ClientMismatch) }
}

/// When it was issued, and when it ends.
fn check_times(
    claims: &Map<String, Value>,
    expected: &IdJagExpectations<'_>,
) -> Result<(Timestamp, Timestamp), IdJagError> {
    let now = expected.now;
    let time_of = |name| time(claims, name).ok_or(IdJagError::TimesMalformed);
    let (expires_at, issued_at) = (time_of("exp")?, time_of("iat")?);
    let not_before = optional(claims, "nbf", beginning, IdJagError::TimesMalformed)?;
    if is_over(expires_at, now) {
        return Err(IdJagError::Expired);
    }
    if is_ahead(issued_at, now) || not_before.is_some_and(|moment| is_ahead(moment, now)) {
        return Err(IdJagError::NotYetValid);
    }
    if expires_at > issued_at.plus(expected.longest_life) {
        return Err(IdJagError::LivesTooLong);
    }
    Ok((issued_at, expires_at))
}

fn scopes(claims: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    Some(scope_values(text(claims, name)?))
}

fn resource(claims: &Map<String, Value>, name: &str) -> Option<String> {
    match claims.get(name)? {
        Value::Array(all) => all.first().filter(|_| all.len() == 1)?.as_str(),
        one => one.as_str(),
    }
    .map(str::to_owned)
}

/// The key that it is bound to; a certificate is shown in ways that a token endpoint does not look at.
fn confirmation(claims: &Map<String, Value>) -> Result<Option<String>, IdJagError> {
    match Confirmation::parse(claims.get("cnf").filter(|cnf| !cnf.is_null())) {
        Ok(Confirmation::None) => Ok(None),
        Ok(Confirmation::Jkt(jkt)) => Ok(Some(jkt)),
        Ok(Confirmation::X5tS256(_)) | Err(_) => Err(IdJagError::ConfirmationRefused),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::testing::verified;

    const NOW: i64 = 1_700_000_000;
    const ISSUER: &str = "https://op.example";
    const CLIENT: &str = "https://agent.example/client.json";

    fn check_as(typ: Option<&str>, changes: &Value) -> Result<IdJag, IdJagError> {
        let mut claims = json!({
            "iss": ISSUER, "sub": "alice", "aud": "https://app.example", "client_id": CLIENT, "jti": "j1",
            "iat": NOW, "exp": NOW + 300, "scope": "docs:read docs:write", "resource": "https://app.example/mcp",
        });
        let all = claims.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(all.remove(name)),
                other => drop(all.insert(name.clone(), other.clone())),
            }
        }
        let expected = IdJagExpectations {
            issuer: ISSUER,
            audience: "https://app.example",
            client_id: CLIENT,
            longest_life: LONGEST_LIFE,
            now: Timestamp::from_unix(NOW + 10),
        };
        IdJag::check(verified(typ, &claims), &expected)
    }

    #[test]
    fn a_grant_says_who_for_what_and_where() {
        //
        for aud in [json!("https://app.example"), json!(["https://app.example"])] {
            let jag = check_as(Some(TYP), &json!({ "aud": aud, "email": "bob@example.com" })).unwrap();
            assert_eq!((jag.subject(), jag.resource()), ("alice", Some("https://app.example/mcp")));
            assert_eq!(jag.scopes().unwrap(), ["docs:read", "docs:write"]);
            assert_eq!((jag.jti(), jag.jkt()), ("j1", None));
            assert_eq!(jag.usable_until(), Timestamp::from_unix(NOW + 360));
        }
        let bound = "A".repeat(43);
        let jag = check_as(Some(TYP), &json!({ "cnf": { "jkt": bound }, "scope": null, "resource": null })).unwrap();
        assert_eq!((jag.jkt(), jag.scopes(), jag.resource()), (Some(bound.as_str()), None, None));
    }

    #[test]
    fn another_kind_of_token_is_none() {
        // an ID token of the same provider, for the same audience.
        for typ in [None, Some("JWT"), Some("at+jwt"), Some("id-jag+jwt"), Some("")] {
            assert_eq!(check_as(typ, &json!({})).unwrap_err(), IdJagError::TypRefused, "{typ:?}");
        }
        assert!(check_as(Some("application/oauth-id-jag+jwt"), &json!({})).is_ok());
    }

    #[test]
    fn each_claim_is_checked() {
        //
        use IdJagError::{
            AudMismatch, ClientMismatch, ConfirmationRefused, Expired, IssMismatch, JtiMalformed, LivesTooLong,
            NotYetValid, ResourceMalformed, ScopeMalformed, SubMalformed, TimesMalformed, TooSpecific,
        };
        let cases = [
            (json!({ "iss": "https://op.example/" }), IssMismatch),
            (json!({ "iss": null }), IssMismatch),
            (json!({ "aud": null }), AudMismatch),
            (json!({ "aud": "https://app.example/" }), AudMismatch),
            (json!({ "aud": ["https://app.example", "https://other.example"] }), AudMismatch),
            (json!({ "aud": [] }), AudMismatch),
            (json!({ "aud": ["https://other.example"] }), AudMismatch),
            (json!({ "client_id": "https://other.example/client.json" }), ClientMismatch),
            (json!({ "client_id": null, "azp": CLIENT }), ClientMismatch),
            (json!({ "sub": null }), SubMalformed),
            (json!({ "sub": "" }), SubMalformed),
            (json!({ "jti": null }), JtiMalformed),
            (json!({ "jti": "" }), JtiMalformed),
            (json!({ "jti": "j".repeat(256) }), JtiMalformed),
            (json!({ "exp": null }), TimesMalformed),
            (json!({ "iat": null }), TimesMalformed),
            (json!({ "nbf": "soon" }), TimesMalformed),
            (json!({ "iat": NOW - 300, "exp": NOW - 50 }), Expired),
            (json!({ "iat": NOW + 71 }), NotYetValid),
            (json!({ "nbf": NOW + 71 }), NotYetValid),
            (json!({ "exp": NOW + 301 }), LivesTooLong),
            (json!({ "scope": 1 }), ScopeMalformed),
            (json!({ "resource": ["https://a.example", "https://b.example"] }), ResourceMalformed),
            (json!({ "resource": {} }), ResourceMalformed),
            (json!({ "cnf": {} }), ConfirmationRefused),
            (json!({ "cnf": "x" }), ConfirmationRefused),
            (json!({ "cnf": { "x5t#S256": "A".repeat(43) } }), ConfirmationRefused),
            (json!({ "cnf": { "jkt": "A".repeat(43), "x5t#S256": "x" } }), ConfirmationRefused),
            (json!({ "cnf": { "jkt": "short" } }), ConfirmationRefused),
            (json!({ "authorization_details": [{ "type": "x" }] }), TooSpecific),
            (json!({ "act": { "sub": "x" } }), TooSpecific),
        ];
        for (changes, expected) in cases {
            assert_eq!(check_as(Some(TYP), &changes).unwrap_err(), expected, "{changes}");
        }
    }

    #[test]
    fn a_name_of_its_use_is_that_of_one_grant_and_client() {
        //
        let jag = |jti: &str| check_as(Some(TYP), &json!({ "jti": jti })).unwrap();
        let one = jag("j1").once_keys(ISSUER, CLIENT);
        assert_eq!(one, jag("j1").once_keys(ISSUER, CLIENT));
        let other_client = jag("j1").once_keys(ISSUER, "https://other.example");
        assert!(one.any == other_client.any && one.client != other_client.client && one.any != one.client);
        assert!(jag("j2").once_keys(ISSUER, CLIENT).any != one.any);
        assert!(jag("j1").once_keys("https://other.example", CLIENT).any != one.any);
    }
}
