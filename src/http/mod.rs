//! Requests and replies as plain values.

pub mod alt_names;
pub mod caller_headers;
pub mod cookie;
pub mod cors;
pub mod csrf;
pub mod fetch_metadata;
pub mod header_edits;
pub mod language;
pub mod public_url;
pub mod security_headers;
mod weight;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

/// The head of a request from outside, as the platform handed it over. Nothing in it is trusted yet.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// The method, as sent.
    pub method: Method,
    /// The absolute URL, normalised by the platform (WHATWG), fragment removed.
    pub url: String,
    /// Every header as received, in order, names in lower case.
    pub headers: HeaderMap,
    /// What the platform itself knows of the caller.
    pub peer: Peer,
}

/// What the platform says of the caller; never taken from what a client can send.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Peer {
    /// The caller's address, from `CF-Connecting-IP`.
    pub address: Option<String>,
    /// The two-letter country, where the platform tells it.
    pub country: Option<String>,
    /// The city, where the platform tells it.
    pub city: Option<String>,
    /// The number of the network (AS), where the platform tells it. Policies are not told.
    #[serde(skip)]
    pub network_number: Option<String>,
    /// The platform's own id of the request (`CF-Ray`).
    pub ray: Option<String>,
    /// What the caller says that it is (`User-Agent`).
    pub user_agent: Option<String>,
    /// The caller's TLS connection, where the platform tells of one.
    pub tls: Option<Tls>,
    /// The certificate of that connection, where the platform tells of one.
    pub certificate: Option<ClientCertificate>,
}

/// What the platform says of a TLS connection, in its own words (`request.cf`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// `tlsVersion`, such as `TLSv1.3`.
    pub version: String,
    /// `tlsCipher`, such as `AEAD-AES128-GCM-SHA256`.
    pub cipher: String,
}

/// What the platform says of a client certificate, in its own words (`request.cf.tlsClientAuth`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCertificate {
    /// `certPresented`: `1`, or `0`.
    pub presented: Option<String>,
    /// `certVerified`: `SUCCESS`, or why not.
    pub verified: Option<String>,
    /// `certRevoked`: `0`, or `1`.
    pub revoked: Option<String>,
    /// `certFingerprintSHA256`: of the certificate in DER, in hexadecimal.
    pub fingerprint_sha256: Option<String>,
    /// `certSubjectDNRFC2253`: whose it is, as RFC 2253 writes names.
    pub subject: Option<String>,
    /// `certIssuerDNRFC2253`: who signed it, written alike.
    pub issuer: Option<String>,
    /// `certSerial`: its number with that issuer, in hexadecimal.
    pub serial: Option<String>,
    /// `certIssuerSKI`: the Subject Key Identifier of who signed it, in hexadecimal.
    pub issuer_ski: Option<String>,
    /// `certRFC9440`: the certificate itself, in Base64 between colons (RFC 9440 §2.1). Policies are not told.
    #[serde(skip)]
    pub encoded: Option<String>,
}

impl Peer {
    /// Where the caller is: an IPv4 address, or the half of an IPv6 address that one customer has to themselves (/64). An IPv4
    /// address written as IPv6 (RFC 4291 §2.5.5.2) is itself. `None` when the platform tells no address.
    #[must_use]
    pub fn network(&self) -> Option<IpAddr> {
        network(self.address.as_deref()?)
    }
}

/// [`Peer::network`] of this address.
#[must_use]
pub fn network(address: &str) -> Option<IpAddr> {
    Some(match address.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    })
}

/// Where an IPv6 address is in the larger sense: the part of it that a provider gives to one customer with many networks
/// (/48). `None` for any other address: such a customer has no more than one.
#[must_use]
pub fn site_network(address: &str) -> Option<IpAddr> {
    match address.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            Some(IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)))
        }
        IpAddr::V4(_) => None,
    }
}

/// A whole answer of Postern's own.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers; `Set-Cookie` may stand several times.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Response {
    /// An answer without a body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: String::new() }
    }
}

/// The path and query of a URL, byte for byte (the origin-form of RFC 9112 §3.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestTarget<'a> {
    /// The path; `/` where the URL has none.
    pub path: &'a str,
    /// What follows the first `?`.
    pub query: Option<&'a str>,
}

impl fmt::Display for RequestTarget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)?;
        self.query.map_or(Ok(()), |query| write!(f, "?{query}"))
    }
}

impl RequestHead {
    /// Path and query of the URL.
    #[must_use]
    pub fn target(&self) -> RequestTarget<'_> {
        let after_scheme = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let from_path = after_scheme.find('/').and_then(|start| after_scheme.get(start..)).unwrap_or("/");
        match from_path.split_once('?') {
            Some((path, query)) => RequestTarget { path, query: Some(query) },
            None => RequestTarget { path: from_path, query: None },
        }
    }

    /// Whether it has a body that the platform sends on with no request of this method. Two headers tell that there is
    /// one, whatever is in it (RFC 9112 §6.3).
    #[must_use]
    pub fn has_body_that_cannot_be_sent(&self) -> bool {
        let mut lengths = self.headers.get_all(header::CONTENT_LENGTH).iter();
        let has_body = self.headers.contains_key(header::TRANSFER_ENCODING) || lengths.any(|length| length != "0");
        has_body && matches!(self.method, Method::GET | Method::HEAD)
    }

    /// Whether it came without TLS.
    #[must_use]
    pub fn is_plain_http(&self) -> bool {
        self.url.split_once("://").is_some_and(|(scheme, _)| scheme == "http")
    }

    /// `host[:port]` of the URL: where the request came, and not what a header says. The platform has normalised it: lower
    /// case, without the port that goes without saying.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next())
    }

    /// The one value of a header; `None` when it is absent, repeated or not visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(only), None) => only.to_str().ok(),
            _ => None,
        }
    }
}

/// Whether the text is a `token68` (RFC 9110 §11.2), which RFC 6750 §2.1 calls `b64token`: the form of any token that
/// stands in `Authorization`.
#[must_use]
pub fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

/// A media type without its parameters (RFC 9110 §8.3.1); to be compared without case.
#[must_use]
pub fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_what_follows_the_host_byte_for_byte() {
        for (url, path, query) in [
            ("https://app.example.com", "/", None),
            ("https://app.example.com/a%2Fb//c", "/a%2Fb//c", None),
            ("https://app.example.com/a?b=c?d", "/a", Some("b=c?d")),
            ("https://app.example.com/a?", "/a", Some("")),
            ("https://evil.example?https://app.example.com/a", "//app.example.com/a", None),
        ] {
            let (method, url, peer) = (Method::GET, url.to_owned(), Peer::default());
            let head = RequestHead { method, url, headers: HeaderMap::new(), peer };
            assert_eq!(head.target(), RequestTarget { path, query }, "{}", head.url);
        }
        assert_eq!(RequestTarget { path: "/a", query: Some("") }.to_string(), "/a?");
    }

    #[test]
    fn a_network_is_an_ipv4_address_or_a_64() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("::ffff:c000:201", "::ffff:192.0.2.2", false),
            ("2001:db8:0:1::1", "2001:db8::1:ffff:ffff:ffff:ffff", true),
            ("2001:DB8:0:1::1", "2001:db8:0:1:0:0:0:1", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ] {
            assert!(network(one).is_some() && network(other).is_some());
            assert_eq!(network(one) == network(other), same, "{one} {other}");
        }
        for odd in ["", "localhost", "192.0.2.1:80", "[2001:db8::1]", "192.0.2.1, 192.0.2.2", "fe80::1%eth0", "1"] {
            assert_eq!(network(odd), None, "{odd}");
        }
    }
}
