//! What a decision costs: `cargo test --release -p postern-policy-cedar --test cost -- --ignored --nocapture`.
#![cfg(not(target_arch = "wasm32"))]

use std::time::Instant;

use postern::authn::{AuthenticationFacts, Means};
use postern::config::Roles;
use postern::http::{Method, Peer};
use postern::ids::principal_kind::PrincipalKind;
use postern::policy::{Bundle, ContextFacts, HeldPermissions, PolicyInput, PrincipalFacts, ResourceFacts};
use postern::time::Timestamp;
use postern_policy_cedar::PolicySet;
use serde_json::json;

/// Each for a route of its own, with the conditions that people write, and one in ten for all of them.
fn policies(count: usize) -> String {
    let one = |number: usize| {
        match number % 10 {
        0 => format!(
            "@id(\"all-{number}\") forbid(principal, action, resource)
             unless {{ context.authentication.amr.contains(\"otp\") && context has address && \
             context.address.isInRange(ip(\"203.0.113.0/24\")) }};"
        ),
        1 => format!("@id(\"roles-{number}\") permit(principal in Role::\"viewer\", action in Action::\"read\", resource);"),
        _ => format!(
            "@id(\"one-{number}\") permit(principal is Human, action == Action::\"GET\", resource in Route::\"/api/{number}/{{id}}\")
             when {{ principal.hasTag(\"department\") && principal.getTag(\"department\").contains(\"sales\") && \
             context.utc.hour >= 8 }};"
        ),
    }
    };
    (0..count).map(one).collect::<Vec<_>>().join("\n")
}

#[test]
#[ignore = "measures, and proves nothing"]
fn of_reading_and_of_deciding() {
    let claims = json!({ "department": "sales", "groups": ["a", "b"], "clearance": 3, "name": "Alice" });
    let (method, peer) = (Method::GET, Peer { address: Some("203.0.113.7".to_owned()), ..Peer::default() });
    let proof = AuthenticationFacts {
        means: Means::Session,
        key: None,
        time: None,
        acr: None,
        amr: vec!["otp".to_owned()],
        second: None,
    };
    let granted = Roles::default();
    let input = PolicyInput {
        principal: PrincipalFacts {
            kind: PrincipalKind::Human,
            issuer: "https://op.example",
            subject: "alice",
            client: None,
            tenant: None,
            roles: &["viewer".to_owned(), "editor".to_owned()],
            scopes: &["openid".to_owned(), "orders:read".to_owned()],
            permissions: HeldPermissions { stated: &[], roles: &[], granted: &granted },
            claims: claims.as_object().unwrap(),
            actor: None,
            key_id: None,
            owner: None,
            authentication: &proof,
        },
        method: &method,
        resource: ResourceFacts {
            route: "/api/7/{id}",
            path: "/api/7/1",
            params: &[("id".to_owned(), "1".to_owned())],
            tenant: None,
        },
        call: None,
        context: ContextFacts { now: Timestamp::from_unix(1_795_428_000), peer: &peer, relations: &[] },
    };
    for count in [10, 100] {
        let bundle = Bundle::new([("a.cedar".to_owned(), policies(count))].into()).unwrap();
        let began = Instant::now();
        let set = PolicySet::parse(&bundle).unwrap();
        let reading = began.elapsed();
        assert!(set.decide(&input).allows());
        let mut rounds: Vec<_> = (0..2000)
            .map(|_| {
                let began = Instant::now();
                std::hint::black_box(set.decide(&input));
                began.elapsed()
            })
            .collect();
        rounds.sort();
        println!(
            "{count} policies: read and checked in {reading:?}, a decision in {:?} (median of 2000)",
            rounds[1000]
        );
    }
}
