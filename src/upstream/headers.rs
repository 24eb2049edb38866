//! Which headers go through us, and which end here.

use crate::http::caller_headers::{claims, folded};
use crate::http::{HeaderMap, HeaderName, HeaderValue, header};
use crate::route::RequestHeaders;

/// What becomes of a caller's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The upstream gets it.
    PassedOn,
    /// It ends here by its nature, or the platform has put it there.
    EndsHere,
    /// It is taken out, though the caller may have meant it for the upstream: the log names it.
    Removed,
}

/// What becomes of a header by its name alone, at a route with these settings. `claim_headers`: by which the deployment
/// tells of somebody.
pub(super) fn fate(name: &HeaderName, settings: &RequestHeaders, claim_headers: &[HeaderName]) -> Fate {
    let plain = folded(name);
    if is_hop_by_hop(name) || is_of_device(name) || *name == header::COOKIE {
        return Fate::EndsHere;
    }
    let tells_of_somebody = claim_headers.iter().any(|own| own.as_str() == plain);
    let removed = settings.remove.iter().any(|mask| mask.covers(&plain)) || claims(&plain);
    let kept = settings.keep.iter().any(|kept| kept == name);
    match () {
        () if tells_of_somebody || plain != name.as_str() => Fate::Removed,
        () if !removed || kept => Fate::PassedOn,
        () if is_the_platforms(&plain) => Fate::EndsHere,
        () => Fate::Removed,
    }
}

/// What Cloudflare puts into every request.
fn is_the_platforms(name: &str) -> bool {
    const NAMES: [&str; 5] = ["x-forwarded-for", "x-forwarded-proto", "x-real-ip", "x-request-id", "via"];
    name.starts_with("cf-") || NAMES.contains(&name)
}

/// Headers of answers that tell what an upstream is made of and how long its parts take, or that are
/// orders to a proxy: all that begin so.
pub const TELLING_PREFIXES: [&str; 6] = ["x-accel-", "x-aspnet", "x-b3-", "x-envoy-", "x-forwarded", "x-postern-"];
/// The same, by their whole names.
pub const TELLING_NAMES: [&str; 11] = [
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
/// Headers of the connection, not of the message (RFC 9110 §7.6.1).
pub const OF_THE_CONNECTION: [&str; 12] = [
    "connection",
    "content-length",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Between a browser and us, about the device that a session is bound to: all that begin so.
pub const OF_THE_DEVICE: [&str; 2] = ["sec-secure-session-", "secure-session-"];
/// By which an answer tells caches how long to keep it, beside `Cache-Control`: taken out where it is for nobody else.
pub const FOR_CACHES: [&str; 4] = ["cdn-cache-control", "cloudflare-cdn-cache-control", "expires", "surrogate-control"];

/// Whether a header of an answer tells of the upstream.
pub(super) fn tells_of_upstream(name: &HeaderName) -> bool {
    let name = name.as_str();
    TELLING_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || TELLING_NAMES.contains(&name)
}

/// Whether a header is the connection's.
pub(super) fn is_hop_by_hop(name: &HeaderName) -> bool {
    OF_THE_CONNECTION.contains(&name.as_str())
}

/// Whether a header is about the device that a session is bound to.
pub(super) fn is_of_device(name: &HeaderName) -> bool {
    OF_THE_DEVICE.iter().any(|prefix| name.as_str().starts_with(prefix))
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

/// The lines by which an upgrade to WebSocket goes through, written anew: any other protocol (`h2c`) would carry requests that
/// no guard looks at.
pub(super) fn websocket_upgrade(from: &HeaderMap) -> Option<[(HeaderName, HeaderValue); 2]> {
    is_websocket(from).then_some([
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &'static str) -> HeaderName {
        HeaderName::from_static(text)
    }

    #[test]
    fn what_an_answer_tells_of_the_upstream_is_known_by_name() {
        //
        for told in TELLING_NAMES.into_iter().chain(["x-aspnetmvc-version", "x-accel-redirect"]) {
            assert!(tells_of_upstream(&name(told)), "{told}");
        }
        for prefix in TELLING_PREFIXES {
            let longer = HeaderName::try_from(format!("{prefix}z")).unwrap();
            assert!(tells_of_upstream(&longer), "{longer}");
        }
        for kept in ["etag", "content-security-policy", "x-content-type-options", "x-total-count", "serve", "link"] {
            assert!(!tells_of_upstream(&name(kept)), "{kept}");
        }
    }

    #[test]
    fn what_is_said_of_a_device_is_between_the_browser_and_us() {
        //
        for said in ["sec-secure-session-id", "secure-session-response", "secure-session-skipped"] {
            assert_eq!(fate(&name(said), &RequestHeaders::default(), &[]), Fate::EndsHere, "{said}");
        }
        for said in ["secure-session-registration", "secure-session-challenge"] {
            assert!(is_of_device(&name(said)), "{said}");
        }
        assert!(!is_of_device(&name("secure-sessions")) && !is_of_device(&name("x-secure-session-id")));
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
