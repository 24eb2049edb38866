//! What one isolate counts by itself, and what it remembers of objects' refusals.

use std::cell::RefCell;

use super::{Allowance, Bucket, BucketKey, Drawn};
use crate::bounded_cache::{BoundedCache, Bounds};
use crate::time::Timestamp;

/// Buckets told apart. Who comes from more places than that displaces buckets, and gets more than is allowed: an isolate
/// can keep its memory within bounds or its count, not both.
const BUCKETS: Bounds = Bounds { entries: 10_000, weight: 10_000 };

/// The buckets of one isolate.
#[derive(Debug)]
pub struct IsolateBuckets {
    own: RefCell<BoundedCache<BucketKey, Bucket>>,
    /// Until when an object's bucket has nothing to give: asking again before would be in vain, and cost a round trip.
    empty: RefCell<BoundedCache<BucketKey, Timestamp>>,
}

impl Default for IsolateBuckets {
    fn default() -> Self {
        Self { own: RefCell::new(BoundedCache::new(BUCKETS)), empty: RefCell::new(BoundedCache::new(BUCKETS)) }
    }
}

impl IsolateBuckets {
    /// Asks the isolate's own bucket for one request.
    pub fn draw(&self, key: &BucketKey, allowance: &Allowance, now: Timestamp) -> Drawn {
        let mut own = self.own.borrow_mut();
        let mut bucket = own.get(key).copied().unwrap_or(Bucket::full(now));
        let drawn = bucket.draw(allowance, now);
        own.insert(*key, bucket, 1);
        drawn
    }

    /// The refusal that an object would repeat.
    pub fn refused(&self, key: &BucketKey, now: Timestamp) -> Option<Drawn> {
        let until = *self.empty.borrow_mut().get(key)?;
        (now < until).then(|| Drawn { admitted: false, remaining: 0, next: until.since(now) })
    }

    /// Notes what an object answered.
    pub fn note(&self, key: &BucketKey, drawn: &Drawn, now: Timestamp) {
        if !drawn.admitted {
            self.empty.borrow_mut().insert(*key, now.plus(drawn.next), 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::{LimitKind, Whose};
    use crate::time::Seconds;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn key(name: &str, allowance: &Allowance) -> BucketKey {
        BucketKey::of(LimitKind::Subject, "", allowance, Whose::Subject("https://op.example", name))
    }

    #[test]
    fn each_bucket_is_counted_for_itself_and_memory_has_an_end() {
        let two = Allowance::new(1, Seconds::hours(1), 2).unwrap();
        let buckets = IsolateBuckets::default();
        for (name, admitted) in [("a", true), ("a", true), ("a", false), ("b", true), ("a", false)] {
            assert_eq!(buckets.draw(&key(name, &two), &two, NOW).admitted, admitted, "{name}");
        }
        for number in 0..20_000 {
            buckets.draw(&key(&number.to_string(), &two), &two, NOW);
        }
        assert!(buckets.own.borrow().len() <= BUCKETS.entries);
    }

    #[test]
    fn an_objects_refusal_is_repeated_for_as_long_as_it_said() {
        let one = Allowance::new(1, Seconds::minutes(1), 1).unwrap();
        let (buckets, key) = (IsolateBuckets::default(), key("a", &one));
        buckets.note(&key, &Drawn { admitted: true, remaining: 0, next: Seconds::minutes(1) }, NOW);
        assert_eq!(buckets.refused(&key, NOW), None);
        buckets.note(&key, &Drawn { admitted: false, remaining: 0, next: Seconds::new(7) }, NOW);
        let repeated = buckets.refused(&key, NOW.plus(Seconds::new(3))).unwrap();
        assert_eq!(repeated, Drawn { admitted: false, remaining: 0, next: Seconds::new(4) });
        assert_eq!(buckets.refused(&key, NOW.plus(Seconds::new(7))), None);
    }
}
