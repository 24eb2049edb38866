//! What the first decision takes, taken beforehand: in WebAssembly most of it is code that is compiled when it is first
//! run. Whatever reading policies takes of that, reading the version has taken already.

use postern::authn::{AuthenticationFacts, Means};
use postern::config::Roles;
use postern::http::{Method, Peer};
use postern::ids::principal_kind::PrincipalKind;
use postern::policy::{ContextFacts, HeldPermissions, PolicyInput, PrincipalFacts, ResourceFacts};
use postern::time::Timestamp;
use serde_json::{Map, Value, json};

use super::set::PolicySet;

/// Puts one question to all policies of a version, beside the requests. Whether they said yes.
pub(super) fn rehearse(set: &PolicySet) -> bool {
    let claims: Map<String, Value> = [("a".to_owned(), json!(["b"]))].into_iter().collect();
    let authentication =
        AuthenticationFacts { means: Means::Session, key: None, time: None, acr: None, amr: Vec::new(), second: None };
    let peer = Peer { address: Some("192.0.2.1".to_owned()), ..Peer::default() };
    let input = PolicyInput {
        principal: PrincipalFacts {
            kind: PrincipalKind::Human,
            issuer: "https://op.example",
            subject: "a",
            client: None,
            tenant: None,
            roles: &["a".to_owned()],
            scopes: &["a".to_owned()],
            permissions: HeldPermissions { stated: &[], roles: &[], granted: &Roles::default() },
            claims: &claims,
            actor: None,
            key_id: None,
            owner: None,
            authentication: &authentication,
        },
        method: &Method::GET,
        resource: ResourceFacts {
            route: "/{id}",
            path: "/a",
            params: &[("id".to_owned(), "a".to_owned())],
            tenant: None,
        },
        call: None,
        context: ContextFacts { now: Timestamp::from_unix(0), peer: &peer, relations: &[] },
    };
    set.decide_whole(&input).allows()
}

#[cfg(test)]
mod tests {
    use super::super::testing::set;
    use super::*;

    #[test]
    fn it_goes_all_the_way() {
        let all = r#"permit (principal in Role::"a", action == Action::"GET", resource in Route::"/{id}") when {
            principal.hasTag("a") && principal.getTag("a").contains("b") &&
            context has address && context.address.isInRange(ip("192.0.2.0/24")) };"#;
        assert!(rehearse(&set(all)));
    }
}
