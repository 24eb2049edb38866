//! A token of our own, and its life.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::oidc::token::{TokenError, TokenResponse};
use crate::secret::{self, Secret};
use crate::time::{Seconds, Timestamp};

/// What a token is taken to live when the server does not say.
const UNSAID_LIFE: Seconds = Seconds::minutes(5);
/// How long before its end the next one is got.
const AHEAD: Seconds = Seconds::new(60);
/// A token that lives less is used until half its life.
const SHORT_LIFE: Seconds = Seconds::new(90);
/// A token is used for so long, also where the server says that it ends before: else each request would ask for one.
const SHORTEST_LIFE: Seconds = Seconds::new(2);

/// A token, when it came and when it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceToken {
    /// The token.
    #[serde(with = "secret::stored")]
    pub token: Secret<String>,
    /// When it came.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Tells one token from another, and says nothing of it: its SHA-256 in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceTokenDigest(String);

impl ServiceToken {
    /// The token of an answer that came now.
    ///
    /// # Errors
    /// When there is none in it.
    pub fn of_response(response: TokenResponse, now: Timestamp) -> Result<Self, TokenError> {
        let life = if response.says_life { response.expires_in } else { UNSAID_LIFE };
        let token = response.access_token.ok_or(TokenError::Missing("access_token"))?;
        Ok(Self { token, issued_at: now, expires_at: now.plus(life.max(SHORTEST_LIFE)) })
    }

    /// What tells it from others.
    #[must_use]
    pub fn digest(&self) -> ServiceTokenDigest {
        ServiceTokenDigest(Base64UrlUnpadded::encode_string(&Sha256::digest(self.token.expose())))
    }

    /// Whether it may still be used.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// When the next one is got.
    #[must_use]
    pub fn renew_at(&self) -> Timestamp {
        let life = self.expires_at.since(self.issued_at);
        if self.is_short() { self.issued_at.plus(Seconds::new(life.get() / 2)) } else { self.expires_at.minus(AHEAD) }
    }

    /// Whether it lives so briefly that none uses it while the next one is under way.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.expires_at.since(self.issued_at) < SHORT_LIFE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(expires_in: Option<u32>) -> TokenResponse {
        TokenResponse {
            access_token: Some(Secret::new("token".to_owned())),
            refresh_token: None,
            id_token: None,
            expires_in: Seconds::new(expires_in.unwrap_or(3600)),
            says_life: expires_in.is_some(),
            scope: None,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1000 + seconds)
    }

    #[test]
    fn a_token_is_renewed_a_minute_ahead_and_a_short_one_at_half_its_life() {
        //
        for (life, renew_at, expires_at) in [
            (Some(3600), 3540, 3600),
            (Some(90), 30, 90),
            (Some(89), 44, 89),
            (Some(10), 5, 10),
            (Some(0), 1, 2),
            (Some(1), 1, 2),
            (None, 240, 300),
        ] {
            let token = ServiceToken::of_response(response(life), at(0)).unwrap();
            assert_eq!((token.renew_at(), token.expires_at), (at(renew_at), at(expires_at)), "{life:?}");
            assert!(token.is_alive(at(expires_at - 1)) && !token.is_alive(at(expires_at)));
        }
    }

    #[test]
    fn an_answer_without_a_token_is_none() {
        let empty = TokenResponse { access_token: None, ..response(None) };
        assert_eq!(ServiceToken::of_response(empty, at(0)), Err(TokenError::Missing("access_token")));
    }

    #[test]
    fn a_digest_is_no_token() {
        let token = ServiceToken::of_response(response(None), at(0)).unwrap();
        let other = ServiceToken { token: Secret::new("other".to_owned()), ..token.clone() };
        assert_ne!(token.digest(), other.digest());
        assert!(!serde_json::to_string(&token.digest()).unwrap().contains("token"));
    }
}
