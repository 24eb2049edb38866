//! What a proxy says of the request it asks about → that request, as if it had come to us.
//!
//! Every header here can be sent by anybody. They are read only once the proxy has shown its secret, and then each
//! thing has to be said once: where two headers say it, one of them may be the browser's.

use std::net::IpAddr;

use crate::authn::workload::ACCESS_HEADER;
use crate::config::PublicUrl;
use crate::http::{HeaderMap, HeaderName, HeaderValue, Method, Peer, RequestHead, header};
use crate::refusal::{ForwardAuthError, Reason};

/// By which the proxy shows who it is.
pub(super) const SECRET: &str = "x-postern-secret";

const HOST: &str = "x-forwarded-host";
const PROTO: &str = "x-forwarded-proto";
/// The caller's address. `X-Forwarded-For` is no use: what lies between the proxy and us adds to it.
const ADDRESS: &str = "x-real-ip";
/// Other words for the URI, by which nothing here is asked.
const OTHER_WORDS: [&str; 2] = ["x-original-url", "x-rewrite-url"];

/// In which words a proxy asks, and so which answers it understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `X-Forwarded-Method` and `-Uri`, as Traefik and Caddy do: 2xx lets the request pass, and whatever else we
    /// answer is handed to the caller as it is.
    Forwarded,
    /// `X-Original-Method` and `-URI`, as nginx is told to: 2xx lets it pass, 401 and 403 are refusals, and
    /// anything else is an error in its eyes.
    Original,
}

impl Dialect {
    const ALL: [Self; 2] = [Self::Forwarded, Self::Original];

    const fn method(self) -> &'static str {
        match self {
            Self::Forwarded => "x-forwarded-method",
            Self::Original => "x-original-method",
        }
    }

    const fn uri(self) -> &'static str {
        match self {
            Self::Forwarded => "x-forwarded-uri",
            Self::Original => "x-original-uri",
        }
    }
}

/// A request that a proxy asks about.
#[derive(Debug)]
pub(super) struct ForwardedRequest {
    pub(super) head: RequestHead,
    pub(super) dialect: Dialect,
}

impl ForwardedRequest {
    /// Reads what the proxy says. The path stays as the browser sent it: what it means is for the same code to tell
    /// as for any other request.
    ///
    /// # Errors
    /// When something is not said, or twice, or is nothing of a request; or the request is for another origin.
    pub(super) fn read(asked: &RequestHead, public_url: &PublicUrl) -> Result<Self, Reason> {
        let dialect = dialect(&asked.headers).map_err(Reason::Verify)?;
        let said = |name| said(&asked.headers, name).map_err(Reason::Verify);
        let unusable = |name| Reason::Verify(ForwardAuthError::Unusable(name));
        let method = said(dialect.method())?;
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| unusable(dialect.method()))?;
        let uri = said(dialect.uri())?;
        if !is_origin_form(uri) {
            return Err(unusable(dialect.uri()));
        }
        let origin = format!("{}://{}", scheme(said(PROTO)?).ok_or(unusable(PROTO))?, said(HOST)?);
        if PublicUrl::parse(&origin).filter(|_| !origin.ends_with('/')).as_ref() != Some(public_url) {
            return Err(Reason::UnknownHost);
        }
        let url = public_url.join(uri);
        let head = RequestHead { method, url, headers: headers(&asked.headers), peer: peer(asked) };
        Ok(Self { head, dialect })
    }
}

/// Exactly one way to say it.
fn dialect(headers: &HeaderMap) -> Result<Dialect, ForwardAuthError> {
    if let Some(name) = OTHER_WORDS.into_iter().find(|name| headers.contains_key(*name)) {
        return Err(ForwardAuthError::SaidTwice(name));
    }
    let speaks = |dialect: &Dialect| headers.contains_key(dialect.uri()) || headers.contains_key(dialect.method());
    let mut spoken = Dialect::ALL.into_iter().filter(speaks);
    match (spoken.next(), spoken.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(ForwardAuthError::Unsaid(Dialect::Forwarded.uri())),
        (Some(_), Some(other)) => Err(ForwardAuthError::SaidTwice(other.uri())),
    }
}

/// The one value of a header. Several lines that were joined on the way hold a space, and pass nothing that follows.
fn said<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, ForwardAuthError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().ok_or(ForwardAuthError::Unsaid(name))?;
    if values.next().is_some() {
        return Err(ForwardAuthError::SaidTwice(name));
    }
    let text = first.to_str().ok().filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()));
    text.ok_or(ForwardAuthError::Unusable(name))
}

/// A path and perhaps a query (RFC 9112 §3.2.1): no host, no fragment. How long the path may be is
/// [`crate::route::CanonicalPath`]'s to say.
fn is_origin_form(uri: &str) -> bool {
    const MAX_BYTES: usize = 16 * 1024;
    uri.starts_with('/') && !uri.contains('#') && uri.len() <= MAX_BYTES
}

/// Some proxies say `wss` of a WebSocket's opening handshake.
fn scheme(proto: &str) -> Option<&'static str> {
    match proto {
        "https" | "wss" => Some("https"),
        "http" | "ws" => Some("http"),
        _ => None,
    }
}

/// The browser's own headers. `Upgrade` is of its connection with the proxy, so most proxies leave it out of the question;
/// what else an opening handshake consists of (RFC 6455 §4.1) no page can make up.
fn headers(asked: &HeaderMap) -> HeaderMap {
    let mut headers = asked.clone();
    let question = Dialect::ALL.into_iter().flat_map(|dialect| [dialect.method(), dialect.uri()]);
    // What Access says of the question, it says of the proxy.
    for name in question.chain([SECRET, HOST, PROTO, ADDRESS, ACCESS_HEADER.as_str()]) {
        headers.remove(name);
    }
    if headers.keys().any(|name: &HeaderName| name.as_str().starts_with("sec-websocket-")) {
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    headers
}

/// What the platform says of the connection is about the proxy: neither its place nor its TLS is the caller's.
fn peer(asked: &RequestHead) -> Peer {
    let address = asked.header(ADDRESS).and_then(|text| text.parse::<IpAddr>().ok());
    Peer {
        address: address.map(|address| address.to_string()),
        ray: asked.peer.ray.clone(),
        user_agent: asked.peer.user_agent.clone(),
        ..Peer::default()
    }
}

#[cfg(test)]
mod tests;
