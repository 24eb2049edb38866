//! What the object of an entry knows of its token: whether it is used, and when the next one is got. Pure; the object fetches.

use super::token::{ServiceToken, ServiceTokenDigest};
use crate::time::{Seconds, Timestamp};

/// The first pause after a failed attempt; each further one doubles it.
const FIRST_PAUSE: Seconds = Seconds::new(2);
const LONGEST_PAUSE: Seconds = Seconds::minutes(1);
/// How often a token is dropped at most, because an upstream did not take it: else whoever makes an upstream say so could have
/// us ask for tokens all the time.
const DROP_INTERVAL: Seconds = Seconds::new(10);

/// What the object knows.
#[derive(Debug, Default)]
pub struct Keeper {
    token: Option<ServiceToken>,
    failures: u32,
    retry_at: Timestamp,
    dropped_at: Option<Timestamp>,
}

/// What to do for one that needs the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Here it is.
    Use(ServiceToken),
    /// Here it is; and the next one is to be got beside.
    UseAndRenew(ServiceToken),
    /// The next one is to be waited for. If it does not come, the one at hand may do, as long as it lives.
    Wait,
    /// There is none, and the server failed us just now.
    Pause,
}

impl Keeper {
    /// With the token that was stored, if there is one.
    #[must_use]
    pub fn new(token: Option<ServiceToken>) -> Self {
        Self { token, ..Self::default() }
    }

    /// What to do now.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Next {
        let pauses = now < self.retry_at;
        match &self.token {
            Some(token) if token.is_alive(now) && (now < token.renew_at() || pauses) => Next::Use(token.clone()),
            Some(token) if token.is_alive(now) && !token.is_short() => Next::UseAndRenew(token.clone()),
            _ if pauses => Next::Pause,
            _ => Next::Wait,
        }
    }

    /// The token at hand, as long as it lives.
    #[must_use]
    pub fn at_hand(&self, now: Timestamp) -> Option<&ServiceToken> {
        self.token.as_ref().filter(|token| token.is_alive(now))
    }

    /// An upstream did not take this token: it is used no more. False if it is another than the one at hand, or if one was
    /// dropped just now.
    pub fn drop_refused(&mut self, refused: &ServiceTokenDigest, now: Timestamp) -> bool {
        let is_at_hand = self.token.as_ref().is_some_and(|token| token.digest() == *refused);
        let is_too_soon = self.dropped_at.is_some_and(|at| now < at.plus(DROP_INTERVAL));
        if !is_at_hand || is_too_soon {
            return false;
        }
        self.dropped_at = Some(now);
        self.token = None;
        true
    }

    /// Another token came.
    pub fn fetched(&mut self, token: ServiceToken) {
        *self = Self { token: Some(token), dropped_at: self.dropped_at, ..Self::default() };
    }

    /// None came.
    pub fn failed(&mut self, now: Timestamp) {
        let doubled = FIRST_PAUSE.get().saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        self.retry_at = now.plus(Seconds::new(doubled).min(LONGEST_PAUSE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1000 + seconds)
    }

    fn token(text: &str, life: i64) -> ServiceToken {
        ServiceToken { token: Secret::new(text.to_owned()), issued_at: at(0), expires_at: at(life) }
    }

    #[test]
    fn a_token_is_used_until_it_is_due_and_meanwhile_the_next_one_is_got() {
        //
        let keeper = Keeper::new(Some(token("a", 600)));
        assert_eq!(keeper.next(at(539)), Next::Use(token("a", 600)));
        assert_eq!(keeper.next(at(540)), Next::UseAndRenew(token("a", 600)));
        assert_eq!(keeper.next(at(599)), Next::UseAndRenew(token("a", 600)));
        assert_eq!(keeper.next(at(600)), Next::Wait);
        assert_eq!(Keeper::default().next(at(0)), Next::Wait);
    }

    #[test]
    fn a_short_token_is_not_used_past_half_its_life_while_there_may_be_another() {
        //
        let mut keeper = Keeper::new(Some(token("a", 60)));
        assert_eq!(keeper.next(at(29)), Next::Use(token("a", 60)));
        assert_eq!(keeper.next(at(30)), Next::Wait);
        keeper.failed(at(30));
        assert_eq!(keeper.next(at(31)), Next::Use(token("a", 60)), "better than none");
    }

    #[test]
    fn while_the_server_fails_the_token_counts_until_its_end_and_then_there_is_a_pause() {
        //
        let mut keeper = Keeper::new(Some(token("a", 600)));
        keeper.failed(at(550));
        assert_eq!(keeper.next(at(551)), Next::Use(token("a", 600)));
        assert_eq!(keeper.next(at(552)), Next::UseAndRenew(token("a", 600)));
        keeper.failed(at(599));
        assert_eq!(keeper.next(at(600)), Next::Pause);
        assert_eq!(keeper.next(at(603)), Next::Wait);
        for _ in 0..40 {
            keeper.failed(at(1000));
        }
        assert_eq!((keeper.next(at(1059)), keeper.next(at(1060))), (Next::Pause, Next::Wait));
        keeper.fetched(token("b", 9000));
        assert_eq!(keeper.next(at(1060)), Next::Use(token("b", 9000)));
        assert_eq!(keeper.at_hand(at(9000)), None);
    }

    #[test]
    fn only_the_very_token_is_dropped_and_not_all_the_time() {
        //
        let mut keeper = Keeper::new(Some(token("a", 600)));
        assert!(!keeper.drop_refused(&token("b", 600).digest(), at(1)));
        assert!(keeper.drop_refused(&token("a", 600).digest(), at(1)));
        assert_eq!(keeper.next(at(1)), Next::Wait);
        keeper.fetched(token("b", 600));
        assert!(!keeper.drop_refused(&token("b", 600).digest(), at(10)));
        assert!(keeper.drop_refused(&token("b", 600).digest(), at(11)));
    }
}
