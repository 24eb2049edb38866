//! The id of a client: the URL of the document that it publishes about itself (Client ID Metadata Document §3).

use url::{Host, Url};

use crate::config::MAX_CLIENT_ID_BYTES as MAX_BYTES;
use crate::http::public_url::{absolute, is_loopback};

/// The id of a client: an `https` URL with a path, in its one spelling. In development `http` on a loopback host will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientId {
    url: String,
    host: String,
}

impl ClientId {
    /// Reads an id. `development`: whether this deployment is on a loopback host itself.
    #[must_use]
    pub fn parse(text: &str, development: bool) -> Option<Self> {
        let url = public(text, development).filter(|_| text.len() <= MAX_BYTES)?;
        let names_document = url.path().len() > 1 && url.query().is_none() && !text.contains('?');
        names_document.then(|| Self { url: text.to_owned(), host: host_of(&url) })
    }

    /// The id as it was sent: ids compare as texts.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// `host[:port]`: of whom a person may have heard.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// A URL that anybody may ask for: `https`, with the name of a host in the public tree of names, without user or fragment,
/// and spelt as every reader spells it. In development also one of a loopback host.
#[must_use]
pub fn public(text: &str, development: bool) -> Option<Url> {
    let url = absolute(text).filter(|url| url.as_str() == text && url.fragment().is_none())?;
    let is_public = match url.host() {
        Some(Host::Domain(name)) => url.scheme() == "https" && is_public_name(name),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => false,
    };
    (is_public || (development && is_loopback(&url))).then_some(url)
}

/// A name with a dot, and none that is looked up in a local network alone (RFC 6761, RFC 6762, RFC 8375).
fn is_public_name(name: &str) -> bool {
    const LOCAL: [&str; 7] = ["localhost", "local", "internal", "home.arpa", "test", "invalid", "onion"];
    let is_below = |suffix: &str| name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    name.contains('.') && !name.ends_with('.') && !LOCAL.into_iter().any(is_below)
}

/// `host[:port]` of a URL.
#[must_use]
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    //
    #[test]
    fn an_id_is_an_https_url_with_a_path_in_its_one_spelling() {
        for good in [
            "https://claude.ai/oauth/mcp-oauth-client-metadata",
            "https://chatgpt.com/oauth/tU1UVEq8rRTK/client.json",
            "https://client.example:8443/a",
            "https://client.example/a%20b",
        ] {
            assert_eq!(ClientId::parse(good, false).as_ref().map(ClientId::as_str), Some(good));
        }
        assert_eq!(ClientId::parse("https://client.example:8443/a", false).unwrap().host(), "client.example:8443");
        for odd in [
            "",
            "client",
            "http://client.example/a",
            "https://client.example",
            "https://client.example/",
            "https://client.example/a?b=c",
            "https://client.example/a?",
            "https://client.example/a#b",
            "https://client.example/a#",
            "https://user@client.example/a",
            "https://user:secret@client.example/a",
            "https://@client.example/a",
            "https://client.example/a/../b",
            "https://client.example/./a",
            "https://client.example/%2e%2e/a",
            "https://client.example/a/%2E",
            "https://CLIENT.example/a",
            "HTTPS://client.example/a",
            "https://client.example:443/a",
            "https://client.example\\a",
            "https:/client.example/a",
            "https://client.example/a b",
            "https://client.example/ä",
            "https://bücher.example/a",
            "javascript:alert(1)",
        ] {
            assert_eq!(ClientId::parse(odd, false), None, "{odd}");
            assert_eq!(ClientId::parse(odd, true), None, "{odd}");
        }
        let long = format!("https://client.example/{}", "a".repeat(MAX_BYTES));
        assert!(ClientId::parse(long.get(..MAX_BYTES).unwrap(), false).is_some());
        assert_eq!(ClientId::parse(long.get(..=MAX_BYTES).unwrap(), false), None);
    }

    //
    #[test]
    fn nothing_in_a_network_of_ours_is_asked() {
        for inside in [
            "https://127.0.0.1/a",
            "https://169.254.169.254/latest",
            "https://[::1]/a",
            "https://10.0.0.1/a",
            "https://2130706433/a",
            "https://0x7f.1/a",
            "https://localhost/a",
            "https://a.localhost/a",
            "https://printer.local/a",
            "https://metadata.google.internal/a",
            "https://router/a",
            "https://client.example./a",
            "https://localhost./a",
        ] {
            assert_eq!(ClientId::parse(inside, false), None, "{inside}");
        }
        for near in ["https://notlocal/a", "https://mylocal.example/a", "https://local.example/a"] {
            assert_eq!(ClientId::parse(near, false).is_some(), near.contains('.'), "{near}");
        }
    }

    #[test]
    fn a_developer_may_run_the_client_on_the_same_machine() {
        for local in ["http://localhost:8787/client.json", "http://127.0.0.1:4000/c", "https://localhost/c"] {
            assert!(ClientId::parse(local, true).is_some(), "{local}");
            assert_eq!(ClientId::parse(local, false), None, "{local}");
        }
        assert_eq!(ClientId::parse("http://client.example/c", true), None);
    }
}
