use serde_json::json;

use super::*;
use crate::authn::Origin;
use crate::config::testing::config;
use crate::http::Method;
use crate::issuer_id::IssuerId;
use crate::kind::Kind;
use crate::provider_id::ProviderId;
use crate::route::{CanonicalPath, Requirements};

#[test]
fn nobody_passes_a_guarded_route_and_everybody_a_public_one() {
    //
    let config = config(|_| ());
    let find = |path: &str| config.routes.find(&Method::GET, &CanonicalPath::parse(path).unwrap()).unwrap().route;
    assert!(matches!(authorize(None, find("/api/a")), Decision::Deny(Denial::Anonymous)));
    assert!(matches!(authorize(None, find("/")), Decision::Allow(_)));
}

#[test]
fn a_route_whose_requirements_are_left_out_asks_for_an_identity_all_the_same() {
    //
    let config = config(|vars| vars["ROUTES"] = json!({ "/{*path}": { "upstream": "assets", "public": false } }));
    let route = config.routes.find(&Method::GET, &CanonicalPath::parse("/a").unwrap()).unwrap().route;
    assert!(matches!(authorize(None, route), Decision::Deny(Denial::Anonymous)));
}

#[test]
fn an_origin_is_accepted_by_its_whole_name_and_for_what_it_is() {
    let providers = |names: &[&str]| names.iter().map(|name| ProviderId::parse(name).unwrap()).collect::<Vec<_>>();
    let issuers = |names: &[&str]| names.iter().map(|name| IssuerId::parse(name).unwrap()).collect::<Vec<_>>();
    let required = |provider_names: &[&str], issuer_names: &[&str]| Requirements {
        providers: providers(provider_names),
        issuers: issuers(issuer_names),
        ..Requirements::default()
    };
    let provider = |id: &str| Origin::Provider(id.to_owned());
    let issuer = |id: &str| Origin::Issuer(IssuerId::parse(id).unwrap());
    for origin in [provider("corp"), issuer("corp")] {
        assert_eq!(origin::decide(&origin, &required(&[], &[])), Ok(()));
        assert_eq!(origin::decide(&origin, &required(&["partner", "corp"], &["corp"])), Ok(()));
    }
    for other in ["", "cor", "corp2", "Corp", "partner corp"] {
        let decision = origin::decide(&provider(other), &required(&["partner", "corp"], &[]));
        assert_eq!(decision, Err(Denial::Provider), "{other}");
    }
    // A list of the one says that the other is not meant.
    assert_eq!(origin::decide(&issuer("corp"), &required(&["corp"], &[])), Err(Denial::Issuer));
    assert_eq!(origin::decide(&issuer("corp"), &required(&["corp"], &["machines"])), Err(Denial::Issuer));
    assert_eq!(origin::decide(&provider("corp"), &required(&[], &["corp"])), Err(Denial::Provider));
}

#[test]
fn a_service_is_no_person() {
    //
    assert_eq!(kind::decide(Kind::Service, &[]), Ok(()));
    assert_eq!(kind::decide(Kind::Service, &[Kind::Human, Kind::Service]), Ok(()));
    for other in [Kind::Service, Kind::Agent] {
        assert_eq!(kind::decide(other, &[Kind::Human]), Err(Denial::Kind));
    }
}
