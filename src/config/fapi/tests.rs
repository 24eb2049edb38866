use serde_json::{Value, json};

use super::*;
use crate::config::AssertionAudience;
use crate::config::testing::provider;
use crate::config::tests::{problems, small, with};

/// What is wrong with a provider's table that has these keys, too.
fn refused(keys: &Value) -> Vec<String> {
    let mut vars = small();
    for (key, value) in keys.as_object().unwrap() {
        vars = with(vars, &["PROVIDERS", "corp", key], value.clone());
    }
    problems(&vars)
}

fn read(keys: Value) -> crate::config::Provider {
    provider(|table| table.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone()))
}

#[test]
fn requests_are_pushed_where_the_provider_offers_it_unless_the_table_says_otherwise() {
    //
    assert_eq!(read(json!({})).requests, RequestRules { par: Par::Auto, signed: false, fapi2: false });
    for (word, par) in PARS {
        assert_eq!(read(json!({ "par": word })).requests.par, par);
    }
    assert_eq!(
        refused(&json!({ "par": "yes" })),
        ["PROVIDERS.corp.par: expected `auto` or `always` or `off`, found `yes`"]
    );
}

#[test]
fn one_key_sets_all_that_fapi_2_asks_of_a_client() {
    //
    let provider = read(json!({ "profile": "fapi2" }));
    assert_eq!(provider.requests, RequestRules { par: Par::Always, signed: false, fapi2: true });
    assert_eq!(provider.id_token_algs, SIGNERS);
    let ClientAuth::PrivateKeyJwt(how) = &provider.client_auth else { panic!("{:?}", provider.client_auth) };
    assert_eq!((how.algorithm, &how.audience), (Algorithm::Es256, &AssertionAudience::Issuer));
    // A certificate is as good, and so is saying what holds anyway.
    let by_certificate = json!({ "profile": "fapi2", "client_auth": "tls_client_auth", "mtls_certificate": "CERT" });
    assert!(matches!(read(by_certificate).client_auth, ClientAuth::Tls(_)));
    let said = json!({
        "profile": "fapi2", "par": "always", "client_auth": "private_key_jwt", "id_token_algs": ["PS256"],
        "client_assertion": { "alg": "ES256", "audience": "issuer" }, "response_mode": "form_post.jwt",
        "signed_request": true,
    });
    assert_eq!(read(said).id_token_algs, [Algorithm::Ps256]);
}

#[test]
fn whatever_contradicts_the_profile_is_refused_at_once() {
    //
    let all = json!({
        "profile": "fapi2", "par": "auto", "client_auth": "client_secret_post", "id_token_algs": ["ES256", "RS256"],
    });
    let contradicts = "contradicts `profile = \"fapi2\"`:";
    assert_eq!(
        refused(&all),
        [
            format!("PROVIDERS.corp.par: {contradicts} requests are always pushed, leave it out"),
            format!(
                "PROVIDERS.corp.client_auth: {contradicts} expected `private_key_jwt` or `tls_client_auth` or \
                 `self_signed_tls_client_auth`"
            ),
            format!("PROVIDERS.corp.id_token_algs: {contradicts} expected `ES256` or `PS256` or `EdDSA`"),
        ]
    );
    for auth in ["client_secret_basic", "client_secret_jwt", "none"] {
        let lines = refused(&json!({ "profile": "fapi2", "client_auth": auth }));
        assert!(lines.iter().any(|line| line.starts_with("PROVIDERS.corp.client_auth: contradicts")), "{lines:?}");
    }
    let lines = refused(&json!({ "profile": "fapi2", "client_assertion": { "audience": "endpoint" } }));
    assert_eq!(
        lines,
        [format!(
            "PROVIDERS.corp.client_assertion.audience: {contradicts} assertions are for the issuer, leave it out"
        )]
    );
    assert_eq!(refused(&json!({ "profile": "fapi1" })), ["PROVIDERS.corp.profile: expected `fapi2`, found `fapi1`"]);
}

#[test]
fn an_assertion_by_rs256_contradicts_the_profile() {
    //
    let lines = refused(&json!({ "profile": "fapi2", "client_assertion": { "alg": "RS256" } }));
    let line = "PROVIDERS.corp.client_assertion.alg: contradicts `profile = \"fapi2\"`: expected `ES256` or `PS256` or \
                `EdDSA`";
    assert!(lines.contains(&line.to_owned()), "{lines:?}");
}

#[test]
fn requests_are_signed_by_the_key_that_is_registered_and_in_pushed_requests_alone() {
    //
    let lines = refused(&json!({ "signed_request": true }));
    assert_eq!(
        lines,
        ["PROVIDERS.corp.signed_request: signs by the key of `client_auth = \"private_key_jwt\"`, which is not set"]
    );
    let lines = refused(&json!({ "signed_request": true, "par": "off", "client_auth": "private_key_jwt" }));
    assert_eq!(lines, ["PROVIDERS.corp.signed_request: is sent in pushed requests alone, and `par` is `off`"]);
    assert!(read(json!({ "signed_request": true, "client_auth": "private_key_jwt" })).requests.signed);
}

#[test]
fn a_provider_without_openid_connect_has_none_of_it() {
    let lines = problems(&with(
        small(),
        &["PROVIDERS", "corp"],
        json!({ "preset": "github", "client_id": "app", "par": "always", "profile": "fapi2" }),
    ));
    for key in ["par", "profile"] {
        let line = format!("PROVIDERS.corp.{key}: is for providers of OpenID Connect, which this preset is not of");
        assert!(lines.contains(&line), "{lines:?}");
    }
}

#[test]
fn each_response_mode_has_its_word() {
    //
    for (word, posted, signed) in [
        ("query", false, false),
        ("form_post", true, false),
        ("jwt", false, true),
        ("query.jwt", false, true),
        ("form_post.jwt", true, true),
    ] {
        let mode = read(json!({ "response_mode": word })).response_mode;
        assert_eq!((mode.word(), mode.is_posted(), mode.is_signed()), (word, posted, signed));
    }
}
