//! The request an upstream gets: the canonical path, and headers that only say what is true.

use super::answer::answer_headers;
use crate::authz::Permit;
use crate::config::PublicUrl;
use crate::cookie;
use crate::http::{HeaderMap, HeaderName, HeaderValue, RequestHead, header};
use crate::route::{CanonicalPath, Upstream};
use crate::secret::Secret;

/// A request that both doors let through, ready to be sent: the edge adds the body and nothing else.
#[derive(Debug)]
pub struct ForwardPlan {
    /// Where to.
    pub upstream: Upstream,
    /// The canonical path and the query, byte for byte what was matched.
    pub path_and_query: String,
    /// All headers that are sent, `Host` excepted.
    pub headers: HeaderMap,
    /// Whether the answer depends on who asked: it then must not be cached for others.
    pub private: bool,
    /// For the problem answer, should the upstream fail.
    pub request_id: String,
    told_by: Option<&'static str>,
    /// Cookies of ours that go with the upstream's answer.
    set_cookies: Vec<HeaderValue>,
    permit: Permit,
}

/// What is known when a request goes on.
#[derive(Debug)]
pub struct Forwarding<'a> {
    /// The request.
    pub head: &'a RequestHead,
    /// Its path, as it was matched.
    pub path: &'a CanonicalPath,
    /// Its query, without `?`.
    pub query: Option<&'a str>,
    /// Where the browser thinks it is.
    pub public_url: &'a PublicUrl,
    /// Which headers told who asked, where it was let through because of that.
    pub told_by: Option<&'static str>,
    /// The access token that goes along.
    pub access_token: Option<Secret<String>>,
    /// The id of the request.
    pub request_id: &'a str,
}

impl ForwardPlan {
    /// Makes the plan. The permit is used up.
    #[must_use]
    pub fn new(upstream: Upstream, forwarding: Forwarding<'_>, permit: Permit) -> Self {
        let path = forwarding.path.as_str();
        let path_and_query = match forwarding.query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        Self {
            upstream,
            path_and_query,
            headers: request_headers(&forwarding),
            private: forwarding.told_by.is_some(),
            told_by: forwarding.told_by,
            request_id: forwarding.request_id.to_owned(),
            set_cookies: Vec::new(),
            permit,
        }
    }

    /// The same, with cookies of ours to set.
    #[must_use]
    pub fn with_cookies(self, set_cookies: Vec<HeaderValue>) -> Self {
        Self { set_cookies, ..self }
    }

    /// The headers of the answer that the browser gets, of those that the upstream gave.
    #[must_use]
    pub fn answer_headers(&self, from_upstream: &HeaderMap) -> HeaderMap {
        let mut headers = answer_headers(self.told_by, from_upstream);
        for cookie in &self.set_cookies {
            headers.append(header::SET_COOKIE, cookie.clone());
        }
        headers
    }

    /// Whether door 2 let it through: always, a plan cannot be made otherwise.
    #[must_use]
    pub const fn permit(&self) -> &Permit {
        &self.permit
    }
}

fn request_headers(forwarding: &Forwarding<'_>) -> HeaderMap {
    let head = forwarding.head;
    let mut headers = HeaderMap::with_capacity(head.headers.len());
    for (name, value) in &head.headers {
        let kept = !(says_who_asks(name) || is_hop_by_hop(name) || *name == header::COOKIE);
        // A guarded route's caller is known by what they proved; what else they call themselves is noise at best. A
        // proof was for us, and is used up.
        let credential = *name == header::AUTHORIZATION || name.as_str() == "dpop";
        if kept && !(forwarding.told_by.is_some() && credential) {
            headers.append(name.clone(), value.clone());
        }
    }
    keep_websocket(&head.headers, &mut headers);
    if let Some(cookies) = cookie::without_ours(&head.headers) {
        headers.insert(header::COOKIE, cookies);
    }
    let bearer =
        forwarding.access_token.as_ref().map(|token| HeaderValue::try_from(format!("Bearer {}", token.expose())));
    if let Some(Ok(mut value)) = bearer {
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    set(&mut headers, "x-forwarded-host", forwarding.public_url.host());
    set(&mut headers, "x-forwarded-proto", if forwarding.public_url.is_https() { "https" } else { "http" });
    set(&mut headers, "x-forwarded-for", head.peer.address.as_deref().unwrap_or_default());
    set(&mut headers, "x-request-id", forwarding.request_id);
    headers
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Some(value) = HeaderValue::try_from(value).ok().filter(|value| !value.is_empty()) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

const CLAIMING_PREFIXES: [&str; 29] = [
    "cf-",
    "remote-",
    "ssl-client-",
    "tailscale-",
    "x-amzn-mtls-",
    "x-amzn-oidc-",
    "x-arr-",
    "x-auth-",
    "x-authenticated-",
    "x-authentik-",
    "x-client-",
    "x-envoy-",
    "x-forwarded",
    "x-goog-",
    "x-identity",
    "x-jwt-",
    "x-middleware-",
    "x-ms-client-",
    "x-original-",
    "x-pomerium-",
    "x-postern-",
    "x-remote-",
    "x-rewrite-",
    "x-ssl-",
    "x-sso-",
    "x-tls-",
    "x-user",
    "x-vouch-",
    "x-webauth-",
];
const CLAIMING_NAMES: [&str; 28] = [
    "client-cert",
    "client-cert-chain",
    "client-ip",
    "fastly-client-ip",
    "forwarded",
    "from",
    "proxy",
    "proxy-authorization",
    "true-client-ip",
    "via",
    "x-access-token",
    "x-cluster-client-ip",
    "x-email",
    "x-group",
    "x-groups",
    "x-host",
    "x-http-host-override",
    "x-http-method",
    "x-http-method-override",
    "x-id-token",
    "x-method-override",
    "x-real-ip",
    "x-request-id",
    "x-role",
    "x-roles",
    "x-scheme",
    "x-subject",
    "x-url-scheme",
];

/// Headers by which proxies tell upstreams who asks, from where, or for what: from outside they are
/// claims, so none is passed on; those that are true are set anew.
fn says_who_asks(name: &HeaderName) -> bool {
    let name = name.as_str();
    CLAIMING_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || CLAIMING_NAMES.contains(&name)
}

/// Headers of the connection, not of the request (RFC 9110 §7.6.1).
pub(super) fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "content-length"
            | "host"
            | "http2-settings"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// An upgrade to WebSocket goes through, written anew: any other protocol (`h2c`) would carry requests that
/// nobody looks at, and `Connection` can name headers for the next server to drop.
pub(super) fn keep_websocket(from: &HeaderMap, to: &mut HeaderMap) {
    let mut protocols = from.get_all(header::UPGRADE).iter();
    let first = protocols.next().is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if first && protocols.next().is_none() {
        to.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        to.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    }
}

#[cfg(test)]
mod tests;
