//! The addresses in an upstream's answer, as the browser has to have them.

use url::{Position, Url};

use crate::config::PublicUrl;
use crate::http::header_edits::HeaderEdits;
use crate::http::{HeaderValue, header};
use crate::route::{OWN_PREFIX, PathMapping, Upstream};

/// Where an upstream lies, inside and outside.
#[derive(Debug)]
pub struct Addresses {
    /// The origin that browsers know.
    outside: String,
    /// The upstream's own. `None` for a binding: what it sees is the one that browsers know.
    inside: Option<String>,
    paths: PathMapping,
}

impl Addresses {
    /// Those of an upstream behind this origin.
    #[must_use]
    pub fn new(public_url: &PublicUrl, upstream: &Upstream, paths: PathMapping) -> Self {
        let inside = match upstream {
            Upstream::Url { origin, .. } => Some(origin.clone()),
            Upstream::Service(_) | Upstream::Assets => None,
        };
        Self { outside: public_url.origin().to_owned(), inside, paths }
    }

    /// The origin that the upstream sees itself at.
    #[must_use]
    pub fn seen_inside(&self) -> &str {
        self.inside.as_deref().unwrap_or(&self.outside)
    }

    /// Writes `Location`, `Content-Location` and the paths of cookies as they are outside.
    pub fn turn_outward(&self, answer: &mut HeaderEdits<'_>) {
        let turned = |value: &HeaderValue, turn: &dyn Fn(&str) -> Option<String>| {
            let text = std::str::from_utf8(value.as_bytes()).ok().and_then(turn);
            let turned = text.and_then(|text| HeaderValue::from_bytes(text.as_bytes()).ok());
            Some(turned.unwrap_or_else(|| value.clone()))
        };
        for name in [header::LOCATION, header::CONTENT_LOCATION] {
            answer.rewrite(&name, &|value| turned(value, &|text| self.reference(text.trim())));
        }
        answer.rewrite(&header::SET_COOKIE, &|value| turned(value, &|text| self.cookie(text)));
    }

    /// A URI reference (RFC 3986 §4.1) that means something else outside. One that is relative to the request's path does not.
    fn reference(&self, text: &str) -> Option<String> {
        if text.starts_with('/') && !text.starts_with("//") {
            // A second slash would make a host of what follows.
            return self.path(text).filter(|path| !path.starts_with("//"));
        }
        if !text.starts_with("//") && !has_authority(text) {
            return None;
        }
        let url = Url::parse(&self.outside).ok()?.join(text).ok()?;
        let (origin, path) = (url.origin().ascii_serialization(), &url[Position::BeforePath..]);
        if origin == self.outside {
            return self.path(path).map(|path| format!("{origin}{path}"));
        }
        let path = self.paths.outward(path).filter(|_| self.inside.as_ref() == Some(&origin))?;
        Some(format!("{}{path}", self.outside))
    }

    /// A path that an upstream names without its own origin. It may know of Postern's own paths.
    fn path(&self, path: &str) -> Option<String> {
        let is_own =
            path.strip_prefix(OWN_PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']));
        if is_own || self.paths.is_identity() { None } else { self.paths.outward(path) }
    }

    /// A cookie with a path that lies elsewhere outside. One for all paths stays so.
    fn cookie(&self, text: &str) -> Option<String> {
        if self.paths.is_identity() {
            return None;
        }
        let mut parts: Vec<String> = text.split(';').map(str::to_owned).collect();
        for part in parts.iter_mut().skip(1) {
            let Some((name, path)) = part.split_once('=') else { continue };
            let path = path.trim();
            if name.trim().eq_ignore_ascii_case("path") && path.starts_with('/') && path != "/" {
                let outward = self.paths.outward(path);
                *part = outward.map_or_else(|| part.clone(), |path| format!(" Path={path}"));
            }
        }
        Some(parts.join(";"))
    }
}

/// Whether it begins with a scheme and `//`.
fn has_authority(text: &str) -> bool {
    let is_of_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    text.split_once("://").is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.chars().all(is_of_scheme))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HeaderMap;

    const ELSEWHERE: &str = "https://api.example.com";

    fn addresses(prefix: Option<&str>, upstream: Upstream) -> Addresses {
        let paths = PathMapping::new(prefix, &upstream);
        Addresses::new(&PublicUrl::parse("https://app.example.com").unwrap(), &upstream, paths)
    }

    fn url(base_path: &str) -> Upstream {
        Upstream::Url { origin: ELSEWHERE.to_owned(), base_path: base_path.to_owned() }
    }

    /// What a header says outside.
    fn turned(addresses: &Addresses, name: header::HeaderName, value: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(name.clone(), HeaderValue::from_str(value).unwrap());
        let mut edits = HeaderEdits::of(&headers);
        addresses.turn_outward(&mut edits);
        let headers = edits.applied();
        assert_eq!(headers.len(), 1);
        String::from_utf8(headers[name].as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_redirect_to_the_upstream_itself_leads_back_to_where_it_lies_outside() {
        //
        let both = addresses(Some("/api"), url("/base"));
        for (inside, outside) in [
            ("/base/orders?a=/base#b", "/api/orders?a=/base#b"),
            ("https://api.example.com/base/orders/", "https://app.example.com/api/orders/"),
            ("https://API.example.com:443/base", "https://app.example.com/api"),
            ("//api.example.com/base/a", "https://app.example.com/api/a"),
            ("https://app.example.com/base/a?b", "https://app.example.com/api/a?b"),
            // It has been told of the prefix.
            ("/api/orders", "/api/orders"),
            ("https://api.example.com/api/orders", "https://app.example.com/api/orders"),
            ("https://app.example.com/api/orders", "https://app.example.com/api/orders"),
        ] {
            assert_eq!(turned(&both, header::LOCATION, inside), outside, "{inside}");
            assert_eq!(turned(&both, header::CONTENT_LOCATION, inside), outside, "{inside}");
        }
    }

    #[test]
    fn whatever_leads_elsewhere_stays_as_it_is() {
        let both = addresses(Some("/api"), url("/base"));
        for reference in [
            "https://api.example.com/login",
            "https://api.example.com:8443/base/a",
            "http://api.example.com/base/a",
            "https://api.example.com.evil.example/base/a",
            "https://user@evil.example/base/a",
            "/login",
            "/bases",
            "orders/7",
            "../a",
            "?page=2",
            "#a",
            "",
            "a?to=https://api.example.com/base/a",
            "mailto:base@api.example.com",
            "/auth/login?return_to=/base/a",
            "https://app.example.com/auth/logout",
            "/\\evil.example/base",
            "//evil.example/base/a",
            "https://",
        ] {
            assert_eq!(turned(&both, header::LOCATION, reference), reference);
        }
        assert_eq!(turned(&both, header::LINK, "</base/a>; rel=next"), "</base/a>; rel=next");
    }

    #[test]
    fn no_path_becomes_a_host() {
        let base = addresses(None, url("/base"));
        for reference in ["/base//evil.example", "/base//evil.example/a"] {
            assert_eq!(turned(&base, header::LOCATION, reference), reference);
        }
        let absolute = turned(&base, header::LOCATION, "https://api.example.com/base//evil.example");
        assert_eq!(absolute, "https://app.example.com//evil.example");
    }

    #[test]
    fn a_binding_has_no_origin_but_the_one_that_browsers_know() {
        for upstream in [Upstream::Service("API".to_owned()), Upstream::Assets] {
            let stripped = addresses(Some("/app"), upstream.clone());
            for (inside, outside) in [
                ("/about", "/app/about"),
                ("/", "/app/"),
                ("https://app.example.com/about", "https://app.example.com/app/about"),
                ("https://app.example.com/auth/login", "https://app.example.com/auth/login"),
                ("https://api.example.com/about", "https://api.example.com/about"),
            ] {
                assert_eq!(turned(&stripped, header::LOCATION, inside), outside, "{inside}");
            }
            let plain = addresses(None, upstream);
            assert_eq!(turned(&plain, header::LOCATION, "https://app.example.com/a"), "https://app.example.com/a");
        }
    }

    #[test]
    fn an_upstream_without_any_of_this_does_not_send_browsers_past_us() {
        let plain = addresses(None, url(""));
        assert_eq!(turned(&plain, header::LOCATION, "https://api.example.com/a?b"), "https://app.example.com/a?b");
        assert_eq!(turned(&plain, header::LOCATION, "/a"), "/a");
        assert_eq!(turned(&plain, header::SET_COOKIE, "a=1;Path=/a"), "a=1;Path=/a");
    }

    #[test]
    fn a_cookie_comes_back_where_its_path_lies_outside() {
        let both = addresses(Some("/api"), url("/base"));
        let stripped = addresses(Some("/api"), url(""));
        for (addresses, inside, outside) in [
            (&both, "a=/base; Path=/base; Secure", "a=/base; Path=/api; Secure"),
            (&both, "a=1; PATH = /base/x ;HttpOnly", "a=1; Path=/api/x;HttpOnly"),
            (&both, "a=1; Path=/api/x", "a=1; Path=/api/x"),
            (&both, "a=1; Path=/other", "a=1; Path=/other"),
            (&both, "__Host-a=1; Path=/; Secure", "__Host-a=1; Path=/; Secure"),
            (&both, "a=1; Path=base", "a=1; Path=base"),
            (&both, "path=/base; Secure", "path=/base; Secure"),
            (&stripped, "a=1; Path=/", "a=1; Path=/"),
            (&stripped, "a=1; Path=/x", "a=1; Path=/api/x"),
            (&stripped, "a=1; Path=/api", "a=1; Path=/api"),
            (&stripped, "a=1; Secure", "a=1; Secure"),
        ] {
            assert_eq!(turned(addresses, header::SET_COOKIE, inside), outside);
        }
    }
}
