//! What clients of agents send and publish: a document that is read names itself, lists addresses that can be answered at, and
//! holds no secret; an address that is accepted is one that is listed, but for a port; a request that is accepted asks for
//! nothing that is not offered; and no parameter stands twice.

use postern::agent::authorize::{Offer, Parameters};
use postern::agent::client::document::MAX_BYTES;
use postern::agent::client::registration::Registration;
use postern::agent::client::{ClientDocument, ClientId, RedirectKind, RedirectUri};
use postern::agent::token::TokenParameters;
use postern::json::said;
use postern::time::Timestamp;
use serde_json::Value;

const RESOURCE: &str = "https://app.example.com/mcp";

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    id(text);
    document(data, text);
    redirect(text);
    authorization(text);
    token(text);
}

fn id(text: &str) {
    let Some(id) = ClientId::parse(text, false) else { return };
    let url = url::Url::parse(text).expect("an id is a URL");
    assert_eq!((id.as_str(), url.as_str(), url.scheme()), (text, text, "https"));
    assert!(url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none());
    assert!(matches!(url.host(), Some(url::Host::Domain(name)) if name.contains('.')));
    assert!(!text.contains("/../") && !text.contains("/./") && !text.ends_with("/.."));
}

fn document(data: &[u8], text: &str) {
    let Ok(Value::Object(members)) = serde_json::from_str(text) else { return };
    let named = members.get("client_id").and_then(Value::as_str).and_then(|id| ClientId::parse(id, false));
    if let Some(id) = named
        && let Ok(client) = ClientDocument::parse(data, &id, false)
    {
        assert!(data.len() <= MAX_BYTES && client.id == id.as_str() && !client.name.trim().is_empty());
        assert!(client.redirect_uris.iter().all(|uri| RedirectUri::accept(uri, &client.redirect_uris).is_ok()));
        assert!(said(&members, "client_secret").is_none());
        assert!(client.is_public || client.keys.is_some());
    }
    if Registration::parse(data, Timestamp::from_unix(1_800_000_000)).is_ok() {
        assert!(said(&members, "token_endpoint_auth_method").is_none_or(|method| method == "none"));
    }
}

fn redirect(text: &str) {
    let (asked, listed) = text.split_once('\n').unwrap_or((text, text));
    let Ok(uri) = RedirectUri::accept(asked, &[listed.to_owned()]) else { return };
    assert!(!asked.contains(['#', '\r', '\n', ' ', '\\']));
    match uri.kind() {
        RedirectKind::Web(_) => assert!(asked.starts_with("https://") && asked == listed),
        RedirectKind::App(scheme) => assert!(scheme.contains('.') && asked == listed),
        RedirectKind::Loopback(_) => {
            let path = |text: &str| url::Url::parse(text).expect("a URL").path().to_owned();
            assert_eq!(path(asked), path(listed));
        }
    }
    let answered = uri.with(&[("code", "a&b=c"), ("iss", "https://app.example.com")]);
    assert!(answered.starts_with(asked) && answered.is_ascii());
}

fn authorization(text: &str) {
    let parameters = Parameters::parse(text);
    let offered = ["read".to_owned(), "write".to_owned()];
    let accepted = parameters.accept(|resource| {
        let offer = Offer { resource: RESOURCE.to_owned(), scopes: offered.to_vec(), elsewhere: Vec::new() };
        (resource == RESOURCE).then_some(offer)
    });
    let Ok(request) = accepted else { return };
    let said = |name: &str| form_urlencoded::parse(text.as_bytes()).filter(|(known, _)| known == name).count();
    for name in ["client_id", "redirect_uri", "state", "scope", "code_challenge"] {
        assert!(said(name) <= 1, "{name} stands twice");
    }
    assert_eq!((said("resource"), said("response_type"), said("code_challenge_method")), (1, 1, 1));
    assert!(!request.scopes.is_empty() && request.scopes.iter().all(|scope| offered.contains(scope)));
    assert_eq!((request.resource.as_str(), request.challenge.len()), (RESOURCE, 43));
}

fn token(text: &str) {
    let Ok(parameters) = TokenParameters::parse(text) else { return };
    for name in ["code", "refresh_token", "client_id", "redirect_uri", "code_verifier", "client_assertion"] {
        let values: Vec<_> = form_urlencoded::parse(text.as_bytes()).filter(|(known, _)| known == name).collect();
        assert!(values.len() <= 1);
        let value = values.first().map(|(_, value)| value.as_ref()).filter(|value| !value.is_empty());
        assert_eq!(parameters.get(name), value);
    }
    if let Ok(challenge) = parameters.challenge() {
        assert!(challenge.len() == 43 && parameters.get("code_verifier").is_some_and(|verifier| verifier.len() >= 43));
    }
}
