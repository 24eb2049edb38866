use serde_json::json;

use super::*;
use crate::authn::testing::{NOW, principal};

#[test]
fn a_token_says_who_for_whom_and_since_when() {
    let facts = json!({ "auth_time": NOW - 9, "acr": "urn:mfa", "amr": ["pwd", "otp", 7] });
    let alice = principal(&json!({}), &facts);
    assert_eq!(
        (alice.kind(), alice.issuer(), alice.subject()),
        (PrincipalKind::Human, "https://as.example.com/t1", "alice")
    );
    assert_eq!((alice.client_id(), alice.provider(), alice.session()), (Some("app"), None, None));
    assert!(matches!(alice.origin(), PrincipalSource::Issuer(id) if id.as_str() == "machines"));
    assert_eq!(alice.expires_at(), Timestamp::from_unix(NOW + 60));
    let authentication = alice.authentication();
    assert_eq!((authentication.means, authentication.time), (Means::Bearer, Some(Timestamp::from_unix(NOW - 9))));
    assert_eq!(
        (authentication.acr.as_deref(), authentication.amr.as_slice()),
        (Some("urn:mfa"), &["pwd".to_owned(), "otp".to_owned()][..])
    );
    assert!(alice.claims().is_empty() && alice.roles().is_empty() && alice.scopes().is_empty());
}

#[test]
fn scopes_and_roles_are_where_the_configuration_says() {
    //
    let claims = json!({
        "scope": "a  b", "scp": ["c", "d e", 7], "permissions": ["f"], "groups": "one role",
        "realm_access": { "roles": ["admin"] },
    });
    assert_eq!(principal(&json!({}), &claims).scopes(), ["a", "b", "c", "d e"]);
    let mapped = json!({ "scopes": ["permissions"], "roles": ["/realm_access/roles", "groups", "absent"] });
    let mapped = principal(&mapped, &claims);
    assert_eq!(
        (mapped.scopes(), mapped.roles()),
        (&["f".to_owned()][..], &["admin".to_owned(), "one role".to_owned()][..])
    );
    for odd in
        [json!({ "scope": { "a": true } }), json!({ "scope": 7 }), json!({ "scope": null }), json!({ "scope": " " })]
    {
        assert!(principal(&json!({}), &odd).scopes().is_empty(), "{odd}");
    }
}

#[test]
fn the_configuration_says_what_kind_and_a_clients_own_token_is_no_persons() {
    //
    let own = json!({ "sub": "app" });
    for (kind, person, client) in [
        ("human", PrincipalKind::Human, PrincipalKind::Service),
        ("service", PrincipalKind::Service, PrincipalKind::Service),
        ("agent", PrincipalKind::Agent, PrincipalKind::Agent),
    ] {
        assert_eq!(principal(&json!({ "kind": kind }), &json!({})).kind(), person, "{kind}");
        assert_eq!(principal(&json!({ "kind": kind }), &own).kind(), client, "{kind}");
    }
}

#[test]
fn what_a_token_claims_is_found_by_its_place_and_an_address_only_once_it_is_verified() {
    //
    let claims = json!({ "department": "sales", "realm": { "unit": "a" }, "email": "a@example.com" });
    let alice = principal(&json!({}), &claims);
    let claim = |principal: &Principal, path: &str| principal.claim(&ClaimPath::parse(path).unwrap()).cloned();
    assert_eq!(claim(&alice, "department"), Some(json!("sales")));
    assert_eq!(claim(&alice, "/realm/unit"), Some(json!("a")));
    assert_eq!((claim(&alice, "email"), claim(&alice, "/email"), alice.email()), (None, None, None));
    for (verified, address) in [
        (json!(true), Some("a@example.com")),
        (json!("true"), Some("a@example.com")),
        (json!("True"), None),
        (json!(1), None),
    ] {
        let told = json!({ "email": "a@example.com", "email_verified": verified });
        assert_eq!(principal(&json!({}), &told).email(), address, "{told}");
    }
    // What upstreams are told of sessions' claims is told of no token's.
    assert!(alice.claims().is_empty());
}
