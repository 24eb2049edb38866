//! What the first decision takes, taken beforehand: in WebAssembly most of it is code that is compiled when it is first run.

use postern::authn::{AuthenticationFacts, Means};
use postern::config::Roles;
use postern::http::{Method, Peer};
use postern::ids::principal_kind::PrincipalKind;
use postern::policy::{Bundle, ContextFacts, HeldPermissions, PolicyInput, PrincipalFacts, ResourceFacts};
use postern::time::Timestamp;
use serde_json::{Map, Value, json};

use super::set::PolicySet;

/// What policies are commonly made of.
const POLICIES: &str = r#"// A comment.
@id("reads")
permit (principal is Human, action in [Action::"read", Action::"write"], resource in Route::"/{id}")
when { principal.hasTag("a") && principal.getTag("a").contains("b") && resource.hasTag("id") }
when { context has address && context.address.isInRange(ip("192.0.2.0/24")) && resource.path like "/*" };
@id("roles")
permit (principal in Role::"a", action == Action::"GET", resource)
when { principal.scopes.containsAny(["a"]) || (resource.hasTag("id") && resource.getTag("id") == "b") };
@id("hours") @max_age("60")
forbid (principal, action, resource)
unless { context.utc.hour >= 0 && context.utc.weekday <= 7 && !(context.now + 1 < 0) };
@id("numbers")
forbid (principal == Human::"a", action, resource)
when { if principal.numbers.hasTag("c") then principal.numbers.getTag("c") > 3 else context has country };
"#;

/// Reads policies as they are stored and decides by them, once. Whether they said yes.
pub(super) fn warm_up() -> bool {
    let bundle = Bundle::new([("a.cedar".to_owned(), POLICIES.to_owned())].into());
    let stored = bundle.and_then(|bundle| Bundle::from_text(&bundle.to_text()));
    let set = stored.ok().and_then(|bundle| PolicySet::parse_checked(&bundle).ok());
    set.is_some_and(|set| rehearse(&set))
}

/// Puts one question to all policies of a version, beside the requests. The runtime throws away what it has compiled and
/// not run for a while, so what was warm at the start may be cold by now. Whether they said yes.
pub(super) fn rehearse(set: &PolicySet) -> bool {
    let claims: Map<String, Value> = [("a".to_owned(), json!(["b"]))].into_iter().collect();
    let authentication =
        AuthenticationFacts { means: Means::Session, key: None, time: None, acr: None, amr: Vec::new() };
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
            authentication: &authentication,
        },
        method: &Method::GET,
        resource: ResourceFacts {
            route: "/{id}",
            path: "/a",
            params: &[("id".to_owned(), "a".to_owned())],
            tenant: None,
        },
        context: ContextFacts { now: Timestamp::from_unix(0), peer: &peer, relations: &[] },
    };
    set.decide_whole(&input).allows()
}

#[cfg(test)]
mod tests {
    use super::super::testing::bundle;
    use super::*;

    #[test]
    fn it_goes_all_the_way() {
        assert!(super::warm_up());
        // What it reads unchecked holds up.
        PolicySet::parse(&bundle(POLICIES)).unwrap();
    }
}
