use serde_json::json;

use super::*;
use crate::config::testing::config;
use crate::http::Method;
use crate::provider_id::ProviderId;
use crate::route::CanonicalPath;

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
fn a_provider_is_accepted_by_its_whole_name() {
    let ids = |names: &[&str]| names.iter().map(|name| ProviderId::parse(name).unwrap()).collect::<Vec<_>>();
    assert_eq!(provider::decide("corp", &ids(&[])), Ok(()));
    assert_eq!(provider::decide("corp", &ids(&["partner", "corp"])), Ok(()));
    for other in ["", "cor", "corp2", "Corp", "partner corp"] {
        assert_eq!(provider::decide(other, &ids(&["partner", "corp"])), Err(Denial::Provider), "{other}");
    }
}
