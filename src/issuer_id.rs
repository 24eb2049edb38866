//! The name an issuer of access tokens goes by inside a deployment.

use std::fmt;

use crate::provider_id::ProviderId;

/// The short name of an issuer in the configuration and in logs: spelt like a [`ProviderId`], and never one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuerId(ProviderId);

impl IssuerId {
    /// Reads an id; `None` when it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        ProviderId::parse(text).map(Self)
    }

    /// The id as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for IssuerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
