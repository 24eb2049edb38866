//! Addresses: the origin Postern is reached at, issuers, and which endpoints an issuer may name.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::provider_id::ProviderId;

/// The origin Postern is reached at: `https`, or `http` on a loopback host or below `localhost` (development only).
/// Origin comes from here alone, never from `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    development: bool,
}

/// An issuer identifier (OIDC Discovery §3): an `https` URL without query or fragment, compared byte for byte.
/// Loopback hosts, and `http` there, are accepted only when [`PublicUrl`] is on one too (development).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer {
    text: String,
    development: bool,
}

impl PublicUrl {
    /// What [`PublicUrl::parse`] accepts.
    pub(super) const EXPECTED: &str =
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

    /// Whether browsers reach it by TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }
}

impl Issuer {
    /// What [`Issuer::parse`] accepts.
    pub(super) const EXPECTED: &str = "an https URL without query or fragment";

    /// Reads an issuer, kept byte for byte. `development`: whether loopback hosts are allowed.
    pub(super) fn parse(text: &str, development: bool) -> Option<Self> {
        let url = absolute(text)?;
        let local = is_loopback(&url);
        let reachable = if local { development } else { url.scheme() == "https" && is_public(&url) };
        let plain = url.query().is_none() && url.fragment().is_none();
        (reachable && plain).then(|| Self { text: text.to_owned(), development: local })
    }

    /// The issuer as configured, to be compared byte for byte.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its origin as browsers write it (RFC 6454 §6.2); `None` only for what [`Issuer::parse`] refuses.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        absolute(&self.text).map(|url| url.origin().ascii_serialization())
    }

    /// Whether its metadata may name `url` as an endpoint: an `https` URL without user or
    /// fragment whose host is no private, loopback or link-local address. An issuer that is itself on a loopback
    /// host (development) may name others there, by `http` too.
    #[must_use]
    pub fn allows_endpoint(&self, url: &str) -> bool {
        let Some(url) = absolute(url).filter(|url| url.fragment().is_none()) else { return false };
        if is_loopback(&url) { self.development } else { url.scheme() == "https" && is_public(&url) }
    }
}

/// An `http` or `https` origin: nothing but scheme, host and port, and perhaps a `/`.
pub(super) fn origin(text: &str) -> Option<Url> {
    let host = text.split_once("://").map(|(_, host)| host.strip_suffix('/').unwrap_or(host))?;
    if host.contains(['/', '?', '#']) {
        return None;
    }
    absolute(text)
}

/// An `http` or `https` URL with a host, without user, that needs no repair: the parser forgives white
/// space, backslashes and missing slashes, which other readers of the same text might not.
fn absolute(text: &str) -> Option<Url> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let clean = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if authority.is_empty() || authority.contains('@') || !clean {
        return None;
    }
    Url::parse(text).ok()
}

/// Whether the host is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
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

/// Whether the host is a name or an address of the public internet.
fn is_public(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name != "localhost" && !name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => is_public_v4(address),
        Some(Host::Ipv6(address)) => is_public_v6(address),
        None => false,
    }
}

/// RFC 6890, without the blocks nobody routes anyway.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || first == 0
        || first >= 240
        || shared)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // IPv4 in disguise: mapped, compatible, NAT64 (RFC 6052), 6to4 (RFC 3056).
    let inner = match address.segments() {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        _ => None,
    };
    inner.is_none_or(is_public_v4)
        && !(address.is_loopback()
            || address.is_unspecified()
            || address.is_unique_local()
            || address.is_unicast_link_local()
            || address.is_multicast())
}

#[cfg(test)]
mod tests;
