//! The names that providers, issuers and sites go by inside a deployment, and the kinds of callers.

pub mod actor;
pub mod identifiers;
pub mod owner;
pub mod principal_kind;
pub mod site;

use std::fmt;

/// Longest id: it stands in cookies and paths.
const MAX_BYTES: usize = 32;

/// The short name of a provider in paths, cookies and secrets' names: `[a-z0-9-]{1,32}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(String);

impl ProviderId {
    /// Reads an id; `None` when it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let valid = !text.is_empty()
            && text.len() <= MAX_BYTES
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        valid.then(|| Self(text.to_owned()))
    }

    /// The id as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name spelt like a [`ProviderId`], and never one.
macro_rules! id_beside_providers {
    ($(#[$what:meta])* $name:ident) => {
        $(#[$what])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(ProviderId);

        impl $name {
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

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id_beside_providers! {
    /// The short name of an issuer in the configuration and in logs: spelt like a [`ProviderId`], and never one.
    IssuerId
}

id_beside_providers! {
    /// The short name of an entry of client certificates: spelt like a [`ProviderId`], and never one.
    CertificateId
}

id_beside_providers! {
    /// The short name of an entry of `SERVICES`, for which we get tokens of our own: spelt like a [`ProviderId`], and never one.
    ServiceId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_lower_case_and_safe_in_a_path() {
        for good in ["corp", "a", "login-2", &"a".repeat(32)] {
            assert_eq!(ProviderId::parse(good).map(|id| id.to_string()).as_deref(), Some(good));
        }
        for bad in ["", "Corp", "a_b", "a/b", "a.b", "é", "a b", &"a".repeat(33)] {
            assert_eq!(ProviderId::parse(bad), None, "{bad}");
        }
    }
}
