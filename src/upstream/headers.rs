//! Which headers go through us, and which end here.

use std::borrow::Cow;

use crate::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Prefixes of headers by which proxies tell upstreams who asks, from where, or for what.
const CLAIMING_PREFIXES: [&str; 31] = [
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
    "x-goog-authenticated-",
    "x-goog-iap-",
    "x-identity",
    "x-jwt-",
    "x-middleware-",
    "x-ms-client-principal",
    "x-ms-token-",
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
/// What well-known libraries say of the program, not of the person, under names that begin like a claim: gRPC-Web,
/// Supabase, Firebase.
const HARMLESS_NAMES: [&str; 5] =
    ["x-client-info", "x-client-name", "x-client-platform", "x-client-version", "x-user-agent"];

/// From outside such a header is a claim, so none is passed on; those that are true are set anew.
pub(super) fn says_who_asks(name: &HeaderName) -> bool {
    let name = folded(name);
    let claims = CLAIMING_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || CLAIMING_NAMES.contains(&&*name);
    claims && !HARMLESS_NAMES.contains(&&*name)
}

/// A name as servers read it that hand headers on as variables (RFC 3875 §4.1.18): there `X.User`, `X_User` and `X-User`
/// are one.
pub(super) fn folded(name: &HeaderName) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let name = name.as_str();
    if name.chars().all(is_plain) {
        return name.into();
    }
    name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect::<String>().into()
}

/// Headers of answers that tell what an upstream is made of and how long its parts take, or that are
/// orders to a proxy.
pub(super) fn tells_of_upstream(name: &HeaderName) -> bool {
    const PREFIXES: [&str; 6] = ["x-accel-", "x-aspnet", "x-b3-", "x-envoy-", "x-forwarded", "x-postern-"];
    const NAMES: [&str; 11] = [
        "powered-by",
        "server",
        "server-timing",
        "via",
        "x-backend-server",
        "x-generator",
        "x-powered-by",
        "x-runtime",
        "x-sendfile",
        "x-served-by",
        "x-server",
    ];
    let name = name.as_str();
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name)
}

/// Headers of the connection, not of the message (RFC 9110 §7.6.1).
pub(super) fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "content-length"
            | "host"
            | "http2-settings"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authentication-info"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// The further headers that a message's `Connection` says are for this connection only (RFC 9110 §7.6.1).
pub(super) struct Nominated(Vec<HeaderName>);

impl Nominated {
    pub(super) fn in_headers(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::CONNECTION).iter().filter_map(|line| line.to_str().ok());
        let names = lines.flat_map(|line| line.split(','));
        Self(names.filter_map(|name| HeaderName::try_from(name.trim()).ok()).collect())
    }

    pub(super) fn contains(&self, name: &HeaderName) -> bool {
        self.0.contains(name)
    }
}

/// Whether a message asks for, or agrees to, a WebSocket and nothing else.
pub(super) fn is_websocket(headers: &HeaderMap) -> bool {
    let mut protocols = headers.get_all(header::UPGRADE).iter();
    let first = protocols.next().is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"));
    first && protocols.next().is_none()
}

/// An upgrade to WebSocket goes through, written anew: any other protocol (`h2c`) would carry requests that
/// nobody looks at.
pub(super) fn keep_websocket(from: &HeaderMap, to: &mut HeaderMap) {
    if is_websocket(from) {
        to.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        to.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &'static str) -> HeaderName {
        HeaderName::from_static(text)
    }

    #[test]
    fn what_a_library_says_of_itself_is_no_claim() {
        // the prefix `x-user` is not to cost a gRPC-Web client its `x-user-agent`
        for harmless in HARMLESS_NAMES.into_iter().chain(["user-agent", "x-ms-client-request-id", "x-goog-api-client"])
        {
            assert!(!says_who_asks(&name(harmless)), "{harmless}");
        }
        for claim in [
            "x-user",
            "x-user-agent-id",
            "x-username",
            "x-user-id",
            "x-user-email",
            "x-client-id",
            "x-client-ip",
            "x-client-cert",
            "x-client-dn",
            "x-client-info-subject",
            "x-ms-client-principal",
            "x-ms-client-principal-id",
            "x-ms-token-aad-access-token",
            "x-goog-authenticated-user-id",
            "x-goog-iap-jwt-assertion",
            "x-vouch-user",
            "x.user",
            "x-forwarded~user",
            "x.postern.assertion",
        ] {
            assert!(says_who_asks(&name(claim)), "{claim}");
        }
    }

    #[test]
    fn what_an_answer_tells_of_the_upstream_is_known_by_name() {
        //
        for told in ["server", "server-timing", "x-powered-by", "x-aspnetmvc-version", "x-accel-redirect", "via"] {
            assert!(tells_of_upstream(&name(told)), "{told}");
        }
        for kept in ["etag", "content-security-policy", "x-content-type-options", "x-total-count", "serve", "link"] {
            assert!(!tells_of_upstream(&name(kept)), "{kept}");
        }
    }

    #[test]
    fn connection_names_further_headers_of_the_connection() {
        // R-173, RFC 9110 §7.6.1
        let mut headers = HeaderMap::new();
        headers.append("connection", HeaderValue::from_static("close, X-Hop"));
        headers.append("connection", HeaderValue::from_static(" x-other ,, not a name"));
        let nominated = Nominated::in_headers(&headers);
        assert!(nominated.contains(&name("x-hop")) && nominated.contains(&name("x-other")));
        assert!(!nominated.contains(&name("x-stays")));
    }
}
