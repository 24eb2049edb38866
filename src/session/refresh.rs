//! When a session's access token is refreshed, and what is remembered between one attempt and the next.
//!
//! The mark of an attempt is stored before the refresh token leaves, so that after a crash nobody
//! sends it again without knowing: a provider that rotates takes a second use for theft (RFC 9700 §4.14.2).

use serde::{Deserialize, Serialize};

use crate::time::{Seconds, Timestamp};

/// How long before its end an access token is refreshed, at most.
pub const AHEAD: Seconds = Seconds::new(60);

/// An access token that can be refreshed is used for so long, also where the provider says that it ends before: else
/// each request would be a refresh, and those who waited for one would find its token over.
const SHORTEST_LIFE: Seconds = Seconds::new(2);

/// The first pause after a failed attempt; each further one doubles it.
const FIRST_PAUSE: Seconds = Seconds::new(5);
const LONGEST_PAUSE: Seconds = Seconds::minutes(5);

/// What is remembered of a session's refreshing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshState {
    /// Whether there is a refresh token that may be used.
    #[serde(default)]
    pub possible: bool,
    /// When the attempt under way began; still there after a crash.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// Attempts that failed since the last that did not.
    #[serde(default)]
    pub failures: u32,
    /// Not before then again.
    #[serde(default)]
    pub retry_at: Timestamp,
    /// Whether the provider returned the refresh token unchanged or not at all: then a second use does no harm.
    #[serde(default)]
    pub reusable: bool,
}

/// What to do about an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Use it.
    No,
    /// Refresh it; it can still be used if that fails.
    Soon,
    /// Refresh it; without that there is none.
    Now,
    /// It cannot be used, and the provider failed us just now.
    Pausing,
    /// It cannot be used, and there is no way to refresh it: the person has to sign in.
    Never,
}

/// The life of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLife {
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends; `None` if that is not known.
    pub expires_at: Option<Timestamp>,
}

impl RefreshState {
    /// What to do now.
    #[must_use]
    pub fn due(&self, life: TokenLife, now: Timestamp) -> Due {
        let Some(expires_at) = life.expires_at else { return Due::No };
        let issued_at = life.issued_at;
        let expires_at = if self.possible { expires_at.max(issued_at.plus(SHORTEST_LIFE)) } else { expires_at };
        let expired = now >= expires_at;
        let whole_life = expires_at.since(issued_at);
        // A token that lives a minute must not be refreshed with every request.
        let ahead = AHEAD.min(Seconds::new(whole_life.get() / 5));
        match (self.possible, expired) {
            (_, false) if now < expires_at.minus(ahead) => Due::No,
            (false, false) => Due::No,
            (false, true) => Due::Never,
            (true, expired) if now < self.retry_at => {
                if expired {
                    Due::Pausing
                } else {
                    Due::No
                }
            }
            (true, false) => Due::Soon,
            (true, true) => Due::Now,
        }
    }

    /// An attempt begins.
    #[must_use]
    pub fn begun(&self, now: Timestamp) -> Self {
        Self { started_at: Some(now), ..self.clone() }
    }

    /// The attempt failed in a way that may pass.
    #[must_use]
    pub fn failed(&self, now: Timestamp) -> Self {
        let doubled = FIRST_PAUSE.get().saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        let pause = Seconds::new(doubled).min(LONGEST_PAUSE);
        Self { started_at: None, failures: self.failures.saturating_add(1), retry_at: now.plus(pause), ..self.clone() }
    }

    /// Nobody knows whether the attempt used the refresh token up. Where it cannot be used again, the
    /// session goes on without one: its person signs in again when the access token ends.
    #[must_use]
    pub fn lost(&self, now: Timestamp) -> Self {
        if self.reusable { self.failed(now) } else { Self::default() }
    }

    /// The attempt succeeded; `reusable` as in the field.
    #[must_use]
    pub const fn succeeded(reusable: bool) -> Self {
        Self { possible: true, started_at: None, failures: 0, retry_at: Timestamp::EPOCH, reusable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: TokenLife = TokenLife { issued_at: at(1000), expires_at: Some(at(1600)) };

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    #[test]
    fn a_token_is_renewed_a_minute_ahead_and_at_its_end() {
        let state = RefreshState::succeeded(false);
        let cases = [(1000, Due::No), (1539, Due::No), (1540, Due::Soon), (1599, Due::Soon), (1600, Due::Now)];
        for (now, expected) in cases {
            assert_eq!(state.due(LIFE, at(now)), expected, "at {now}");
        }
        let none = RefreshState::default();
        for (now, expected) in [(1540, Due::No), (1599, Due::No), (1600, Due::Never)] {
            assert_eq!(none.due(LIFE, at(now)), expected, "without a refresh token at {now}");
        }
        assert_eq!(none.due(TokenLife { expires_at: None, ..LIFE }, at(9999)), Due::No);
    }

    #[test]
    fn a_token_with_a_short_life_is_not_renewed_all_the_time() {
        let life = TokenLife { expires_at: Some(at(1030)), ..LIFE };
        assert_eq!(RefreshState::succeeded(true).due(life, at(1023)), Due::No);
        assert_eq!(RefreshState::succeeded(true).due(life, at(1024)), Due::Soon);
    }

    #[test]
    fn a_token_that_is_over_when_it_comes_is_not_renewed_with_every_request() {
        for expires_at in [1000, 1001, 0] {
            let life = TokenLife { expires_at: Some(at(expires_at)), ..LIFE };
            let renewable = RefreshState::succeeded(false);
            assert_eq!([1000, 1001, 1002].map(|now| renewable.due(life, at(now))), [Due::No, Due::No, Due::Now]);
            assert_eq!(RefreshState::default().due(life, at(1001)), Due::Never, "{expires_at}");
        }
    }

    #[test]
    fn after_failures_it_waits_longer_and_longer_but_not_for_ever() {
        let mut state = RefreshState::succeeded(false);
        let mut pauses = Vec::new();
        for _ in 0..40 {
            state = state.failed(at(1600));
            pauses.push(state.retry_at.since(at(1600)).get());
        }
        assert_eq!(pauses[..7], [5, 10, 20, 40, 80, 160, 300]);
        assert!(pauses.iter().skip(6).all(|pause| *pause == 300));
        assert_eq!(state.due(LIFE, at(1650)), Due::Pausing);
        assert_eq!(state.due(LIFE, at(1550)), Due::No, "what is still valid is used meanwhile");
        assert_eq!(state.due(LIFE, at(1900)), Due::Now);
    }

    #[test]
    fn a_lost_attempt_is_repeated_only_where_that_does_no_harm() {
        let rotating = RefreshState::succeeded(false).begun(at(1600)).lost(at(1700));
        assert!(!rotating.possible);
        let constant = RefreshState::succeeded(true).begun(at(1600)).lost(at(1700));
        assert!(constant.possible && constant.started_at.is_none());
    }
}
