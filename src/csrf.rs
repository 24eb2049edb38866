//! Did our own page ask for this? Asked of every request that a cookie authenticates.
//!
//! `SameSite` is not enough: a sibling subdomain is the same site. Fetch Metadata decides where the
//! browser sends it, `Origin` where it does not, and where neither came, an unsafe request needs a header
//! that no form and no cross-origin script without our consent can send.

use crate::config::PublicUrl;
use crate::http::{HeaderMap, Method, RequestHead, header};
use crate::navigation::Caller;

/// The header for callers that send neither `Sec-Fetch-Site` nor `Origin`: any value.
pub const HEADER: &str = "x-postern-csrf";

/// Why an unsafe request is not believed to be ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrfError {
    /// `Sec-Fetch-Site` says that another origin asks.
    FetchSite,
    /// `Origin` is another one, or `null`.
    Origin,
    /// There is no sign of where it comes from.
    NoEvidence,
}

impl CsrfError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::FetchSite => "csrf.fetch_site",
            Self::Origin => "csrf.origin",
            Self::NoEvidence => "csrf.no_evidence",
        }
    }
}

/// Checks where a request comes from that a cookie authenticates, as strictly as its method asks.
///
/// # Errors
/// When it is neither from a page of ours nor a person's own navigation, or nothing tells.
pub fn check(head: &RequestHead, own: &PublicUrl) -> Result<(), CsrfError> {
    if is_unsafe(head) { check_unsafe(head, own) } else { check_safe(head) }
}

/// Whether a request changes something, or opens a channel that can.
fn is_unsafe(head: &RequestHead) -> bool {
    let reading = matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS);
    !reading || head.headers.contains_key(header::UPGRADE)
}

/// Links from elsewhere may lead here; images, scripts, frames and `fetch` of other origins get nothing that
/// belongs to the person. What sends no Fetch Metadata is no browser of today, or an older one that
/// the same-origin policy keeps from reading the answer.
fn check_safe(head: &RequestHead) -> Result<(), CsrfError> {
    match single(&head.headers, "sec-fetch-site") {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) if Caller::of(head).is_navigation() => Ok(()),
        Some(_) => Err(CsrfError::FetchSite),
    }
}

/// Checks where an unsafe request comes from.
///
/// # Errors
/// When it is not from a page of ours, or nothing tells.
fn check_unsafe(head: &RequestHead, own: &PublicUrl) -> Result<(), CsrfError> {
    let origin = single(&head.headers, "origin");
    let site = single(&head.headers, "sec-fetch-site");
    // A page with `Referrer-Policy: no-referrer`, as ours are, posts its forms with `Origin: null`; that it
    // is ours only Fetch Metadata can say: a sandboxed frame's `null` comes as `cross-site`.
    let ours = |origin: &str| origin == own.origin() || (origin == "null" && site == Some("same-origin"));
    if origin.is_some_and(|origin| !ours(origin)) {
        return Err(CsrfError::Origin);
    }
    match site {
        Some("same-origin") => Ok(()),
        // `none` is the person themselves (address bar, bookmark): never an unsafe method by itself.
        Some(_) => Err(CsrfError::FetchSite),
        None if origin.is_some() || head.headers.contains_key(HEADER) => Ok(()),
        None => Err(CsrfError::NoEvidence),
    }
}

/// The value of a header; a repeated or unreadable one is as good as a wrong one.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() { Some("") } else { Some(first.to_str().unwrap_or_default()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HeaderName, HeaderValue, Peer};

    const OWN: &str = "https://app.example.com";

    fn checked(method: Method, headers: &[(&'static str, &'static str)]) -> Result<(), CsrfError> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let head = RequestHead { method, url: format!("{OWN}/x"), headers, peer: Peer::default() };
        check(&head, &PublicUrl::parse(OWN).unwrap())
    }

    #[test]
    fn an_unsafe_request_comes_from_a_page_of_ours() {
        //
        let good: &[&[(&str, &str)]] = &[
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "same-origin"), ("origin", OWN)],
            &[("origin", OWN)],
            &[(HEADER, "1")],
        ];
        for headers in good {
            assert_eq!(checked(Method::POST, headers), Ok(()), "{headers:?}");
        }
        let bad: &[(&[(&str, &str)], CsrfError)] = &[
            (&[], CsrfError::NoEvidence),
            (&[("sec-fetch-site", "none")], CsrfError::FetchSite),
            (&[("sec-fetch-site", "same-site")], CsrfError::FetchSite),
            (&[("sec-fetch-site", "cross-site"), (HEADER, "1")], CsrfError::FetchSite),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")], CsrfError::FetchSite),
            (&[("origin", "null")], CsrfError::Origin),
            (&[("origin", "https://app.example.com.evil.example")], CsrfError::Origin),
            (&[("origin", "https://app.example.com:444")], CsrfError::Origin),
            (&[("origin", "HTTPS://APP.EXAMPLE.COM")], CsrfError::Origin),
            (&[("origin", OWN), ("origin", OWN)], CsrfError::Origin),
            (&[("origin", "https://evil.example"), (HEADER, "1")], CsrfError::Origin),
        ];
        for (headers, error) in bad {
            assert_eq!(checked(Method::POST, headers), Err(*error), "{headers:?}");
        }
    }

    #[test]
    fn a_reading_request_of_another_origin_gets_nothing_by_our_cookie() {
        //
        let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        for site in ["same-site", "cross-site", "none", "same-origin"] {
            let headers = [("sec-fetch-site", site), navigation[0], navigation[1]];
            assert_eq!(checked(Method::GET, &headers), Ok(()), "{site}");
        }
        assert_eq!(checked(Method::GET, &[]), Ok(()));
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            for (mode, dest) in [("no-cors", "image"), ("no-cors", "script"), ("cors", "empty"), ("navigate", "iframe")]
            {
                let headers = |site| [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
                for site in ["same-site", "cross-site", "odd"] {
                    assert_eq!(checked(method.clone(), &headers(site)), Err(CsrfError::FetchSite), "{site} {mode}");
                }
                assert_eq!(checked(method.clone(), &headers("same-origin")), Ok(()));
            }
        }
    }

    #[test]
    fn a_websocket_is_opened_by_our_own_page() {
        //
        let upgrade = ("upgrade", "websocket");
        assert_eq!(checked(Method::GET, &[upgrade, ("origin", OWN)]), Ok(()));
        assert_eq!(checked(Method::GET, &[upgrade, ("origin", "https://evil.example")]), Err(CsrfError::Origin));
        assert_eq!(checked(Method::GET, &[upgrade]), Err(CsrfError::NoEvidence));
    }
}
