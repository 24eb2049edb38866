//! Text in events is cut short.

const MAX_TEXT_BYTES: usize = 256;
/// So many roles are named, so much of each.
const MAX_ROLES: usize = 16;
const MAX_ROLE_BYTES: usize = 64;

/// The first of them, each cut short.
#[must_use]
pub fn some_of(texts: &[String]) -> Vec<String> {
    texts.iter().take(MAX_ROLES).map(|text| cut(text, MAX_ROLE_BYTES)).collect()
}

/// At most [`MAX_TEXT_BYTES`] of `text`, cut between characters.
#[must_use]
pub fn short(text: &str) -> String {
    cut(text, MAX_TEXT_BYTES)
}

pub(super) fn cut(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
