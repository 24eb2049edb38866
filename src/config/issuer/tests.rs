use serde_json::json;

use super::super::tests::{parse, problems, small, with};
use super::*;

fn with_issuer(table: Value) -> Value {
    with(small(), &["ISSUERS"], json!({ "machines": table }))
}

/// What is wrong with an issuer that is good but for this.
fn problem(key: &str, value: Value) -> String {
    let table = with(json!({ "issuer": "https://as.example", "audience": "urn:api" }), &[key], value);
    let lines = problems(&with_issuer(table));
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

#[test]
fn an_issuer_needs_its_name_and_who_we_are_to_it() {
    let config = parse(&with_issuer(json!({ "issuer": "https://as.example/", "audience": "urn:api" }))).unwrap();
    let issuer = config.token_issuer("https://as.example/").unwrap();
    assert_eq!((issuer.id.as_str(), issuer.audience.as_slice()), ("machines", &["urn:api".to_owned()][..]));
    let signed = issuer.signed().unwrap();
    assert_eq!((signed.profile, issuer.kind, &signed.jwks_uri), (Profile::Rfc9068, PrincipalKind::Human, &None));
    assert_eq!(signed.algs, [Algorithm::Rs256]);
    let paths = |paths: &[ClaimPath]| paths.iter().map(|path| path.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(paths(&issuer.scopes), ["scope", "scp"]);
    assert!(issuer.roles.is_empty());
    assert!(config.token_issuer("https://as.example").is_none());
    assert!(parse(&small()).unwrap().issuers.is_empty());
}

#[test]
fn every_key_of_an_issuer_says_what_it_is_documented_to() {
    let config = parse(&with_issuer(json!({
        "issuer": "https://as.example", "audience": ["https://api.example.com", "urn:api"], "tokens": "legacy",
        "algs": ["ES256", "EdDSA"], "jwks_uri": "https://keys.example/jwks", "kind": "agent",
        "scopes": ["permissions"], "roles": ["/realm_access/roles"],
    })));
    let issuer = config.unwrap().issuers.remove(0);
    let signed = issuer.signed().unwrap();
    assert_eq!((signed.profile, issuer.kind, issuer.audience.len()), (Profile::Legacy, PrincipalKind::Agent, 2));
    assert_eq!(signed.algs, [Algorithm::Es256, Algorithm::EdDsa]);
    assert_eq!(signed.jwks_uri.as_deref(), Some("https://keys.example/jwks"));
    let all = [&issuer.scopes, &issuer.roles];
    assert_eq!(all.map(|paths| paths[0].as_str()), ["permissions", "/realm_access/roles"]);
}

#[test]
fn what_would_let_others_tokens_in_is_refused() {
    //
    for bad in ["http://as.example", "http://as.example?a", "http://u@as.example", "ftp://as.example", "as.example"] {
        assert!(problem("issuer", json!(bad)).contains("https URL"), "{bad}");
    }
    for bad in [json!(""), json!([]), json!(["urn:api", "urn:api"]), json!(["a b"]), json!(7)] {
        assert!(problem("audience", bad.clone()).starts_with("ISSUERS.machines.audience: "), "{bad}");
    }
    let without = problems(&with_issuer(json!({ "issuer": "https://as.example" })));
    assert!(without[0].starts_with("ISSUERS.machines.audience: expected a resource identifier"), "{without:?}");
    for bad in ["none", "None", "HS256", "HS512"] {
        assert!(problem("algs", json!([bad])).contains("proves nothing about who signs"), "{bad}");
    }
    for bad in ["RSA-OAEP", "ES256K", ""] {
        assert!(problem("algs", json!([bad])).contains("expected one of `RS256`"), "{bad}");
    }
    assert!(problem("algs", json!([])).contains("at least one"));
    for bad in ["http://as.example/jwks", "https://127.0.0.1/jwks", "https://10.0.0.1/", "/jwks", "file:///x"] {
        assert!(problem("jwks_uri", json!(bad)).contains("https URL of a key set"), "{bad}");
    }
    assert!(problem("tokens", json!("jwt")).contains("`rfc9068` or `legacy` or `opaque`"));
    assert!(problem("kind", json!("robot")).contains("`human` or `service` or `agent`"));
    assert!(problem("roles", json!(["/a~"])).contains("JSON pointer"));
    for key in introspection::KEYS {
        assert!(problem(key, json!("x")).ends_with("is about opaque tokens, and `tokens` is not `opaque`"), "{key}");
    }
    assert!(problem("aud", json!("x")).contains("unknown key"));
}

#[test]
fn an_issuer_by_http_is_a_name_that_nothing_is_fetched_by() {
    //
    let read = |more: Value| {
        let mut table = json!({ "issuer": "http://adfs.example/adfs/services/trust", "audience": "urn:api" });
        table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        with_issuer(table)
    };
    let keys = "https://adfs.example/adfs/discovery/keys";
    let config = parse(&read(json!({ "jwks_uri": keys }))).unwrap();
    assert!(!config.issuers[0].issuer.is_reachable());
    let opaque = json!({ "tokens": "opaque", "client_id": "a", "introspection_endpoint": "https://adfs.example/i" });
    assert!(parse(&read(opaque)).is_ok());
    for (more, missing) in [
        (json!({}), "jwks_uri"),
        (json!({ "tokens": "legacy" }), "jwks_uri"),
        (json!({ "tokens": "opaque", "client_id": "a" }), "introspection_endpoint"),
    ] {
        let lines = problems(&read(more));
        assert!(lines.len() == 1 && lines[0].starts_with("ISSUERS.machines.issuer: "), "{lines:?}");
        assert!(lines[0].contains(&format!("is only a name, and needs `{missing}`")), "{lines:?}");
    }
    for bad in ["http://127.0.0.1/a", "http://localhost/a", "http://adfs.example/a#b"] {
        let lines = problems(&read(json!({ "issuer": bad, "jwks_uri": keys })));
        assert!(lines[0].starts_with("ISSUERS.machines.issuer: "), "{lines:?}");
    }
    // Nor do its endpoints become any other than before.
    let lines = problems(&read(json!({ "jwks_uri": "http://adfs.example/keys" })));
    assert!(lines[0].starts_with("ISSUERS.machines.jwks_uri: "), "{lines:?}");
}

#[test]
fn a_legacy_audience_is_no_client_that_people_sign_in_with() {
    //
    let table = |tokens: &str, audience: &str| json!({ "issuer": "https://login.example.com", "audience": ["urn:api", audience], "tokens": tokens });
    let lines = problems(&with_issuer(table("legacy", "app")));
    assert!(lines.len() == 1 && lines[0].contains("client id of provider `corp`"), "{lines:?}");
    assert!(parse(&with_issuer(table("rfc9068", "app"))).is_ok());
    assert!(parse(&with_issuer(table("legacy", "app2"))).is_ok());
    // An issuer whose access tokens have no `aud`, as Cognito: then no token with one is taken.
    let mut by_client = table("legacy", "app");
    by_client["audience_claim"] = json!("client_id");
    assert_eq!(parse(&with_issuer(by_client)).unwrap().issuers[0].audience_claim, "client_id");
    for bad in [json!(""), json!("a b"), json!(["client_id"])] {
        assert!(problem("audience_claim", bad.clone()).starts_with("ISSUERS.machines.audience_claim: "), "{bad}");
    }
}

#[test]
fn a_tenant_of_a_provider_is_that_provider() {
    //
    const TENANT: &str = "6f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10";
    let read = |tenants: Value, tenant: &str, audience: &str| {
        let entra = json!({ "preset": "entra-multitenant", "tenants": tenants, "client_id": "app" });
        let issuer = format!("https://login.microsoftonline.com/{tenant}/v2.0");
        let machines = json!({ "issuer": issuer, "audience": audience, "tokens": "legacy" });
        with(with_issuer(machines), &["PROVIDERS", "corp"], entra)
    };
    for tenants in [json!("any"), json!([TENANT])] {
        let lines = problems(&read(tenants.clone(), TENANT, "app"));
        assert!(lines.len() == 1 && lines[0].contains("client id of provider `corp`"), "{lines:?}");
        assert!(parse(&read(tenants, TENANT, "api://app")).is_ok());
    }
    // No user of another tenant signs in here, so no ID token of it is taken either.
    assert!(parse(&read(json!([TENANT]), "0f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10", "app")).is_ok());
}

#[test]
fn a_template_is_no_issuer_of_access_tokens() {
    //
    for bad in [
        "https://login.microsoftonline.com/{tenantid}/v2.0",
        "https://login.microsoftonline.com/{tenant}/v2.0",
        "https://login.microsoftonline.com/}/v2.0",
    ] {
        assert!(problem("issuer", json!(bad)).starts_with("ISSUERS.machines.issuer: expected an https URL"), "{bad}");
    }
    let name = json!({ "issuer": "http://sts.example/{tenantid}/", "audience": "urn:api", "jwks_uri": "https://sts.example/keys" });
    let lines = problems(&with_issuer(name));
    assert!(lines.len() == 1 && lines[0].starts_with("ISSUERS.machines.issuer: "), "{lines:?}");
}

#[test]
fn one_issuer_has_one_entry() {
    //
    let one = json!({ "issuer": "https://as.example", "audience": "urn:api" });
    let lines = problems(&with(small(), &["ISSUERS"], json!({ "a": one, "b": one })));
    assert_eq!(lines, ["ISSUERS.b: has the same issuer as `a`"]);
    let of_provider = json!({ "issuer": "https://login.example.com", "audience": "urn:api" });
    assert!(parse(&with_issuer(of_provider)).is_ok(), "a provider's issuer may issue access tokens too");
    let lines = problems(&with(small(), &["ISSUERS"], json!({ "A": one })));
    assert!(lines[0].starts_with("ISSUERS.A: expected an id"), "{lines:?}");
}
