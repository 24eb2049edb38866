//! Whom an answer is for, and so who may keep it (RFC 9111 §3.5, RFC 9110 §12.5.5).

use crate::route::{Access, Guard};

/// Whom an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheScope {
    /// Anyone: nobody was asked who they are, and the upstream itself says who may keep it.
    Shared,
    /// Whoever asked, alone. With the request headers that told who it is; `None` where the connection told it.
    Private(Option<&'static str>),
}

impl Default for CacheScope {
    /// The one that gives nothing to others.
    fn default() -> Self {
        Self::Private(None)
    }
}

impl CacheScope {
    /// That of a route's answers: private wherever the route asks who comes, by whatever it is told.
    #[must_use]
    pub fn of(access: &Access) -> Self {
        match access {
            Access::Public => Self::Shared,
            Access::Guarded(guard) => Self::Private(vary(guard)),
        }
    }

    /// Whether it is for whoever asked alone.
    #[must_use]
    pub const fn is_private(self) -> bool {
        matches!(self, Self::Private(_))
    }
}

/// The headers that an answer depends on: which of them told, or that neither did.
fn vary(guard: &Guard) -> Option<&'static str> {
    let by_authorization = guard.goes_by_authorization();
    match (by_authorization, guard.takes_sessions()) {
        (true, true) => Some("Authorization, Cookie"),
        (true, false) => Some("Authorization"),
        (false, true) => Some("Cookie"),
        (false, false) => None,
    }
}
