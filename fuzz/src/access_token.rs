//! Claims that an issuer did sign, as those of an access token: only for us, in time, of its kind, and never also those
//! of an ID token or a logout token.
//!
//! The input is a header's members and a payload, in two lines.

use postern::authn::access_token::{AccessTokenClaims, AccessTokenExpectations};
use postern::authn::confirmation::Confirmation;
use postern::config::{Profile, TokenIssuer};
use postern::jose::VerifiedJwt;
use postern::time::Timestamp;

use crate::claims::{NOW, audiences, is_in_time, is_other_kind, says, signed};
use crate::fixed::{CLIENT_ID, ISSUER, config, lines};

pub fn check(data: &[u8]) {
    let lines = lines(data);
    let [header, payload, ..] = lines.as_slice() else { return };
    let Some(jwt) = signed(header, payload) else { return };
    let config = config();
    let issuer = config.issuers.first().unwrap();
    let strict = accepts(issuer, Profile::Rfc9068, jwt.clone());
    let legacy = accepts(issuer, Profile::Legacy, jwt.clone());
    // Where ID tokens of this issuer say `JWT` too, an access token for the same audience has no mark of its own; one
    // that is both would need our client id among the API's audiences, which the configuration does not have.
    assert!(!is_other_kind(&jwt) || !(strict || legacy), "one token of two kinds");
    let typ = jwt.header().typ().map(str::to_ascii_lowercase);
    assert!(!strict || matches!(typ.as_deref(), Some("at+jwt" | "application/at+jwt")));
}

fn accepts(issuer: &TokenIssuer, profile: Profile, jwt: VerifiedJwt) -> bool {
    let claims = jwt.claims().clone();
    let expected = AccessTokenExpectations { issuer, profile, now: Timestamp::from_unix(NOW) };
    let Ok(token) = AccessTokenClaims::check(jwt, &expected) else { return false };
    assert_eq!(claims["iss"], ISSUER);
    assert!(audiences(&claims).contains(&"urn:api") && !audiences(&claims).is_empty() && CLIENT_ID != "urn:api");
    assert!(claims.contains_key("exp") && is_in_time(&claims, None), "not in time");
    assert!(!says(&claims, "events"));
    assert_eq!(claims["sub"], token.subject());
    if profile == Profile::Rfc9068 {
        assert!(["client_id", "iat", "jti"].iter().all(|name| claims.contains_key(*name)));
    }
    // A token with any `cnf` but null is never one that is bound to nothing.
    let bound = !matches!(Confirmation::parse(token.confirmation()), Ok(Confirmation::None));
    assert_eq!(bound, claims.get("cnf").is_some_and(|cnf| !cnf.is_null()));
    let _ = (token.is_clients_own(), token.client_id(), token.auth_time(), token.jti(), token.actors().len());
    true
}
