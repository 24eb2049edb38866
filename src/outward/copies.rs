//! The copies that an isolate keeps of tokens of our own.

use std::cell::RefCell;
use std::collections::HashMap;

use super::keeper::Keeper;
use super::token::{ServiceToken, ServiceTokenDigest};
use crate::ids::ServiceId;
use crate::time::{Seconds, Timestamp};

/// A copy is used no longer: so late does an isolate learn of a token that was dropped, or renewed.
const LONGEST: Seconds = Seconds::new(30);

/// The copies, by entry: there are as many as `SERVICES` has.
#[derive(Debug, Default)]
pub struct ServiceTokenCopies {
    copies: RefCell<HashMap<ServiceId, Copied>>,
    own: RefCell<HashMap<ServiceId, Keeper>>,
}

#[derive(Debug)]
struct Copied {
    token: ServiceToken,
    until: Timestamp,
}

impl ServiceTokenCopies {
    /// The copy of an entry's token, while it may be used.
    #[must_use]
    pub fn get(&self, id: &ServiceId, now: Timestamp) -> Option<ServiceToken> {
        let copies = self.copies.borrow();
        copies.get(id).filter(|copy| now < copy.until).map(|copy| copy.token.clone())
    }

    /// Keeps a copy.
    pub fn keep(&self, id: &ServiceId, token: &ServiceToken, now: Timestamp) {
        let end = if token.is_short() { token.renew_at() } else { token.expires_at };
        let copy = Copied { token: token.clone(), until: end.min(now.plus(LONGEST)) };
        self.copies.borrow_mut().insert(id.clone(), copy);
    }

    /// What the isolate keeps by itself of an entry, while the object works by another configuration.
    pub fn own<T>(&self, id: &ServiceId, act: impl FnOnce(&mut Keeper) -> T) -> T {
        act(self.own.borrow_mut().entry(id.clone()).or_default())
    }

    /// Forgets the copy of this very token.
    pub fn forget(&self, id: &ServiceId, refused: &ServiceTokenDigest) {
        let mut copies = self.copies.borrow_mut();
        if copies.get(id).is_some_and(|copy| copy.token.digest() == *refused) {
            copies.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1000 + seconds)
    }

    fn token(life: i64) -> ServiceToken {
        ServiceToken { token: Secret::new("t".to_owned()), issued_at: at(0), expires_at: at(life) }
    }

    #[test]
    fn a_copy_is_used_for_thirty_seconds_and_never_past_the_end() {
        //
        let id = ServiceId::parse("billing").unwrap();
        for (life, kept_at, last) in [(3600, 0, 29), (3600, 3590, 3599), (40, 0, 19)] {
            let copies = ServiceTokenCopies::default();
            copies.keep(&id, &token(life), at(kept_at));
            assert!(copies.get(&id, at(last)).is_some(), "{life}");
            assert!(copies.get(&id, at(last + 1)).is_none(), "{life}");
        }
    }

    #[test]
    fn the_copy_of_another_token_stays() {
        //
        let (id, copies) = (ServiceId::parse("billing").unwrap(), ServiceTokenCopies::default());
        copies.keep(&id, &token(3600), at(0));
        let other = ServiceToken { token: Secret::new("other".to_owned()), ..token(3600) };
        copies.forget(&id, &other.digest());
        assert!(copies.get(&id, at(1)).is_some());
        copies.forget(&id, &token(3600).digest());
        assert!(copies.get(&id, at(1)).is_none());
    }
}
