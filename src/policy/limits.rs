//! What a text may cost before it is read: the parser and the evaluator walk by recursion, and a Worker's stack is small.

/// The most files in one version.
pub(super) const MAX_FILES: usize = 100;
/// The most bytes in one version, names included.
pub(super) const MAX_BYTES: usize = 256 * 1024;
/// The most policies in one version.
pub(super) const MAX_POLICIES: usize = 1000;
/// The deepest brackets in one policy.
const MAX_DEPTH: usize = 32;
/// The most operators in one policy, each of which may be one level of its tree. Of those of two signs, each is a half.
const MAX_HALVES: usize = 300;

/// The byte at which `text` begins to ask too much, and why.
pub(super) fn excess(text: &str) -> Option<(usize, &'static str)> {
    let (mut depth, mut halves) = (0_usize, 0_usize);
    for (at, byte) in code(text) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b';' => (depth, halves) = (0, 0),
            b'&' | b'|' | b'=' => halves += 1,
            b'!' | b'-' | b'+' | b'*' | b'.' | b'<' | b'>' | b'?' => halves += 2,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Some((at, "nested deeper than 32 brackets"));
        }
        if halves > MAX_HALVES {
            return Some((at, "more than 150 operators in one policy; it can be split into several"));
        }
    }
    None
}

/// The bytes outside texts and comments, and `?` for an `if`, which is an operator too.
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
            if byte == b'i' && is_word_start && bytes.get(start..start + 2) == Some(&b"if"[..]) {
                return Some((start, b'?'));
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
    }
}
