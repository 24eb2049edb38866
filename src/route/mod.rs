//! Which rule answers for a request: one canonical path, matched and forwarded byte for byte.

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// `service:NAME`: the service binding of that name.
    Service(String),
    /// `https://host[:port]`: an origin, without path.
    Origin(String),
    /// `assets`: the static assets binding.
    Assets,
}

/// Placeholder until the table is written.
#[derive(Debug)]
pub struct Router;
