//! Whose a key is, and what its owner may at present.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use crate::ids::owner::Owner as KeyOwner;
use crate::time::Timestamp;

/// Who a key acts for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyHolder {
    /// A person made it for themselves: it may never do more than they may.
    Person(KeyOwner),
    /// An administrator made it for a service of this name, which has no owner.
    Service(String),
}

/// Names a holder in storage: SHA-256 over its kind and its names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HolderKey(String);

/// What whoever vouches for a person said of them last: at a sign-in, or at a refresh of any of their sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerStanding {
    /// Their roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Their permissions, without what their roles grant.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// The tenant that they belong to.
    #[serde(default)]
    pub tenant: Option<String>,
    /// When it was said.
    #[serde(default)]
    pub at: Timestamp,
}

impl KeyHolder {
    /// The person, if it is one's.
    #[must_use]
    pub const fn owner(&self) -> Option<&KeyOwner> {
        match self {
            Self::Person(owner) => Some(owner),
            Self::Service(_) => None,
        }
    }
}

impl HolderKey {
    /// The key of a holder. A person is the same by whatever id their provider goes.
    #[must_use]
    pub fn of(holder: &KeyHolder) -> Self {
        match holder {
            KeyHolder::Person(owner) => Self::of_person(&owner.issuer, &owner.subject),
            KeyHolder::Service(name) => Self::digest(&["service", name]),
        }
    }

    /// The key of the person that `issuer` calls `subject`.
    #[must_use]
    pub fn of_person(issuer: &str, subject: &str) -> Self {
        Self::digest(&["person", issuer, subject])
    }

    /// The number of the object that keeps the holder's keys.
    #[must_use]
    pub fn shard(&self) -> u8 {
        self.0.get(..2).and_then(|first| u8::from_str_radix(first, 16).ok()).unwrap_or_default()
    }

    /// As stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An issuer is a URL and so holds no NUL: no two holders share an input.
    fn digest(parts: &[&str]) -> Self {
        let hash = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part).chain_update([0]));
        Self(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The name of the object with this number.
#[must_use]
pub fn shard_name(number: u8) -> String {
    format!("{number:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};

    #[test]
    fn holders_are_kept_apart_and_always_in_the_same_place() {
        let person = |provider: &str, issuer: &str, subject: &str| {
            HolderKey::of(&KeyHolder::Person(KeyOwner {
                provider: provider.to_owned(),
                issuer: IssuerIdentifier::new(issuer),
                subject: SubjectIdentifier::new(subject),
            }))
        };
        let service = |name: &str| HolderKey::of(&KeyHolder::Service(name.to_owned()));
        let alice = person("corp", "https://op.example", "alice");
        assert_eq!(alice, person("renamed", "https://op.example", "alice"));
        assert_eq!(alice, HolderKey::of_person("https://op.example", "alice"));
        assert_eq!((alice.shard(), service("ci").shard()), (192, 240));
        for other in [
            person("corp", "https://op.example", "bob"),
            person("corp", "https://op.exampl", "ealice"),
            service("alice"),
        ] {
            assert_ne!(alice, other);
        }
        let shards: std::collections::BTreeSet<u8> = (0..5000).map(|at| service(&at.to_string()).shard()).collect();
        assert_eq!((shards.len(), shard_name(7)), (256, "07".to_owned()));
    }
}
