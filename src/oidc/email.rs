//! E-mail addresses as far as two of them can be told apart.

use serde::{Deserialize, Serialize};

const MAX_BYTES: usize = 254;

/// An address to compare with others: its domain in lower case, what is before it letter by letter (RFC 5321 §2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MailAddress(String);

impl MailAddress {
    /// Reads one; `None` where it cannot be one, or its domain is not in ASCII: two spellings of that could be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.rsplit_once('@')?;
        let is_plain = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_control() || c.is_whitespace());
        let fits = text.len() <= MAX_BYTES && is_plain(local) && is_plain(domain) && domain.is_ascii();
        fits.then(|| Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_compared_without_case_and_the_rest_letter_by_letter() {
        let parse = MailAddress::parse;
        assert_eq!(parse("Alice@Example.COM"), parse("Alice@example.com"));
        assert_ne!(parse("Alice@example.com"), parse("alice@example.com"));
        assert_ne!(parse("alice+x@example.com"), parse("alice@example.com"));
        assert!(parse("\u{00e4}@example.com").is_some());
        let long = format!("{}@example.com", "a".repeat(250));
        for odd in
            ["", "alice", "@example.com", "alice@", "alice@ex\u{e4}mple.com", "a b@example.com", "a@b\n.c", &long]
        {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }
}
