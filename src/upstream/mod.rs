//! What goes to an upstream, and what of its answer comes back.

use crate::http::HeaderMap;
use crate::route::Upstream;

/// A request that both doors let through, ready to be sent: the edge adds the body and nothing else.
#[derive(Debug)]
pub struct ForwardPlan {
    /// Where to.
    pub upstream: Upstream,
    /// The canonical path and the query, byte for byte what was matched.
    pub path_and_query: String,
    /// All headers that are sent, `Host` excepted.
    pub headers: HeaderMap,
    /// Whether the answer depends on who asked: it then must not be cached for others.
    pub private: bool,
}

/// The headers of the upstream's answer that the browser gets.
#[must_use]
pub fn answer_headers(_private: bool, _from_upstream: &HeaderMap) -> HeaderMap {
    HeaderMap::new()
}
