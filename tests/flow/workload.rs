//! Programs with the tokens of the platforms that they run on: which count, where, and for what.

#[path = "workload_ids.rs"]
mod ids;

use postern::gateway::Gateway;
use postern::http::header;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, Endpoint, PARTNER, World, gateway, signer, variables};

const AUDIENCE: &str = "https://app.example.com";
const TEAM: &str = "https://example.cloudflareaccess.com";

/// The usual deployment with this platform, and routes for each way to come.
fn site(platform: Value) -> Gateway {
    site_beside(platform, "https://other.example")
}

/// The same beside this issuer of access tokens.
fn site_beside(platform: Value, machines: &str) -> Gateway {
    let mut variables = variables();
    variables["ISSUERS"] = json!({
        "platform": platform,
        "machines": { "issuer": machines, "audience": AUDIENCE, "algs": ["ES256"], "tokens": "legacy" },
    });
    let route =
        |ways: Value, require: Value| json!({ "upstream": "service:API", "authenticate": ways, "require": require });
    variables["ROUTES"]["/jobs/{*rest}"] = route(json!(["workload"]), json!({}));
    variables["ROUTES"]["/deploy"] = route(json!(["workload"]), json!({ "scopes": ["deploy"] }));
    variables["ROUTES"]["/any"] = route(json!(["session", "bearer", "workload"]), json!({}));
    variables["ROUTES"]["/tokens"] = route(json!(["bearer"]), json!({}));
    gateway(&variables)
}

pub fn with(mut table: Value, more: Value) -> Value {
    table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    table
}

/// A platform of this preset whose keys are those of `partner`.
fn platform(preset: &str, more: Value) -> Value {
    with(json!({ "preset": preset, "issuer": PARTNER, "audience": AUDIENCE, "algs": ["ES256"] }), more)
}

fn github() -> Gateway {
    site(platform(
        "github-actions",
        json!({ "trust": [
            { "name": "main", "repository_id": "456789", "repository_owner_id": 123456, "ref": "refs/heads/main", "scopes": ["deploy"], "roles": ["ci"] },
            { "repository_id": "456789", "ref": "refs/heads/release/*" },
        ] }),
    ))
}

/// A token as GitHub documents it, with these claims changed.
fn job(world: &World, changes: Value) -> String {
    let base = json!({
        "sub": "repo:octo@123456/site@456789:ref:refs/heads/main", "repository": "octo/site", "repository_id": "456789",
        "repository_owner": "octo", "repository_owner_id": "123456", "ref": "refs/heads/main", "ref_type": "branch",
        "event_name": "push", "workflow": "deploy", "job_workflow_ref": "octo/site/.github/workflows/d.yml@refs/heads/main",
        "runner_environment": "github-hosted",
    });
    token(world, Some("JWT"), with(base, changes))
}

/// A token of `partner`'s with these claims; `null` takes one away.
fn token(world: &World, typ: Option<&str>, changes: Value) -> String {
    let now = world.now.get();
    let claims = json!({ "iss": PARTNER, "aud": AUDIENCE, "jti": "one", "iat": now, "nbf": now, "exp": now + 300 });
    let mut claims = with(claims, changes);
    let claims = claims.as_object_mut().unwrap();
    claims.retain(|_, value| !value.is_null());
    world.partner.key.borrow().sign(typ, claims)
}

fn call(world: &World, gateway: &Gateway, path: &str, token: &str) -> Answered {
    Browser::new(world, gateway).send(&Asked::bearing(path, token))
}

fn by_access(world: &World, gateway: &Gateway, path: &str, token: &str) -> Answered {
    Browser::new(world, gateway).send(&Asked::script("GET", path).with("cf-access-jwt-assertion", token))
}

#[test]
fn a_job_is_a_service_with_what_its_rule_gives_and_nothing_else() {
    // R-287, R-290
    let (world, gateway) = (World::new(), github());
    // What it says of scopes and roles itself is nobody's word.
    let token = job(&world, json!({ "scope": "admin", "scp": ["admin"], "roles": ["root"] }));
    let answered = call(&world, &gateway, "/deploy", &token);
    let plan = answered.forwarded();
    assert!(!plan.headers.contains_key("authorization"));
    let event = &answered.event;
    let seen = ["kind", "means", "token_issuer", "issuer", "subject", "roles"].map(|name| event[name].clone());
    let subject = "repository:456789";
    let expected =
        [json!("service"), json!("workload"), json!("platform"), json!(PARTNER), json!(subject), json!(["ci"])];
    assert_eq!(seen, expected);
    // R-154: a job calls more than once with its token, and the second time costs no question.
    let (sent, verified) = (world.sent.borrow().len(), world.verifications.get());
    call(&world, &gateway, "/deploy", &token).forwarded();
    assert_eq!((world.sent.borrow().len(), world.verifications.get()), (sent, verified));
    // Whatever `sub` is: a repository sets its form, and a new name changes it. The job is who it was, by its id.
    let environment = format!("repo:octo/site:environment:{}", "é".repeat(300));
    for sub in [json!("repo:octo/site:ref:refs/heads/main"), json!(environment), json!("repository:1"), json!(null)] {
        let answered = call(&world, &gateway, "/deploy", &job(&world, json!({ "sub": sub })));
        answered.forwarded();
        assert_eq!(answered.event["subject"], subject, "{sub}");
        let logged = sub.as_str().map(|sub| sub.chars().next().unwrap());
        let told = answered.event["token_subject"].as_str().map(|sub| sub.chars().next().unwrap());
        assert_eq!(told, logged, "{sub}");
    }
    let release = job(&world, json!({ "ref": "refs/heads/release/7" }));
    call(&world, &gateway, "/jobs/a", &release).forwarded();
    call(&world, &gateway, "/deploy", &release).assert_refused(403, "authz.insufficient_scope");
}

#[test]
fn a_job_that_no_rule_takes_is_refused_with_the_claim_in_the_log() {
    // R-287
    let (world, gateway) = (World::new(), github());
    for (changes, detail) in [
        (json!({ "repository_id": "999" }), "rule main: repository_id is `999`; rule 2: repository_id is `999`"),
        (
            json!({ "repository_owner_id": "1" }),
            "rule main: repository_owner_id is `1`; rule 2: ref is `refs/heads/main`",
        ),
        (
            json!({ "ref": "refs/heads/main-evil" }),
            "rule main: ref is `refs/heads/main-evil`; rule 2: ref is `refs/heads/main-evil`",
        ),
        (
            json!({ "ref": "refs/heads/release/a/b" }),
            "rule main: ref is `refs/heads/release/a/b`; rule 2: ref is `refs/heads/release/a/b`",
        ),
        (
            json!({ "ref": "refs/heads/release/" }),
            "rule main: ref is `refs/heads/release/`; rule 2: ref is `refs/heads/release/`",
        ),
    ] {
        let answered = call(&world, &gateway, "/jobs/a", &job(&world, changes.clone()));
        answered.assert_refused(401, "workload.untrusted");
        assert_eq!(answered.event["detail"], detail, "{changes}");
        let challenges = answered.reply().headers.get_all(header::WWW_AUTHENTICATE);
        assert_eq!(challenges.iter().collect::<Vec<_>>(), [r#"Bearer error="invalid_token""#], "{changes}");
        assert!(!answered.reply().body.contains("rule"), "{}", answered.reply().body);
    }
}

#[test]
fn a_job_that_others_can_start_is_refused_unless_a_rule_names_its_event() {
    // R-288
    let (world, gateway) = (World::new(), github());
    for event in [
        "pull_request",
        "pull_request_target",
        "pull_request_review",
        "pull_request_review_comment",
        "issue_comment",
        "issues",
        "workflow_run",
        "discussion",
        "discussion_comment",
        "fork",
        "watch",
        "gollum",
        "create",
        "delete",
        "check_run",
        "an_event_of_next_year",
        "PUSH",
    ] {
        let answered = call(&world, &gateway, "/deploy", &job(&world, json!({ "event_name": event })));
        answered.assert_refused(401, "workload.untrusted");
        assert!(answered.event["detail"].as_str().unwrap().starts_with(&format!("rule main: event_name is `{event}`")));
    }
    call(&world, &gateway, "/deploy", &job(&world, json!({ "event_name": null })))
        .assert_refused(401, "workload.untrusted");
    for event in
        ["push", "workflow_dispatch", "schedule", "release", "deployment", "repository_dispatch", "merge_group"]
    {
        call(&world, &gateway, "/deploy", &job(&world, json!({ "event_name": event }))).forwarded();
    }
    let rule = json!({ "trust": [{ "repository_id": "456789", "event_name": ["pull_request", "push"], "scopes": ["deploy"],
        "job_workflow_ref": "octo/site/.github/workflows/d.yml@refs/heads/main" }] });
    let named = site(platform("github-actions", rule));
    for (event, good) in [("pull_request", true), ("push", true), ("workflow_run", false), ("schedule", false)] {
        let answered = call(&world, &named, "/deploy", &job(&world, json!({ "event_name": event })));
        assert_eq!(answered.event["outcome"] == "allow", good, "{event}");
    }
    let other = json!({ "job_workflow_ref": "octo/site/.github/workflows/d.yml@refs/heads/main2" });
    call(&world, &named, "/deploy", &job(&world, other)).assert_refused(401, "workload.untrusted");
}

#[test]
fn only_a_route_that_says_so_takes_jobs_and_it_takes_nothing_else() {
    // R-290, R-105
    let (world, gateway) = (World::new(), github());
    let token = job(&world, json!({}));
    call(&world, &gateway, "/tokens", &token).assert_refused(401, "bearer.issuer_unknown");
    call(&world, &gateway, "/any", &token).forwarded();
    call(&world, &gateway, "/jobs/a", "ey.not.it").assert_refused(401, "bearer.issuer_unknown");
    call(&world, &gateway, "/jobs/a", "opaque").assert_refused(401, "bearer.issuer_unknown");
    let none = Browser::new(&world, &gateway).send(&Asked::new("GET", "/jobs/a"));
    none.assert_refused(401, "authn.no_token");
    assert_eq!(none.reply().headers[header::WWW_AUTHENTICATE], "Bearer");
    // A session is nothing there.
    let signed_in = Browser::new(&world, &gateway).signed_in();
    signed_in.send(&Asked::script("GET", "/jobs/a")).assert_refused(401, "authn.no_token");
    let dpop = Asked::script("GET", "/jobs/a").with("authorization", &format!("DPoP {token}"));
    signed_in.send(&dpop).assert_refused(401, "workload.scheme_refused");
    let other = signer(9)
        .sign(Some("JWT"), json!({ "iss": PARTNER, "aud": AUDIENCE, "exp": world.now.get() + 9 }).as_object().unwrap());
    call(&world, &gateway, "/jobs/a", &other).assert_refused(401, "jwt.key_unknown");
}

#[test]
fn what_a_job_says_is_held_to_its_times_audience_and_kind() {
    // R-154, R-116, R-106
    let (world, gateway) = (World::new(), github());
    let now = world.now.get();
    for (changes, reason) in [
        (json!({ "aud": null }), "workload.aud_malformed"),
        (json!({ "aud": [] }), "workload.aud_malformed"),
        (json!({ "aud": "https://github.com/octo" }), "workload.aud_mismatch"),
        (json!({ "aud": [AUDIENCE, "https://other.example"] }), "workload.aud_mismatch"),
        (json!({ "exp": null }), "workload.exp_malformed"),
        (json!({ "exp": now - 60 }), "workload.expired"),
        (json!({ "exp": now + 3661 }), "workload.exp_too_late"),
        (json!({ "iat": now + 61 }), "workload.iat_in_future"),
        (json!({ "nbf": now + 61 }), "workload.not_yet_valid"),
        (json!({ "nbf": "soon" }), "workload.nbf_malformed"),
        (json!({ "repository_id": null }), "workload.id_malformed"),
        (json!({ "repository_id": "" }), "workload.id_malformed"),
        (json!({ "repository_id": "456789/x" }), "workload.id_malformed"),
        (json!({ "repository_id": ["456789"] }), "workload.id_malformed"),
        (json!({ "repository_id": "1".repeat(21) }), "workload.id_malformed"),
        (json!({ "cnf": { "jkt": "x" } }), "workload.bound"),
        (json!({ "nonce": "n" }), "workload.kind_refused"),
        (json!({ "at_hash": "n" }), "workload.kind_refused"),
        (json!({ "events": {} }), "workload.kind_refused"),
    ] {
        call(&world, &gateway, "/jobs/a", &job(&world, changes.clone())).assert_refused(401, reason);
    }
    for typ in ["at+jwt", "logout+jwt", "dpop+jwt", "wit+jwt"] {
        let claims =
            json!({ "sub": "a", "repository_id": "456789", "ref": "refs/heads/release/1", "event_name": "push" });
        call(&world, &gateway, "/jobs/a", &token(&world, Some(typ), claims))
            .assert_refused(401, "workload.typ_refused");
    }
    call(&world, &gateway, "/jobs/a", &job(&world, json!({ "exp": now + 3660 }))).forwarded();
}

#[test]
fn a_pod_of_a_cluster_that_nobody_else_knows_is_verified_without_a_fetch() {
    // R-289
    let rule = json!({ "namespace": "shop", "service_account": "orders", "scopes": ["deploy"] });
    let table = json!({ "issuer": "https://kubernetes.default.svc", "keys": "secret", "trust": [rule] });
    let (world, gateway) = (World::new(), site(platform("kubernetes", table)));
    let pod = |changes: Value| {
        let account = json!({ "namespace": "shop", "serviceaccount": { "name": "orders", "uid": "14ee3fa4" }, "pod": { "name": "p", "uid": "u" } });
        let base = json!({ "iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:shop:orders", "kubernetes.io": account });
        token(&world, None, with(base, changes))
    };
    call(&world, &gateway, "/deploy", &pod(json!({}))).forwarded();
    assert_eq!(world.sent.borrow().len(), 0);
    for (changes, reason) in [
        // Tokens from before they were bound: for ever, for everybody.
        (json!({ "aud": null }), "workload.aud_malformed"),
        (json!({ "exp": null }), "workload.exp_malformed"),
        (
            json!({ "kubernetes.io": { "namespace": "shop", "serviceaccount": { "name": "default" } } }),
            "workload.untrusted",
        ),
        (
            json!({ "kubernetes.io": { "namespace": "evil", "serviceaccount": { "name": "orders" } } }),
            "workload.untrusted",
        ),
        (json!({ "kubernetes.io/namespace": "shop", "kubernetes.io": null }), "workload.untrusted"),
        (json!({ "iss": "https://kubernetes.default.svc.cluster.local" }), "bearer.issuer_unknown"),
    ] {
        call(&world, &gateway, "/deploy", &pod(changes)).assert_refused(401, reason);
    }
    assert_eq!(world.sent.borrow().len(), 0);
}

#[test]
fn the_keys_of_a_cluster_come_through_the_service_binding_and_nothing_is_discovered() {
    // R-289
    let rule = json!({ "service_account_uid": "14ee3fa4", "scopes": ["deploy"] });
    let table = json!({ "issuer": "https://kubernetes.default.svc", "keys": "service:CLUSTER", "jwks_uri": format!("{PARTNER}/jwks"), "trust": [rule] });
    let (world, gateway) = (World::new(), site(platform("kubernetes", table)));
    let claims = json!({ "iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:shop:orders",
        "kubernetes.io": { "serviceaccount": { "uid": "14ee3fa4" } } });
    call(&world, &gateway, "/deploy", &token(&world, None, claims)).forwarded();
    let sent = world.sent.borrow();
    let asked: Vec<_> = sent.iter().map(|one| (one.via.as_deref(), one.url.as_str())).collect();
    assert_eq!(asked, [(Some("CLUSTER"), "https://op.partner.example/jwks")]);
    assert!(gateway.config().needed_bindings().iter().any(|one| one.name == "CLUSTER"));
}

fn trust_domain() -> Value {
    json!({ "preset": "spiffe", "trust_domain": "prod.example.com", "audience": AUDIENCE, "jwks_uri": format!("{PARTNER}/jwks"),
        "trust": [{ "sub": "spiffe://prod.example.com/ns/shop/sa/orders", "scopes": ["deploy"] }] })
}

/// What of `partner`'s keys is published, as a bundle.
fn publish(world: &World, usage: &str, hint: Value) {
    let mut key = world.partner.key.borrow().public_jwk();
    key["use"] = usage.into();
    let bundle = json!({ "keys": [key], "spiffe_sequence": 1, "spiffe_refresh_hint": hint });
    world.partner.script(Endpoint::Keys, Ok(crate::support::answer(200, &bundle)));
}

fn svid(world: &World, typ: Option<&str>, changes: Value) -> String {
    let base = json!({ "iss": null, "iat": null, "nbf": null, "jti": null, "sub": "spiffe://prod.example.com/ns/shop/sa/orders" });
    token(world, typ, with(base, changes))
}

#[test]
fn an_svid_is_told_by_the_trust_domain_of_its_subject() {
    // R-285
    let (world, gateway) = (World::new(), site(trust_domain()));
    publish(&world, "jwt-svid", json!(300));
    for typ in [None, Some("JWT"), Some("JOSE")] {
        let answered = call(&world, &gateway, "/deploy", &svid(&world, typ, json!({})));
        answered.forwarded();
        assert_eq!(answered.event["issuer"], "spiffe://prod.example.com");
        assert_eq!(answered.event["subject"], "spiffe://prod.example.com/ns/shop/sa/orders");
    }
    // Whoever issued it may say so, or something else: the trust domain decides.
    call(&world, &gateway, "/deploy", &svid(&world, None, json!({ "iss": "https://other.example" }))).forwarded();
    for (changes, reason) in [
        (json!({ "sub": "spiffe://evil.example.com/ns/shop/sa/orders" }), "bearer.issuer_unknown"),
        (json!({ "sub": "spiffe://prod.example.com.evil.example/ns/shop/sa/orders" }), "bearer.issuer_unknown"),
        (json!({ "sub": "spiffe://prod.example.com" }), "workload.sub_malformed"),
        (json!({ "sub": "spiffe://prod.example.com/" }), "workload.sub_malformed"),
        (json!({ "sub": "spiffe://prod.example.com/ns/../sa" }), "workload.sub_malformed"),
        (json!({ "sub": "spiffe://prod.example.com/ns/shop/sa/other" }), "workload.untrusted"),
        (json!({ "aud": null }), "workload.aud_malformed"),
        (json!({ "aud": "spiffe://prod.example.com/other" }), "workload.aud_mismatch"),
        (json!({ "exp": null }), "workload.exp_malformed"),
    ] {
        call(&world, &gateway, "/deploy", &svid(&world, None, changes.clone())).assert_refused(401, reason);
    }
    for typ in ["jwt", "application/jwt", "at+jwt"] {
        call(&world, &gateway, "/deploy", &svid(&world, Some(typ), json!({})))
            .assert_refused(401, "workload.typ_refused");
    }
}

#[test]
fn keys_of_a_bundle_that_are_for_something_else_verify_no_svid() {
    // R-286
    for usage in ["x509-svid", "sig", "wit-svid"] {
        let (world, gateway) = (World::new(), site(trust_domain()));
        publish(&world, usage, json!(300));
        call(&world, &gateway, "/deploy", &svid(&world, None, json!({}))).assert_refused(401, "jwt.key_unknown");
    }
}

#[test]
fn a_bundle_is_asked_for_as_often_as_it_says_within_bounds() {
    // R-286: it is asked for anew in the second half of its life.
    for (hint, fresh, ageing) in [
        (json!(600), 299, 300),
        (json!(1), 29, 30),
        (json!(9_999_999), 43_199, 43_200),
        (json!(null), 149, 150),
        (json!("x"), 149, 150),
    ] {
        let (world, gateway) = (World::new(), site(trust_domain()));
        publish(&world, "jwt-svid", hint.clone());
        let ask = || {
            call(&world, &gateway, "/deploy", &svid(&world, None, json!({ "exp": world.now.get() + 300 }))).forwarded();
            world.sent.borrow().len()
        };
        assert_eq!(ask(), 1, "{hint}");
        world.wait(fresh);
        assert_eq!(ask(), 1, "{hint}");
        world.wait(ageing - fresh);
        assert_eq!(ask(), 2, "{hint}");
    }
}

fn access() -> Gateway {
    let rule = json!({ "common_name": "e367826f93b8d71185e03fe518aff3b4.access", "scopes": ["deploy"] });
    let table = json!({ "preset": "cloudflare-access", "team_domain": "example.cloudflareaccess.com", "audience": "4714c1", "algs": ["ES256"],
        "jwks_uri": format!("{PARTNER}/jwks"), "trust": [rule] });
    site(table)
}

#[test]
fn access_says_in_its_own_header_which_service_token_came() {
    // R-291
    let (world, gateway) = (World::new(), access());
    let assertion = |changes: Value| {
        token(
            &world,
            Some("JWT"),
            with(
                json!({ "iss": TEAM, "aud": ["4714c1"], "type": "app", "sub": "", "common_name": "e367826f93b8d71185e03fe518aff3b4.access" }),
                changes,
            ),
        )
    };
    let good = assertion(json!({}));
    let answered = by_access(&world, &gateway, "/deploy", &good);
    let plan = answered.forwarded();
    assert!(!plan.headers.contains_key("cf-access-jwt-assertion") && !plan.headers.contains_key("authorization"));
    assert_eq!(
        (&answered.event["subject"], &answered.event["kind"]),
        (&json!("e367826f93b8d71185e03fe518aff3b4.access"), &json!("service"))
    );
    for (changes, reason) in [
        (json!({ "common_name": null }), "workload.common_name_malformed"),
        (json!({ "sub": null }), "workload.sub_malformed"),
        // What a client certificate calls itself.
        (json!({ "common_name": "billing.access" }), "workload.common_name_malformed"),
        (json!({ "common_name": "E367826F93B8D71185E03FE518AFF3B4.access" }), "workload.common_name_malformed"),
        (json!({ "common_name": "a367826f93b8d71185e03fe518aff3b4.access" }), "workload.untrusted"),
        (json!({ "aud": ["other"] }), "workload.aud_mismatch"),
        // A person, whom Access let through: people sign in here.
        (json!({ "sub": "7335d417", "email": "alice@example.com", "common_name": null }), "workload.person"),
        (json!({ "sub": "7335d417" }), "workload.person"),
        (json!({ "iss": "https://evil.cloudflareaccess.com" }), "bearer.issuer_unknown"),
        (json!({ "iss": "https://other.example" }), "bearer.issuer_unknown"),
    ] {
        by_access(&world, &gateway, "/deploy", &assertion(changes)).assert_refused(401, reason);
    }
    call(&world, &gateway, "/deploy", &good).assert_refused(401, "workload.scheme_refused");
    by_access(&world, &gateway, "/tokens", &good).assert_refused(401, "authn.no_token");
    let twice =
        Asked::script("GET", "/deploy").with("cf-access-jwt-assertion", &good).with("cf-access-jwt-assertion", &good);
    Browser::new(&world, &gateway).send(&twice).assert_refused(400, "bearer.repeated");
    // Where people may come too, a session is what they are judged by, whatever Access says of them.
    let person = assertion(json!({ "sub": "7335d417", "common_name": null }));
    let alice = Browser::new(&world, &gateway).signed_in();
    let answered = alice.send(&Asked::script("GET", "/any").with("cf-access-jwt-assertion", &person));
    answered.forwarded();
    assert_eq!(answered.event["means"], "session");
    by_access(&world, &gateway, "/any", &good).forwarded();
}

#[test]
fn the_header_of_access_is_nothing_where_there_is_no_access() {
    // R-291: nor is it one for the tokens of other platforms.
    let (world, gateway) = (World::new(), github());
    by_access(&world, &gateway, "/deploy", &job(&world, json!({}))).assert_refused(401, "authn.no_token");
}

#[test]
fn what_an_issuer_of_access_tokens_issued_is_no_svid_where_both_come() {
    // R-285, R-105
    let (world, gateway) = (World::new(), site_beside(trust_domain(), PARTNER));
    // Its subject is an id of the trust domain; the issuer is that of `machines`, and it is judged as an access token.
    let token = svid(&world, Some("JWT"), json!({ "iss": PARTNER }));
    let answered = call(&world, &gateway, "/any", &token);
    answered.forwarded();
    let event = &answered.event;
    assert_eq!((&event["token_issuer"], &event["means"]), (&json!("machines"), &json!("bearer")));
    publish(&world, "jwt-svid", json!(300));
    // Where only programs come, it can be nothing else than an SVID.
    call(&world, &gateway, "/deploy", &token).forwarded();
    call(&world, &gateway, "/any", &svid(&world, None, json!({ "iss": "https://spire.example" }))).forwarded();
}
