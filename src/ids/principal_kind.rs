//! What kind of caller somebody is.

use serde::{Deserialize, Serialize};

/// A person, a program of its own, or a program that acts by itself for someone.
///
/// It is part of who somebody is: a service whose id is spelt like a person's is not that person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PrincipalKind {
    /// A person, by a session or by a token that was issued for them.
    Human,
    /// A program in its own name.
    Service,
    /// A program that decides for itself what to do, in its own name or another's.
    Agent,
}

impl PrincipalKind {
    /// Every kind there is, by its name in the configuration.
    pub const NAMES: [(&str, Self); 3] = [("human", Self::Human), ("service", Self::Service), ("agent", Self::Agent)];

    /// The kind as configuration, callers and logs write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Service => "service",
            Self::Agent => "agent",
        }
    }
}
