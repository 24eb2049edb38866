//! The copy of the list that an isolate decides by.

use std::collections::HashMap;

use super::entry::{BlockTarget, NotBeforeScope};
use super::message::{BlockCopy, CopiedBlock, CopiedMoment};
use crate::time::Timestamp;

/// Versions of a list are counted from a random number times this.
pub const CHANGES_OF_EPOCH: u64 = 1_000_000;

/// The whole list, of one version.
#[derive(Debug, Default)]
pub struct BlockList {
    version: u64,
    blocks: HashMap<String, Option<Timestamp>>,
    moments: HashMap<String, (Timestamp, Option<Timestamp>)>,
}

impl BlockList {
    /// What the object said.
    #[must_use]
    pub fn of(copy: BlockCopy) -> Self {
        let BlockCopy { version, blocks, moments } = copy;
        let blocks = blocks.into_iter().map(|CopiedBlock(digest, until)| (digest, until)).collect();
        let moments = moments.into_iter().map(|CopiedMoment(digest, moment, tokens)| (digest, (moment, tokens)));
        Self { version, blocks, moments: moments.collect() }
    }

    /// Which version it is.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Whether both were counted from the same beginning: only then the greater version is the later one.
    #[must_use]
    pub const fn is_of_epoch_of(&self, other: &Self) -> bool {
        self.version / CHANGES_OF_EPOCH == other.version / CHANGES_OF_EPOCH
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.moments.is_empty()
    }

    /// Whether the target is blocked now.
    #[must_use]
    pub fn blocks(&self, target: &BlockTarget, now: Timestamp) -> bool {
        let until = if self.blocks.is_empty() { None } else { self.blocks.get(&target.digest()) };
        until.is_some_and(|until| until.is_none_or(|until| now < until))
    }

    /// Whether a session that began then counts no more.
    #[must_use]
    pub fn voids_session(&self, issuer: &str, subject: &str, began_at: Timestamp) -> bool {
        self.moments(issuer, subject).any(|(moment, _)| began_at < moment)
    }

    /// Whether an access token that was issued then counts no more; nor does one that does not say when it was issued, where
    /// that matters.
    #[must_use]
    pub fn voids_token(&self, issuer: &str, subject: &str, issued_at: Option<Timestamp>) -> bool {
        let moments = self.moments(issuer, subject).filter_map(|(_, tokens)| tokens);
        moments.into_iter().any(|moment| issued_at.is_none_or(|issued_at| issued_at < moment))
    }

    fn moments<'a>(
        &'a self,
        issuer: &'a str,
        subject: &'a str,
    ) -> impl Iterator<Item = (Timestamp, Option<Timestamp>)> + 'a {
        let scopes = || {
            let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
            let of_issuer = NotBeforeScope::Issuer { issuer: issuer.clone() };
            [NotBeforeScope::Everybody, of_issuer, NotBeforeScope::Subject { issuer, subject }]
        };
        let scopes = (!self.moments.is_empty()).then(scopes).into_iter().flatten();
        scopes.filter_map(|scope| self.moments.get(&scope.digest()).copied())
    }
}
