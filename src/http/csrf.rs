//! Did our own page ask for this? Asked of every request that a cookie authenticates.
//!
//! `SameSite` is not enough: a sibling subdomain is the same site. Fetch Metadata decides where the
//! browser sends it, `Origin` where it does not, and where neither came, an unsafe request needs a header
//! that no form and no cross-origin script without our consent can send. Where a route trusts a page of
//! another origin with cookies (`cors`), that page's requests are as good as our own, there and nowhere else.

use super::public_url::PublicUrl;
use crate::http::fetch_metadata::RequestKind;
use crate::http::{HeaderMap, Method, RequestHead, header};

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

/// Checks where a request comes from that a cookie authenticates, as strictly as its method asks. `also`: a further
/// origin that is trusted here. Browsers always name it: in a form that posts, a WebSocket, and a `fetch` that wants to read.
///
/// # Errors
/// When it is neither from a page of ours nor a person's own navigation, or nothing tells.
pub fn check(head: &RequestHead, own: &PublicUrl, also: Option<&str>) -> Result<(), CsrfError> {
    if also.is_some() && single(&head.headers, "origin") == also {
        Ok(())
    } else if head.headers.contains_key(header::UPGRADE) {
        check_upgrade(head, own)
    } else if is_unsafe(head) {
        check_unsafe(head, own)
    } else {
        check_safe(head)
    }
}

/// The same-origin policy does not hold for WebSockets: any page may open one and read what comes. But browsers
/// always say which page it is (RFC 6455 §10.2), so nothing else counts.
fn check_upgrade(head: &RequestHead, own: &PublicUrl) -> Result<(), CsrfError> {
    match single(&head.headers, "origin") {
        Some(origin) if origin == own.origin() => Ok(()),
        Some(_) => Err(CsrfError::Origin),
        None => Err(CsrfError::NoEvidence),
    }
}

/// Whether a request changes something.
fn is_unsafe(head: &RequestHead) -> bool {
    !matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Links from elsewhere may lead here; images, scripts, frames and `fetch` of other origins get nothing that
/// belongs to the person. What sends no Fetch Metadata is no browser of today, or an older one that
/// the same-origin policy keeps from reading the answer. What is loaded ahead of time comes as `none` whichever page asked
/// for it, so it gets nothing: who goes there indeed asks again.
fn check_safe(head: &RequestHead) -> Result<(), CsrfError> {
    match single(&head.headers, "sec-fetch-site") {
        Some("none") if head.headers.contains_key("sec-purpose") => Err(CsrfError::FetchSite),
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) if RequestKind::of(head).is_navigation() => Ok(()),
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
mod tests;
