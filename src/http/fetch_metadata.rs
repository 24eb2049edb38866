//! Fetch Metadata: is a person going somewhere, or a program asking?

use std::cmp::Reverse;

use crate::http::{Method, RequestHead, header, weight};

/// How a request came about, as far as the browser tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// The top-level page of a browser is going here.
    Navigation {
        /// Sent here by a page of another site, so that `SameSite=Strict` cookies stayed behind.
        cross_site: bool,
    },
    /// Anything else: `fetch`, an image, a frame, a command line.
    Program,
}

impl RequestKind {
    /// Fetch Metadata decides where the browser sends it (<https://www.w3.org/TR/fetch-metadata/> §2);
    /// an older browser's GET is a navigation when it prefers HTML. What a page has loaded ahead of time looks like one
    /// (`Sec-Purpose`, Fetch §3.6), but nobody is going anywhere yet, and any page may ask for it.
    #[must_use]
    pub fn of(head: &RequestHead) -> Self {
        if head.headers.contains_key("sec-purpose") {
            return Self::Program;
        }
        match head.header("sec-fetch-mode") {
            Some("navigate") if head.header("sec-fetch-dest") == Some("document") => {
                Self::Navigation { cross_site: head.header("sec-fetch-site") == Some("cross-site") }
            }
            Some(_) => Self::Program,
            None if head.headers.contains_key("sec-fetch-mode") => Self::Program,
            // Where somebody goes by GET, no browser names an origin (Fetch §3.1): a script asks.
            None if head.headers.contains_key(header::ORIGIN) => Self::Program,
            None if head.method == Method::GET && prefers_html(head) => Self::Navigation { cross_site: false },
            None => Self::Program,
        }
    }

    /// Whether a person will see the answer.
    #[must_use]
    pub const fn is_navigation(self) -> bool {
        matches!(self, Self::Navigation { .. })
    }
}

/// Who reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A person, at the top level of a browser.
    Person,
    /// A person, in a frame, or by a script that fetches pages for them, as service workers do.
    PersonInside,
    /// A program.
    Program,
}

impl Reader {
    /// Whoever asks for HTML rather than for JSON is to see a page, whatever the browser says of how the request came about.
    #[must_use]
    pub fn of(head: &RequestHead) -> Self {
        if RequestKind::of(head).is_navigation() {
            Self::Person
        } else if prefers_html(head) && !is_read_elsewhere(head) {
            Self::PersonInside
        } else {
            Self::Program
        }
    }
}

/// Whether a script reads the answer in a page: where somebody goes by GET, in a frame too, no browser names an origin
/// (Fetch §3.1).
fn is_read_elsewhere(head: &RequestHead) -> bool {
    head.headers.contains_key(header::ORIGIN) && matches!(head.method, Method::GET | Method::HEAD)
}

/// Whether `Accept` names HTML, and before JSON: browsers do, programs do not.
fn prefers_html(head: &RequestHead) -> bool {
    let accept = head.header(header::ACCEPT.as_str()).unwrap_or_default().to_ascii_lowercase();
    let best = |kind: &str| accept.split(',').enumerate().filter_map(|(place, range)| rank(range, kind, place)).max();
    best("text/html") > best("json")
}

/// How much a media range of `Accept` is wanted, if it is of that kind: by weight (RFC 9110 §12.5.1), then by place.
fn rank(range: &str, kind: &str, place: usize) -> Option<(u16, Reverse<usize>)> {
    let mut parts = range.split(';').map(str::trim);
    let named = parts.next().is_some_and(|name| name.ends_with(kind));
    let weight = parts.find_map(|parameter| parameter.strip_prefix("q=")).map_or(Some(1000), weight::thousandths);
    weight.filter(|weight| named && *weight > 0).map(|weight| (weight, Reverse(place)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HeaderMap, HeaderName, HeaderValue, Peer};

    fn caller(accept: &str) -> RequestKind {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_str(accept).unwrap())]);
        RequestKind::of(&RequestHead { method: Method::GET, url: String::new(), headers, peer: Peer::default() })
    }

    #[test]
    fn without_fetch_metadata_who_prefers_html_is_a_person() {
        //
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for accept in
            [browser, "text/html", "TEXT/HTML", "text/html, application/json", "application/json;q=0.5, text/html"]
        {
            assert!(caller(accept).is_navigation(), "{accept}");
        }
    }

    #[test]
    fn what_is_loaded_ahead_of_time_is_nobody_going_anywhere() {
        //
        let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("accept", "text/html")];
        let caller = |more: &[(&'static str, &'static str)]| {
            let lines = navigation.iter().chain(more);
            let lines = lines.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let headers = HeaderMap::from_iter(lines);
            RequestKind::of(&RequestHead { method: Method::GET, url: String::new(), headers, peer: Peer::default() })
        };
        assert!(caller(&[]).is_navigation());
        for purpose in ["prefetch", "prefetch;prerender", "prefetch;anonymous-client-ip", ""] {
            assert_eq!(caller(&[("sec-purpose", purpose)]), RequestKind::Program, "{purpose}");
        }
    }

    #[test]
    fn who_goes_somewhere_names_no_origin() {
        // field row 13: a script of an older browser, on a page elsewhere
        let browser = ("accept", "text/html");
        let told = |lines: &[(&'static str, &'static str)]| {
            let lines =
                lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let headers = HeaderMap::from_iter(lines);
            RequestKind::of(&RequestHead { method: Method::GET, url: String::new(), headers, peer: Peer::default() })
        };
        assert!(told(&[browser]).is_navigation());
        assert_eq!(told(&[browser, ("origin", "https://spa.example.com")]), RequestKind::Program);
        assert_eq!(told(&[browser, ("origin", "null")]), RequestKind::Program);
    }

    #[test]
    fn without_fetch_metadata_who_prefers_anything_else_is_a_program() {
        //
        for accept in [
            "",
            "*/*",
            "application/json",
            "application/json, text/html",
            "text/html;q=0.1, application/json",
            "text/html; q=0.1, application/problem+json; q=0.2",
            "text/html;q=0",
            "text/html;q=x",
            "text/plain",
        ] {
            assert_eq!(caller(accept), RequestKind::Program, "{accept}");
        }
    }
}
