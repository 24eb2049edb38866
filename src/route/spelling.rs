//! Which other rules could be meant by a path, where the server behind us reads paths more loosely than rules are read.
//!
//! Many frameworks take `/Report`, `/report/` and `/report.json` for `/report`: they know no letter case, leave out
//! a slash at the end, or take what follows the last dot for a format. Which of these a server does, nobody says.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::literals::Literals;
use super::pattern::{Segment, segment};
use super::{CanonicalPath, Pattern};
use crate::letter_case;

/// All patterns, as servers read them that do any of this.
#[derive(Debug, Default)]
pub(super) struct LoosePatterns(Node);

#[derive(Debug, Default)]
struct Node {
    /// By the literal segment, folded.
    literals: Literals<Node>,
    /// For any one segment.
    parameter: Option<Box<Node>>,
    /// The patterns that end here.
    ends: Vec<usize>,
    /// The patterns that end here with a segment such as `report.json`, by what it is without the format.
    formats: Literals<Vec<usize>>,
    /// The patterns that take all the rest from here.
    rests: Vec<usize>,
}

/// How precisely a pattern names a path, segment by segment. The lesser one is more specific, as the router has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Precision {
    Literal,
    Parameter,
    Rest,
}

impl LoosePatterns {
    /// One more pattern, found under this number.
    pub(super) fn insert(&mut self, pattern: &Pattern, number: usize) {
        let mut node = &mut self.0;
        let mut segments = segments(pattern.as_str()).into_iter().peekable();
        while let Some(segment) = segments.next() {
            match precision(segment) {
                Precision::Rest => return node.rests.push(number),
                Precision::Parameter => node = node.parameter.get_or_insert_default(),
                Precision::Literal => {
                    let folded = folded(segment);
                    // Of `/report.json/{*rest}` too, whose rest may be empty.
                    let may_end = segments.peek().is_none_or(|next| precision(next) == Precision::Rest);
                    if let Some(name) = without_format(&folded).filter(|_| may_end)
                        && let Some(numbers) = node.formats.entry(name)
                    {
                        numbers.push(number);
                    }
                    let Some(next) = node.literals.entry(&folded) else { return };
                    node = next;
                }
            }
        }
        node.ends.push(number);
    }

    /// The patterns that some such server takes the path for, those included that it matches as it stands.
    pub(super) fn find(&self, path: &CanonicalPath) -> Vec<usize> {
        let mut found = Vec::new();
        self.0.find(&segments(path.as_str()), &mut found);
        found
    }
}

impl Node {
    fn find(&self, segments: &[&str], found: &mut Vec<usize>) {
        found.extend(&self.rests);
        let Some((first, after)) = segments.split_first() else {
            found.extend(&self.ends);
            return;
        };
        let first = folded(first);
        let under = |name: &str| self.literals.get(name).into_iter();
        let next = under(&first).chain(self.parameter.as_deref());
        next.for_each(|node| node.find(after, found));
        if after.is_empty() {
            found.extend(self.formats.get(&first).into_iter().flatten());
            let named = without_format(&first).into_iter().flat_map(under);
            named.for_each(|node| node.find(after, found));
        }
    }
}

/// How precisely each segment of a pattern names a path.
pub(super) fn precisions(pattern: &Pattern) -> Vec<Precision> {
    segments(pattern.as_str()).into_iter().map(precision).collect()
}

fn precision(text: &str) -> Precision {
    match segment(text) {
        Segment::Literal(_) => Precision::Literal,
        Segment::Parameter(_) => Precision::Parameter,
        Segment::Rest(_) => Precision::Rest,
    }
}

/// Without the slash at the end.
fn segments(path: &str) -> Vec<&str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() { Vec::new() } else { path.split('/').collect() }
}

/// Without letter case. Of letters beyond ASCII, too: a server may unescape a path before it compares it.
fn folded(segment: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii() && byte != b'%' && !byte.is_ascii_uppercase();
    if segment.bytes().all(plain) {
        return segment.into();
    }
    letter_case::folded(&percent_decode_str(segment).decode_utf8_lossy()).into()
}

/// What stands before the last dot: `report` of `report.json`.
fn without_format(segment: &str) -> Option<&str> {
    segment.rsplit_once('.').map(|(name, _)| name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(patterns: &[&str], path: &str) -> Vec<String> {
        let mut loose = LoosePatterns::default();
        for (number, pattern) in patterns.iter().enumerate() {
            loose.insert(&Pattern::parse(pattern).unwrap(), number);
        }
        let mut numbers = loose.find(&CanonicalPath::parse(path).unwrap());
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().filter_map(|number| patterns.get(number).map(|&pattern| pattern.to_owned())).collect()
    }

    #[test]
    fn a_path_could_be_another_in_case_slash_and_format() {
        let all =
            ["/", "/report", "/report.json", "/b.c/{*rest}", "/a/{id}", "/a/{id}/edit", "/admin/{*rest}", "/caf%C3%A9"];
        for (path, expected) in [
            ("/", &["/"][..]),
            ("/report", &["/report", "/report.json"]),
            ("/Report/", &["/report", "/report.json"]),
            ("/REPORT.JSON", &["/report", "/report.json"]),
            ("/report.xml", &["/report"]),
            ("/report.xml/", &["/report"]),
            ("/report.", &["/report"]),
            ("/report.tar.gz", &[]),
            ("/reports", &[]),
            ("/b", &["/b.c/{*rest}"]),
            ("/b/c", &[]),
            ("/.report", &[]),
            ("/A/7.json", &["/a/{id}"]),
            ("/a/7/Edit.html", &["/a/{id}/edit"]),
            ("/a.html", &[]),
            ("/admin", &["/admin/{*rest}"]),
            ("/Admin.json", &["/admin/{*rest}"]),
            ("/ADMIN/x/y", &["/admin/{*rest}"]),
            ("/admin.json/x", &[]),
            ("/CAF%C3%89", &["/caf%C3%A9"]),
        ] {
            assert_eq!(found(&all, path), expected, "{path}");
        }
    }

    #[test]
    fn two_formats_of_one_name_are_two_files() {
        assert_eq!(found(&["/app.js", "/app.css", "/{*rest}"], "/app.js"), ["/app.js", "/{*rest}"]);
    }

    #[test]
    fn precision_is_compared_segment_by_segment() {
        let of = |pattern: &str| precisions(&Pattern::parse(pattern).unwrap());
        let sorted = ["/", "/a/b", "/a/b/{*rest}", "/a/{id}", "/a/{*rest}", "/{name}/b", "/{*rest}"];
        assert!(sorted.windows(2).all(|pair| matches!(pair, [one, other] if of(one) < of(other))));
        assert_eq!(of("/a/"), of("/B"));
    }
}
