//! A hypothetical caller: to ask what would be decided about them. A hypothetical caller is never let in:
//! [`Hypothetical`] gives its principal to this crate's explanations, and to nobody who forwards a request.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::access_token::{AccessTokenClaims, AccessTokenError, AccessTokenExpectations};
use super::sender_constraint::Sender;
use super::workload::{self, WorkloadError};
use super::{CertificateFacts, GrantFacts, KeyFacts, Principal};
use crate::config::{Profile, TokenIssuer, WorkloadIssuer};
use crate::session::{Session, SessionTimeouts};
use crate::time::{Seconds, Timestamp};

/// A principal that nobody proved.
#[derive(Debug)]
pub struct Hypothetical(Principal);

impl Hypothetical {
    /// Whoever would have this session, or the agent that would have this grant.
    #[must_use]
    pub fn by_session(session: Session) -> Self {
        if let Some(grant) = &session.grant {
            // What is supposed to be granted is supposed to be the person's too.
            let (id, token_ends_at) = (String::new(), grant.expires_at);
            let facts = GrantFacts { id, jkt: None, token_ends_at, beside_people: false };
            if let Some(agent) = Principal::by_grant(session.clone(), facts) {
                return Self(agent);
            }
        }
        Self(Principal::of_session(session, SessionTimeouts::new(Seconds::hours(1), Seconds::hours(1))))
    }

    /// Whoever would have a token of `issuer`'s with these claims.
    ///
    /// # Errors
    /// When no token of its says so.
    pub fn by_token(
        issuer: &TokenIssuer,
        claims: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Self, AccessTokenError> {
        let expected = AccessTokenExpectations { issuer, profile: Profile::Legacy, now };
        let claims = AccessTokenClaims::hypothetical(claims, &expected)?;
        Ok(Self(Principal::by_token(issuer, &Rc::new(claims), &Sender::plain())))
    }

    /// The program that would have a token of this platform's with these claims.
    ///
    /// # Errors
    /// When no token of its says so, or no rule would take it: the name of the reason, and which claim.
    pub fn by_workload(issuer: &WorkloadIssuer, claims: Map<String, Value>, now: Timestamp) -> Result<Self, String> {
        let claims = workload::hypothetical(claims, issuer, now).map_err(|error| error.code().to_owned())?;
        let principal = workload::principal(issuer, &Rc::new(claims));
        principal.map(Self).map_err(|why| format!("{}: {}", WorkloadError::Untrusted.code(), why.detail()))
    }

    /// Whoever would have this API key.
    #[must_use]
    pub fn by_key(facts: KeyFacts) -> Self {
        Self(Principal::by_key(facts))
    }

    /// Whoever would have this client certificate.
    #[must_use]
    pub fn by_certificate(facts: CertificateFacts) -> Self {
        Self(Principal::by_certificate(facts))
    }

    /// For `explain` only.
    pub(crate) const fn principal(&self) -> &Principal {
        &self.0
    }
}
