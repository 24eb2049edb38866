use serde_json::json;

use super::*;
use crate::config::TlsCertificate;
use crate::config::testing::{ISSUER, provider};

fn issuer(text: &str) -> Issuer {
    provider(|table| table["issuer"] = text.into()).issuer
}

fn good() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://login.example.com/authorize?tenant=1",
        "token_endpoint": "https://tokens.example.net/token",
        "jwks_uri": "https://login.example.com/jwks",
        "unknown": { "a": [1] },
    })
}

fn parse(document: &Value) -> Result<Metadata, MetadataError> {
    Metadata::parse(document.to_string().as_bytes(), &issuer(ISSUER))
}

#[test]
fn metadata_is_asked_for_below_the_issuer() {
    // R-001
    for (text, url) in [
        ("https://op.example", "https://op.example/.well-known/openid-configuration"),
        ("https://op.example/", "https://op.example/.well-known/openid-configuration"),
        ("https://op.example/t1", "https://op.example/t1/.well-known/openid-configuration"),
        ("https://op.example/t1/", "https://op.example/t1/.well-known/openid-configuration"),
        ("https://op.example/t1//", "https://op.example/t1//.well-known/openid-configuration"),
    ] {
        let request = request(&issuer(text));
        assert_eq!((request.url.as_str(), request.method.as_str(), request.max_bytes), (url, "GET", MAX_BYTES));
    }
}

#[test]
fn what_is_left_out_is_absent_and_what_is_unknown_is_ignored() {
    let metadata = parse(&good()).unwrap();
    assert_eq!(metadata.authorization_endpoint, "https://login.example.com/authorize?tenant=1");
    assert_eq!((metadata.end_session_endpoint, metadata.iss_parameter_supported), (None, false));
}

#[test]
fn a_flag_is_set_by_true_alone_be_it_a_text() {
    // R-025
    for (value, set) in [
        (json!(true), true),
        (json!("true"), true),
        (json!(false), false),
        (json!("false"), false),
        (json!("True"), false),
        (json!(1), false),
        (json!([true]), false),
    ] {
        let mut document = good();
        document["authorization_response_iss_parameter_supported"] = value;
        assert_eq!(parse(&document).unwrap().iss_parameter_supported, set);
    }
}

#[test]
fn each_mutation_has_its_error() {
    // R-002, R-005, R-019
    let refused = MetadataError::EndpointRefused;
    for (name, value, expected) in [
        ("issuer", json!(format!("{ISSUER}/")), MetadataError::IssuerMismatch(Some(format!("{ISSUER}/")))),
        ("issuer", json!([ISSUER]), MetadataError::IssuerMismatch(None)),
        ("issuer", Value::Null, MetadataError::IssuerMismatch(None)),
        ("authorization_endpoint", Value::Null, MetadataError::Missing("authorization_endpoint")),
        ("token_endpoint", Value::Null, MetadataError::Missing("token_endpoint")),
        ("jwks_uri", Value::Null, MetadataError::Missing("jwks_uri")),
        ("token_endpoint", json!(7), refused("token_endpoint")),
        ("token_endpoint", json!("http://login.example.com/token"), refused("token_endpoint")),
        ("token_endpoint", json!("file:///etc/passwd"), refused("token_endpoint")),
        ("token_endpoint", json!("https://user@login.example.com/"), refused("token_endpoint")),
        ("jwks_uri", json!("https://192.168.1.1/jwks"), refused("jwks_uri")),
        ("jwks_uri", json!("https://[::1]/jwks"), refused("jwks_uri")),
        ("jwks_uri", json!("https://localhost/jwks"), refused("jwks_uri")),
        ("authorization_endpoint", json!("javascript:alert(1)"), refused("authorization_endpoint")),
        ("code_challenge_methods_supported", json!(["plain"]), MetadataError::NoS256),
        ("code_challenge_methods_supported", json!("plain"), MetadataError::NoS256),
        ("code_challenge_methods_supported", json!({ "S256": true }), MetadataError::NoS256),
        ("code_challenge_methods_supported", json!(["s256"]), MetadataError::NoS256),
    ] {
        let mut document = good();
        document[name] = value;
        assert_eq!(parse(&document), Err(expected), "{document}");
    }
    let doubled = good().to_string().replacen('{', &format!(r#"{{"issuer":"{ISSUER}","#), 1);
    // R-004
    for body in [doubled.as_str(), "", "[]", "<html>", "null", "{}x"] {
        let error = Metadata::parse(body.as_bytes(), &issuer(ISSUER)).unwrap_err();
        assert!(matches!(error, MetadataError::NotJson(_)), "{body}: {error:?}");
    }
}

#[test]
fn what_nobody_needs_is_left_out_where_it_cannot_be_used() {
    // R-005
    let mut document = good();
    document["code_challenge_methods_supported"] = json!("S256");
    document["end_session_endpoint"] = json!("http://login.example.com/logout");
    document["userinfo_endpoint"] = json!("https://10.0.0.1/");
    document["revocation_endpoint"] = json!("https://login.example.com/revoke");
    let metadata = parse(&document).unwrap();
    assert_eq!((&metadata.end_session_endpoint, &metadata.userinfo_endpoint), (&None, &None));
    assert_eq!(metadata.revocation_endpoint.unwrap().url, "https://login.example.com/revoke");
    assert_eq!(metadata.left_out, ["end_session_endpoint", "userinfo_endpoint"]);
    assert!(parse(&good()).unwrap().left_out.is_empty());
}

#[test]
fn a_client_that_shows_a_certificate_asks_at_the_aliases() {
    // R-279, R-005
    let mut document = good();
    document["revocation_endpoint"] = json!("https://login.example.com/revoke");
    document["introspection_endpoint"] = json!("https://login.example.com/introspect");
    document["mtls_endpoint_aliases"] =
        json!({ "token_endpoint": "https://mtls.example.com/token", "revocation_endpoint": "https://10.0.0.1/" });
    let (plain, tls) =
        (ClientAuth::None, ClientAuth::Tls(TlsCertificate { binding: "CERT".to_owned(), self_signed: false }));
    let metadata = parse(&document).unwrap();
    assert_eq!(metadata.token_endpoint.of_client(&tls), "https://mtls.example.com/token");
    assert_eq!(metadata.token_endpoint.of_client(&plain), "https://tokens.example.net/token");
    let revocation = metadata.revocation_endpoint.unwrap();
    assert_eq!(revocation.of_client(&tls), "https://login.example.com/revoke", "an alias that cannot be used is none");
    let body = document.to_string();
    let token = token_endpoint(body.as_bytes(), &issuer(ISSUER)).unwrap();
    assert_eq!(token.of_client(&tls), "https://mtls.example.com/token");
    let introspection = introspection_endpoint(body.as_bytes(), &issuer(ISSUER)).unwrap();
    assert_eq!(introspection.of_client(&tls), "https://login.example.com/introspect");
    document["mtls_endpoint_aliases"] = json!("https://mtls.example.com");
    assert_eq!(parse(&document).unwrap().token_endpoint.alias, None);
}

#[test]
fn where_the_keys_are_can_be_read_of_an_issuer_that_signs_nobody_in() {
    // R-002, R-004, R-005, RFC 8414 §3.3
    let read = |document: &Value| keys_uri(document.to_string().as_bytes(), &issuer(ISSUER));
    let bare = json!({ "issuer": ISSUER, "jwks_uri": "https://login.example.com/jwks" });
    assert_eq!(read(&bare).unwrap(), "https://login.example.com/jwks");
    assert_eq!(parse(&bare), Err(MetadataError::Missing("authorization_endpoint")));
    let with = |name: &str, value: Value| {
        let mut document = bare.clone();
        document[name] = value;
        read(&document)
    };
    assert_eq!(
        with("issuer", "https://other.example".into()),
        Err(MetadataError::IssuerMismatch(Some("https://other.example".to_owned())))
    );
    assert_eq!(with("jwks_uri", Value::Null), Err(MetadataError::Missing("jwks_uri")));
    assert_eq!(
        with("jwks_uri", "http://login.example.com/jwks".into()),
        Err(MetadataError::EndpointRefused("jwks_uri"))
    );
    assert_eq!(with("jwks_uri", 7.into()), Err(MetadataError::EndpointRefused("jwks_uri")));
    assert!(matches!(keys_uri(b"[]", &issuer(ISSUER)), Err(MetadataError::NotJson(_))));
}
