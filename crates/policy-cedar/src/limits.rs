//! What a text may cost before it is read: the parser and the evaluator walk by recursion, and a Worker's stack is small.

use std::collections::BTreeMap;

/// The most policies in one version.
pub(super) const MAX_POLICIES: usize = 1000;
/// The deepest brackets in one policy.
const MAX_DEPTH: usize = 32;
/// The most operators in one policy, each of which may be one level of its tree. Of those of two signs, each is a half.
const MAX_HALVES: usize = 300;
/// The most words that the schemas of one version come to, each type written out where it is named.
const MAX_WORDS: usize = 50_000;
/// The most brackets around a word, when each type is written out where it is named.
const MAX_NESTING: usize = 64;
/// The most that checking the policies of one version may take: their operators, times the combinations of an action with
/// a type of principals and one of resources, for each of which Cedar checks each policy.
const MAX_CHECKS: usize = 1_000_000;

/// The byte at which `text` begins to ask too much, and why.
pub(super) fn excess(text: &str) -> Option<(usize, &'static str)> {
    let (mut depth, mut halves) = (0_usize, 0_usize);
    for (at, byte) in code(text) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b';' => (depth, halves) = (0, 0),
            _ => {}
        }
        halves += halves_of(byte);
        if depth > MAX_DEPTH {
            return Some((at, "nested deeper than 32 brackets"));
        }
        if halves > MAX_HALVES {
            return Some((at, "more than 150 operators in one policy; it can be split into several"));
        }
    }
    None
}

/// What a byte counts for, in halves of an operator. `a["b"]` is one as `a.b` is, and so is each further condition.
const fn halves_of(byte: u8) -> usize {
    match byte {
        b'&' | b'|' | b'=' => 1,
        b'!' | b'-' | b'+' | b'*' | b'.' | b'<' | b'>' | b'[' | WORD => 2,
        _ => 0,
    }
}

/// Why checking policies would take too long, so that nothing else of the isolate goes on meanwhile. `combinations`: of
/// an action, a type of principals and one of resources.
pub(super) fn laborious(texts: &[&str], combinations: usize) -> Option<String> {
    // A policy without any operator takes its time too.
    let halves =
        |text: &&str| code(text).map(|(_, byte)| halves_of(byte) + 4 * usize::from(byte == b';')).sum::<usize>();
    let operators = texts.iter().map(halves).sum::<usize>() / 2;
    (operators.saturating_mul(combinations) > MAX_CHECKS).then(|| {
        format!(
            "these policies have {operators} operators, each to be checked for {combinations} combinations of an action \
             and the types that it applies to; expected at most {MAX_CHECKS} in all"
        )
    })
}

/// The byte at which a schema begins to nest too deeply, and why.
pub(super) fn schema_excess(text: &str) -> Option<(usize, &'static str)> {
    let mut depth = 0_usize;
    for (at, byte) in code(text) {
        match byte {
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b')' | b']' | b'}' | b'>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Some((at, "nested deeper than 32 brackets"));
        }
    }
    None
}

/// Why schemas come to too much. Cedar writes out each type where it is named, so types made of types made of types
/// double with every step. `known`: one that is there anyway.
pub(super) fn swollen(known: &str, texts: &[&str]) -> Option<String> {
    let plain: Vec<String> = texts.iter().map(|text| plain(text)).collect();
    let known = self::plain(known);
    let mut types = Types {
        declared: plain.iter().chain([&known]).flat_map(|text| declarations(text)).collect(),
        ..Types::default()
    };
    let all =
        plain.iter().flat_map(|text| words(text)).fold(Extent::default(), |all, word| all.and(types.extent(word)));
    if all.depth > MAX_NESTING {
        return Some(format!("types made of types, deeper than {MAX_NESTING} brackets"));
    }
    (all.words > MAX_WORDS)
        .then(|| format!("expected at most {MAX_WORDS} words, each type written out where it is named"))
}

/// What a word comes to when each type is written out.
#[derive(Clone, Copy, Default)]
struct Extent {
    words: usize,
    depth: usize,
}

impl Extent {
    fn and(self, other: Self) -> Self {
        Self { words: self.words.saturating_add(other.words), depth: self.depth.max(other.depth) }
    }

    fn within(self, brackets: usize) -> Self {
        Self { depth: self.depth.saturating_add(brackets), ..self }
    }
}

/// `type NAME = …;`: the words that stand for each name, and what those come to as far as it is known.
#[derive(Default)]
struct Types<'a> {
    declared: BTreeMap<&'a str, Vec<Word<'a>>>,
    known: BTreeMap<&'a str, Extent>,
}

/// A word, and in how many brackets it stands.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    depth: usize,
}

impl<'a> Types<'a> {
    fn extent(&mut self, word: Word<'a>) -> Extent {
        self.extent_below(word, 0)
    }

    fn extent_below(&mut self, Word { text, depth }: Word<'a>, level: usize) -> Extent {
        let Some(body) = self.declared.get(text).cloned() else { return Extent { words: 1, depth } };
        if let Some(known) = self.known.get(text) {
            return known.within(depth);
        }
        if level > MAX_NESTING {
            return Extent { words: 1, depth: level };
        }
        // For now, in case it is made of itself, which Cedar refuses.
        self.known.insert(text, Extent { words: 1, depth: 0 });
        let inner = body.into_iter().fold(Extent::default(), |all, word| all.and(self.extent_below(word, level + 1)));
        let extent = Extent { words: inner.words.saturating_add(1), depth: inner.depth.saturating_add(1) };
        self.known.insert(text, extent);
        extent.within(depth)
    }
}

fn declarations(plain: &str) -> Vec<(&str, Vec<Word<'_>>)> {
    let mut declared = Vec::new();
    for statement in plain.split(';') {
        let Some((head, body)) = statement.split_once('=') else { continue };
        let head = words(head);
        let mut head = head.iter().rev().map(|word| word.text);
        if let (Some(name), Some("type")) = (head.next(), head.next()) {
            declared.push((name, words(body)));
        }
    }
    declared
}

fn words(plain: &str) -> Vec<Word<'_>> {
    let mut depth = 0_usize;
    let mut all = Vec::new();
    for part in plain.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        let text = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        if !text.is_empty() {
            all.push(Word { text, depth });
        }
        match part.chars().next_back() {
            Some('(' | '[' | '{' | '<') => depth += 1,
            Some(')' | ']' | '}' | '>') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    all
}

/// Without texts and comments.
fn plain(text: &str) -> String {
    code(text).map(|(at, _)| text.as_bytes().get(at).copied().map_or(' ', char::from)).collect()
}

/// What stands for a word that is an operator too: `if`, and each `when` and `unless`, which make one condition.
const WORD: u8 = b'?';

/// The bytes outside texts and comments, and [`WORD`] for each such word.
fn code(text: &str) -> impl Iterator<Item = (usize, u8)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at;
            let byte = *bytes.get(start)?;
            at = match (byte, bytes.get(start + 1)) {
                (b'"', _) => end_of_text(bytes, start),
                (b'/', Some(b'/')) => end_of_line(bytes, start),
                _ => start + 1,
            };
            let is_word_start = start == 0 || !bytes.get(start - 1).is_some_and(u8::is_ascii_alphanumeric);
            let rest = bytes.get(start..).unwrap_or_default();
            if is_word_start && [&b"if"[..], b"when", b"unless"].iter().any(|word| rest.starts_with(word)) {
                return Some((start, WORD));
            }
            if at == start + 1 {
                return Some((start, byte));
            }
        }
    })
}

/// After the closing quote, or the end of all.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn end_of_line(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| start + length)
}

#[cfg(test)]
mod tests {
    use super::super::PolicySet;
    use super::super::testing::{Asking, bundle};
    use super::*;

    fn policy(condition: &str) -> String {
        format!("permit(principal, action, resource) when {{ {condition} }};")
    }

    #[test]
    fn a_policy_of_ordinary_size_is_read_and_many_of_them_are() {
        let long = policy(&["principal.scopes.contains(\"a\")"; 45].join(" || "));
        assert_eq!(excess(&long.repeat(50)), None);
        let quoted =
            policy(&format!("resource.path == \"{}\\\"{}\" // {}", "(".repeat(100), "!".repeat(500), "[".repeat(99)));
        assert_eq!(excess(&format!("{quoted}\n}}")), None);
    }

    #[test]
    fn towers_of_brackets_and_chains_of_operators_are_refused_before_they_are_read() {
        for (open, close) in [("(", ")"), ("[", "]"), ("{a: ", "}")] {
            let tower = policy(&format!("{}1{} == 1", open.repeat(40), close.repeat(40)));
            assert!(excess(&tower).is_some_and(|(_, why)| why.contains("brackets")), "{tower}");
        }
        for link in ["!", "-", "true || ", "true && ", "1 + ", "1 * ", "if true then true else "] {
            let chain = policy(&format!("{}true", link.repeat(300)));
            assert!(excess(&chain).is_some_and(|(_, why)| why.contains("operators")), "{link}");
        }
        assert!(excess(&policy(&format!("context{}", ".a".repeat(300)))).is_some());
        assert!(excess(&policy(&format!("context{}", "[\"a\"]".repeat(300)))).is_some());
        for clause in [" when { true }", " unless { false }", "when{true}", "\nunless\n{ false }"] {
            let clauses = format!("permit(principal, action, resource){};", clause.repeat(300));
            assert!(excess(&clauses).is_some_and(|(_, why)| why.contains("operators")), "{clause}");
        }
    }

    #[test]
    fn the_worst_that_is_let_through_fits_a_small_stack() {
        // As large as a Worker's, for frames larger than those of a build for it.
        let run = |text: String| {
            assert_eq!(excess(&text), None);
            let run = move || {
                let set = PolicySet::parse(&bundle(&text)).unwrap();
                assert!(set.decide(&Asking::default().input()).allows());
            };
            std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap();
        };
        let holds = "context.now > 0";
        run(policy(&format!("{}{holds}{}", "(".repeat(29), ")".repeat(29))));
        run(policy(&format!("{}{holds}", format!("!({holds}) || ").repeat(30))));
        run(policy(&format!("{}({holds})", "!".repeat(4))));
        run(policy(&format!("{}{holds}", "if context.now == 1 then false else ".repeat(45))));
        run(policy(&format!("{}{holds}", "context.now * 0 + ".repeat(45))));
        run(policy(&format!("{}{holds}", "principal is Human && ".repeat(145))));
        run(format!("permit(principal, action, resource){};", format!(" when {{ {holds} }}").repeat(45)));
    }

    #[test]
    fn a_schema_nests_and_swells_so_far_and_no_further() {
        let tower = |levels: usize| format!("entity a = {{ b: {}Long{} }};", "Set<".repeat(levels), ">".repeat(levels));
        assert_eq!(schema_excess(&tower(30)), None);
        assert!(schema_excess(&tower(40)).is_some());
        let chain = |length: usize| -> String {
            (0..length)
                .map(|at| format!("type t{at} = {{ a: t{} }};\n", at + 1))
                .chain([format!("type t{length} = Long;")])
                .collect()
        };
        assert_eq!(swollen("", &[&chain(20)]), None);
        for length in [40, 5000] {
            assert!(swollen("", &[&chain(length)]).is_some_and(|why| why.contains("deeper")), "{length}");
        }
        let doubling: String =
            (0..20).map(|at| format!("type t{at} = {{ a: t{0}, b: t{0} }}; // \"\n", at + 1)).collect();
        // Each of its types nests little, and all of them together very deep.
        let towers: String = (0..20)
            .map(|at| format!("type t{at} = {{ a: {}t{}{} }};\n", "Set<".repeat(25), at + 1, ">".repeat(25)))
            .chain(["type t20 = Long;".to_owned()])
            .collect();
        assert!(schema_excess(&towers).is_none());
        assert!(swollen("", &[&towers]).is_some_and(|why| why.contains("deeper")));
        assert!(swollen("type t20 = Long;", &[&doubling]).is_some_and(|why| why.contains("words")));
        assert_eq!(swollen("", &["type a = { b?: a };"]), None);
    }
}
