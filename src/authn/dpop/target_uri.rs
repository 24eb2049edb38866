//! Two spellings of one URI → one (RFC 3986 §6.2.2, §6.2.3), so that they compare byte for byte.

use crate::config::PublicUrl;
use crate::route::CanonicalPath;

/// The longest URI read, in bytes.
const MAX_BYTES: usize = 8 * 1024;
const SCHEMES: [(&str, &str); 2] = [("https", ":443"), ("http", ":80")];

/// What browsers send unescaped in a path (WHATWG URL, the path percent-encode set), against RFC 3986 §3.3.
const RAW_IN_PATHS: &[u8] = b"[]|^";

/// An `http` or `https` URI without query and fragment, in the one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetUri(String);

impl TargetUri {
    /// The URI of a request: where the deployment is reached, never what a `Host` header says, and the path that
    /// was matched. Both are in that spelling already.
    #[must_use]
    pub fn of(public_url: &PublicUrl, path: &CanonicalPath) -> Self {
        Self(public_url.join(path.as_str()))
    }

    /// Reads `htu`. A query or fragment, against RFC 9449 §4.2, is ignored as §4.3 (9) says.
    ///
    /// `None` when it is no such URI, too long, or names a user.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let hierarchical = text.split(['?', '#']).next()?;
        let (scheme, rest) = hierarchical.split_once("://")?;
        let (scheme, port) = SCHEMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(scheme))?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority = authority_without(port, authority)?;
        Some(Self(format!("{scheme}://{authority}{}", without_dots(&spell(path, b"/:@", RAW_IN_PATHS)?))))
    }

    /// The URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// §6.2.2.1: hosts have no case. §6.2.3: nor is the port said that goes without saying, or the colon of none.
fn authority_without(port: &str, authority: &str) -> Option<String> {
    let authority = spell(authority, b":[]", b"")?.to_ascii_lowercase();
    // §3.2.2: colons of a host stand in brackets, so one more is before the port.
    let beside_brackets = authority.rsplit_once(']').map_or(authority.as_str(), |(_, rest)| rest);
    if beside_brackets.matches(':').count() > 1 {
        return None;
    }
    let host = authority.strip_suffix(port).or_else(|| authority.strip_suffix(':')).unwrap_or(&authority);
    (!host.is_empty()).then(|| host.to_owned())
}

/// §6.2.2.1 and §6.2.2.2: escapes in capitals, and none where none is needed. Of what is not escaped, only unreserved
/// characters, sub-delimiters and those `also` listed may stand there (§2); those of `raw` are read as their escapes.
fn spell(text: &str, also: &[u8], raw: &[u8]) -> Option<String> {
    let mut spelled = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let escaped = (hex_digit(bytes.next())? << 4) | hex_digit(bytes.next())?;
            if is_unreserved(escaped) {
                spelled.push(char::from(escaped));
            } else {
                spelled.push_str(&format!("%{escaped:02X}"));
            }
        } else if is_unreserved(byte) || is_sub_delimiter(byte) || also.contains(&byte) {
            spelled.push(char::from(byte));
        } else if raw.contains(&byte) {
            spelled.push_str(&format!("%{byte:02X}"));
        } else {
            return None;
        }
    }
    Some(spelled)
}

fn hex_digit(byte: Option<u8>) -> Option<u8> {
    u8::try_from(char::from(byte?).to_digit(16)?).ok()
}

/// §6.2.2.3 by §5.2.4, for a path that is empty or begins with `/`; the empty one is `/` (§6.2.3).
fn without_dots(path: &str) -> String {
    let mut kept = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            other => {
                kept.push(other);
                continue;
            }
        }
        if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

/// §2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// §2.2.
const fn is_sub_delimiter(byte: u8) -> bool {
    matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=')
}

#[cfg(test)]
mod tests;
