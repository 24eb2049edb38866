//! How often an issuer is asked for its keys because tokens name keys that nobody knows.
//!
//! Anybody can make up key ids, ten thousand of them a second, so asking has a budget of its own. It must
//! hold off the flood without holding off the one real new key in it: what is fetched serves every
//! key id, so it is enough that somebody's fetch comes soon. There is one every [`SPACING`] while the budget
//! lasts, one every [`REFILL`] from then on, and never a long pause for an attacker to renew. The refresh of
//! keys that age spends nothing of it.

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

use crate::time::{Seconds, Timestamp};

/// Between two fetches of this kind, at least.
pub const SPACING: Seconds = Seconds::new(2);
/// So many may come one after another.
pub const BURST: u32 = 5;
/// The time in which one more is earned.
pub const REFILL: Seconds = Seconds::new(10);
/// A key id that the issuer does not know is not looked for again so soon. Short: who guesses the name of
/// the next key could keep it out for that long.
pub const ABSENT_FOR: Seconds = Seconds::new(10);
/// So many such key ids are remembered.
pub const MAX_ABSENT: usize = 256;

/// One issuer's account.
#[derive(Debug)]
pub struct RefetchBudget {
    fetches_left: u32,
    earning_since: Timestamp,
    last: Option<Timestamp>,
    /// Hashes, in the order of their time: an attacker chooses key ids, but not their hashes.
    absent: VecDeque<([u8; 32], Timestamp)>,
}

impl RefetchBudget {
    /// Nothing spent.
    #[must_use]
    pub const fn new() -> Self {
        let earning_since = Timestamp::EPOCH;
        Self { fetches_left: BURST, earning_since, last: None, absent: VecDeque::new() }
    }

    /// Whether a fetch may be made now; it is then spent.
    pub fn spend(&mut self, now: Timestamp) -> bool {
        self.earn(now);
        if self.fetches_left == 0 || self.last.is_some_and(|last| now.since(last) < SPACING && now >= last) {
            return false;
        }
        self.fetches_left -= 1;
        self.last = Some(now);
        true
    }

    /// Whether the issuer was asked for this key id so lately that the answer still counts.
    #[must_use]
    pub fn is_absent(&self, kid: &str, now: Timestamp) -> bool {
        let sought = digest(kid);
        let recent = |at: Timestamp| now >= at && now < at.plus(ABSENT_FOR);
        self.absent.iter().rev().take_while(|(_, at)| recent(*at)).any(|(hash, _)| *hash == sought)
    }

    /// The issuer was asked, and has no such key.
    pub fn note_absent(&mut self, kid: &str, now: Timestamp) {
        if self.absent.len() >= MAX_ABSENT {
            self.absent.pop_front();
        }
        self.absent.push_back((digest(kid), now));
    }

    fn earn(&mut self, now: Timestamp) {
        let earned = now.since(self.earning_since).get() / REFILL.get();
        self.fetches_left = self.fetches_left.saturating_add(earned).min(BURST);
        // What is full earns nothing.
        self.earning_since = if self.fetches_left == BURST {
            now
        } else {
            self.earning_since.plus(Seconds::new(earned.saturating_mul(REFILL.get())))
        };
    }
}

impl Default for RefetchBudget {
    fn default() -> Self {
        Self::new()
    }
}

fn digest(kid: &str) -> [u8; 32] {
    Sha256::digest(kid).into()
}

#[cfg(test)]
mod tests;
