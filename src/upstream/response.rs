//! What of an upstream's answer the browser gets.

use std::rc::Rc;

use super::cache_scope::CacheScope;
use super::headers::{FOR_CACHES, Nominated, is_hop_by_hop, is_of_device, tells_of_upstream, websocket_upgrade};
use crate::http::cors::CorsGrant;
use crate::http::header_edits::HeaderEdits;
use crate::http::security_headers::SecurityHeaders;
use crate::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use crate::limit::Quotas;
use crate::route::BrowserCache;

/// What an answer that is not ours has to say besides its own.
#[derive(Debug, Default)]
pub struct AnswerTerms {
    /// Whom it is for.
    pub scope: CacheScope,
    /// What the browser may keep of it, where it is private.
    pub cache: BrowserCache,
    /// Cookies of ours that go with it.
    pub cookies: Vec<HeaderValue>,
    /// What it says to pages of other origins: that alone, whatever it says itself. `None`: its own word stands.
    pub grant: Option<CorsGrant>,
    /// What is left of the limits that it counted against.
    pub quotas: Quotas,
    /// What browsers are to be careful with, where it does not say so itself.
    pub security_headers: Option<Rc<SecurityHeaders>>,
}

impl AnswerTerms {
    /// What becomes of the headers of an answer of this status before the browser gets them.
    #[must_use]
    pub fn edits<'a>(&self, status: StatusCode, of_answer: &'a HeaderMap) -> HeaderEdits<'a> {
        let mut edits = passed_on(of_answer);
        if let CacheScope::Private(vary) = &self.scope {
            let cache = if may_be_kept(status, of_answer) { self.cache } else { BrowserCache::None };
            keep_from_caches(&mut edits, vary.as_ref(), cache);
        }
        // There is no page to a WebSocket.
        if let Some(security) = self.security_headers.as_ref().filter(|_| status != StatusCode::SWITCHING_PROTOCOLS) {
            security.add_to(&mut edits);
        }
        for cookie in &self.cookies {
            edits.append(header::SET_COOKIE, cookie.clone());
        }
        for (name, value) in self.quotas.lines() {
            edits.append(name, value);
        }
        if let Some(grant) = &self.grant {
            grant.add_to_answer(&mut edits, &self.quotas.names());
        }
        edits
    }
}

/// What goes no further, whoever asks: an upstream sets its own cookies but never one of ours.
fn passed_on(of_answer: &HeaderMap) -> HeaderEdits<'_> {
    let mut edits = HeaderEdits::of(of_answer);
    let nominated = Nominated::in_headers(of_answer);
    for name in of_answer.keys() {
        let of_us = is_hop_by_hop(name) || is_of_device(name) || nominated.contains(name);
        if of_us || tells_of_upstream(name) {
            edits.remove(name);
        }
    }
    edits.rewrite(&header::SET_COOKIE, &|cookie| (!names_our_cookie(cookie)).then(|| cookie.clone()));
    for (name, value) in websocket_upgrade(of_answer).into_iter().flatten() {
        edits.append(name, value);
    }
    edits
}

/// An answer that depends on who asked is for no other person's cache, whatever the upstream thinks.
fn keep_from_caches(edits: &mut HeaderEdits<'_>, vary: Option<&HeaderValue>, cache: BrowserCache) {
    for name in FOR_CACHES {
        edits.remove(&HeaderName::from_static(name));
    }
    let directive = HeaderValue::try_from(cache.directive());
    edits.insert(header::CACHE_CONTROL, directive.unwrap_or(HeaderValue::from_static("private, no-store")));
    if let Some(vary) = vary {
        edits.append(header::VARY, vary.clone());
    }
}

/// Whether a browser may keep it at all: no failure, and nothing that the upstream itself wants stored nowhere.
fn may_be_kept(status: StatusCode, of_answer: &HeaderMap) -> bool {
    let forbids = |value: &HeaderValue| {
        String::from_utf8_lossy(value.as_bytes()).split(',').any(|word| word.trim().eq_ignore_ascii_case("no-store"))
    };
    let is_good = status.is_success() || status == StatusCode::NOT_MODIFIED;
    is_good && !of_answer.get_all(header::CACHE_CONTROL).iter().any(forbids)
}

/// Compared in lower case: browsers treat the prefix so. A nameless cookie (`=__Host-postern=x`)
/// would be sent back as one of ours.
fn names_our_cookie(set_cookie: &HeaderValue) -> bool {
    let text = String::from_utf8_lossy(set_cookie.as_bytes()).to_ascii_lowercase();
    let name = text.split(';').next().unwrap_or_default();
    name.trim_start_matches([' ', '\t', '=']).starts_with("__host-postern")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Seconds;
    use crate::upstream::headers::{OF_THE_CONNECTION, TELLING_NAMES, TELLING_PREFIXES};

    fn private_scope() -> CacheScope {
        CacheScope::Private(Some(HeaderValue::from_static("Cookie")))
    }

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    /// What the browser gets, where there are no terms but whom it is for.
    fn answer_headers(scope: CacheScope, from_upstream: &HeaderMap) -> HeaderMap {
        AnswerTerms { scope, ..AnswerTerms::default() }.edits(StatusCode::OK, from_upstream).applied()
    }

    #[test]
    fn an_upstream_cannot_set_a_cookie_of_ours() {
        //
        for cookie in ["__Host-postern=x; Path=/", "__host-POSTERN-login-a=x", " __Host-postern=x", "=__Host-postern=x"]
        {
            assert!(answer_headers(CacheScope::Shared, &headers(&[("set-cookie", cookie)])).is_empty(), "{cookie}");
        }
        let own = headers(&[("set-cookie", "app=1"), ("set-cookie", "__Host-app=2")]);
        assert_eq!(answer_headers(CacheScope::Shared, &own), own);
    }

    #[test]
    fn what_depended_on_the_caller_is_cached_for_nobody() {
        //
        let cacheable = headers(&[("cache-control", "public, max-age=600"), ("cdn-cache-control", "max-age=1")]);
        let private = answer_headers(private_scope(), &cacheable);
        assert_eq!(private.get("cache-control").unwrap(), "private, no-store");
        assert_eq!(private.get("vary").unwrap(), "Cookie");
        assert!(!private.contains_key("cdn-cache-control"));
        // What the connection told, no header tells.
        let of_connection = answer_headers(CacheScope::Private(None), &cacheable);
        assert_eq!(of_connection, headers(&[("cache-control", "private, no-store")]));
        assert_eq!(answer_headers(CacheScope::Shared, &cacheable), cacheable);
        // Whatever tells a cache of any kind how long: each by itself, beside what else an answer has.
        for name in
            ["cache-control", "cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control", "expires"]
        {
            let answer = headers(&[(name, "max-age=600"), ("etag", "a")]);
            let private = answer_headers(private_scope(), &answer);
            let values: Vec<_> = private.get_all(name).iter().collect();
            let expected: &[&str] = if name == "cache-control" { &["private, no-store"] } else { &[] };
            assert_eq!(values, expected, "{name}");
            assert_eq!(private.get("etag").unwrap(), "a");
            assert_eq!(answer_headers(CacheScope::Shared, &answer), answer, "{name}");
        }
    }

    #[test]
    fn a_browser_keeps_what_the_route_lets_it_keep_and_no_failure() {
        //
        let kept = |cache, status: u16, lines: &[(&'static str, &'static str)]| {
            let terms = AnswerTerms { scope: private_scope(), cache, ..AnswerTerms::default() };
            let headers = terms.edits(StatusCode::from_u16(status).unwrap(), &headers(lines)).applied();
            assert_eq!(headers.get_all("cache-control").iter().count(), 1);
            headers["cache-control"].to_str().unwrap().to_owned()
        };
        let public = [("cache-control", "public, max-age=600"), ("etag", "a")];
        for status in [200, 206, 304] {
            assert_eq!(kept(BrowserCache::Revalidate, status, &public), "private, no-cache", "{status}");
            let unchecked = BrowserCache::Unchecked(Seconds::new(60));
            assert_eq!(kept(unchecked, status, &public), "private, max-age=60", "{status}");
            assert_eq!(kept(BrowserCache::None, status, &public), "private, no-store", "{status}");
            for stored_nowhere in ["no-store", "private, No-Store", "max-age=9,no-store"] {
                let answer = [("cache-control", stored_nowhere)];
                assert_eq!(kept(unchecked, status, &answer), "private, no-store", "{stored_nowhere}");
            }
        }
        for status in [302, 401, 403, 404, 500, 503] {
            assert_eq!(kept(BrowserCache::Revalidate, status, &public), "private, no-store", "{status}");
        }
        // A public route's upstream speaks for itself.
        let terms =
            AnswerTerms { scope: CacheScope::Shared, cache: BrowserCache::Revalidate, ..AnswerTerms::default() };
        assert_eq!(terms.edits(StatusCode::OK, &headers(&public)).applied()["cache-control"], "public, max-age=600");
    }

    #[test]
    fn what_the_upstream_is_made_of_is_nobodys_business() {
        //
        let answer = headers(&[("server", "nginx/1.2"), ("server-timing", "db;dur=53"), ("x-powered-by", "Express")]);
        assert!(answer_headers(CacheScope::Shared, &answer).is_empty());
        for told in TELLING_NAMES.into_iter().chain(TELLING_PREFIXES).chain(OF_THE_CONNECTION) {
            let told = HeaderName::try_from(told.trim_end_matches('-')).unwrap();
            // `x-accel` alone is nobody's order.
            if tells_of_upstream(&told) || is_hop_by_hop(&told) {
                let answer = HeaderMap::from_iter([(told.clone(), HeaderValue::from_static("v"))]);
                assert!(answer_headers(CacheScope::Shared, &answer).is_empty(), "{told}");
            }
        }
    }

    #[test]
    fn headers_of_the_connection_stay_with_the_connection() {
        let answer = headers(&[
            ("connection", "x"),
            ("keep-alive", "1"),
            ("transfer-encoding", "chunked"),
            ("etag", "a"),
            ("x", "y"),
        ]);
        assert_eq!(answer_headers(CacheScope::Shared, &answer), headers(&[("etag", "a")]));
        let upgrade = headers(&[("connection", "Upgrade"), ("upgrade", "websocket")]);
        assert_eq!(answer_headers(private_scope(), &upgrade).get("upgrade").unwrap(), "websocket");
    }
}
