//! A token bucket: a pure function of what it was, of the time, and of what is allowed.
//!
//! It is kept as a debt, which time pays off. A bucket without debt is full, and the same as none at all: it may be
//! forgotten. Amounts are whole numbers of request × seconds, so nothing is ever lost to rounding, nor won by it.

use crate::time::{Seconds, Timestamp};

/// So many requests, once: the most that a burst or a rate may be.
pub const MOST_REQUESTS: u32 = 1_000_000;
/// The longest period of a rate.
pub const LONGEST_PERIOD: Seconds = Seconds::hours(24);

/// What is allowed: `requests` in every `period`, and `burst` at once when nothing was asked for a while.
///
/// In no span of `t` seconds are more than `burst + requests × t / period` let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    requests: u32,
    period: Seconds,
    burst: u32,
}

/// A bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// In request × seconds: one request costs `period`, a second pays off `requests`.
    debt: u64,
    at: Timestamp,
}

/// What came of asking for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Whether it is let through. It then is counted; one that is refused costs nothing.
    pub admitted: bool,
    /// How many more would be let through now.
    pub remaining: u32,
    /// In how long it will be one more.
    pub next: Seconds,
}

impl Allowance {
    /// `None` where one of them is zero or more than it may be.
    #[must_use]
    pub fn new(requests: u32, period: Seconds, burst: u32) -> Option<Self> {
        let counts = 1..=MOST_REQUESTS;
        let fits = counts.contains(&requests) && counts.contains(&burst);
        (fits && period > Seconds::new(0) && period <= LONGEST_PERIOD).then_some(Self { requests, period, burst })
    }

    /// How many requests every period allows.
    #[must_use]
    pub const fn requests(&self) -> u32 {
        self.requests
    }

    /// The period.
    #[must_use]
    pub const fn period(&self) -> Seconds {
        self.period
    }

    /// How many requests may come at once.
    #[must_use]
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// In how long an empty bucket is full.
    #[must_use]
    pub fn refill(&self) -> Seconds {
        self.time_for(self.capacity())
    }

    fn capacity(&self) -> u64 {
        u64::from(self.burst) * self.cost()
    }

    fn cost(&self) -> u64 {
        u64::from(self.period.get())
    }

    /// How long it takes to pay off so much, rounded up.
    fn time_for(&self, debt: u64) -> Seconds {
        Seconds::new(u32::try_from(debt.div_ceil(u64::from(self.requests))).unwrap_or(u32::MAX))
    }
}

impl Bucket {
    /// A full one.
    #[must_use]
    pub const fn full(now: Timestamp) -> Self {
        Self { debt: 0, at: now }
    }

    /// As it was kept: [`Bucket::debt`] and [`Bucket::at`].
    #[must_use]
    pub const fn kept(debt: u64, at: Timestamp) -> Self {
        Self { debt, at }
    }

    /// What is owed, in request × seconds.
    #[must_use]
    pub const fn debt(&self) -> u64 {
        self.debt
    }

    /// Since when.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Asks for one request. A clock that goes back pays nothing off, and nothing twice when it comes round again.
    pub fn draw(&mut self, allowance: &Allowance, now: Timestamp) -> Drawn {
        let paid = u64::from(now.since(self.at).get()) * u64::from(allowance.requests);
        // What a larger allowance left behind is no more than all of this one.
        let owed = self.debt.min(allowance.capacity()).saturating_sub(paid);
        let admitted = owed + allowance.cost() <= allowance.capacity();
        let debt = if admitted { owed + allowance.cost() } else { owed };
        *self = Self { debt, at: self.at.max(now) };
        let free = allowance.capacity() - debt;
        let remaining = u32::try_from(free / allowance.cost()).unwrap_or(u32::MAX);
        let lacking = (u64::from(remaining) + 1) * allowance.cost() - free;
        Drawn { admitted, remaining, next: allowance.time_for(lacking.min(debt)) }
    }

    /// From when on it is full, and may be forgotten.
    #[must_use]
    pub fn full_at(&self, allowance: &Allowance) -> Timestamp {
        self.at.plus(allowance.time_for(self.debt))
    }
}

#[cfg(test)]
mod tests;
