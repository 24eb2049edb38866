use serde_json::{Value, json};

use super::super::tests::{parse, problems, small, with};
use super::*;

fn with_platform(table: Value) -> Value {
    with(small(), &["ISSUERS"], json!({ "jobs": table }))
}

fn github(more: Value) -> Value {
    let mut table =
        json!({ "preset": "github-actions", "audience": "https://app.example.com", "trust": [{ "repository_id": 1 }] });
    table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    with_platform(table)
}

fn read(vars: &Value) -> WorkloadIssuer {
    parse(vars).unwrap().workloads.remove(0)
}

#[test]
fn what_access_says_of_a_proxy_opens_no_route_that_the_proxy_asks_about() {
    //
    let access = json!({ "preset": "cloudflare-access", "team_domain": "example.cloudflareaccess.com", "audience": "4714",
        "trust": [{ "common_name": "e367826f93b8d71185e03fe518aff3b4.access" }] });
    let asked = |more: Value| {
        let mut route = json!({ "upstream": "none", "authenticate": ["session", "workload"] });
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let vars = with(with_platform(access.clone()), &["VERIFY"], json!({}));
        with(vars, &["ROUTES", "/jobs"], route)
    };
    let lookup = |name: &str| match name {
        "POSTERN_KEYS" => Some(format!("k1:{}A", "C".repeat(42))),
        _ => Some("0123456789abcdef0123456789abcdef".to_owned()),
    };
    let verdict = |vars: Value| match super::super::Config::parse(vars.as_object().unwrap(), &lookup) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    };
    let lines = verdict(asked(json!({})));
    assert!(lines.len() == 1 && lines[0].contains("the word of Cloudflare Access alone"), "{lines:?}");
    let both = |more: Value| {
        let github = json!({ "preset": "github-actions", "audience": "urn:a", "trust": [{ "repository_id": 1 }] });
        with(asked(more), &["ISSUERS", "github"], github)
    };
    assert_eq!(verdict(both(json!({}))), [""; 0]);
    let lines = verdict(both(json!({ "authenticate": ["workload"], "require": { "issuers": ["jobs"] } })));
    assert!(lines.len() == 1 && lines[0].contains("the word of Cloudflare Access alone"), "{lines:?}");
    // Where we see the request ourselves, it is about its caller.
    assert_eq!(verdict(asked(json!({ "upstream": "service:API" }))), [""; 0]);
}

#[test]
fn a_rule_for_every_branch_is_known_as_one() {
    for (claims, broad) in [
        (json!({}), true),
        (json!({ "event_name": "push", "actor_id": 1 }), true),
        (json!({ "ref": "refs/heads/main" }), false),
        (json!({ "/ref": "refs/heads/main" }), false),
        (json!({ "environment": "production" }), false),
        (json!({ "job_workflow_ref": "o/s/.github/workflows/d.yml@refs/heads/main" }), false),
        (json!({ "ref_protected": true }), false),
    ] {
        let mut rule = claims.clone();
        rule["repository_id"] = 1.into();
        let issuer = read(&github(json!({ "trust": [rule] })));
        assert_eq!(issuer.is_broad(&issuer.trust[0]), broad, "{claims}");
    }
    let cluster = read(&cluster(json!({ "keys": "service:CLUSTER" })));
    assert!(!cluster.is_broad(&cluster.trust[0]), "there are no branches");
}

/// What is wrong with a rule of this preset.
fn rule(preset: &str, rule: Value) -> Option<String> {
    let mut table =
        json!({ "preset": preset, "audience": "urn:a", "trust": [rule], "issuer": "https://platform.example" });
    if preset == "cloudflare-access" {
        table["jwks_uri"] = json!("https://platform.example/certs");
    }
    if preset == "spiffe" {
        table["issuer"] = json!("spiffe://prod.example.com");
        table["jwks_uri"] = json!("https://bundle.example/");
    }
    let lines = match parse(&with_platform(table)) {
        Ok(_) => return None,
        Err(problems) => problems,
    };
    assert_eq!(lines.len(), 1, "{lines:?}");
    Some(lines[0].to_string())
}

#[test]
fn a_preset_says_what_the_table_leaves_out() {
    let issuer = read(&github(json!({})));
    assert_eq!((issuer.id.as_str(), issuer.preset.as_str()), ("jobs", "github-actions"));
    assert_eq!(issuer.issuer, "https://token.actions.githubusercontent.com");
    assert_eq!((issuer.profile, issuer.max_life), (WorkloadProfile::Jwt, Seconds::hours(1)));
    assert_eq!(issuer.algs, [Algorithm::Rs256]);
    assert!(matches!(&issuer.keys, WorkloadKeys::Discovery(url) if url.as_str() == issuer.issuer));
    let own =
        read(&github(json!({ "issuer": "https://ghe.example/_services/token", "algs": ["ES256"], "max_life": "5m" })));
    assert_eq!((own.issuer.as_str(), own.max_life), ("https://ghe.example/_services/token", Seconds::minutes(5)));
    // It is no issuer of access tokens.
    let config = parse(&github(json!({}))).unwrap();
    assert!(config.issuers.is_empty() && config.token_issuer(&issuer.issuer).is_none());
    let lines = problems(&github(json!({ "kind": "human" })));
    assert!(lines.len() == 1 && lines[0].starts_with("ISSUERS.jobs.kind: unknown key"), "{lines:?}");
    let lines = problems(&with_platform(json!({ "preset": "github", "audience": "urn:a" })));
    assert!(lines.len() == 1 && lines[0].contains("`github-actions`"), "{lines:?}");
}

#[test]
fn a_rule_names_something_that_is_nobody_elses() {
    //
    for (preset, good) in [
        ("github-actions", json!({ "repository_id": "1" })),
        ("github-actions", json!({ "repository_owner_id": 1, "repository": "octo/site" })),
        ("gitlab-ci", json!({ "project_id": 22 })),
        ("gitlab-ci", json!({ "namespace_id": "72", "ref": "release/*" })),
        ("kubernetes", json!({ "service_account_uid": "u" })),
        ("kubernetes", json!({ "namespace": "shop", "service_account": "orders" })),
        ("spiffe", json!({ "sub": "spiffe://prod.example.com/a" })),
        ("cloudflare-access", json!({ "common_name": "e367826f93b8d71185e03fe518aff3b4.access" })),
        ("google", json!({ "sub": "1", "email": "a@p.iam.gserviceaccount.com" })),
        ("azure-managed-identity", json!({ "oid": "1" })),
        ("azure-managed-identity", json!({ "sub": "1", "tid": "2" })),
    ] {
        assert_eq!(rule(preset, good.clone()), None, "{preset} {good}");
    }
    for (preset, bad, why) in [
        ("github-actions", json!({ "repository": "octo/site" }), "expected `repository_id` or `repository_owner_id`"),
        ("github-actions", json!({}), "expected `repository_id` or `repository_owner_id`"),
        (
            "github-actions",
            json!({ "repository_id": 1, "sub": "repo:octo/site:ref:refs/heads/main" }),
            "`sub` is made of names that change hands",
        ),
        ("github-actions", json!({ "repository_id": 1, "/sub": "repo:octo/site" }), "`/sub` is made of names"),
        ("gitlab-ci", json!({ "project_path": "g/p" }), "expected `project_id` or `namespace_id`"),
        (
            "kubernetes",
            json!({ "namespace": "shop" }),
            "expected `service_account_uid` or `namespace` with `service_account`",
        ),
        ("kubernetes", json!({ "service_account": "orders" }), "expected `service_account_uid` or"),
        ("google", json!({ "email": "a@p.iam.gserviceaccount.com" }), "expected `sub`"),
        ("cloudflare-access", json!({ "sub": "" }), "found ``"),
        ("cloudflare-access", json!({ "common_name": "billing" }), "expected the Client ID of a service token"),
        ("cloudflare-access", json!({ "/common_name": ["billing"] }), "expected the Client ID of a service token"),
        ("azure-managed-identity", json!({ "tid": "2" }), "expected `oid` or `sub`"),
    ] {
        let message = rule(preset, bad.clone()).unwrap_or_else(|| panic!("{preset} {bad}"));
        assert!(message.starts_with("ISSUERS.jobs.trust: rule 1: ") && message.contains(why), "{bad}: {message}");
    }
}

#[test]
fn values_are_exact_and_patterns_are_whole_segments_of_few_claims() {
    //
    let id = json!({ "repository_id": 1 });
    let and = |key: &str, value: Value| {
        let mut rule = id.clone();
        rule[key] = value;
        rule
    };
    for (key, value) in [
        ("ref", json!("refs/heads/*")),
        ("environment", json!("*")),
        ("ref", json!(["refs/heads/main", "refs/tags/*"])),
        ("run_attempt", json!(1)),
        ("ref_protected", json!(true)),
        ("/repo_property_team", json!("a")),
    ] {
        assert_eq!(rule("github-actions", and(key, value.clone())), None, "{key} {value}");
    }
    for (key, value, why) in [
        ("repository", json!("octo/*"), "expected an exact value"),
        ("repository_owner_id", json!("*"), "expected an exact value"),
        ("job_workflow_ref", json!("octo/site/.github/workflows/*"), "expected an exact value"),
        ("ref", json!("refs/heads/main*"), "`*` stands for a whole segment"),
        ("ref", json!("refs/**"), "`*` stands for a whole segment"),
        ("ref", json!(""), "expected a text, a whole number"),
        ("ref", json!(1.5), "expected a text, a whole number"),
        ("ref", json!({ "contains": "main" }), "expected a text, a whole number"),
        ("ref", json!([]), "expected 1 to 32 values"),
        ("ref", json!(null), "expected a text"),
        ("scopes", json!("deploy"), "`scopes`: expected a list"),
        ("scopes", json!(["a b"]), "`scopes`: "),
        ("roles", json!([1]), "`roles`: "),
        ("name", json!(""), "`name`: "),
        ("/a~", json!("a"), "JSON pointer"),
    ] {
        let message = rule("github-actions", and(key, value.clone())).unwrap_or_else(|| panic!("{key} {value}"));
        assert!(message.contains(why), "{key} {value}: {message}");
    }
    for bad in [json!([]), json!({}), json!("x"), json!([1])] {
        let lines = problems(&github(json!({ "trust": bad })));
        assert!(lines.len() == 1 && lines[0].starts_with("ISSUERS.jobs.trust: "), "{lines:?}");
    }
    let value = TrustedValue::Segments(vec![Some("refs".into()), Some("heads".into()), None]);
    for (text, good) in [
        ("refs/heads/a", true),
        ("refs/heads/", false),
        ("refs/heads/a/b", false),
        ("refs/heads", false),
        ("refs/tags/a", false),
        ("/refs/heads/a", false),
    ] {
        assert_eq!(value.is(text), good, "{text}");
    }
    assert_eq!(value.to_string(), "refs/heads/*");
}

fn cluster(more: Value) -> Value {
    let mut table = json!({ "preset": "kubernetes", "issuer": "https://kubernetes.default.svc", "audience": "urn:a",
        "trust": [{ "service_account_uid": "u" }] });
    table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    with_platform(table)
}

fn published(vars: &Value) -> PublishedKeys {
    match read(vars).keys {
        WorkloadKeys::Published(keys) => keys,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_keys_are_in_one_place() {
    //
    let bound = published(&cluster(json!({ "keys": "service:CLUSTER" })));
    assert_eq!(
        (bound.via.as_deref(), bound.url.as_str()),
        (Some("CLUSTER"), "https://kubernetes.default.svc/openid/v1/jwks")
    );
    let other = published(&cluster(json!({ "keys": "service:OTHER" })));
    assert_ne!(bound.name, other.name, "two clusters have one URL");
    // Of a cluster that is asked by its binding, nothing has to be public.
    let private = json!({ "keys": "service:CLUSTER", "issuer": "https://10.0.0.1:6443", "jwks_uri": "https://10.0.0.1:6443/openid/v1/jwks" });
    assert_eq!(published(&cluster(private)).url, "https://10.0.0.1:6443/openid/v1/jwks");
    for (more, key, why) in [
        (json!({ "keys": "secret" }), "ISSUER_JOBS_JWKS", "expected a secret"),
        (json!({ "keys": "service:cluster" }), "ISSUERS.jobs.keys", "expected `secret`, or `service:NAME`"),
        (json!({ "keys": "here" }), "ISSUERS.jobs.keys", "expected `secret`, or `service:NAME`"),
        (json!({ "keys": "secret", "jwks_uri": "https://a.example/" }), "ISSUERS.jobs.jwks_uri", "is of no use here"),
        (json!({ "jwks_uri": "https://10.0.0.1/" }), "ISSUERS.jobs.jwks_uri", "expected the https URL of a key set"),
        (json!({ "jwks_uri": "http://a.example/" }), "ISSUERS.jobs.jwks_uri", "expected the https URL of a key set"),
        (json!({ "issuer": "https://10.0.0.1:6443" }), "ISSUERS.jobs.issuer", "expected an https URL"),
        (
            json!({ "issuer": "kubernetes/serviceaccount", "keys": "service:A" }),
            "ISSUERS.jobs.issuer",
            "expected an https URL",
        ),
        (json!({ "issuer": null }), "ISSUERS.jobs.issuer", "expected a string"),
        (json!({ "max_life": "32d" }), "ISSUERS.jobs.max_life", "from `1m` to `31d`"),
        (json!({ "audience": [] }), "ISSUERS.jobs.audience", "expected 1 to 16"),
    ] {
        let lines = problems(&cluster(more.clone()));
        assert!(lines.len() == 1 && lines[0].starts_with(key) && lines[0].contains(why), "{more}: {lines:?}");
    }
}

#[test]
fn a_secret_with_keys_is_a_key_set() {
    //
    for (secret, good) in [
        (include_str!("../../../fixtures/jws/es512.json"), false),
        ("{\"keys\": []}", false),
        ("kubectl", false),
        (" {\"keys\": [{\"kty\":\"RSA\",\"e\":\"AQAB\",\"kid\":\"a\",\"n\":\"N\"}]}\n", true),
    ] {
        let secret = secret.replace("\"N\"", &format!("\"{}w\"", "_".repeat(341)));
        let vars = cluster(json!({ "keys": "secret" }));
        let lookup = |name: &str| match name {
            "ISSUER_JOBS_JWKS" => Some(secret.clone()),
            "POSTERN_KEYS" => Some(format!("k1:{}A", "C".repeat(42))),
            _ => Some("secret".to_owned()),
        };
        let read = super::super::Config::parse(vars.as_object().unwrap(), &lookup);
        assert_eq!(
            read.as_ref().err().map(|all| all[0].message.starts_with("expected a JWK set as JSON")),
            (!good).then_some(true),
            "{secret}"
        );
        assert!(good || !format!("{:?}", read.err()).contains("kubectl"));
    }
}

#[test]
fn the_bundle_of_a_trust_domain_is_where_the_configuration_says() {
    //
    let domain = |more: Value| {
        let mut table =
            json!({ "preset": "spiffe", "audience": "urn:a", "trust": [{ "sub": "spiffe://prod.example.com/a" }] });
        table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        with_platform(table)
    };
    let bundle = published(&domain(json!({ "trust_domain": "prod.example.com", "jwks_uri": "https://b.example/" })));
    assert!(bundle.is_bundle && bundle.name != bundle.url);
    for (more, key) in [
        (json!({ "trust_domain": "prod.example.com" }), "ISSUERS.jobs.jwks_uri"),
        (json!({ "trust_domain": "Prod.example.com", "jwks_uri": "https://b.example/" }), "ISSUERS.jobs.trust_domain"),
        (json!({ "trust_domain": "spiffe://a", "jwks_uri": "https://b.example/" }), "ISSUERS.jobs.trust_domain"),
        (json!({ "jwks_uri": "https://b.example/" }), "ISSUERS.jobs.trust_domain"),
    ] {
        let lines = problems(&domain(more.clone()));
        assert!(lines.len() == 1 && lines[0].starts_with(key), "{more}: {lines:?}");
    }
}

#[test]
fn one_issuer_has_one_meaning_and_no_client_of_people_is_an_audience() {
    //
    let same = json!({ "issuer": "https://token.actions.githubusercontent.com", "audience": "urn:a" });
    let lines = problems(&with(github(json!({})), &["ISSUERS", "tokens"], same));
    assert_eq!(lines, ["ISSUERS.tokens: has the same issuer as `jobs`"]);
    let lines = problems(&github(json!({ "issuer": "https://login.example.com", "audience": "app" })));
    assert!(lines.len() == 1 && lines[0].contains("client id of provider `corp`"), "{lines:?}");
    assert!(parse(&github(json!({ "issuer": "https://login.example.com", "audience": "urn:a" }))).is_ok());
}

#[test]
fn a_route_takes_programs_where_it_says_so_and_asks_for_what_a_rule_gives() {
    //
    let route = |more: Value| {
        let mut route = json!({ "upstream": "service:API", "authenticate": ["workload"] });
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let rules = json!({ "trust": [{ "repository_id": 1, "scopes": ["deploy"], "roles": ["ci"] }] });
        with(github(rules), &["ROUTES", "/jobs"], route)
    };
    for good in [
        json!({}),
        json!({ "require": { "scopes": ["deploy"], "roles": ["ci", "other"], "issuers": ["jobs"], "kinds": ["service"] } }),
        json!({ "require": { "claims": { "ref": "refs/heads/main" } } }),
        json!({ "authenticate": ["session", "workload"] }),
    ] {
        assert_eq!(parse(&route(good.clone())).err(), None, "{good}");
    }
    for (bad, why) in [
        (json!({ "authenticate": ["bearer"] }), "there are none without a `preset`"),
        (json!({ "token": "relay" }), "those of `workload` are for Postern alone"),
        (
            json!({ "require": { "scopes": ["deploy", "admin"] } }),
            "names the scope `admin`, which no rule of `trust` gives",
        ),
        (json!({ "require": { "any_scope": ["admin"] } }), "names the scope `admin`"),
        (json!({ "require": { "roles": ["root"] } }), "names the role `root`"),
        (json!({ "require": { "in_person": true } }), "names `in_person`, which workloads never meet"),
        (json!({ "require": { "kinds": ["human"] } }), "`kinds` has no `service`"),
    ] {
        let lines = problems(&route(bad.clone()));
        assert!(lines.len() == 1 && lines[0].contains(why), "{bad}: {lines:?}");
    }
    let none = with(small(), &["ROUTES", "/jobs"], json!({ "upstream": "service:API", "authenticate": ["workload"] }));
    assert!(problems(&none)[0].contains("`workload` takes tokens of the issuers in `ISSUERS` with a `preset`"));
}
