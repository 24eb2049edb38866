//! The request an upstream gets: the canonical path, and headers that only say what is true.

use super::answer::answer_headers;
use crate::authz::Permit;
use crate::config::PublicUrl;
use crate::cookie;
use crate::http::{HeaderMap, HeaderName, HeaderValue, RequestHead, header};
use crate::route::{CanonicalPath, Upstream};
use crate::session::message::AccessToken;

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
    /// Whether it was let through because of who asked.
    pub private: bool,
    /// The access token that goes along.
    pub access_token: Option<AccessToken>,
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
            private: forwarding.private,
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
        let mut headers = answer_headers(self.private, from_upstream);
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
    let websocket = head.headers.contains_key(header::UPGRADE);
    let mut headers = HeaderMap::with_capacity(head.headers.len());
    for (name, value) in &head.headers {
        let kept = !(says_who_asks(name) || is_hop_by_hop(name, websocket) || *name == header::COOKIE);
        // A guarded route's caller is known by their session; what else they call themselves is noise at best.
        if kept && !(forwarding.private && *name == header::AUTHORIZATION) {
            headers.append(name.clone(), value.clone());
        }
    }
    if let Some(cookies) = cookie::without_ours(&head.headers) {
        headers.insert(header::COOKIE, cookies);
    }
    if let Some(token) = &forwarding.access_token {
        if let Ok(mut value) = HeaderValue::try_from(format!("Bearer {}", token.expose())) {
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
    }
    set(&mut headers, "x-forwarded-host", forwarding.public_url.host());
    set(&mut headers, "x-forwarded-proto", if forwarding.public_url.is_https() { "https" } else { "http" });
    set(&mut headers, "x-forwarded-for", head.peer.address.as_deref().unwrap_or_default());
    set(&mut headers, "x-request-id", forwarding.request_id);
    headers
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        if !value.is_empty() {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// Headers by which proxies tell upstreams who asks, from where, or for what: from outside they are
/// claims, so none is passed on; those that are true are set anew.
fn says_who_asks(name: &HeaderName) -> bool {
    const PREFIXES: [&str; 15] = [
        "x-postern-",
        "x-forwarded",
        "x-original-",
        "x-rewrite-",
        "x-auth-",
        "x-authenticated-",
        "x-user",
        "x-remote-",
        "x-ssl-",
        "x-client-",
        "x-envoy-",
        "x-amzn-oidc-",
        "x-goog-",
        "x-middleware-",
        "cf-",
    ];
    const NAMES: [&str; 24] = [
        "client-cert",
        "client-cert-chain",
        "client-ip",
        "fastly-client-ip",
        "forwarded",
        "from",
        "proxy",
        "proxy-authorization",
        "remote-addr",
        "remote-groups",
        "remote-name",
        "remote-user",
        "true-client-ip",
        "via",
        "x-cluster-client-ip",
        "x-email",
        "x-forwarded",
        "x-groups",
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "x-real-ip",
        "x-request-id",
        "x-roles",
    ];
    let name = name.as_str();
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name)
}

/// Headers of the connection, not of the request (RFC 9110 §7.6.1). A WebSocket's upgrade is kept.
pub(super) fn is_hop_by_hop(name: &HeaderName, websocket: bool) -> bool {
    match name.as_str() {
        "upgrade" | "connection" => !websocket,
        "host" | "content-length" | "keep-alive" | "proxy-authenticate" | "proxy-connection" | "te" | "trailer"
        | "transfer-encoding" => true,
        _ => false,
    }
}
