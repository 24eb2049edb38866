use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::config::testing::{provider, public_url};

fn url(endpoint: Option<&str>, hinted: bool, hint: Option<&str>) -> Option<BTreeMap<String, String>> {
    let metadata = Metadata { end_session_endpoint: endpoint.map(str::to_owned), ..Metadata::default() };
    let provider = provider(|table| table["id_token_hint"] = json!(hinted));
    let url = end_session_url(&provider, &metadata, &public_url(), hint, "the&state")?;
    assert!(url.starts_with(endpoint?));
    Some(url::Url::parse(&url).unwrap().query_pairs().into_owned().collect())
}

const ENDPOINT: Option<&str> = Some("https://login.example.com/logout?tenant=1");

#[test]
fn the_provider_learns_whose_session_ends_and_where_to_go_on() {
    //
    let sent = url(ENDPOINT, true, Some("the.id.token")).unwrap();
    let expected = [
        ("tenant", "1"),
        ("id_token_hint", "the.id.token"),
        ("client_id", "app"),
        ("post_logout_redirect_uri", "https://app.example.com/auth/logged-out"),
        ("state", "the&state"),
    ];
    assert_eq!(sent, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[test]
fn a_hint_is_sent_only_where_there_is_one_and_it_may() {
    assert!(!url(ENDPOINT, false, Some("the.id.token")).unwrap().contains_key("id_token_hint"));
    assert!(!url(ENDPOINT, true, None).unwrap().contains_key("id_token_hint"));
}

#[test]
fn what_a_provider_wants_besides_goes_along() {
    let metadata = Metadata { end_session_endpoint: ENDPOINT.map(str::to_owned), ..Metadata::default() };
    let target = "https://app.example.com/auth/logged-out";
    let provider = provider(|table| table["logout_params"] = json!({ "logout_uri": target }));
    let url = end_session_url(&provider, &metadata, &public_url(), None, "s").unwrap();
    assert!(url.ends_with("&logout_uri=https%3A%2F%2Fapp.example.com%2Fauth%2Flogged-out"), "{url}");
}

#[test]
fn a_hint_is_left_out_where_the_address_would_be_too_long() {
    let with = |length: usize| url(ENDPOINT, true, Some(&"x".repeat(length))).unwrap();
    let others = url(ENDPOINT, true, None).unwrap();
    let longest = (1..3000).rev().find(|length| with(*length).contains_key("id_token_hint")).unwrap();
    assert!((1700..2000).contains(&longest), "{longest}");
    assert_eq!(with(longest + 1), others);
}

#[test]
fn without_an_endpoint_there_is_nowhere_to_go() {
    assert_eq!(url(None, true, None), None);
    assert_eq!(url(Some("no url"), true, None), None);
}
