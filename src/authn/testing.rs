//! Principals for the tests of other modules.

use std::rc::Rc;

use serde_json::{Value, json};

use super::Principal;
use super::access_token::{AccessTokenClaims, AccessTokenExpectations};
use super::sender_constraint::Sender;
use crate::config::testing::token_issuer;
use crate::jose::testing::verified;
use crate::time::Timestamp;

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
