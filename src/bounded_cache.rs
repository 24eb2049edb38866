//! A bounded memory that keeps what was used lately. Every operation takes constant time on average.
//!
//! Two generations: what is put in or found again is young. When the young are half of what may be kept, the old
//! ones go and the young become old. So whoever is in use stays, and one who fills the memory displaces, of what
//! others use all the time, nothing for longer than until it is used again.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// What may be kept: so many entries, of so much weight together.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most entries.
    pub entries: usize,
    /// The most weight of all entries together.
    pub weight: usize,
}

/// The memory.
#[derive(Debug)]
pub struct BoundedCache<K, V> {
    bounds: Bounds,
    young: Generation<K, V>,
    old: Generation<K, V>,
}

#[derive(Debug)]
struct Generation<K, V> {
    entries: HashMap<K, (V, usize)>,
    weight: usize,
}

impl<K, V> Default for Generation<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), weight: 0 }
    }
}

impl<K: Copy + Eq + Hash, V> BoundedCache<K, V> {
    /// An empty memory.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, young: Generation::default(), old: Generation::default() }
    }

    /// What is kept under `key`, which is young again by that.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        if !self.young.entries.contains_key(key) {
            let (value, weight) = self.old.remove(key)?;
            self.insert(*key, value, weight);
        }
        self.young.entries.get(key).map(|(value, _)| value)
    }

    /// Keeps `value` in place of what was there. What alone is heavier than a generation may be is not kept.
    pub fn insert(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        if weight > self.bounds.weight / 2 {
            return;
        }
        if self.young.entries.len() >= self.bounds.entries / 2 || self.young.weight + weight > self.bounds.weight / 2 {
            self.old = mem::take(&mut self.young);
        }
        self.young.weight += weight;
        self.young.entries.insert(key, (value, weight));
    }

    /// Forgets what is kept under `key`.
    pub fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Forgets every value that is not `kept`. Takes time for every entry.
    pub fn retain(&mut self, kept: impl Fn(&V) -> bool) {
        for generation in [&mut self.young, &mut self.old] {
            generation.entries.retain(|_, (value, _)| kept(value));
            generation.weight = generation.entries.values().map(|(_, weight)| weight).sum();
        }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.entries.len() + self.old.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Eq + Hash, V> Generation<K, V> {
    fn remove(&mut self, key: &K) -> Option<(V, usize)> {
        let removed = self.entries.remove(key)?;
        self.weight -= removed.1;
        Some(removed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recent(entries: usize) -> BoundedCache<u32, u32> {
        BoundedCache::new(Bounds { entries, weight: 1000 })
    }

    #[test]
    fn what_is_in_use_stays_while_others_come_and_go() {
        let mut recent = recent(10);
        recent.insert(0, 0, 1);
        for key in 1..10_000 {
            recent.insert(key, key, 1);
            assert_eq!(recent.get(&0), Some(&0), "after {key}");
        }
        assert_eq!((recent.get(&1).copied(), recent.get(&9_999).copied()), (None, Some(9_999)));
    }

    #[test]
    fn what_nobody_uses_goes_when_the_memory_is_full() {
        let mut recent = recent(10);
        recent.insert(0, 0, 1);
        for key in 1..=10 {
            recent.insert(key, key, 1);
        }
        assert_eq!(recent.get(&0), None);
    }

    #[test]
    fn the_later_value_counts_and_what_is_forgotten_is_gone() {
        let mut recent = recent(4);
        recent.insert(1, 1, 1);
        recent.insert(2, 2, 1);
        recent.insert(3, 3, 1);
        recent.insert(1, 10, 1);
        assert_eq!((recent.get(&1).copied(), recent.len()), (Some(10), 3));
        recent.remove(&1);
        assert_eq!(recent.get(&1), None);
    }

    #[test]
    fn what_is_too_heavy_is_not_kept_and_takes_its_predecessor_along() {
        let mut recent = recent(10);
        recent.insert(1, 1, 500);
        assert_eq!(recent.get(&1), Some(&1));
        recent.insert(1, 2, 501);
        assert_eq!(recent.get(&1), None);
        assert!(recent.is_empty());
    }

    proptest! {
        /// Against a map that forgets nothing: what is found is what was put there last, and the bounds hold.
        #[test]
        fn it_finds_nothing_but_what_was_put_there(
            steps in prop::collection::vec((0_u8..4, 0_u32..40, 0_usize..300), 1..400),
        ) {
            let bounds = Bounds { entries: 16, weight: 1000 };
            let mut recent = BoundedCache::new(bounds);
            let mut all = HashMap::new();
            for (at, (action, key, weight)) in steps.into_iter().enumerate() {
                match action {
                    0 => { recent.insert(key, at, weight); all.insert(key, at); }
                    1 => { recent.remove(&key); all.remove(&key); }
                    2 => {
                        recent.retain(|value| value % 40 != key as usize);
                        all.retain(|_, value| *value % 40 != key as usize);
                    }
                    _ => if let Some(found) = recent.get(&key) { prop_assert_eq!(Some(found), all.get(&key)); }
                }
                prop_assert!(recent.len() <= bounds.entries);
                let weight = |generation: &Generation<u32, usize>| {
                    generation.entries.values().map(|(_, weight)| weight).sum::<usize>()
                };
                prop_assert_eq!(weight(&recent.young), recent.young.weight);
                prop_assert_eq!(weight(&recent.old), recent.old.weight);
                prop_assert!(recent.young.weight + recent.old.weight <= bounds.weight);
            }
        }
    }
}
