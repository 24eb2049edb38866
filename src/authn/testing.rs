//! Principals for the tests of other modules.

use std::rc::Rc;

use serde_json::{Value, json};

use super::access_token::{AccessTokenClaims, AccessTokenExpectations};
use super::sender_constraint::Sender;
use super::{CertificateFacts, GrantFacts, KeyFacts, Principal};
use crate::api_key::KeyHolder;
use crate::config::testing::token_issuer;
use crate::ids::CertificateId;
use crate::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use crate::ids::owner::Owner;
use crate::jose::testing::verified;
use crate::session::{Session, SessionTimeouts};
use crate::time::{Seconds, Timestamp};

/// When all of them are.
pub(crate) const NOW: i64 = 1_800_000_000;

/// Whoever comes by a token with these claims, of an issuer with this in its table.
pub(crate) fn principal(table: &Value, changes: &Value) -> Principal {
    let mut claims = json!({
        "iss": "https://as.example.com/t1", "aud": "urn:api", "sub": "alice", "client_id": "app", "jti": "j",
        "iat": NOW, "exp": NOW + 60,
    });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let issuer = token_issuer(|all| all.as_object_mut().unwrap().extend(table.as_object().unwrap().clone()));
    let profile = issuer.signed().unwrap().profile;
    let expected = AccessTokenExpectations { issuer: &issuer, profile, now: Timestamp::from_unix(NOW) };
    let claims = AccessTokenClaims::check(verified(Some("at+jwt"), &claims), &expected).unwrap();
    Principal::by_token(&issuer, &Rc::new(claims), &Sender::plain())
}

/// `alice` by a session of `corp`, of which the record says this.
pub(crate) fn signed_in(changes: &Value) -> Principal {
    let mut record = json!({
        "issuer": "https://login.example.com", "subject": "alice", "provider": "corp", "claims": {}, "scopes": [],
        "created_at": NOW - 3600, "last_seen": NOW, "auth_time": NOW - 3600, "amr": ["pwd"],
    });
    record.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let session: Session = serde_json::from_value(record).unwrap();
    let clocks = SessionTimeouts::new(Seconds::hours(12), Seconds::hours(12));
    match &session.grant {
        None => Principal::of_session(session, clocks),
        Some(grant) => {
            let facts =
                GrantFacts { id: "g".to_owned(), jkt: None, token_ends_at: grant.expires_at, beside_people: false };
            Principal::by_grant(session, facts).unwrap()
        }
    }
}

/// `alice` of this provider.
pub(crate) fn owner(provider: &str) -> Owner {
    let issuer = IssuerIdentifier::new("https://login.example.com");
    Owner { provider: provider.to_owned(), issuer, subject: SubjectIdentifier::new("alice") }
}

/// Whoever comes by this holder's API key.
pub(crate) fn key(holder: KeyHolder) -> Principal {
    Principal::by_key(KeyFacts {
        site: "https://app.example.com".to_owned(),
        key_id: "0011223344556677".to_owned(),
        holder,
        scopes: vec!["orders:read".to_owned()],
        roles: Vec::new(),
        permissions: Vec::new(),
        tenant: None,
        expires_at: Timestamp::from_unix(NOW + 60),
    })
}

/// Whoever comes by a client certificate of this entry.
pub(crate) fn certificate(entry: &str) -> Principal {
    Principal::by_certificate(CertificateFacts {
        entry: CertificateId::parse(entry).unwrap(),
        authority: "54be".to_owned(),
        name: "dns:api.partner.example".to_owned(),
        scopes: vec!["orders:read".to_owned()],
        roles: Vec::new(),
        expires_at: Timestamp::from_unix(NOW + 60),
    })
}
