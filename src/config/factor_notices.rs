//! `SECOND.notify`: whom changes of people's factors are told.

use super::binding::is_binding;
use super::problem::expected;
use crate::http::public_url::{PublicUrl, absolute, is_loopback};

const EXPECTED: &str = "`service:NAME/path` (a binding of capitals, digits and `_`), or an https URL such as `https://api.example.com/factors`";

/// A service of the deployment's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorNotices {
    /// As it is configured: for whom a notice is.
    pub audience: String,
    /// Where it is sent …
    pub url: String,
    /// … over this service binding. `None`: the network.
    pub via: Option<String>,
}

/// Reads it.
///
/// # Errors
/// What is wrong.
pub(super) fn read(text: &str, own: Option<&PublicUrl>) -> Result<FactorNotices, String> {
    let wrong = || expected(EXPECTED, text);
    let development = own.is_some_and(PublicUrl::is_loopback_development);
    let own = own.map(PublicUrl::origin);
    let (url, via) = match text.strip_prefix("service:") {
        Some(place) => {
            let (binding, path) = place.split_once('/').filter(|(name, _)| is_binding(name)).ok_or_else(wrong)?;
            (format!("{}/{path}", own.unwrap_or("https://postern.invalid")), Some(binding.to_owned()))
        }
        None => (text.to_owned(), None),
    };
    let parsed = absolute(&url).filter(|_| !text.contains(['?', '#'])).ok_or_else(wrong)?;
    if via.is_none() {
        if parsed.scheme() != "https" && !(development && is_loopback(&parsed)) {
            return Err(wrong());
        }
        if own == Some(parsed.origin().ascii_serialization().as_str()) {
            return Err(expected("a service that is not Postern itself", text));
        }
    }
    Ok(FactorNotices { audience: text.to_owned(), url, via })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{parse, problems, small, with};
    use super::*;

    #[test]
    fn a_notice_goes_to_a_service_of_the_deployment_and_nowhere_else() {
        //
        let at = |notify: &str| {
            let vars = with(small(), &["SECOND"], json!({ "notify": notify }));
            with(vars, &["PUBLIC_URL"], json!("https://app.example.com"))
        };
        for (text, url, via) in [
            ("service:MAIL/factors", "https://app.example.com/factors", Some("MAIL")),
            ("service:MAIL_2/a/b", "https://app.example.com/a/b", Some("MAIL_2")),
            ("https://api.example.com/factors", "https://api.example.com/factors", None),
        ] {
            let config = parse(&at(text)).unwrap();
            let via = via.map(str::to_owned);
            let expected = FactorNotices { audience: text.to_owned(), url: url.to_owned(), via: via.clone() };
            assert!(config.publishes_assertion_keys());
            assert_eq!(config.second.as_ref().and_then(|rules| rules.notify.clone()), Some(expected));
            assert_eq!(config.needed_bindings().iter().any(|one| Some(&one.name) == via.as_ref()), via.is_some());
        }
        for text in [
            "",
            "MAIL",
            "service:MAIL",
            "service:mail/a",
            "service:/a",
            "service:MAIL/a?b",
            "service:MAIL/a#b",
            "http://api.example.com/a",
            "http://localhost/a",
            "https://app.example.com/a",
            "https://u@api.example.com/a",
            "https://api.example.com/a?b=c",
            "//api.example.com/a",
        ] {
            let lines = problems(&at(text));
            assert!(lines.len() == 1 && lines[0].starts_with("SECOND.notify: "), "{text}: {lines:?}");
        }
        let without = with(at("service:MAIL/a"), &["SECOND"], json!({}));
        assert!(!parse(&without).unwrap().needed_bindings().iter().any(|one| one.name == "MAIL"));
    }
}
