//! Claims that a platform did sign, as those of a program's token: for us alone, with an end that is near, by a rule that says
//! exactly what they are, and of one kind only.
//!
//! The input is a header's members and a payload, in two lines.

use std::rc::Rc;

use postern::authn::workload;
use postern::config::{Config, WorkloadIssuer, WorkloadProfile};
use postern::jose::VerifiedJwt;
use postern::time::Timestamp;
use serde_json::json;

use crate::claims::{NOW, audiences, is_in_time, says, signed};
use crate::fixed::{config_of, lines};

const AUDIENCE: &str = "urn:jobs";
const PLATFORM: &str = "https://op.example";
const CLIENT_ID: &str = "e367826f93b8d71185e03fe518aff3b4.access";

pub fn check(data: &[u8]) {
    let lines = lines(data);
    let [header, payload, ..] = lines.as_slice() else { return };
    let Some(jwt) = signed(header, payload) else { return };
    let accepting = [
        json!({ "preset": "github-actions", "issuer": PLATFORM, "trust": [{ "repository_id": 1, "ref": "refs/heads/*" }] }),
        json!({ "preset": "spiffe", "trust_domain": "a.example", "jwks_uri": "https://b.example/", "trust": [{ "sub": "spiffe://a.example/b" }] }),
        json!({ "preset": "cloudflare-access", "issuer": PLATFORM, "jwks_uri": "https://b.example/", "trust": [{ "common_name": CLIENT_ID }] }),
    ]
    .into_iter()
    .filter(|table| accepts(&platform(table.clone()).workloads[0], jwt.clone()));
    assert!(accepting.count() < 2, "one token of two platforms");
}

fn platform(mut table: serde_json::Value) -> Config {
    table["audience"] = AUDIENCE.into();
    config_of(&json!({
        "PUBLIC_URL": "https://app.example", "ISSUERS": { "jobs": table },
        "ROUTES": { "/{*rest}": { "upstream": "service:API", "authenticate": ["workload"] } },
    }))
}

fn accepts(issuer: &WorkloadIssuer, jwt: VerifiedJwt) -> bool {
    let (claims, bare) = (jwt.claims().clone(), jwt.header().is_bare());
    let Ok(token) = workload::check(jwt, issuer, Timestamp::from_unix(NOW)) else { return false };
    assert!(audiences(&claims).iter().all(|one| *one == AUDIENCE) && !audiences(&claims).is_empty());
    assert!(claims.contains_key("exp") && is_in_time(&claims, None), "not in time");
    assert!(claims["exp"].as_f64().unwrap() <= NOW as f64 + 24.0 * 3600.0 + 61.0, "for too long");
    assert!(["nonce", "at_hash", "events", "cnf"].iter().all(|name| !says(&claims, name)));
    assert!(!token.subject().is_empty() && token.subject().len() <= 255);
    let Ok(principal) = workload::principal(issuer, &Rc::new(token)) else { return false };
    assert!(principal.kind().as_str() == "service" && principal.actors().is_empty() && principal.client_id().is_none());
    match issuer.profile {
        WorkloadProfile::Jwt => {
            assert_eq!(claims["iss"], PLATFORM);
            assert!(claims["repository_id"] == 1 || claims["repository_id"] == "1");
            let name = claims["ref"].as_str().unwrap();
            assert!(name.starts_with("refs/heads/") && name.matches('/').count() == 2 && !name.ends_with('/'));
            assert!(
                [
                    "push",
                    "workflow_dispatch",
                    "schedule",
                    "release",
                    "deployment",
                    "repository_dispatch",
                    "merge_group"
                ]
                .contains(&claims["event_name"].as_str().unwrap())
            );
            assert_eq!(principal.subject(), "repository:1");
        }
        WorkloadProfile::Spiffe => assert!(bare && claims["sub"] == "spiffe://a.example/b"),
        WorkloadProfile::CloudflareAccess => {
            assert!(claims["sub"] == "" && claims["common_name"] == CLIENT_ID && claims["iss"] == PLATFORM);
        }
    }
    true
}
