//! Whatever is shown as an API key, or stands where one may be exposed: a text is read in one way alone, nothing that we did
//! not make bears our mark, and what is read back is what was found.
//!
//! The input is any text.

use postern::api_key::{ApiKeyId, ApiKeyText, KeyMark, KeyPrefix, MAX_KEY_BYTES, find_exposed};
use postern::config::Config;

use crate::fixed;

thread_local! {
    static CONFIG: Config = fixed::config();
}

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let prefix = KeyPrefix::parse(first).unwrap_or_default();
    for candidate in [text, rest] {
        one_reading(candidate, &prefix);
        if let Some(id) = find_exposed(candidate, &prefix) {
            assert_eq!(ApiKeyId::parse(&id.to_string()), Some(id));
        }
    }
}

fn one_reading(text: &str, prefix: &KeyPrefix) {
    let Some(key) = ApiKeyText::parse(text, prefix) else { return };
    assert!(text.len() <= MAX_KEY_BYTES);
    assert_eq!(key.expose(prefix).expose(), text);
    assert_eq!(find_exposed(text, prefix), Some(key.id()));
    let body = text.split('_').nth(1).unwrap();
    assert!(!format!("{key:?}").contains(body));
    CONFIG.with(|config| assert_ne!(key.mark(&config.keys), KeyMark::Ours));
}
