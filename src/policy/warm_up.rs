//! What the first decision takes, taken beforehand: in WebAssembly most of it is code that is compiled when it is first run.

use serde_json::{Map, Value, json};

use super::bundle::Bundle;
use super::input::{ContextFacts, PolicyInput, PrincipalFacts, ResourceFacts};
use super::set::PolicySet;
use crate::authn::{AuthenticationFacts, Means};
use crate::http::{Method, Peer};
use crate::kind::Kind;
use crate::time::Timestamp;

/// What policies are commonly made of.
const POLICY: &str = r#"permit (principal is Human, action in Action::"read", resource in Route::"/{id}")
when { principal.hasTag("a") && principal.getTag("a").contains("b") && resource.hasTag("id") }
when { context has address && context.address.isInRange(ip("192.0.2.0/24")) && resource.path like "/*" };"#;

/// Reads a policy and decides by it, once. Whether it said yes.
pub fn warm_up() -> bool {
    let bundle = Bundle::new([("a.cedar".to_owned(), POLICY.to_owned())].into());
    let Some(set) = bundle.ok().and_then(|bundle| PolicySet::parse(&bundle).ok()) else { return false };
    let claims: Map<String, Value> = [("a".to_owned(), json!(["b"]))].into_iter().collect();
    let authentication = AuthenticationFacts { means: Means::Session, time: None, acr: None, amr: Vec::new() };
    let peer = Peer { address: Some("192.0.2.1".to_owned()), ..Peer::default() };
    let input = PolicyInput {
        principal: PrincipalFacts {
            kind: Kind::Human,
            issuer: "https://op.example",
            subject: "a",
            client: None,
            tenant: None,
            roles: &[],
            scopes: &[],
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
    set.decide(&input).allows()
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_goes_all_the_way() {
        assert!(super::warm_up());
    }
}
