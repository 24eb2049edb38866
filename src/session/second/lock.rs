//! How many codes may be guessed: five wrong ones, then one at a time with ever longer pauses.

use serde::{Deserialize, Serialize};

use crate::time::{Seconds, Timestamp};

/// So many wrong codes in a row cost nothing but the one after the last.
const FREE: u32 = 5;
const FIRST_PAUSE: Seconds = Seconds::minutes(1);
const LONGEST_PAUSE: Seconds = Seconds::hours(1);
/// After so many in a row, no code of this kind is looked at any more (NIST SP 800-63B-4 §3.2.2).
const MOST: u32 = 100;
/// 9999-12-31.
const FOR_GOOD: Timestamp = Timestamp::from_unix(253_402_214_400);

/// The wrong codes of one kind since the last good one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::session) struct WrongCodes {
    #[serde(default)]
    count: u32,
    #[serde(default)]
    locked_until: Timestamp,
}

impl WrongCodes {
    /// Until when no code is looked at; `None` where it is.
    pub(in crate::session) fn locked_until(&self, now: Timestamp) -> Option<Timestamp> {
        (now < self.locked_until).then_some(self.locked_until)
    }

    /// After one more of those that are too long to be guessed: no number of them is the last.
    #[must_use]
    pub(in crate::session) fn one_more_of_long(&self, now: Timestamp) -> Self {
        let counted = Self { count: self.count.min(MOST - 2), ..self.clone() };
        counted.one_more(now)
    }

    /// After one more.
    #[must_use]
    pub(in crate::session) fn one_more(&self, now: Timestamp) -> Self {
        let count = self.count.saturating_add(1);
        let locked_until = match count.checked_sub(FREE) {
            None => self.locked_until,
            Some(_) if count >= MOST => FOR_GOOD,
            Some(doublings) => now.plus(pause(doublings)),
        };
        Self { count, locked_until }
    }
}

fn pause(doublings: u32) -> Seconds {
    let seconds = FIRST_PAUSE.get().saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX));
    Seconds::new(seconds).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_000_000 + seconds)
    }

    #[test]
    fn five_wrong_codes_cost_a_minute_and_each_after_them_twice_as_much() {
        //
        let mut wrong = WrongCodes::default();
        let mut now = at(0);
        for _ in 1..FREE {
            wrong = wrong.one_more(now);
            assert_eq!(wrong.locked_until(now), None);
        }
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            wrong = wrong.one_more(now);
            let until = now.plus(Seconds::minutes(minutes));
            assert_eq!(wrong.locked_until(now), Some(until));
            assert_eq!(wrong.locked_until(until.minus(Seconds::new(1))), Some(until));
            assert_eq!(wrong.locked_until(until), None);
            now = until;
        }
    }

    #[test]
    fn a_hundred_in_a_row_are_the_last() {
        //
        let (mut wrong, mut now) = (WrongCodes::default(), at(0));
        for _ in 0..MOST {
            now = wrong.locked_until(now).unwrap_or(now);
            assert!(now < FOR_GOOD);
            wrong = wrong.one_more(now);
        }
        assert_eq!(wrong.locked_until(now.plus(Seconds::new(u32::MAX))), Some(FOR_GOOD));
        assert_eq!(wrong.one_more(now).locked_until(now), Some(FOR_GOOD));
    }
}
