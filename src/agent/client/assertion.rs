//! How a client proves itself by its key: `private_key_jwt` (OpenID Connect Core §9, RFC 7523 §3).
//!
//! [`ShownClientAssertion::check`] is pure: the assertion may still be a copy of one that was used. Its
//! [`ShownClientAssertion::once_key`] is to be claimed last, when nothing else can fail any more.

use sha2::{Digest, Sha256};

use crate::claims::{self, LEEWAY, audiences, text, time};
use crate::jose::{Algorithm, VerifiedJwt, is_media_type};
use crate::time::{Seconds, Timestamp};

/// What an assertion may be signed with.
pub const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa, Algorithm::Ps256, Algorithm::Rs256];
/// `client_assertion_type` (RFC 7523 §2.2).
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The longest life of an assertion: so long its `jti` is remembered.
const MAX_LIFE: Seconds = Seconds::hours(1);
const MAX_JTI_BYTES: usize = 256;

/// What an assertion must say. Every field is given.
#[derive(Debug)]
pub struct AssertionExpectations<'a> {
    /// The client.
    pub client_id: &'a str,
    /// Who we are: our issuer, and the endpoint that it came to.
    pub audience: [&'a str; 2],
    /// Now.
    pub now: Timestamp,
}

/// Why an assertion proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionError {
    /// `typ` is that of another kind of token.
    Typ,
    /// `iss` or `sub` is not the client.
    OtherClient,
    /// It is for somebody else, or for others too.
    Audience,
    /// There is no `exp`, it is past, or too far ahead.
    Expiry,
    /// It was made, or counts, only in the future.
    Ahead,
    /// There is no usable `jti`.
    Jti,
}

impl AssertionError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Typ => "agent.assertion_typ",
            Self::OtherClient => "agent.assertion_of_another",
            Self::Audience => "agent.assertion_audience",
            Self::Expiry => "agent.assertion_exp",
            Self::Ahead => "agent.assertion_in_future",
            Self::Jti => "agent.assertion_jti",
        }
    }
}

/// That the sender has the client's key. Only [`ShownClientAssertion::check`] makes one.
#[derive(Debug)]
pub struct ShownClientAssertion {
    once_key: [u8; 32],
    usable_until: Timestamp,
}

impl ShownClientAssertion {
    /// Checks what an assertion says that one of the client's keys signed.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(verified: &VerifiedJwt, expected: &AssertionExpectations<'_>) -> Result<Self, AssertionError> {
        const TYPS: [&str; 2] = ["jwt", "client-authentication+jwt"];
        if verified.header().typ().is_some_and(|typ| !TYPS.iter().any(|known| is_media_type(typ, known))) {
            return Err(AssertionError::Typ);
        }
        let claims = verified.claims();
        if ["iss", "sub"].iter().any(|name| text(claims, name) != Some(expected.client_id)) {
            return Err(AssertionError::OtherClient);
        }
        match audiences(claims, claims::AUD).as_deref() {
            Some([only]) if expected.audience.contains(only) => {}
            _ => return Err(AssertionError::Audience),
        }
        let end = time(claims, "exp").ok_or(AssertionError::Expiry)?;
        if claims::is_over(end, expected.now) || end > expected.now.plus(MAX_LIFE).plus(LEEWAY) {
            return Err(AssertionError::Expiry);
        }
        for name in ["iat", "nbf"] {
            let moment = claims::optional(claims, name, time, AssertionError::Ahead)?;
            if moment.is_some_and(|moment| claims::is_ahead(moment, expected.now)) {
                return Err(AssertionError::Ahead);
            }
        }
        let jti = text(claims, "jti").filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI_BYTES);
        let jti = jti.ok_or(AssertionError::Jti)?;
        Ok(Self { once_key: once_key(expected.client_id, jti), usable_until: end.plus(LEEWAY) })
    }

    /// What is remembered of it once it was used.
    #[must_use]
    pub const fn once_key(&self) -> &[u8; 32] {
        &self.once_key
    }

    /// From when on it would be refused for its age alone.
    #[must_use]
    pub const fn usable_until(&self) -> Timestamp {
        self.usable_until
    }
}

/// A client's id holds no NUL: no two pairs share an input.
fn once_key(client_id: &str, jti: &str) -> [u8; 32] {
    let digest = Sha256::new().chain_update(b"postern/client-assertion/").chain_update(client_id).chain_update([0]);
    digest.chain_update(jti).finalize().into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::jose::testing::verified;

    const CLIENT: &str = "https://client.example/oauth/client.json";
    const ISSUER: &str = "https://app.example.com";
    const TOKEN: &str = "https://app.example.com/auth/agents/token";
    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn check(typ: Option<&str>, change: impl FnOnce(&mut Value)) -> Result<ShownClientAssertion, AssertionError> {
        let mut claims = json!({
            "iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "1", "iat": NOW, "exp": NOW.plus(Seconds::minutes(1)),
        });
        change(&mut claims);
        let expected = AssertionExpectations { client_id: CLIENT, audience: [ISSUER, TOKEN], now: NOW };
        ShownClientAssertion::check(&verified(typ, &claims), &expected)
    }

    //
    #[test]
    fn a_client_proves_itself_by_its_key() {
        for typ in [None, Some("JWT"), Some("client-authentication+jwt")] {
            assert!(check(typ, |_| {}).is_ok(), "{typ:?}");
        }
        assert!(check(None, |claims| claims["aud"] = TOKEN.into()).is_ok());
        assert!(check(None, |claims| claims["aud"] = json!([ISSUER])).is_ok());
        let (one, two) = (check(None, |_| {}).unwrap(), check(None, |claims| claims["jti"] = "2".into()).unwrap());
        assert_ne!(one.once_key(), two.once_key());
    }

    //
    #[test]
    fn an_assertion_of_another_for_others_or_of_another_time_proves_nothing() {
        type Change = fn(&mut Value);
        let cases: [(Change, AssertionError); 12] = [
            (|claims| claims["iss"] = "https://other.example/c".into(), AssertionError::OtherClient),
            (|claims| claims["sub"] = "https://other.example/c".into(), AssertionError::OtherClient),
            (|claims| claims["aud"] = "https://other.example".into(), AssertionError::Audience),
            (|claims| claims["aud"] = json!([ISSUER, "https://other.example"]), AssertionError::Audience),
            (|claims| claims["aud"] = Value::Null, AssertionError::Audience),
            (|claims| claims["exp"] = json!(NOW.as_unix() - 60), AssertionError::Expiry),
            (|claims| claims["exp"] = json!(NOW.as_unix() + 3661), AssertionError::Expiry),
            (|claims| drop(claims.as_object_mut().unwrap().remove("exp")), AssertionError::Expiry),
            (|claims| claims["iat"] = json!(NOW.as_unix() + 61), AssertionError::Ahead),
            (|claims| claims["nbf"] = json!(NOW.as_unix() + 61), AssertionError::Ahead),
            (|claims| drop(claims.as_object_mut().unwrap().remove("jti")), AssertionError::Jti),
            (|claims| claims["jti"] = "a".repeat(257).into(), AssertionError::Jti),
        ];
        for (number, (change, error)) in cases.into_iter().enumerate() {
            assert_eq!(check(None, change).unwrap_err(), error, "{number}");
        }
        for typ in ["dpop+jwt", "at+jwt", "oauth-id-jag+jwt", "logout+jwt"] {
            assert_eq!(check(Some(typ), |_| {}).unwrap_err(), AssertionError::Typ, "{typ}");
        }
    }
}
