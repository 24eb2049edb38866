//! Sorting and collecting in little code.
//!
//! The standard library's sort is made for long lists, and `collect` sorts a map's or a set's items before it builds it. Both are
//! compiled anew for every type, 3 KB each. What is sorted here is short, or sorted rarely.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Something by its key, and by its place among those of the same key.
struct ByKey<K, T>(K, usize, T);

impl<K: Ord, T> Ord for ByKey<K, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0).then_with(|| self.1.cmp(&other.1))
    }
}

impl<K: Ord, T> PartialOrd for ByKey<K, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord, T> PartialEq for ByKey<K, T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<K: Ord, T> Eq for ByKey<K, T> {}

/// These in the order of their keys; those of the same key stay in the order in which they are.
pub fn by_key<T, K: Ord>(items: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let keyed = items.into_iter().enumerate().map(|(place, item)| ByKey(key(&item), place, item));
    keyed.collect::<BinaryHeap<_>>().into_sorted_vec().into_iter().map(|ByKey(_, _, item)| item).collect()
}

/// These texts in order, each once.
#[must_use]
pub fn texts(texts: Vec<String>) -> Vec<String> {
    let mut texts = BinaryHeap::from(texts).into_sorted_vec();
    texts.dedup();
    texts
}

/// A map or a set of these, one by one.
pub fn collected<C: Default + Extend<T>, T>(items: impl Iterator<Item = T>) -> C {
    let mut all = C::default();
    all.extend(items);
    all
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_as_the_standard_library_sorts(items: Vec<(u8, u16)>) {
            let mut expected = items.clone();
            expected.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(by_key(items, |(key, _)| *key), expected);
        }

        #[test]
        fn texts_are_there_once(items in prop::collection::vec("[ab]{0,2}", 0..9)) {
            let expected: Vec<String> = items.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
            prop_assert_eq!(texts(items), expected);
        }

        #[test]
        fn the_last_of_a_name_counts(items: Vec<(u8, u16)>) {
            prop_assert_eq!(collected::<BTreeMap<_, _>, _>(items.iter().copied()), items.into_iter().collect::<BTreeMap<_, _>>());
        }
    }
}
