//! How long an upstream may keep us waiting: for its answer to begin, or to take more of the request.

use std::cell::Cell;

use crate::time::Seconds;

/// Counts only what the upstream is to blame for. A body that the browser sends slowly is the browser's, and an
/// answer that has begun may take as long as it likes.
#[derive(Debug)]
pub struct Patience {
    limit_ms: f64,
    /// When the upstream was last given something; `None` while we wait for the browser.
    since_ms: Cell<Option<f64>>,
}

/// What is left of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Left {
    /// Look again in so many milliseconds.
    Milliseconds(f64),
    /// Nothing.
    Nothing,
}

impl Patience {
    /// Waits for the upstream from now on.
    #[must_use]
    pub fn new(limit: Seconds, now_ms: f64) -> Self {
        Self { limit_ms: f64::from(limit.get()) * 1000.0, since_ms: Cell::new(Some(now_ms)) }
    }

    /// The upstream got a part of the request, or knows that there is no more.
    pub fn gave(&self, now_ms: f64) {
        self.since_ms.set(Some(now_ms));
    }

    /// The upstream took all that there is so far.
    pub fn took(&self) {
        self.since_ms.set(None);
    }

    /// What is left now.
    #[must_use]
    pub fn left(&self, now_ms: f64) -> Left {
        let Some(since) = self.since_ms.get() else { return Left::Milliseconds(self.limit_ms) };
        let left = self.limit_ms - (now_ms - since);
        if left > 0.0 { Left::Milliseconds(left) } else { Left::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_that_is_given_nothing_more_has_the_whole_time_once() {
        let patience = Patience::new(Seconds::new(30), 1000.0);
        assert_eq!(patience.left(1000.0), Left::Milliseconds(30_000.0));
        assert_eq!(patience.left(30_999.0), Left::Milliseconds(1.0));
        assert_eq!(patience.left(31_000.0), Left::Nothing);
    }

    #[test]
    fn every_part_that_the_upstream_takes_gives_it_new_time() {
        let patience = Patience::new(Seconds::new(30), 0.0);
        for part in 1..100 {
            patience.gave(f64::from(part) * 20_000.0);
            assert_eq!(patience.left(f64::from(part) * 20_000.0 + 19_999.0), Left::Milliseconds(10_001.0));
        }
        assert_eq!(patience.left(99.0 * 20_000.0 + 30_000.0), Left::Nothing);
    }

    #[test]
    fn while_the_browser_is_slow_the_upstream_is_not_blamed() {
        let patience = Patience::new(Seconds::new(30), 0.0);
        patience.took();
        assert_eq!(patience.left(1e9), Left::Milliseconds(30_000.0));
        patience.gave(1e9);
        assert_eq!(patience.left(1e9 + 29_999.0), Left::Milliseconds(1.0));
    }
}
