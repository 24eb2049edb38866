//! Path → the most specific pattern that matches it.

use super::Pattern;
use super::literals::Literals;
use super::pattern::{Segment, segment};

/// Patterns by their segments, each under a number.
///
/// **Order.** [`PatternTree::find`] looks for a literal segment first, then for `{name}`, then for `{*name}`. Where a choice leads
/// to no pattern, it goes back and takes the next one. So it finds the first of all patterns that match, in the order of
/// their segments.
///
/// **Cost.** Each node has one way that leads to it, and is looked at once at most: with a path of `n` segments, these are
/// no more than `2ⁿ⁺¹` nodes, and no more than the tree has. Patterns have [`Pattern::MAX_SEGMENTS`], which bounds the depth.
/// Nothing is allocated.
#[derive(Debug, Default)]
pub(super) struct PatternTree(Node);

#[derive(Debug, Default)]
struct Node {
    literals: Literals<Node>,
    /// For any one segment that is not empty.
    parameter: Option<Box<Node>>,
    /// The pattern that ends here.
    end: Option<usize>,
    /// The pattern that takes all the rest from here.
    rest: Option<usize>,
}

impl PatternTree {
    /// The number of the pattern that is for the same paths as this one: the names of parameters make no difference.
    pub(super) fn place(&mut self, pattern: &Pattern) -> Option<&mut Option<usize>> {
        let mut node = &mut self.0;
        for text in pattern.as_str().split('/').skip(1) {
            node = match segment(text) {
                Segment::Rest(_) => return Some(&mut node.rest),
                Segment::Parameter(_) => node.parameter.get_or_insert_default(),
                Segment::Literal(text) => node.literals.entry(text)?,
            };
        }
        Some(&mut node.end)
    }

    /// The number of the most specific pattern for this path.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.0.find(path.strip_prefix('/')?)
    }
}

impl Node {
    /// `path`: what follows the slash.
    fn find(&self, path: &str) -> Option<usize> {
        #[cfg(test)]
        tests::note_visit();
        let (segment, after) = match path.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (path, None),
        };
        let literal = self.literals.get(segment).and_then(|node| node.after(after));
        let parameter = || self.parameter.as_deref().filter(|_| !segment.is_empty()).and_then(|node| node.after(after));
        literal.or_else(parameter).or(self.rest)
    }

    /// `path`: what follows the next slash; `None` where there is none.
    fn after(&self, path: Option<&str>) -> Option<usize> {
        path.map_or(self.end, |path| self.find(path))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static VISITS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn note_visit() {
        VISITS.set(VISITS.get() + 1);
    }

    fn tree<'a>(patterns: impl Iterator<Item = &'a str>) -> PatternTree {
        let mut tree = PatternTree::default();
        for (number, text) in patterns.enumerate() {
            *tree.place(&Pattern::parse(text).unwrap()).unwrap() = Some(number);
        }
        tree
    }

    /// How many nodes are looked at, and what is found.
    fn visits(tree: &PatternTree, path: &str) -> (usize, Option<usize>) {
        VISITS.set(0);
        let found = tree.find(path);
        (VISITS.get(), found)
    }

    /// Every pattern of so many segments, each of them `a` or a parameter.
    fn bomb(segments: usize) -> Vec<String> {
        let segment = |number: usize, place: usize| match (number >> place) & 1 {
            0 => "/a".to_owned(),
            _ => format!("/{{p{place}}}"),
        };
        (0..1 << segments)
            .map(|number| (0..segments).map(|place| segment(number, place)).collect::<String>() + "/end")
            .collect()
    }

    #[test]
    fn no_node_is_looked_at_twice_whatever_the_patterns() {
        let patterns = bomb(11);
        let tree = tree(patterns.iter().map(String::as_str));
        // The worst there is: every choice leads on, and none to an end. 2048 patterns have as many ways of 11 segments.
        assert_eq!(visits(&tree, &("/a".repeat(11) + "/no-end")), (4095, None));
        assert_eq!(visits(&tree, &("/a".repeat(11) + "/end")), (12, Some(0)));
        // A path that goes on is no worse.
        assert_eq!(visits(&tree, &"/a".repeat(4000)), (4095, None));
        assert_eq!(visits(&tree, &"/b".repeat(4000)), (12, None));
    }

    #[test]
    fn parameters_in_a_row_leave_nothing_to_go_back_to() {
        let rows: Vec<String> =
            (1..60).map(|count| (0..count).map(|place| format!("/{{p{place}}}")).collect::<String>()).collect();
        let tree = tree(rows.iter().map(String::as_str));
        assert_eq!(visits(&tree, &"/x".repeat(59)), (59, Some(58)));
        assert_eq!(visits(&tree, &"/x".repeat(4000)), (60, None));
    }

    #[test]
    fn thousands_of_patterns_cost_no_more_than_ten() {
        for count in [10, 3000] {
            let patterns: Vec<String> = (0..count).map(|number| format!("/api/v{number}/orders/{{id}}")).collect();
            let tree = tree(patterns.iter().map(String::as_str).chain(["/{*rest}"]));
            assert_eq!(visits(&tree, "/api/v7/orders/1"), (4, Some(7)));
            assert_eq!(visits(&tree, "/api/v7/orders/1/x"), (5, Some(count)));
        }
    }
}
