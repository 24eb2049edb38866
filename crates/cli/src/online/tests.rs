mod presets;
mod profile;

use serde_json::json;

use super::*;
use crate::stand_in;

const METADATA: &str = "https://op.example/.well-known/openid-configuration";
const KEYS: &str = "https://op.example/keys";

fn vars() -> Map<String, Value> {
    let vars = json!({
        "PUBLIC_URL": "https://app.example.com",
        "PROVIDERS": { "corp": { "issuer": "https://op.example", "client_id": "app" } },
        "ROUTES": { "/{*rest}": { "upstream": "https://api.example.com" } },
    });
    vars.as_object().unwrap().clone()
}

fn metadata() -> Value {
    json!({
        "issuer": "https://op.example",
        "authorization_endpoint": "https://op.example/authorize",
        "token_endpoint": "https://op.example/token",
        "jwks_uri": KEYS,
        "end_session_endpoint": "https://op.example/logout",
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "scopes_supported": ["openid", "profile", "email"],
        "backchannel_logout_supported": true,
    })
}

fn keys() -> Value {
    let n = format!("{}w", "_".repeat(341));
    json!({ "keys": [{ "kty": "RSA", "kid": "1", "n": n, "e": "AQAB" }] })
}

fn good() -> Value {
    json!({
        METADATA: { "status": 200, "body": metadata().to_string() },
        KEYS: { "status": 200, "body": keys().to_string() },
    })
}

/// What is found with these variables and answers.
fn found(vars: &Map<String, Value>, answers: &Value) -> Findings {
    let config = Config::parse(vars, &|name| Some(stand_in::value(name, vars))).unwrap();
    examine(&[&config], &Answers::parse(&answers.to_string()).unwrap())
}

/// Those variables, with one more setting of the provider.
fn with(key: &str, value: Value) -> Map<String, Value> {
    let mut vars = vars();
    vars["PROVIDERS"]["corp"][key] = value;
    vars
}

/// Those answers, with another member of the metadata.
fn says(name: &str, value: Value) -> Value {
    let mut document = metadata();
    document[name] = value;
    let mut answers = good();
    answers[METADATA]["body"] = json!(document.to_string());
    answers
}

/// `path: message` of each problem, and the text of each warning.
fn told(found: &Findings) -> (Vec<String>, Vec<String>) {
    let problems = found.problems.iter().map(ToString::to_string).collect();
    (problems, found.warnings.iter().map(|warning| warning.text.clone()).collect())
}

/// The only thing found is this problem.
#[track_caller]
fn only_problem(found: &Findings, expected: &str) {
    let (problems, warnings) = told(found);
    assert_eq!((problems, warnings), (vec![expected.to_owned()], Vec::new()));
}

/// The only thing found is a warning that begins so.
#[track_caller]
fn only_warning(found: &Findings, expected: &str) {
    let (problems, warnings) = told(found);
    assert!(problems.is_empty() && warnings.len() == 1, "{problems:?} {warnings:?}");
    assert!(warnings.iter().all(|warning| warning.starts_with(expected)), "{warnings:?}");
}

#[test]
fn a_provider_as_it_is_configured_is_fine() {
    let found = found(&vars(), &good());
    assert_eq!(told(&found), (Vec::new(), Vec::new()));
    assert_eq!(found.read, ["corp (https://op.example): metadata and 1 keys"]);
    assert!(found.wanted.is_empty());
}

#[test]
fn what_is_to_be_asked_is_told_until_there_is_an_answer() {
    let mut answers = good();
    answers.as_object_mut().unwrap().remove(KEYS);
    assert_eq!(found(&vars(), &answers).wanted, BTreeSet::from([KEYS.to_owned()]));
    assert_eq!(found(&vars(), &json!({})).wanted, BTreeSet::from([METADATA.to_owned()]));
    for bad in ["[]", "{", r#"{"a": {"status": 200, "more": 1}}"#, r#"{"a": {"failed": "gone"}}"#] {
        assert!(Answers::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_provider_that_does_not_answer_is_told_with_the_reason() {
    for (reply, why) in [
        (json!({ "failed": "name" }), "there is no such host"),
        (json!({ "failed": "refused" }), "the connection is refused"),
        (json!({ "failed": "time" }), "there is no answer in time"),
        (json!({ "failed": "certificate" }), "its certificate is not accepted"),
        (json!({ "failed": "size" }), "the answer is larger than any such document"),
        (json!({ "failed": "other" }), "there is no connection"),
        (json!({ "status": 404, "body": "{}" }), "the answer is 404, there is no such document"),
        (json!({ "status": 500 }), "the answer is 500"),
        (
            json!({ "status": 301, "location": "https://new.example/" }),
            "it redirects to `https://new.example/`, and redirects are not followed",
        ),
    ] {
        let mut answers = good();
        answers[METADATA] = reply;
        only_problem(&found(&vars(), &answers), &format!("PROVIDERS.corp.issuer: `{METADATA}` cannot be read: {why}"));
    }
}

#[test]
fn an_issuer_that_calls_itself_otherwise_is_told_how_to_be_written() {
    for (there, hint) in [
        ("https://op.example/", " (a slash at the end): write it so"),
        (
            "https://op.example/{tenantid}/v2.0",
            ", a pattern for every tenant: write the issuer of yours, or use `preset = \"entra-multitenant\"`",
        ),
        (
            "https://sts.windows.net/1/",
            ", that of Entra's older endpoint: write `https://login.microsoftonline.com/TENANT-ID/v2.0`",
        ),
        ("https://other.example", ", and the two must be alike to the letter"),
    ] {
        let found = found(&vars(), &says("issuer", json!(there)));
        only_problem(&found, &format!("PROVIDERS.corp.issuer: `issuer` is `{there}` there{hint}"));
    }
    let found = found(&with("issuer", json!("https://op.example/")), &good());
    only_problem(
        &found,
        "PROVIDERS.corp.issuer: `issuer` is `https://op.example` there (no slash at the end): write it so",
    );
}

#[test]
fn metadata_that_the_worker_would_refuse_is_refused() {
    let issuer = |found: &Findings, message: &str| only_problem(found, &format!("PROVIDERS.corp.issuer: {message}"));
    let of = |name: &str, value: Value| found(&vars(), &says(name, value));
    issuer(&of("issuer", Value::Null), "its metadata has no `issuer`");
    issuer(&of("token_endpoint", Value::Null), "its metadata has no `token_endpoint`, which is needed");
    issuer(
        &of("token_endpoint", json!("http://op.example/token")),
        "its metadata names a `token_endpoint` that is not used: expected an https URL at a public address",
    );
    issuer(
        &of("code_challenge_methods_supported", json!(["plain"])),
        "it offers PKCE, and not with `S256` (`code_challenge_methods_supported`), which every sign-in uses",
    );
    let mut answers = good();
    answers[METADATA]["body"] = json!("<html>");
    let found = found(&vars(), &answers);
    assert!(told(&found).0.iter().all(|one| one.starts_with("PROVIDERS.corp.issuer: its metadata is no JSON object")));
    assert_eq!(found.problems.len(), 1);
}

#[test]
fn what_a_sign_in_needs_and_is_not_offered_is_a_problem() {
    for (name, value, expected) in [
        (
            "response_types_supported",
            json!(["id_token"]),
            "issuer: it does not offer the response type `code` that a sign-in uses, but `id_token`",
        ),
        (
            "grant_types_supported",
            json!(["implicit"]),
            "issuer: it does not offer the grant type `authorization_code`, but `implicit`",
        ),
        (
            "id_token_signing_alg_values_supported",
            json!(["ES256", "EdDSA"]),
            "id_token_algs: it signs ID tokens by `ES256`, `EdDSA` (`id_token_signing_alg_values_supported`), found `RS256`",
        ),
        (
            "token_endpoint_auth_methods_supported",
            json!(["client_secret_post"]),
            "client_auth: it takes `client_secret_post` (`token_endpoint_auth_methods_supported`), found `client_secret_basic`",
        ),
        (
            "require_pushed_authorization_requests",
            json!(true),
            "issuer: requests would have to be pushed, and it has no `pushed_authorization_request_endpoint` that can be used",
        ),
        (
            "require_signed_request_object",
            json!(true),
            "client_auth: it takes signed requests only (`require_signed_request_object`): expected `private_key_jwt`, by whose key they are signed",
        ),
    ] {
        only_problem(&found(&vars(), &says(name, value)), &format!("PROVIDERS.corp.{expected}"));
    }
}

#[test]
fn what_is_configured_and_not_offered_is_a_problem() {
    only_problem(
        &found(&with("client_auth", json!("client_secret_post")), &good()),
        "PROVIDERS.corp.client_auth: it takes `client_secret_basic` (`token_endpoint_auth_methods_supported`), found `client_secret_post`",
    );
    only_problem(
        &found(&with("response_mode", json!("form_post")), &good()),
        "PROVIDERS.corp.response_mode: it offers `query`, `fragment` (`response_modes_supported`), found `form_post`",
    );
    only_problem(
        &found(&with("userinfo", json!(true)), &good()),
        "PROVIDERS.corp.userinfo: it has no `userinfo_endpoint` that can be used, found `true`",
    );
    only_problem(
        &found(&with("sender_constrained", json!("dpop")), &good()),
        "PROVIDERS.corp.sender_constrained: it does not say that it takes proofs by ES256 (`dpop_signing_alg_values_supported`), found `dpop`",
    );
    let mut vars = with("client_auth", json!("private_key_jwt"));
    vars["PROVIDERS"]["corp"]["client_assertion"] = json!({ "alg": "PS256" });
    let mut document = metadata();
    document["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt"]);
    document["token_endpoint_auth_signing_alg_values_supported"] = json!(["ES256"]);
    let mut answers = good();
    answers[METADATA]["body"] = json!(document.to_string());
    only_problem(
        &found(&vars, &answers),
        "PROVIDERS.corp.client_assertion.alg: it takes `ES256` (`token_endpoint_auth_signing_alg_values_supported`), found `PS256`",
    );
}

#[test]
fn silence_means_what_the_specifications_say() {
    let mut document = metadata();
    for name in [
        "response_types_supported",
        "code_challenge_methods_supported",
        "id_token_signing_alg_values_supported",
        "token_endpoint_auth_methods_supported",
        "scopes_supported",
    ] {
        document.as_object_mut().unwrap().remove(name);
    }
    let mut answers = good();
    answers[METADATA]["body"] = json!(document.to_string());
    assert_eq!(told(&found(&vars(), &answers)), (Vec::new(), Vec::new()));
    // Without a word on it, `client_secret_basic` is the one method (Discovery §3).
    only_problem(
        &found(&with("client_auth", json!("client_secret_post")), &answers),
        "PROVIDERS.corp.client_auth: it takes `client_secret_basic` (`token_endpoint_auth_methods_supported`), found `client_secret_post`",
    );
}

#[test]
fn what_may_not_work_and_what_is_lost_is_a_warning() {
    let corp = |key: &str| format!("`PROVIDERS.corp.{key}` ");
    let scopes = with("scopes", json!(["openid", "orders"]));
    only_warning(&found(&scopes, &good()), &(corp("scopes") + "asks for `orders`, which is not among"));
    let asked = with("acr_values", json!(["gold"]));
    only_warning(
        &found(&asked, &says("acr_values_supported", json!(["silver"]))),
        &(corp("acr_values") + "asks for `gold`"),
    );
    let asked = with("prompt", json!("create"));
    only_warning(&found(&asked, &says("prompt_values_supported", json!(["login"]))), &(corp("prompt") + "is `create`"));
    only_warning(&found(&vars(), &says("end_session_endpoint", Value::Null)), &(corp("logout") + "is `provider`"));
    assert!(told(&found(&with("logout", json!("local")), &says("end_session_endpoint", Value::Null))).1.is_empty());
    let framed = with("frontchannel_logout", json!(true));
    only_warning(&found(&framed, &good()), &(corp("frontchannel_logout") + "is `true`"));
    assert!(told(&found(&framed, &says("frontchannel_logout_supported", json!(true)))).1.is_empty());
    only_warning(
        &found(&vars(), &says("backchannel_logout_supported", Value::Null)),
        &(corp("issuer") + "is of a provider"),
    );
    let bad = says("revocation_endpoint", json!("http://op.example/revoke"));
    only_warning(&found(&vars(), &bad), &(corp("issuer") + "leads to metadata with a `revocation_endpoint`"));
    let offline = with("scopes", json!(["openid", "offline_access"]));
    let mut document = metadata();
    document["grant_types_supported"] = json!(["authorization_code"]);
    document["scopes_supported"] = Value::Null;
    let mut answers = good();
    answers[METADATA]["body"] = json!(document.to_string());
    only_warning(&found(&offline, &answers), &(corp("scopes") + "has `offline_access`"));
}

#[test]
fn a_public_client_is_told_where_nothing_says_that_pkce_is_known() {
    let mut document = metadata();
    document["token_endpoint_auth_methods_supported"] = json!(["none"]);
    let mut answers = good();
    answers[METADATA]["body"] = json!(document.to_string());
    let public = with("client_auth", json!("none"));
    assert_eq!(told(&found(&public, &answers)), (Vec::new(), Vec::new()));
    document["code_challenge_methods_supported"] = Value::Null;
    answers[METADATA]["body"] = json!(document.to_string());
    only_warning(&found(&public, &answers), "`PROVIDERS.corp.client_auth` is `none`");
}

#[test]
fn a_resource_is_told_where_the_provider_has_another_way() {
    for (issuer, is_refused) in [("https://login.microsoftonline.com/1/v2.0", true), ("https://t.eu.auth0.com/", false)]
    {
        let mut vars = with("resource", json!("https://api.example.com"));
        vars["PROVIDERS"]["corp"]["issuer"] = json!(issuer);
        let mut document = metadata();
        document["issuer"] = json!(issuer);
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let answers = json!({
            url: { "status": 200, "body": document.to_string() },
            KEYS: { "status": 200, "body": keys().to_string() },
        });
        let found = found(&vars, &answers);
        assert_eq!((found.problems.len(), found.warnings.len()), (usize::from(is_refused), usize::from(!is_refused)));
    }
}

#[test]
fn keys_that_verify_nothing_are_a_problem() {
    let with_keys = |body: &str| {
        let mut answers = good();
        answers[KEYS]["body"] = json!(body);
        found(&vars(), &answers)
    };
    only_problem(
        &with_keys("{}"),
        &format!("PROVIDERS.corp.issuer: its keys at `{KEYS}` cannot be read: expected an array `keys`"),
    );
    let none = |count: usize| {
        format!(
            "PROVIDERS.corp.id_token_algs: none of the {count} keys at `{KEYS}` verifies a signature by `RS256`, what it signs is refused"
        )
    };
    only_problem(&with_keys(r#"{"keys": []}"#), &none(0));
    only_problem(&with_keys(r#"{"keys": [{"kty": "RSA", "n": "AQ", "e": "AQAB"}]}"#), &none(1));
    let mut encrypting = keys();
    encrypting["keys"][0]["use"] = json!("enc");
    only_problem(&with_keys(&encrypting.to_string()), &none(1));
    let mut other = keys();
    other["keys"][0]["alg"] = json!("PS256");
    only_problem(&with_keys(&other.to_string()), &none(1));
    let mut answers = good();
    answers[KEYS] = json!({ "status": 403 });
    only_problem(
        &found(&vars(), &answers),
        &format!("PROVIDERS.corp.issuer: `{KEYS}` cannot be read: the answer is 403"),
    );
}

#[test]
fn scopes_of_apis_need_not_be_listed() {
    let asks = with("scopes", json!(["openid", "https://api.example.com/orders"]));
    assert_eq!(told(&found(&asks, &good())), (Vec::new(), Vec::new()));
}

#[test]
fn a_provider_without_openid_connect_is_not_asked() {
    let mut vars = vars();
    vars["PROVIDERS"] = json!({ "github": { "preset": "github", "client_id": "app" } });
    let found = found(&vars, &json!({}));
    assert_eq!((told(&found), found.wanted.len()), ((Vec::new(), Vec::new()), 0));
}

#[test]
fn what_a_provider_is_known_not_to_do_is_no_news() {
    let silent = says("backchannel_logout_supported", json!(false));
    assert_eq!(told(&found(&with("cannot", json!(["backchannel_logout"])), &silent)), (Vec::new(), Vec::new()));
}

#[test]
fn the_tenants_of_one_issuer_are_asked_about_at_their_common_address() {
    let mut vars = vars();
    let tenants = ["6f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10"];
    vars["PROVIDERS"] = json!({ "all": { "preset": "entra-multitenant", "client_id": "app", "tenants": tenants } });
    let wanted = found(&vars, &json!({})).wanted;
    let url = "https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration";
    assert_eq!(wanted, BTreeSet::from([url.to_owned()]));
    let mut document = metadata();
    document["issuer"] = json!("https://login.microsoftonline.com/{tenantid}/v2.0");
    let answers = json!({
        url: { "status": 200, "body": document.to_string() },
        KEYS: { "status": 200, "body": keys().to_string() },
    });
    assert_eq!(told(&found(&vars, &answers)), (Vec::new(), Vec::new()));
}

#[test]
fn a_clock_that_is_far_off_is_a_warning() {
    for (ahead, word) in [(61, "61 s ahead of"), (-3600, "3600 s behind")] {
        let mut answers = good();
        answers[METADATA]["ahead"] = json!(ahead);
        let expected = format!("`PROVIDERS.corp.issuer`: the clock at `{METADATA}` is {word} this machine's");
        only_warning(&found(&vars(), &answers), &expected);
        answers[METADATA]["ahead"] = json!(60);
        assert!(told(&found(&vars(), &answers)).1.is_empty());
    }
}

#[test]
fn issuers_of_access_tokens_are_asked_for_what_their_tokens_need() {
    let issuers = |entry: Value| {
        let mut vars = vars();
        vars.remove("PROVIDERS");
        vars.insert("ISSUERS".to_owned(), json!({ "machines": entry }));
        vars["ROUTES"]["/{*rest}"]["authenticate"] = json!(["bearer"]);
        vars
    };
    let plain = issuers(json!({ "issuer": "https://op.example", "audience": "https://api.example.com" }));
    // No more need be there than where the keys are.
    let mut answers = good();
    answers[METADATA]["body"] = json!(json!({ "issuer": "https://op.example", "jwks_uri": KEYS }).to_string());
    let good_one = found(&plain, &answers);
    assert_eq!(told(&good_one), (Vec::new(), Vec::new()));
    assert_eq!(good_one.read, ["machines (https://op.example): 1 keys"]);
    answers[METADATA]["body"] = json!(json!({ "issuer": "https://op.example/", "jwks_uri": KEYS }).to_string());
    only_problem(
        &found(&plain, &answers),
        "ISSUERS.machines.issuer: `issuer` is `https://op.example/` there (a slash at the end): write it so",
    );
    let own_keys = issuers(json!({
        "issuer": "https://op.example", "audience": "https://api.example.com", "jwks_uri": KEYS, "algs": ["ES256"],
    }));
    only_problem(
        &found(&own_keys, &good()),
        &format!(
            "ISSUERS.machines.algs: none of the 1 keys at `{KEYS}` verifies a signature by `ES256`, what it signs is refused"
        ),
    );
    let opaque = issuers(json!({
        "issuer": "https://op.example", "audience": "https://api.example.com", "tokens": "opaque", "client_id": "api",
    }));
    only_problem(
        &found(&opaque, &good()),
        "ISSUERS.machines.issuer: its metadata has no `introspection_endpoint`, which is needed",
    );
    let said = says("introspection_endpoint", json!("https://op.example/introspect"));
    assert_eq!(told(&found(&opaque, &said)), (Vec::new(), Vec::new()));
}

#[test]
fn a_service_whose_server_does_not_say_where_tokens_are_is_told() {
    let mut own = vars();
    own.insert("SERVICES".to_owned(), json!({ "billing": { "issuer": "https://op.example", "client_id": "postern" } }));
    assert_eq!(told(&found(&own, &good())), (Vec::new(), Vec::new()));
    let without = says("token_endpoint", Value::Null);
    let (problems, _) = told(&found(&own, &without));
    let expected = "SERVICES.billing.issuer: its metadata has no `token_endpoint`, which is needed";
    assert!(problems.iter().any(|problem| *problem == expected), "{problems:?}");
}

#[test]
fn of_providers_with_presets_only_what_is_not_known_is_told() {
    let mut vars = vars();
    vars.insert(
        "PROVIDERS".to_owned(),
        json!({
            "hub": { "preset": "github", "client_id": "app" },
            "pool": {
                "preset": "cognito", "region": "eu-central-1", "user_pool": "eu-central-1_AbCdEfGhI",
                "domain": "example.auth.eu-central-1.amazoncognito.com", "client_id": "app",
            },
        }),
    );
    let issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI";
    let mut document = metadata();
    document["issuer"] = issuer.into();
    document.as_object_mut().unwrap().retain(|name, _| !name.contains("logout") && !name.contains("end_session"));
    let answers = json!({
        format!("{issuer}/.well-known/openid-configuration"): { "status": 200, "body": document.to_string() },
        KEYS: { "status": 200, "body": keys().to_string() },
    });
    let found = found(&vars, &answers);
    assert_eq!((told(&found), found.wanted.len()), ((Vec::new(), Vec::new()), 0));
}
