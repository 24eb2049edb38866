//! Did our own page ask for this? Asked of every unsafe request that a cookie would authenticate.
//!
//! `SameSite` is not enough: a sibling subdomain is the same site. Fetch Metadata decides where the
//! browser sends it, `Origin` where it does not, and where neither came, a header that no form and no
//! cross-origin script without our consent can send.

use crate::config::PublicUrl;
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

/// Whether a request changes something, or opens a channel that can.
#[must_use]
pub fn is_unsafe(head: &RequestHead) -> bool {
    let reading = matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS);
    !reading || head.headers.contains_key(header::UPGRADE)
}

/// Checks where an unsafe request comes from.
///
/// # Errors
/// When it is not from a page of ours, or nothing tells.
pub fn check(head: &RequestHead, own: &PublicUrl) -> Result<(), CsrfError> {
    let origin = single(&head.headers, "origin");
    if origin.is_some_and(|origin| origin != own.origin()) {
        return Err(CsrfError::Origin);
    }
    match single(&head.headers, "sec-fetch-site") {
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
