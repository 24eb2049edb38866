use std::collections::BTreeMap;

use futures::executor::block_on;
use serde_json::json;

use super::*;
use crate::config::testing::provider;
use crate::http::{HeaderMap, HeaderValue, header};
use crate::jose::Portable;
use crate::oidc::metadata::AliasedEndpoint;
use crate::time::Timestamp;

const ENDPOINT: &str = "https://login.example.com/par";

struct Zero;

impl Random for Zero {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn metadata(offers: bool, requires_pushed: bool, requires_signed: bool) -> Metadata {
    let alias = Some("https://mtls.example.com/par".to_owned());
    let pushed_endpoint = offers.then(|| AliasedEndpoint { url: ENDPOINT.to_owned(), alias });
    Metadata { pushed_endpoint, requires_pushed, requires_signed, ..Metadata::default() }
}

#[test]
fn requests_are_pushed_as_the_table_and_the_metadata_say() {
    //
    use PushedError::{NoKey, NotOffered};
    let key = "private_key_jwt";
    // par, client_auth, signed_request; what the metadata offers and requires → whether it is signed, and required.
    for (par, auth, signed, (offers, requires, requires_signed), expected) in [
        ("auto", "none", false, (false, false, false), Ok(None)),
        ("auto", "none", false, (true, false, false), Ok(Some((false, false)))),
        ("auto", "none", false, (true, true, false), Ok(Some((false, true)))),
        ("auto", "none", false, (false, true, false), Err(NotOffered)),
        ("always", "none", false, (true, false, false), Ok(Some((false, true)))),
        ("always", "none", false, (false, false, false), Err(NotOffered)),
        ("off", "none", false, (true, false, false), Ok(None)),
        ("off", "none", false, (true, true, false), Ok(Some((false, true)))),
        ("auto", key, true, (true, false, false), Ok(Some((true, true)))),
        ("auto", key, false, (true, false, true), Ok(Some((true, true)))),
        ("off", key, false, (true, false, true), Ok(Some((true, true)))),
        // A signed request goes nowhere else.
        ("auto", key, true, (false, false, false), Err(NotOffered)),
        ("auto", key, false, (false, false, true), Err(NotOffered)),
        ("auto", "none", false, (true, false, true), Err(NoKey)),
    ] {
        let provider = provider(|table| {
            table["par"] = json!(par);
            table["client_auth"] = json!(auth);
            table["signed_request"] = json!(signed);
        });
        let metadata = metadata(offers, requires, requires_signed);
        let found = wanted(&provider, &metadata).map(|push| push.map(|push| (push.signed, push.required)));
        assert_eq!(found, expected, "{par} {auth} {signed} {offers} {requires} {requires_signed}");
    }
}

fn pushed(auth: &str, signed: bool) -> (OutboundRequest, BTreeMap<String, String>) {
    let provider = provider(|table| {
        table["client_auth"] = json!(auth);
        if auth == "tls_client_auth" {
            table["mtls_certificate"] = json!("CERT");
        }
    });
    let metadata = metadata(true, false, signed);
    let push = wanted(&provider, &metadata).unwrap().unwrap();
    let parameters = [("client_id", "app"), ("scope", "openid"), ("state", "a&b")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let maker = AssertionMaker { now: Timestamp::from_unix(1_800_000_000), random: &Zero, signing: &Portable };
    let request = block_on(request(&provider, push, &parameters, maker)).unwrap();
    let fields: Vec<(String, String)> = form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
    let form: BTreeMap<String, String> = fields.iter().cloned().collect();
    assert_eq!(fields.len(), form.len(), "a parameter stands twice");
    (request, form)
}

#[test]
fn a_pushed_request_has_every_parameter_once_and_says_who_sends_it() {
    //
    for (auth, proof) in [
        ("client_secret_basic", None),
        ("client_secret_post", Some("client_secret")),
        ("private_key_jwt", Some("client_assertion")),
        ("tls_client_auth", None),
        ("none", None),
    ] {
        let (request, form) = pushed(auth, false);
        for (name, value) in [("client_id", "app"), ("scope", "openid"), ("state", "a&b")] {
            assert_eq!(form.get(name).map(String::as_str), Some(value), "{auth}");
        }
        assert!(proof.is_none_or(|proof| form.contains_key(proof)), "{auth}");
        assert_eq!(request.headers.contains_key(header::AUTHORIZATION), auth == "client_secret_basic");
        // a certificate is shown where the server wants to see one.
        let by_certificate = auth == "tls_client_auth";
        assert_eq!(request.certificate.is_some(), by_certificate);
        assert_eq!(request.url == "https://mtls.example.com/par", by_certificate);
    }
}

#[test]
fn of_a_signed_request_nothing_stands_beside_it() {
    // R-385; RFC 9126 §3
    let (_, form) = pushed("private_key_jwt", true);
    let names: Vec<&str> = form.keys().map(String::as_str).collect();
    assert_eq!(names, ["client_assertion", "client_assertion_type", "client_id", "request"]);
}

fn answer(status: u16, body: &Value) -> OutboundResponse {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    OutboundResponse { status: StatusCode::from_u16(status).unwrap(), headers, body: body.to_string().into_bytes() }
}

#[test]
fn an_answer_is_a_201_with_a_request_uri_that_lives() {
    //
    let good = json!({ "request_uri": "urn:ietf:params:oauth:request_uri:abc", "expires_in": 60 });
    assert_eq!(process(&answer(201, &good)).unwrap().expose(), "urn:ietf:params:oauth:request_uri:abc");
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        process(&answer(201, &body)).unwrap_err()
    };
    for bad in [json!(null), json!(0), json!(-1), json!(0.4), json!("60"), json!([60])] {
        assert_eq!(with("expires_in", bad.clone()), PushedError::Missing("expires_in"), "{bad}");
    }
    for bad in [json!(null), json!(""), json!(5), json!("a b"), json!("é"), json!("x".repeat(2049))] {
        assert_eq!(with("request_uri", bad.clone()), PushedError::Missing("request_uri"), "{bad}");
    }
    assert_eq!(process(&answer(201, &json!([]))).unwrap_err(), PushedError::NotJson);
    let mut page = answer(201, &good);
    page.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    assert_eq!(process(&page).unwrap_err(), PushedError::NotJson);
    let long = json!({ "request_uri": "urn:x", "expires_in": 60, "more": "x".repeat(MAX_BYTES) });
    assert_eq!(process(&answer(201, &long)).unwrap_err(), PushedError::NotJson);
}

#[test]
fn what_is_no_success_is_an_error_with_its_reason() {
    //
    for (status, body, code, no_endpoint) in [
        (200, json!({ "request_uri": "urn:x", "expires_in": 60 }), "par.refused", false),
        (302, json!({}), "par.refused", false),
        (400, json!({ "error": "invalid_request" }), "par.refused", false),
        (400, json!({ "error": "invalid_client" }), "par.invalid_client", false),
        (401, json!({}), "par.invalid_client", false),
        (404, json!({}), "par.refused", true),
        (405, json!({}), "par.refused", false),
        (429, json!({}), "par.provider_failed", false),
        (500, json!({}), "par.provider_failed", false),
        (503, json!({ "error": "invalid_request" }), "par.provider_failed", false),
    ] {
        let error = process(&answer(status, &body)).unwrap_err();
        assert_eq!((error.code(), error.is_of_no_endpoint()), (code, no_endpoint), "{status} {body}");
    }
}

#[test]
fn two_parameters_go_through_the_browser() {
    //
    let provider = provider(|_| ());
    let left = parameters(&provider, &Secret::new("urn:x".to_owned()));
    let expected = [("client_id", "app"), ("request_uri", "urn:x")];
    assert_eq!(left, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}
