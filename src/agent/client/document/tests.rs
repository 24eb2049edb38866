use serde_json::json;

use super::*;
use crate::jose::testing::jwk;

const URL: &str = "https://client.example/oauth/client.json";

fn parse(change: impl FnOnce(&mut Value)) -> Result<ClientDocument, DocumentError> {
    let mut document = json!({
        "client_id": URL,
        "client_name": "Example Client",
        "redirect_uris": ["https://client.example/cb"],
        "token_endpoint_auth_method": "none",
    });
    change(&mut document);
    ClientDocument::parse(document.to_string().as_bytes(), &ClientId::parse(URL, false).unwrap(), false)
}

// R-302
#[test]
fn a_document_says_who_where_and_how() {
    let client = parse(|_| {}).unwrap();
    assert_eq!((client.id.as_str(), client.name.as_str(), client.is_public), (URL, "Example Client", true));
    assert_eq!(client.redirect_uris, ["https://client.example/cb"]);
    assert!(client.keys.is_none() && !client.is_registered);
}

// R-302
#[test]
fn members_that_are_not_known_are_no_fault_and_no_method_means_none() {
    let client = parse(|document| {
        document.as_object_mut().unwrap().remove("token_endpoint_auth_method");
        document["application_type"] = "native".into();
        document["x"] = json!({ "y": [1, null] });
        document["client_uri"] = "https://client.example".into();
        document["grant_types"] = json!(["authorization_code", "refresh_token"]);
        document["response_types"] = json!(["code"]);
        document["jwks"] = Value::Null;
    });
    assert!(client.unwrap().is_public);
}

// R-302
#[test]
fn what_is_missing_or_of_another_is_refused() {
    type Change = fn(&mut Value);
    let cases: [(Change, DocumentError); 19] = [
        (|document| document["client_id"] = "https://client.example/oauth/client.json/".into(), DocumentError::OtherId),
        (|document| document["client_id"] = "https://CLIENT.example/oauth/client.json".into(), DocumentError::OtherId),
        (|document| document["client_id"] = json!([URL]), DocumentError::OtherId),
        (|document| drop(document.as_object_mut().unwrap().remove("client_id")), DocumentError::OtherId),
        (|document| document["client_name"] = "".into(), DocumentError::Unusable("client_name")),
        (|document| document["client_name"] = "a\nb".into(), DocumentError::Unusable("client_name")),
        (|document| document["client_name"] = "a\u{202e}b".into(), DocumentError::Unusable("client_name")),
        (|document| document["client_name"] = "a\u{61c}b".into(), DocumentError::Unusable("client_name")),
        (|document| document["client_name"] = "a\u{e0061}".into(), DocumentError::Unusable("client_name")),
        (|document| document["client_name"] = "a".repeat(81).into(), DocumentError::Unusable("client_name")),
        (|document| document["client_name"] = json!(1), DocumentError::Unusable("client_name")),
        (|document| document["redirect_uris"] = json!([]), DocumentError::Unusable("redirect_uris")),
        (
            |document| document["redirect_uris"] = "https://client.example/cb".into(),
            DocumentError::Unusable("redirect_uris"),
        ),
        (
            |document| document["redirect_uris"] = json!(["http://client.example/cb"]),
            DocumentError::Unusable("redirect_uris"),
        ),
        (
            |document| document["redirect_uris"] = json!(vec!["https://client.example/cb"; 51]),
            DocumentError::Unusable("redirect_uris"),
        ),
        (
            |document| document["token_endpoint_auth_method"] = "tls_client_auth".into(),
            DocumentError::Unusable("token_endpoint_auth_method"),
        ),
        (
            |document| document["token_endpoint_auth_method"] = "private_key_jwt".into(),
            DocumentError::Unusable("jwks_uri"),
        ),
        (|document| document["jwks_uri"] = "http://client.example/jwks".into(), DocumentError::Unusable("jwks_uri")),
        (|document| document["grant_types"] = json!(["client_credentials"]), DocumentError::Unusable("grant_types")),
    ];
    for (number, (change, error)) in cases.into_iter().enumerate() {
        assert_eq!(parse(change).unwrap_err(), error, "{number}");
    }
}

// R-302
#[test]
fn a_document_with_a_secret_is_refused() {
    type Change = fn(&mut Value);
    let cases: [Change; 7] = [
        |document| document["client_secret"] = "x".into(),
        |document| document["client_secret_expires_at"] = json!(0),
        |document| document["token_endpoint_auth_method"] = "client_secret_basic".into(),
        |document| document["token_endpoint_auth_method"] = "client_secret_post".into(),
        |document| document["token_endpoint_auth_method"] = "client_secret_jwt".into(),
        |document| document["jwks"] = json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] }),
        |document| document["jwks"] = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA" }] }),
    ];
    for (number, change) in cases.into_iter().enumerate() {
        assert_eq!(parse(change).unwrap_err(), DocumentError::Secret, "{number}");
    }
}

// R-314
#[test]
fn a_client_with_keys_proves_itself_unless_it_offers_to_come_without() {
    let with_keys = |document: &mut Value| {
        document["token_endpoint_auth_method"] = "private_key_jwt".into();
        document["jwks"] = json!({ "keys": [jwk()] });
    };
    let client = parse(with_keys).unwrap();
    assert!(!client.is_public && matches!(client.keys, Some(ClientKeys::Given(set)) if set.keys().len() == 1));
    let client = parse(|document| {
        with_keys(document);
        document["token_endpoint_auth_methods_supported"] = json!(["none", "private_key_jwt"]);
    });
    assert!(client.unwrap().is_public);
    let at = parse(|document| {
        document["token_endpoint_auth_method"] = "private_key_jwt".into();
        document["jwks_uri"] = "https://client.example/jwks.json".into();
    });
    assert!(matches!(at.unwrap().keys, Some(ClientKeys::At(uri)) if uri == "https://client.example/jwks.json"));
    let both = parse(|document| {
        with_keys(document);
        document["jwks_uri"] = "https://client.example/jwks.json".into();
    });
    assert_eq!(both.unwrap_err(), DocumentError::Unusable("jwks"));
    let inside = parse(|document| document["jwks_uri"] = "https://169.254.169.254/jwks".into());
    assert_eq!(inside.unwrap_err(), DocumentError::Unusable("jwks_uri"));
}

// R-302
#[test]
fn what_is_no_object_or_too_long_is_no_document() {
    let id = ClientId::parse(URL, false).unwrap();
    for bytes in ["", "[]", "null", "{", "<html>", r#"{"client_id":"a","client_id":"b"}"#] {
        assert_eq!(ClientDocument::parse(bytes.as_bytes(), &id, false).unwrap_err(), DocumentError::NotJson, "{bytes}");
    }
    let long = parse(|document| document["x"] = "a".repeat(MAX_BYTES).into());
    assert_eq!(long.unwrap_err(), DocumentError::NotJson);
}
