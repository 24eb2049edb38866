//! Raw path → [`CanonicalPath`], or why it is refused.

use std::fmt;

use percent_encoding::percent_decode_str;

/// The longest path read, in bytes.
const MAX_BYTES: usize = 8 * 1024;

/// The path of a request in its one spelling: what is matched is what is forwarded (R-194).
///
/// Several spellings of one path are written as one or refused, so that no rule is passed by writing a
/// path differently from how the upstream will read it:
///
/// - Characters that RFC 3986 §2.3 calls unreserved stand for themselves. Their escapes (`%61`, `%7E`) mean the same
///   (§6.2.2.2) and are written as the character.
/// - Whatever cannot stand in a path (RFC 3986 §3.3, `pchar`) is escaped. Of it, browsers send `[`, `]`, `|` and `^` as they
///   are (WHATWG URL, path percent-encode set): those are escaped here. Anything else that stands raw is refused.
/// - `/` separates segments. Its escape, a backslash in any form, empty and dot segments, `;`, control
///   characters, escaped percent signs and escapes that are not UTF-8 are refused: servers disagree on them.
/// - Hex digits of escapes are upper case. Lower case means the same (§6.2.2.1) and is rewritten.
///
/// The reserved characters `!$&'()*+,:=@` are the one exception: RFC 3986 §2.2 gives `@` and `%40` different
/// meanings and clients send both. Both are kept as they are, and [`super::Pattern`] lets neither stand in a rule.
///
/// Only parsing makes one:
///
/// ```
/// let path = postern::route::CanonicalPath::parse("/orders/7");
/// assert!(path.is_ok());
/// ```
///
/// ```compile_fail
/// let path = postern::route::CanonicalPath("/orders/../7".to_owned());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalPath(String);

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathError {
    /// Longer than 8 KiB.
    TooLong,
    /// It does not start with `/`.
    NotAbsolute,
    /// `//`
    EmptySegment,
    /// A segment `.` or `..`, also before an escaped `;`.
    DotSegment,
    /// `\`
    Backslash,
    /// `;`
    Semicolon,
    /// A control byte, raw.
    RawControl,
    /// A byte outside ASCII, raw.
    RawNonAscii,
    /// A character that must be escaped in a path.
    ForbiddenCharacter,
    /// `%` without two hex digits.
    BadEscape,
    /// `%2F`
    EncodedSlash,
    /// `%5C`
    EncodedBackslash,
    /// `%25`: what follows would be an escape when decoded once more.
    EncodedPercent,
    /// The escape of a control character.
    EncodedControl,
    /// Escapes that do not decode to UTF-8.
    NotUtf8,
}

impl CanonicalPath {
    /// Reads the path of a request: no query, no fragment.
    ///
    /// # Errors
    /// When it could be read in more than one way; the first reason found.
    pub fn parse(raw: &str) -> Result<Self, PathError> {
        if raw.len() > MAX_BYTES {
            return Err(PathError::TooLong);
        }
        if !raw.starts_with('/') {
            return Err(PathError::NotAbsolute);
        }
        let canonical = spell(raw)?;
        check_segments(&canonical)?;
        check_decoded(&canonical)?;
        Ok(Self(canonical))
    }

    /// The path, escaped, starting with `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `prefix` itself or lies below it: `/auth` and `/auth/login`, not `/author`.
    #[must_use]
    pub fn is_within(&self, prefix: &str) -> bool {
        self.0.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks every character and escape, and writes it in its one spelling.
fn spell(raw: &str) -> Result<String, PathError> {
    let mut canonical = String::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (high, low) = (hex_digit(bytes.next())?, hex_digit(bytes.next())?);
            let escaped = (high << 4) | low;
            check_escaped(escaped)?;
            write(&mut canonical, escaped, !is_unreserved(escaped));
        } else {
            check_raw(byte)?;
            write(&mut canonical, byte, is_sent_raw(byte));
        }
    }
    Ok(canonical)
}

fn write(canonical: &mut String, byte: u8, escaped: bool) {
    if escaped {
        canonical.push_str(&format!("%{byte:02X}"));
    } else {
        canonical.push(char::from(byte));
    }
}

fn hex_digit(byte: Option<u8>) -> Result<u8, PathError> {
    let digit = byte.and_then(|byte| char::from(byte).to_digit(16)).ok_or(PathError::BadEscape)?;
    u8::try_from(digit).map_err(|_| PathError::BadEscape)
}

const fn check_raw(byte: u8) -> Result<(), PathError> {
    match byte {
        b'/' => Ok(()),
        b'\\' => Err(PathError::Backslash),
        b';' => Err(PathError::Semicolon),
        0x80.. => Err(PathError::RawNonAscii),
        _ if byte.is_ascii_control() => Err(PathError::RawControl),
        _ if is_unreserved(byte) || is_reserved_in_segment(byte) || is_sent_raw(byte) => Ok(()),
        _ => Err(PathError::ForbiddenCharacter),
    }
}

const fn check_escaped(byte: u8) -> Result<(), PathError> {
    match byte {
        b'/' => Err(PathError::EncodedSlash),
        b'\\' => Err(PathError::EncodedBackslash),
        b'%' => Err(PathError::EncodedPercent),
        _ if byte.is_ascii_control() => Err(PathError::EncodedControl),
        _ => Ok(()),
    }
}

/// Of a segment such as `..%3Bx`, servers that unescape before they cut parameters off keep the dots.
fn check_segments(canonical: &str) -> Result<(), PathError> {
    let mut rest = canonical.split('/').skip(1).peekable();
    while let Some(segment) = rest.next() {
        match segment.split("%3B").next().unwrap_or_default() {
            "" if segment.is_empty() && rest.peek().is_some() => return Err(PathError::EmptySegment),
            "." | ".." => return Err(PathError::DotSegment),
            _ => {}
        }
    }
    Ok(())
}

fn check_decoded(canonical: &str) -> Result<(), PathError> {
    let decoded = percent_decode_str(canonical).decode_utf8().map_err(|_| PathError::NotUtf8)?;
    // C1 controls take two bytes: only the decoded text shows them.
    if decoded.chars().any(char::is_control) { Err(PathError::EncodedControl) } else { Ok(()) }
}

/// RFC 3986 §2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What browsers send as it is, though it cannot stand in a path.
const fn is_sent_raw(byte: u8) -> bool {
    matches!(byte, b'[' | b']' | b'|' | b'^')
}

/// What else RFC 3986 §3.3 lets stand in a segment, `;` excepted.
pub(super) const fn is_reserved_in_segment(byte: u8) -> bool {
    matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b':' | b'=' | b'@')
}

impl PathError {
    /// The reason as a stable word for the audit log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "path.too_long",
            Self::NotAbsolute => "path.not_absolute",
            Self::EmptySegment => "path.empty_segment",
            Self::DotSegment => "path.dot_segment",
            Self::Backslash => "path.backslash",
            Self::Semicolon => "path.semicolon",
            Self::RawControl => "path.raw_control",
            Self::RawNonAscii => "path.raw_non_ascii",
            Self::ForbiddenCharacter => "path.forbidden_character",
            Self::BadEscape => "path.bad_escape",
            Self::EncodedSlash => "path.encoded_slash",
            Self::EncodedBackslash => "path.encoded_backslash",
            Self::EncodedPercent => "path.encoded_percent",
            Self::EncodedControl => "path.encoded_control",
            Self::NotUtf8 => "path.not_utf8",
        }
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "longer than 8 KiB",
            Self::NotAbsolute => "does not start with `/`",
            Self::EmptySegment => "has an empty segment (`//`)",
            Self::DotSegment => "has a segment `.` or `..`",
            Self::Backslash => "has a `\\`",
            Self::Semicolon => "has a `;`",
            Self::RawControl => "has a control character",
            Self::RawNonAscii => "has a character outside ASCII that is not escaped",
            Self::ForbiddenCharacter => "has a character that must be escaped",
            Self::BadEscape => "has a `%` without two hex digits",
            Self::EncodedSlash => "has an escaped `/`",
            Self::EncodedBackslash => "has an escaped `\\`",
            Self::EncodedPercent => "has an escaped `%`",
            Self::EncodedControl => "has an escaped control character",
            Self::NotUtf8 => "does not decode to UTF-8",
        })
    }
}

impl std::error::Error for PathError {}

#[cfg(test)]
mod tests;
