//! Where a client may be answered: one of the addresses that its document lists, as texts (RFC 9700 §4.1.1).

use url::{Host, Url};

use super::id::host_of;
use crate::http::public_url::{absolute, is_loopback};

/// The longest address.
pub const MAX_BYTES: usize = 512;

/// An address that a client may be answered at. Only [`RedirectUri::accept`] makes one, or [`RedirectUri::parse`] of an
/// address that was accepted before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri {
    text: String,
    kind: RedirectKind,
}

/// Whose the address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectKind {
    /// A website's: `host[:port]`.
    Web(String),
    /// A program's on the person's own computer: `host[:port]`.
    Loopback(String),
    /// An app's on the person's own device, by its scheme (RFC 8252 §7.1).
    App(String),
}

/// Why an address is not one to answer at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectError {
    /// It is no address that answers may be sent to at all.
    Unusable,
    /// The client does not list it.
    Unlisted,
}

impl RedirectUri {
    /// The address that a request names, where the client lists it: character by character, but for the port of a loopback
    /// host, which programs choose when they run (RFC 8252 §7.3).
    ///
    /// # Errors
    /// When it is not listed, or none that answers may be sent to.
    pub fn accept(asked: &str, listed: &[String]) -> Result<Self, RedirectError> {
        let uri = Self::parse(asked).ok_or(RedirectError::Unusable)?;
        let is_listed = listed
            .iter()
            .any(|one| one == asked || (matches!(uri.kind, RedirectKind::Loopback(_)) && is_but_for_port(asked, one)));
        if is_listed { Ok(uri) } else { Err(RedirectError::Unlisted) }
    }

    /// Reads an address: `https`, `http` on a loopback host, or a scheme of an app's own with a dot in it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = text.len() <= MAX_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        if !is_plain || text.contains('#') {
            return None;
        }
        let kind = web(text).or_else(|| app(text))?;
        Some(Self { text: text.to_owned(), kind })
    }

    /// As it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whose it is.
    #[must_use]
    pub const fn kind(&self) -> &RedirectKind {
        &self.kind
    }

    /// The scheme, with its colon.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.text.find(':').and_then(|end| self.text.get(..=end)).unwrap_or_default()
    }

    /// The address with these parameters added to its query, each encoded.
    #[must_use]
    pub fn with(&self, parameters: &[(&str, &str)]) -> String {
        let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let joint = match self.text.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{}{joint}{encoded}", self.text)
    }
}

fn web(text: &str) -> Option<RedirectKind> {
    // A text that readers spell differently might be another address to the browser.
    let url = absolute(text).filter(|url| url.as_str() == text || is_without_path(text, url))?;
    match url.scheme() {
        _ if is_loopback(&url) => Some(RedirectKind::Loopback(host_of(&url))),
        "https" if matches!(url.host(), Some(Host::Domain(_))) => Some(RedirectKind::Web(host_of(&url))),
        _ => None,
    }
}

/// `https://a.example` is the one text that is spelt with a slash more and means the same.
fn is_without_path(text: &str, url: &Url) -> bool {
    url.as_str().strip_suffix('/') == Some(text)
}

fn app(text: &str) -> Option<RedirectKind> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
    let begins = scheme.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let is_own = is_scheme && begins && scheme.contains('.') && !scheme.ends_with('.');
    (is_own && rest.starts_with('/')).then(|| RedirectKind::App(scheme.to_owned()))
}

/// Whether two addresses are the same but for their ports.
fn is_but_for_port(one: &str, other: &str) -> bool {
    let parts = |text: &str| {
        let url = Url::parse(text).ok()?;
        let rest = (url.path().to_owned(), url.query().map(str::to_owned), text.contains('?'));
        Some((url.scheme().to_owned(), url.host_str()?.to_owned(), rest))
    };
    // As texts they have to be spelt in full, else `parts` would forgive what the browser does.
    RedirectUri::parse(other).is_some() && parts(one).is_some_and(|found| Some(found) == parts(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(asked: &str, listed: &[&str]) -> Result<(), RedirectError> {
        let listed: Vec<String> = listed.iter().map(|one| (*one).to_owned()).collect();
        RedirectUri::accept(asked, &listed).map(|uri| assert_eq!(uri.as_str(), asked))
    }

    //
    #[test]
    fn an_address_is_listed_character_by_character() {
        let listed = ["https://client.example/cb", "https://client.example/other?x=1"];
        assert_eq!(accepts("https://client.example/cb", &listed), Ok(()));
        assert_eq!(accepts("https://client.example/other?x=1", &listed), Ok(()));
        for other in [
            "https://client.example/cb/",
            "https://client.example/cb?x=1",
            "https://client.example/cb?",
            "https://client.example/CB",
            "https://client.example/other",
            "https://evil.example/cb",
            "https://client.example:8443/cb",
        ] {
            assert_eq!(accepts(other, &listed), Err(RedirectError::Unlisted), "{other}");
        }
    }

    //
    #[test]
    fn what_has_more_than_one_reading_is_no_address_even_where_it_is_listed() {
        for odd in [
            "https://client.example/cb/../x",
            "https://client.example/%2e%2e/x",
            "https://client.example:443/cb",
            "https://user@client.example/cb",
            "https://client.example/cb#x",
            "https://client.example/cb#",
            "https://CLIENT.example/cb",
            "https://client.example\\@evil.example/cb",
            "https:client.example/cb",
            "http://client.example/cb",
            "http://127.0.0.1:80/cb",
            "https://93.184.216.34/cb",
            "//client.example/cb",
            "/cb",
            "",
            "javascript:alert(1)",
            "data:text/html,x",
            "vscode://auth",
            "com.example.app:cb",
            "com.Example.app:/cb",
            ".app:/cb",
            "1.app:/cb",
            "https://client.example/a b",
            "https://client.example/a\r\nx: y",
            "intent://x#Intent;scheme=com.example;end",
        ] {
            assert_eq!(accepts(odd, &[odd]), Err(RedirectError::Unusable), "{odd}");
        }
        let long = format!("https://client.example/{}", "a".repeat(MAX_BYTES));
        assert_eq!(accepts(&long, &[&long]), Err(RedirectError::Unusable));
    }

    //
    #[test]
    fn a_program_on_the_persons_computer_chooses_its_port_and_nothing_else() {
        let listed = ["http://127.0.0.1/cb", "http://localhost:3000/cb", "http://[::1]/cb"];
        for good in ["http://127.0.0.1:33418/cb", "http://localhost:1/cb", "http://localhost/cb", "http://[::1]:9/cb"] {
            assert_eq!(accepts(good, &listed), Ok(()), "{good}");
        }
        for other in [
            "http://127.0.0.1:33418/cb2",
            "http://127.0.0.1:33418/cb?x",
            "http://127.0.0.1:33418/cb?",
            "http://127.0.0.2:33418/cb",
            "https://localhost:33418/cb",
            "http://localhost:33418/",
        ] {
            assert_eq!(accepts(other, &listed), Err(RedirectError::Unlisted), "{other}");
        }
        let web = ["https://client.example/cb"];
        assert_eq!(accepts("https://client.example:1/cb", &web), Err(RedirectError::Unlisted));
        assert_eq!(accepts("http://localhost:1/cb", &web), Err(RedirectError::Unlisted));
    }

    #[test]
    fn an_app_is_known_by_its_scheme() {
        let uri = RedirectUri::parse("com.example.app:/cb").unwrap();
        assert_eq!((uri.kind(), uri.scheme()), (&RedirectKind::App("com.example.app".to_owned()), "com.example.app:"));
        assert_eq!(
            RedirectUri::parse("https://a.example:8443/x").unwrap().kind(),
            &RedirectKind::Web("a.example:8443".to_owned())
        );
    }

    #[test]
    fn parameters_are_added_to_what_is_there() {
        for (uri, expected) in [
            ("https://a.example/cb", "https://a.example/cb?code=a%26b&state=c"),
            ("https://a.example/cb?", "https://a.example/cb?code=a%26b&state=c"),
            ("https://a.example/cb?x=1", "https://a.example/cb?x=1&code=a%26b&state=c"),
            ("com.example.app:/cb", "com.example.app:/cb?code=a%26b&state=c"),
        ] {
            assert_eq!(RedirectUri::parse(uri).unwrap().with(&[("code", "a&b"), ("state", "c")]), expected);
        }
    }
}
