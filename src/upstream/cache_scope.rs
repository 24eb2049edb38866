//! Whom an answer is for, and so who may keep it (RFC 9111 §3.5, RFC 9110 §12.5.5).

use crate::authn::workload::ACCESS_HEADER;
use crate::http::{HeaderName, HeaderValue};
use crate::route::{Access, Guard};

/// Whom an answer is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheScope {
    /// Anyone: nobody was asked who they are, and the upstream itself says who may keep it.
    Shared,
    /// Whoever asked, alone. With the request headers that told who it is; `None` where the connection told it.
    Private(Option<HeaderValue>),
}

impl Default for CacheScope {
    /// The one that gives nothing to others.
    fn default() -> Self {
        Self::Private(None)
    }
}

impl CacheScope {
    /// That of a route's answers: private wherever the route asks who comes, by whatever it is told. `key_header`: where API keys
    /// have a header of their own.
    #[must_use]
    pub fn of(access: &Access, key_header: Option<&HeaderName>) -> Self {
        match access {
            Access::Public => Self::Shared,
            Access::Guarded(guard) => Self::Private(vary(guard, key_header.filter(|_| guard.takes_keys()))),
        }
    }

    /// Whether it is for whoever asked alone.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        matches!(self, Self::Private(_))
    }
}

/// The headers that an answer depends on: which of them told, or that none did.
fn vary(guard: &Guard, key_header: Option<&HeaderName>) -> Option<HeaderValue> {
    let usual = match (guard.goes_by_authorization(), guard.takes_sessions()) {
        (true, true) => "Authorization, Cookie",
        (true, false) => "Authorization",
        (false, true) => "Cookie",
        (false, false) => return None,
    };
    let assertion = guard.takes_workloads().then_some(ACCESS_HEADER);
    let others: Vec<&str> = key_header.into_iter().chain(&assertion).map(HeaderName::as_str).collect();
    if others.is_empty() {
        return Some(HeaderValue::from_static(usual));
    }
    // What cannot be said is nothing that may be used again.
    Some(HeaderValue::try_from(format!("{usual}, {}", others.join(", "))).unwrap_or(HeaderValue::from_static("*")))
}
