//! The origin Postern is reached at.

use url::{Host, Url};

use crate::ids::ProviderId;

/// The origin Postern is reached at: `https`, or `http` on a loopback host or below `localhost` (development only).
/// Origin comes from here alone, never from `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    development: bool,
}

impl PublicUrl {
    /// What [`PublicUrl::parse`] accepts.
    pub(crate) const EXPECTED: &str =
        "an https origin such as `https://app.example.com`, without path, query or user (http only on a loopback host)";

    /// Reads an origin; a single `/` after it is dropped, as is the port that goes without saying.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let url = origin(text)?;
        let development = is_loopback(&url) || is_below_localhost(&url);
        (url.scheme() == "https" || development)
            .then(|| Self { origin: url.origin().ascii_serialization(), development })
    }

    /// The origin without `/` at the end: `https://app.example.com`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// `host[:port]`, as a `Host` header writes it.
    #[must_use]
    pub fn host(&self) -> &str {
        self.origin.split_once("://").map_or("", |(_, host)| host)
    }

    /// The host without its port; an IPv6 address is in brackets.
    #[must_use]
    pub fn domain(&self) -> &str {
        let host = self.host();
        let port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        port.map_or(host, |(host, _)| host)
    }

    /// The absolute URL of `path`, which starts with `/`.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The one address at which a provider's answers are accepted: its own, so that none can be mixed up with
    /// another's (RFC 9700 §4.4.2.2, R-026). It is its redirect URI.
    #[must_use]
    pub fn callback_url(&self, provider: &ProviderId) -> String {
        self.join(&format!("/auth/callback/{provider}"))
    }

    /// Where every provider sends the browser back to after a logout: the post-logout redirect URI.
    #[must_use]
    pub fn logged_out_url(&self) -> String {
        self.join("/auth/logged-out")
    }

    /// Whether it is on a loopback host: nobody else reaches that, so it is a developer's machine.
    #[must_use]
    pub const fn is_loopback_development(&self) -> bool {
        self.development
    }

    /// Whether browsers are told to use nothing but TLS with this host. Never on a loopback host: the order would hold for
    /// every port of the developer's machine, for two years.
    #[must_use]
    pub fn is_pinned_to_https(&self) -> bool {
        self.is_https() && !self.development
    }

    /// Whether browsers reach it by TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }
}

/// An `http` or `https` origin: nothing but scheme, host and port, and perhaps a `/`.
pub(crate) fn origin(text: &str) -> Option<Url> {
    let host = text.split_once("://").map(|(_, host)| host.strip_suffix('/').unwrap_or(host))?;
    if host.contains(['/', '?', '#']) {
        return None;
    }
    absolute(text)
}

/// An `http` or `https` URL with a host, without user, that needs no repair: the parser forgives white
/// space, backslashes and missing slashes, which other readers of the same text might not.
pub(crate) fn absolute(text: &str) -> Option<Url> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let clean = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if authority.is_empty() || authority.contains('@') || !clean {
        return None;
    }
    Url::parse(text).ok()
}

/// Whether `host[:port]` is this machine, for browsers.
pub(crate) fn is_this_machine(host: &str) -> bool {
    absolute(&format!("http://{host}")).is_some_and(|url| is_loopback(&url) || is_below_localhost(&url))
}

/// Whether the host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether browsers take the host for this machine (RFC 6761 §6.3). Good for a place to be reached at; what is fetched from
/// here might be asked of a resolver that knows no better.
fn is_below_localhost(url: &Url) -> bool {
    matches!(url.host(), Some(Host::Domain(name)) if name.ends_with(".localhost"))
}

#[cfg(test)]
mod tests;
