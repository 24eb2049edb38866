//! A discovery document is that of the issuer asked, and names endpoints at public `https` addresses only.

use std::sync::LazyLock;

use postern::config::Issuer;
use postern::oidc::metadata::{MAX_BYTES, Metadata};
use serde_json::Value;
use url::{Host, Url};

use crate::fixed;

thread_local! {
    static ISSUER: LazyLock<Issuer> = const { LazyLock::new(|| fixed::config().providers[0].issuer.clone()) };
}

pub fn check(data: &[u8]) {
    let Ok(metadata) = ISSUER.with(|issuer| Metadata::parse(data, issuer)) else { return };
    assert!(data.len() <= MAX_BYTES);
    let document: Value = serde_json::from_slice(data).unwrap();
    assert_eq!(document["issuer"], fixed::ISSUER);
    let says = |name: &str| {
        document.get(name).is_some_and(|value| !matches!(value.to_string().as_str(), "null" | "\"\"" | "[]"))
    };
    if says("code_challenge_methods_supported") {
        let methods = &document["code_challenge_methods_supported"];
        assert!(methods == "S256" || methods.as_array().unwrap().contains(&"S256".into()));
    }
    let announced = &document["authorization_response_iss_parameter_supported"];
    assert_eq!(metadata.iss_parameter_supported, *announced == true || *announced == "true");
    let required = [
        ("authorization_endpoint", &metadata.authorization_endpoint),
        ("token_endpoint", &metadata.token_endpoint.url),
        ("jwks_uri", &metadata.jwks_uri),
    ];
    for (name, url) in required {
        assert_eq!(document[name], **url);
        endpoint_is_public(url);
    }
    let revocation = metadata.revocation_endpoint.as_ref().map(|endpoint| endpoint.url.clone());
    let pushed = metadata.pushed_endpoint.as_ref().map(|endpoint| endpoint.url.clone());
    let userinfo = metadata.userinfo_endpoint.as_ref().map(|endpoint| endpoint.url.clone());
    let optional = [
        ("pushed_authorization_request_endpoint", &pushed),
        ("end_session_endpoint", &metadata.end_session_endpoint),
        ("revocation_endpoint", &revocation),
        ("userinfo_endpoint", &userinfo),
    ];
    for (name, url) in optional {
        assert!(url.is_none() || document[name].as_str() == url.as_deref());
        // What is not used says nothing, or is told.
        assert_eq!(metadata.left_out.contains(&name), url.is_none() && says(name));
        url.as_deref().into_iter().for_each(endpoint_is_public);
    }
}

fn endpoint_is_public(text: &str) {
    assert!(text.starts_with("https://"), "{text}");
    let url = Url::parse(text).unwrap();
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none(), "{text}");
    match url.host().unwrap() {
        Host::Domain(name) => assert!(!is_localhost(name), "{text}"),
        Host::Ipv4(address) => {
            assert!(!address.is_private() && !address.is_loopback() && !address.is_link_local(), "{text}");
            assert!(!address.is_unspecified() && !address.is_broadcast(), "{text}");
        }
        Host::Ipv6(address) => {
            assert!(!address.is_loopback() && !address.is_unspecified(), "{text}");
            assert!(!address.is_unique_local() && !address.is_unicast_link_local(), "{text}");
            assert!(address.to_ipv4_mapped().is_none_or(|inner| !inner.is_loopback() && !inner.is_private()), "{text}");
        }
    }
}

fn is_localhost(name: &str) -> bool {
    name.split('.').rfind(|label| !label.is_empty()) == Some("localhost")
}
