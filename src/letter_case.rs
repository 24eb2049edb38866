//! Letters without case.

/// The text as whoever ignores letter case reads it, beyond ASCII too: `ſ` is an `s`, and the sign for kelvin a `k`.
///
/// Letter by letter: the standard library's functions for whole texts know how Greek words end, and bring tables for that.
#[must_use]
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for upper in text.chars().flat_map(char::to_uppercase) {
        folded.extend(upper.to_lowercase());
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_in_case_alone_are_one() {
        for (one, other) in [
            ("Admin", "aDMIN"),
            ("ſtate", "STATE"),
            ("\u{212a}ey", "key"),
            ("ΟΔΟΣ", "οδος"),
            ("οδοσ", "οδος"),
            ("É", "é"),
            ("ß", "SS"),
        ] {
            assert_eq!(folded(one), folded(other), "{one}");
        }
        assert_ne!(folded("a"), folded("á"));
    }
}
