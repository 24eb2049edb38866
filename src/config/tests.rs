mod secrets;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::json;

use super::*;
use crate::jose::Algorithm;
use crate::time::{Seconds, Timestamp};

/// The variables of a small deployment without a problem.
pub(super) fn small() -> Value {
    json!({
        "PUBLIC_URL": "https://app.example.com",
        "PROVIDERS": { "corp": { "issuer": "https://login.example.com", "client_id": "app" } },
        "ROUTES": { "/api/{*rest}": { "upstream": "service:API" } },
    })
}

pub(super) fn secret(name: &str) -> Option<String> {
    match name {
        "POSTERN_KEYS" => Some(format!("k1:{}", Base64UrlUnpadded::encode_string(&[7; 32]))),
        name if name.ends_with("_CLIENT_SECRET") => Some("hunter2 & co".to_owned()),
        name if name.ends_with("_PRIVATE_KEY") => Some(private_key().to_string()),
        _ => None,
    }
}

fn private_key() -> Value {
    let key = p256::SecretKey::from_slice(&[7; 32]).unwrap();
    let mut jwk: Value = serde_json::from_str(&key.to_jwk_string()).unwrap();
    jwk["kid"] = json!("2026");
    jwk["alg"] = json!("ES256");
    jwk
}

/// Puts `value` at a JSON pointer, making objects on the way.
pub(super) fn with(mut vars: Value, pointer: &[&str], value: Value) -> Value {
    let mut place = &mut vars;
    for key in pointer {
        place = &mut place[*key];
    }
    *place = value;
    vars
}

pub(super) fn parse(vars: &Value) -> Result<Config, Vec<Problem>> {
    Config::parse(vars.as_object().unwrap(), &secret)
}

/// Every problem as one line.
pub(super) fn problems(vars: &Value) -> Vec<String> {
    parse(vars).map(|_| ()).unwrap_err().iter().map(ToString::to_string).collect()
}

/// The one problem that `value` at `pointer` causes.
fn problem(pointer: &[&str], value: Value) -> String {
    let lines = problems(&with(small(), pointer, value));
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

#[test]
fn what_is_left_out_has_its_documented_default() {
    let config = parse(&small()).unwrap();
    let provider = config.provider("corp").unwrap();
    assert_eq!((provider.name.as_str(), provider.client_id.as_str()), ("corp", "app"));
    assert!(matches!(&provider.client_auth, ClientAuth::Basic(secret) if secret.expose() == "hunter2 & co"));
    assert_eq!(provider.scopes, ["openid", "profile", "email"]);
    assert_eq!(provider.id_token_algs, [Algorithm::Rs256]);
    assert_eq!((provider.sign_out.tokens, &provider.trusted_audiences), (LogoutTokens::Standard, &None));
    assert_eq!(provider.response_mode, ResponseMode::Query);
    assert_eq!(provider.pass_through.len(), 4);
    assert!(provider.prompt.is_none() && provider.acr_values.is_empty() && provider.max_age.is_none());
    assert!(provider.resource.is_none() && provider.authorization_params.is_empty() && provider.sign_out.id_token_hint);
    assert!(!provider.frontchannel_logout);
    assert_eq!(config.session, SessionConfig::default());
    assert_eq!((config.session.idle, config.session.absolute), (Seconds::hours(1), Seconds::hours(8)));
    assert_eq!(config.keys.newest_id().as_str(), "k1");
}

#[test]
fn every_key_says_what_it_is_documented_to() {
    let full = json!({
        "PUBLIC_URL": "https://app.example.com/",
        "PROVIDERS": {
            "corp": {
                "name": "Example Corp", "issuer": "https://login.example.com/t1/", "client_id": "app",
                "client_auth": "client_secret_post", "scopes": ["openid", "orders:read"],
                "response_mode": "form_post", "id_token_algs": ["ES256", "EdDSA", "PS256", "RS384"],
                "pass_through": ["login_hint"], "prompt": "login consent", "acr_values": ["urn:mfa"], "max_age": "0s",
                "resource": "urn:orders", "authorization_params": { "audience": "https://api.example.com" },
                "id_token_hint": false, "session_max": "12h", "not_before": "2026-11-22T06:00:00Z",
                "logout_tokens": "legacy", "frontchannel_logout": true, "userinfo": true,
            },
            "partner-2": { "issuer": "https://op.example", "client_id": "b", "client_auth": "private_key_jwt" },
        },
        "SESSION": { "idle": "15m", "absolute": "7d", "same_site": "lax", "max_per_subject": 1, "claims": ["name"],
            "not_before": "2026-11-21T06:00:00+01:00" },
        "ROUTES": { "GET /": { "upstream": "assets", "public": true } },
    });
    let config = parse(&full).unwrap();
    let corp = config.provider_by_issuer("https://login.example.com/t1/").unwrap();
    assert_eq!(corp.id.as_str(), "corp");
    assert!(matches!(corp.client_auth, ClientAuth::Post(_)));
    assert_eq!(corp.response_mode, ResponseMode::FormPost);
    assert_eq!(corp.id_token_algs, [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ps256, Algorithm::Rs384]);
    for algorithm in Algorithm::ALL {
        let vars = with(small(), &["PROVIDERS", "corp", "id_token_algs"], json!([algorithm.name()]));
        assert_eq!(parse(&vars).unwrap().providers[0].id_token_algs, [algorithm]);
    }
    assert_eq!(corp.pass_through, [LoginParameter::LoginHint]);
    assert_eq!(corp.prompt.as_deref(), Some("login consent"));
    assert_eq!((corp.max_age, corp.sign_out.id_token_hint), (Some(Seconds::new(0)), false));
    assert_eq!((corp.sign_out.tokens, corp.frontchannel_logout), (LogoutTokens::Legacy, true));
    assert!(corp.userinfo && !config.provider("partner-2").unwrap().userinfo);
    assert_eq!(corp.resource.as_deref(), Some("urn:orders"));
    assert_eq!(corp.authorization_params, [("audience".to_owned(), "https://api.example.com".to_owned())]);
    let partner = config.provider("partner-2").unwrap();
    assert!(matches!(&partner.client_auth, ClientAuth::PrivateKeyJwt(how) if how.key.expose().contains("2026")));
    assert_eq!(config.session.idle, Seconds::minutes(15));
    assert_eq!((config.session.same_site, config.session.max_per_subject), (SameSite::Lax, 1));
    assert_eq!(corp.session_max, Some(Seconds::hours(12)));
    let (of_all, of_corp) = (Timestamp::from_unix(1_795_237_200), Timestamp::from_unix(1_795_327_200));
    assert_eq!((config.session.not_before, corp.not_before), (Some(of_all), Some(of_corp)));
    assert_eq!(config.not_before("corp", of_corp), Some(of_corp));
    assert_eq!(config.not_before("corp", of_corp.minus(Seconds::new(1))), Some(of_all), "not yet");
    assert_eq!(config.not_before("partner-2", of_corp), Some(of_all));
    assert_eq!(config.not_before("corp", of_all.minus(Seconds::new(1))), None);
    assert_eq!(config.callback_url(&partner.id), "https://app.example.com/auth/callback/partner-2");
    assert_eq!(config.logged_out_url(), "https://app.example.com/auth/logged-out");
}

#[test]
fn no_other_spelling_finds_a_provider() {
    // R-002, R-003
    let config = parse(&small()).unwrap();
    assert!(config.provider("corp").is_some() && config.provider_by_issuer("https://login.example.com").is_some());
    assert!(config.provider("Corp").is_none() && config.provider("").is_none());
    for other in ["https://login.example.com/", "https://LOGIN.example.com", "https://login.example.com:443", ""] {
        assert!(config.provider_by_issuer(other).is_none(), "{other}");
    }
}

#[test]
fn every_problem_is_told_at_once() {
    let bad = json!({
        "PUBLIC_URL": "http://app.example.com",
        "PROVIDERS": { "corp": { "issuer": "http://login.example.com", "scope": [], "id_token_hint": "yes" } },
        "SESSION": { "idle": "1y" },
        "ROUTES": { "/api/{id}": { "upstream": "assets", "methods": ["FETCH"] } },
        "ROUTE": {},
    });
    let told = Config::parse(bad.as_object().unwrap(), &|_| None).map(|_| ()).unwrap_err();
    let paths: Vec<&str> = told.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "PUBLIC_URL",
            "PROVIDERS.corp.issuer",
            "PROVIDERS.corp.client_id",
            "PROVIDER_CORP_CLIENT_SECRET",
            "PROVIDERS.corp.id_token_hint",
            "PROVIDERS.corp.scope",
            "SESSION.idle",
            "ROUTES.\"/api/{id}\".methods",
            "POSTERN_KEYS",
            "ROUTE",
        ]
    );
    assert_eq!(
        told[1].to_string(),
        "PROVIDERS.corp.issuer: expected an https URL without query or fragment, found `http://login.example.com`"
    );
}

#[test]
fn nothing_at_all_is_not_a_deployment() {
    let lines = problems(&json!({}));
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(problem(&["PROVIDERS"], json!({})).contains("at least one provider"));
    assert!(problem(&["ROUTES"], json!({})).contains("at least one route"));
    assert!(problem(&["ROUTES"], json!("x")).contains("expected a table"));
}

#[test]
fn a_key_nobody_knows_is_refused_wherever_it_stands() {
    let near = "unknown key, did you mean `scopes`?";
    assert_eq!(problem(&["PROVIDERS", "corp", "scope"], json!([])), format!("PROVIDERS.corp.scope: {near}"));
    assert!(problem(&["SESSIONS"], json!({})).ends_with("did you mean `SESSION`?"));
    assert!(problem(&["public_url"], json!("x")).ends_with("did you mean `PUBLIC_URL`?"));
    assert!(problem(&["DEBUG"], json!("x")).contains("unknown key, expected one of `PUBLIC_URL`"));
    assert!(problem(&["SESSION"], json!({ "idel": "1h" })).ends_with("did you mean `idle`?"));
    let require = with(small(), &["ROUTES", "/a"], json!({ "upstream": "assets", "require": { "role": ["x"] } }));
    assert_eq!(problems(&require)[0], "ROUTES.\"/a\".require.role: unknown key, did you mean `roles`?");
}

#[test]
fn a_value_of_the_wrong_kind_or_size_is_refused() {
    let provider = |key: &str, value: Value| problem(&["PROVIDERS", "corp", key], value);
    let cases = [
        provider("issuer", json!(7)),
        provider("client_id", json!("a b")),
        provider("client_id", json!("")),
        provider("client_auth", json!("None")),
        provider("name", json!(" ")),
        provider("scopes", json!("openid")),
        provider("scopes", json!(["openid", "a b"])),
        provider("scopes", json!(["openid", "openid"])),
        provider("response_mode", json!("fragment")),
        provider("pass_through", json!(["scope"])),
        provider("prompt", json!("none")),
        provider("prompt", json!("")),
        provider("acr_values", json!(["a b"])),
        provider("max_age", json!(300)),
        provider("resource", json!("orders")),
        provider("resource", json!("https://api.example.com/#x")),
        provider("authorization_params", json!({ "audience": 1 })),
        provider("authorization_params", json!({ "a b": "x" })),
        provider("id_token_hint", json!(1)),
        provider("userinfo", json!("yes")),
        provider("session_max", json!("31d")),
        provider("not_before", json!(1_795_327_200)),
        provider("not_before", json!("2026-11-22")),
        provider("logout_tokens", json!("lax")),
        provider("logout_tokens", json!(true)),
        provider("frontchannel_logout", json!("yes")),
        problem(&["SESSION"], json!([])),
        problem(&["SESSION"], json!({ "idle": "0s" })),
        problem(&["SESSION"], json!({ "absolute": "31d" })),
        problem(&["SESSION"], json!({ "idle": "9h" })),
        problem(&["SESSION"], json!({ "idle": "2h", "absolute": "1h" })),
        problem(&["SESSION"], json!({ "same_site": "none" })),
        problem(&["SESSION"], json!({ "not_before": "yesterday" })),
        problem(&["SESSION"], json!({ "max_per_subject": 0 })),
        problem(&["SESSION"], json!({ "max_per_subject": 101 })),
        problem(&["SESSION"], json!({ "max_per_subject": 1.5 })),
        problem(&["SESSION"], json!({ "claims": ["a b"] })),
        problem(&["SESSION"], json!({ "claims": (0..33).map(|n| format!("c{n}")).collect::<Vec<_>>() })),
        problem(&["PROVIDERS", "Corp"], json!({})),
        problem(&["PROVIDERS", "other"], json!("https://op.example")),
    ];
    for line in cases {
        assert!(line.contains("expected") || line.contains("twice"), "{line}");
    }
    assert!(parse(&with(small(), &["SESSION"], json!({ "absolute": "30m" }))).is_ok());
}

#[test]
fn scopes_without_openid_are_refused() {
    // R-017
    assert!(problem(&["PROVIDERS", "corp", "scopes"], json!(["profile"])).contains("expected `openid`"));
}

#[test]
fn algorithms_that_prove_nothing_about_the_provider_are_refused() {
    // R-045, R-089
    let algorithms = |list: Value| problem(&["PROVIDERS", "corp", "id_token_algs"], list);
    for weak in ["none", "None", "nOnE", "none ", "HS256", "hs384", "HS512"] {
        assert!(algorithms(json!(["RS256", weak])).contains("proves nothing"), "{weak}");
    }
    for unknown in [json!(["RS257"]), json!("RS256"), json!([]), json!([1]), json!(["RS256", "RS256"])] {
        algorithms(unknown);
    }
}

#[test]
fn a_fixed_parameter_never_replaces_one_that_postern_sends() {
    // R-016, R-018, R-020
    for own in [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "response_mode",
        "prompt",
        "login_hint",
        "acr_values",
        "max_age",
        "resource",
        "request",
        "request_uri",
        "id_token_hint",
        "client_secret",
    ] {
        let line = problem(&["PROVIDERS", "corp", "authorization_params"], json!({ own: "x" }));
        assert_eq!(line, format!("PROVIDERS.corp.authorization_params.{own}: is Postern's own to send, take it out"));
    }
}

#[test]
fn claims_are_asked_for_by_json_or_by_a_table() {
    let read = |claims: Value| {
        let vars = with(small(), &["PROVIDERS", "corp", "authorization_params"], json!({ "claims": claims }));
        parse(&vars).unwrap().providers.remove(0).authorization_params
    };
    let asked = json!({ "id_token": { "acr": { "essential": true } }, "userinfo": { "email": null } });
    for claims in [asked.clone(), asked.to_string().into()] {
        let [(name, value)] = &read(claims)[..] else { panic!("one parameter") };
        assert_eq!((name.as_str(), serde_json::from_str::<Value>(value).unwrap()), ("claims", asked.clone()));
    }
    for bad in
        [json!(""), json!("{"), json!("[]"), json!({}), json!({ "id_token": [] }), json!({ "acr": {} }), json!(1)]
    {
        let line = problem(&["PROVIDERS", "corp", "authorization_params"], json!({ "claims": bad }));
        assert!(line.contains("expected a JSON object, or a table, of `id_token` and `userinfo`"), "{line}");
    }
}

#[test]
fn a_link_may_set_what_is_the_providers_own_where_that_is_named() {
    // R-040
    let read = |names: Value| {
        let vars = with(small(), &["PROVIDERS", "corp", "pass_through"], names);
        let provider = parse(&vars).unwrap().providers.remove(0);
        (provider.pass_through, provider.pass_through_own)
    };
    let named = read(json!(["prompt", "kc_idp_hint", "organization"]));
    assert_eq!(named, (vec![LoginParameter::Prompt], vec!["kc_idp_hint".to_owned(), "organization".to_owned()]));
    assert_eq!(read(json!([])), (Vec::new(), Vec::new()));
    for bad in [json!(["a b"]), json!([""]), json!(["a", "a"]), json!("a"), json!([1])] {
        problem(&["PROVIDERS", "corp", "pass_through"], bad);
    }
    let fixed = with(small(), &["PROVIDERS", "corp", "authorization_params"], json!({ "organization": "o" }));
    let lines = problems(&with(fixed, &["PROVIDERS", "corp", "pass_through"], json!(["organization"])));
    assert_eq!(lines, ["PROVIDERS.corp.pass_through: `organization` has a fixed value in `authorization_params`"]);
    let many: Vec<String> = (0..17).map(|number| format!("p{number}")).collect();
    assert!(problem(&["PROVIDERS", "corp", "pass_through"], json!(many)).contains("at most 16"));
}

#[test]
fn two_providers_never_share_an_issuer() {
    // R-026
    let twin = json!({ "issuer": "https://login.example.com", "client_id": "other" });
    assert_eq!(problem(&["PROVIDERS", "twin"], twin), "PROVIDERS.twin: has the same issuer as provider `corp`");
}

#[test]
fn this_machine_is_reached_in_development_only() {
    // R-003, R-005
    let local = with(small(), &["PROVIDERS", "corp", "issuer"], json!("http://localhost:9000"));
    let local = with(local, &["ROUTES", "/a"], json!({ "upstream": "http://127.0.0.1:9001" }));
    assert_eq!(problems(&local).len(), 2);
    let development = with(local, &["PUBLIC_URL"], json!("http://localhost:8787"));
    assert!(parse(&development).unwrap().public_url.is_loopback_development());
    let remote = with(development, &["PROVIDERS", "corp", "issuer"], json!("http://login.example.com"));
    assert_eq!(problems(&remote).len(), 1);
}

#[test]
fn the_stamp_names_the_variables_and_nothing_else() {
    // field row 24
    let stamp = |vars: &Value| parse(vars).unwrap().stamp;
    let first = stamp(&small());
    assert!(first.len() == 12 && first.bytes().all(|byte| byte.is_ascii_hexdigit()), "{first}");
    assert_eq!(first, stamp(&small()));
    let changed = with(small(), &["SESSION", "idle"], "59m".into());
    assert_ne!(first, stamp(&changed));
    // Not the secrets, nor the order in which things are written.
    let vars = small();
    let other_secret =
        |name: &str| secret(name).map(|value| if name == KEY_RING { value } else { format!("{value}x") });
    assert_eq!(Config::parse(vars.as_object().unwrap(), &other_secret).unwrap().stamp, first);
    let turned = r#"{
        "ROUTES": { "/api/{*rest}": { "upstream": "service:API" } },
        "PROVIDERS": { "corp": { "client_id": "app", "issuer": "https://login.example.com" } },
        "PUBLIC_URL": "https://app.example.com"
    }"#;
    assert_eq!(stamp(&serde_json::from_str(turned).unwrap()), first);
    // The same everywhere, whether a build of `serde_json` sorts objects by itself or not.
    assert_eq!(first, "47c59effccf0");
    // Nor the places that the runtime gives to providers.
    assert_eq!(stamp(&with(small(), &["PROVIDERS", "corp", "order"], 3.into())), first);
}

#[test]
fn a_wrong_value_is_shown_on_one_line_and_cut_short() {
    let line = problem(&["PROVIDERS", "corp", "name"], json!(format!("a\n\"{}", "x".repeat(200))));
    assert!(line.contains("`a\\n\"xxx") && line.ends_with("x…`") && line.len() < 200, "{line}");
}

#[test]
fn an_issuer_goes_by_the_id_of_any_entry_and_this_site_by_self() {
    // R-283
    let certificates = json!({
        "partner": { "issuer_ski": "54BE", "subject": "CN=a" },
        "named": { "issuer": "CN=Partner CA", "subject": "CN=b" },
        "corp": { "issuer_ski": "54bf", "subject": "CN=c" },
    });
    let config = parse(&with(small(), &["CERTIFICATES"], certificates)).unwrap();
    for (id, issuer) in [
        ("self", Some("https://app.example.com")),
        ("partner", Some("x509:54be")),
        ("named", None),
        // It could be either of two.
        ("corp", None),
        ("nobody", None),
    ] {
        assert_eq!(config.named_issuer(id), issuer, "{id}");
    }
    assert_eq!(parse(&small()).unwrap().named_issuer("corp"), Some("https://login.example.com"));
}
