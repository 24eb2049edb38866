//! Which pages of other origins may call a route, and what their browsers are told (Fetch §3.2).
//!
//! Only origins that a route names in full are told anything: never `*`, never `null`, and never whatever
//! origin happens to ask.

use crate::http::header_edits::HeaderEdits;
use crate::http::{HeaderMap, HeaderName, HeaderValue, Method, RequestHead, header};
use crate::time::Seconds;

/// What refusals of ours say in headers, and a page elsewhere may need to know.
const OWN_HEADERS: [&str; 6] =
    ["dpop-nonce", "ratelimit", "ratelimit-policy", "retry-after", "www-authenticate", "x-request-id"];
const PREFIX: &str = "access-control-";

/// `cors` of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// `origins`: whose pages may call, as browsers write them (RFC 6454 §6.2); never empty.
    pub origins: Vec<String>,
    /// `credentials`: whether cookies come along, and then count. Default not.
    pub credentials: bool,
    /// `headers`: the request headers that such a page may set beyond those that any may.
    pub headers: Vec<HeaderName>,
    /// `expose`: the headers of the answer that it may read beyond those that any may.
    pub expose: Vec<HeaderName>,
    /// `max_age`: for how long a browser may remember the answer to its preflight.
    pub max_age: Option<Seconds>,
}

/// What one answer says about being read elsewhere. Made for every request to a route with [`Cors`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsGrant {
    /// The page's origin, where the route names it.
    origin: Option<String>,
    credentials: bool,
    expose: Vec<HeaderName>,
}

/// The method that a browser asks about before it sends a request (Fetch §3.2.2), if that is what it does.
#[must_use]
pub fn preflight(head: &RequestHead) -> Option<Method> {
    let asks = head.method == Method::OPTIONS && head.headers.contains_key(header::ORIGIN);
    let method = head.header(header::ACCESS_CONTROL_REQUEST_METHOD.as_str()).filter(|_| asks)?;
    Method::from_bytes(method.as_bytes()).ok()
}

impl Cors {
    /// What the answer to this request says.
    #[must_use]
    pub fn grant(&self, head: &RequestHead) -> CorsGrant {
        let origin = head.header(header::ORIGIN.as_str()).filter(|origin| self.origins.iter().any(|own| own == origin));
        CorsGrant { origin: origin.map(str::to_owned), credentials: self.credentials, expose: self.expose.clone() }
    }

    /// What the answer to a preflight says beyond its [`CorsGrant`]; `methods` as a list with commas.
    #[must_use]
    pub fn permissions(&self, methods: &str) -> HeaderMap {
        let max_age = self.max_age.map(|span| span.get().to_string());
        let lines = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, Some(methods.to_owned())),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, Some(names(&self.headers)).filter(|names| !names.is_empty())),
            (header::ACCESS_CONTROL_MAX_AGE, max_age),
        ];
        lines.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::try_from(value?).ok()?))).collect()
    }
}

impl CorsGrant {
    /// The origin of a page elsewhere, where it may read the answer.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The same, where it may come with cookies too.
    #[must_use]
    pub fn trusted_origin(&self) -> Option<&str> {
        self.origin().filter(|_| self.credentials)
    }

    /// Says it in an upstream's answer, to which we added `ours`. What the upstream says of its own about other origins is taken
    /// out.
    pub fn add_to_answer(&self, answer: &mut HeaderEdits<'_>, ours: &[HeaderName]) {
        for name in answer.before().keys().filter(|name| name.as_str().starts_with(PREFIX)) {
            answer.remove(name);
        }
        for (name, value) in self.lines(&names(&self.exposing(ours))) {
            answer.append(name, value);
        }
    }

    /// Says it in an answer of our own.
    pub fn add_to_own(&self, headers: &mut HeaderMap) {
        for (name, value) in self.lines(&names(&self.exposing(&OWN_HEADERS.map(HeaderName::from_static)))) {
            headers.append(name, value);
        }
    }

    /// These and those of the configuration, none of them twice.
    fn exposing(&self, ours: &[HeaderName]) -> Vec<HeaderName> {
        let more = self.expose.iter().filter(|name| !ours.contains(name));
        ours.iter().chain(more).cloned().collect()
    }

    fn lines(&self, expose: &str) -> Vec<(HeaderName, HeaderValue)> {
        // Also where nothing is granted: a cache must not give this answer to the next origin.
        let mut lines = vec![(header::VARY, HeaderValue::from_static("Origin"))];
        let Some(origin) = self.origin().and_then(|origin| HeaderValue::try_from(origin).ok()) else { return lines };
        lines.push((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin));
        if self.credentials {
            lines.push((header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")));
        }
        if let Some(expose) = HeaderValue::try_from(expose).ok().filter(|names| !names.is_empty()) {
            lines.push((header::ACCESS_CONTROL_EXPOSE_HEADERS, expose));
        }
        lines
    }
}

fn names(headers: &[HeaderName]) -> String {
    headers.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Peer;

    const SPA: &str = "https://spa.example.com";

    fn head(method: Method, lines: &[(&'static str, &'static str)]) -> RequestHead {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        RequestHead { method, url: String::new(), headers, peer: Peer::default() }
    }

    fn cors() -> Cors {
        Cors {
            origins: vec![SPA.to_owned(), "https://b.example:8443".to_owned()],
            credentials: true,
            ..Cors::default()
        }
    }

    /// An upstream's answer to a page of this origin, as it is passed on.
    fn answered(cors: &Cors, origin: &'static str, upstream: &[(&'static str, &'static str)]) -> HeaderMap {
        let of_upstream = head(Method::GET, upstream).headers;
        let mut edits = HeaderEdits::of(&of_upstream);
        cors.grant(&head(Method::GET, &[("origin", origin)])).add_to_answer(&mut edits, &[]);
        edits.applied()
    }

    #[test]
    fn only_an_origin_that_is_named_in_full_is_granted_anything() {
        //
        for origin in [SPA, "https://b.example:8443"] {
            let answer = answered(&cors(), origin, &[]);
            assert_eq!(
                (&answer["access-control-allow-origin"], &answer["vary"]),
                (&HeaderValue::from_static(origin), &HeaderValue::from_static("Origin"))
            );
            assert_eq!(answer["access-control-allow-credentials"], "true");
        }
        for origin in [
            "null",
            "*",
            "",
            "http://spa.example.com",
            "https://spa.example.com:443",
            "https://spa.example.com/",
            "https://spa.example.com.evil.example",
            "https://evil-spa.example.com",
            "https://SPA.example.com",
            "https://b.example",
            "https://spa.example.com https://b.example:8443",
        ] {
            let answer = answered(&cors(), origin, &[]);
            assert_eq!(answer.len(), 1, "{origin}: {answer:?}");
            assert_eq!(answer["vary"], "Origin");
        }
        let twice = cors().grant(&head(Method::GET, &[("origin", SPA), ("origin", SPA)]));
        assert_eq!(twice.origin(), None);
        assert_eq!(cors().grant(&head(Method::GET, &[])).origin(), None);
    }

    #[test]
    fn what_an_upstream_says_of_other_origins_is_replaced() {
        //
        let upstream = [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-private-network", "true"),
            ("etag", "a"),
            ("vary", "Accept"),
        ];
        let plain = Cors { credentials: false, expose: vec![header::ETAG], ..cors() };
        let answer = answered(&plain, SPA, &upstream);
        assert_eq!(answer["access-control-allow-origin"], SPA);
        assert_eq!(answer["access-control-expose-headers"], "etag");
        assert!(!answer.contains_key("access-control-allow-credentials"));
        assert!(!answer.contains_key("access-control-allow-private-network"));
        assert_eq!(answer["etag"], "a");
        assert_eq!(answer.get_all("vary").iter().collect::<Vec<_>>(), ["Accept", "Origin"]);
    }

    #[test]
    fn a_page_elsewhere_reads_what_our_refusals_say_in_headers() {
        let mut answer = HeaderMap::new();
        Cors { expose: vec![header::ETAG], ..cors() }
            .grant(&head(Method::GET, &[("origin", SPA)]))
            .add_to_own(&mut answer);
        assert_eq!(
            answer["access-control-expose-headers"],
            "dpop-nonce, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id, etag"
        );
    }

    #[test]
    fn cookies_count_only_where_the_route_says_so() {
        //
        let asked = head(Method::GET, &[("origin", SPA)]);
        assert_eq!(cors().grant(&asked).trusted_origin(), Some(SPA));
        assert_eq!(Cors { credentials: false, ..cors() }.grant(&asked).trusted_origin(), None);
    }

    #[test]
    fn a_preflight_has_an_origin_and_a_method() {
        let (origin, wants) = (("origin", SPA), ("access-control-request-method", "PUT"));
        assert_eq!(preflight(&head(Method::OPTIONS, &[origin, wants])), Some(Method::PUT));
        assert_eq!(preflight(&head(Method::GET, &[origin, wants])), None);
        assert_eq!(preflight(&head(Method::OPTIONS, &[wants])), None);
        assert_eq!(preflight(&head(Method::OPTIONS, &[origin])), None);
        assert_eq!(preflight(&head(Method::OPTIONS, &[origin, ("access-control-request-method", "a b")])), None);
    }

    #[test]
    fn a_preflight_is_told_what_the_route_allows() {
        let cors = Cors {
            headers: vec![header::CONTENT_TYPE, header::AUTHORIZATION],
            max_age: Some(Seconds::minutes(10)),
            ..cors()
        };
        let told = cors.permissions("GET, PUT");
        assert_eq!(told["access-control-allow-methods"], "GET, PUT");
        assert_eq!(told["access-control-allow-headers"], "content-type, authorization");
        assert_eq!(told["access-control-max-age"], "600");
        assert_eq!(Cors { headers: Vec::new(), max_age: None, ..cors }.permissions("GET").len(), 1);
    }
}
