//! Bytes → text of the characters that XML 1.0 allows, with `\n` alone as a line break.

use super::MAX_BYTES;
use crate::refusal::{Code, Refusal};

pub(super) fn plain(bytes: &[u8]) -> Result<String, Refusal> {
    if bytes.len() > MAX_BYTES {
        return Err(Code::Size.into());
    }
    let text = str::from_utf8(bytes).map_err(|_| Code::Characters.because("not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(odd) = text.chars().find(|c| !is_allowed(*c)) {
        return Err(Code::Characters.because(&format!("U+{:04X}", u32::from(odd))));
    }
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// XML 1.0 §2.2, `Char`.
pub(super) fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// The text of a piece of XML whose references are replaced by what they mean.
pub(super) fn unescape(raw: &str) -> Result<String, Refusal> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        let (name, next) = after.split_once(';').ok_or(Code::Entity)?;
        out.push_str(before);
        out.push(referred(name)?);
        rest = next;
    }
    out.push_str(rest);
    Ok(out)
}

/// What `&name;` means.
pub(super) fn referred(name: &str) -> Result<char, Refusal> {
    let number = |digits: &str, radix| {
        let is_plain = digits.len() <= 8 && !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        let code = u32::from_str_radix(digits, radix).ok().filter(|_| is_plain);
        code.and_then(char::from_u32).filter(|c| is_allowed(*c))
    };
    let found = match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix('#') {
            Some(hex) if hex.starts_with('x') => hex.strip_prefix('x').and_then(|digits| number(digits, 16)),
            Some(digits) => number(digits, 10),
            None => None,
        },
    };
    found.ok_or_else(|| Code::Entity.because(name))
}
