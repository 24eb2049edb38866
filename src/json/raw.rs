//! JSON as it is written: the members of an object with the very bytes of their values, and the same text with line breaks.
//!
//! For what is bound to bytes, or shown as what it is: to read a number and write it anew may make it another one.

use std::fmt::Write;
use std::ops::Range;

use crate::json;

/// The members of an object, in their order: the name as it reads, the value as it is written. `None` where the text is no
/// object. Whether the values are JSON throughout is for [`super::parse_object`] to say, beforehand.
#[must_use]
pub fn members(text: &str) -> Option<Vec<(String, &str)>> {
    let mut tokens = Tokens { text, at: 0 };
    let mut members = Vec::new();
    if tokens.next()? != "{" {
        return None;
    }
    let mut token = tokens.next()?;
    while token != "}" {
        let name: String = json::from_text(token).ok()?;
        if tokens.next()? != ":" {
            return None;
        }
        let span = tokens.value()?;
        members.push((name, text.get(span)?));
        token = match tokens.next()? {
            "," => tokens.next().filter(|token| *token != "}")?,
            "}" => "}",
            _ => return None,
        };
    }
    tokens.next().is_none().then_some(members)
}

/// The text with a line for each member and item, and signs that change how others are shown spelt out (`\u202e`).
/// Scalars are as they are written, but that a string has no needless escapes. `None` where it is no JSON.
#[must_use]
pub fn pretty(text: &str) -> Option<String> {
    let mut tokens = Tokens { text, at: 0 };
    let (mut out, mut depth) = (String::new(), 0_usize);
    let mut after = "";
    while let Some(token) = tokens.next() {
        let closes = matches!(token, "}" | "]");
        depth = if closes { depth.checked_sub(1)? } else { depth };
        let is_empty = closes && matches!(after, "{" | "[");
        if (closes && !is_empty) || (!closes && matches!(after, "{" | "[" | ",")) {
            out.push('\n');
            (0..depth).for_each(|_| out.push_str("  "));
        }
        match token {
            ":" => out.push_str(": "),
            _ if token.starts_with('"') => push_string(token, &mut out)?,
            _ => out.push_str(token),
        }
        depth += usize::from(matches!(token, "{" | "["));
        after = token;
    }
    Some(out)
}

/// A string as it reads, with escapes for all that a reader could not see, or would see something else for.
fn push_string(token: &str, out: &mut String) -> Option<()> {
    let read: String = json::from_text(token).ok()?;
    for c in serde_json::to_string(&read).ok()?.chars() {
        if is_deceptive(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _always = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Some(())
}

/// Whether a sign is not seen, or changes the order of those around it (Unicode UAX #9), or looks like a line's end.
#[must_use]
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e0fff}')
}

/// Signs, strings, and whatever else stands between them.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let rest = self.text.get(self.at..)?;
        let start = rest.find(|c| !matches!(c, ' ' | '\t' | '\n' | '\r'))?;
        let rest = rest.get(start..)?;
        let length = match rest.as_bytes().first()? {
            b'{' | b'}' | b'[' | b']' | b':' | b',' => 1,
            b'"' => string_length(rest)?,
            _ => rest.find(is_delimiter).unwrap_or(rest.len()),
        };
        let token = rest.get(..length)?;
        self.at = self.at.checked_add(start)?.checked_add(length)?;
        Some(token)
    }

    /// Where the next value stands, with all that is in it.
    fn value(&mut self) -> Option<Range<usize>> {
        let mut depth = 0_usize;
        let first = self.next()?;
        let start = self.at.checked_sub(first.len())?;
        let mut token = first;
        loop {
            match token {
                "{" | "[" => depth += 1,
                "}" | "]" => depth = depth.checked_sub(1)?,
                "," | ":" if depth == 0 => return None,
                _ => {}
            }
            if depth == 0 {
                return Some(start..self.at);
            }
            token = self.next()?;
        }
    }
}

const fn is_delimiter(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '{' | '}' | '[' | ']' | ':' | ',' | '"')
}

/// The length of the string at the beginning, quotes included.
fn string_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at.checked_add(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_the_bytes_that_were_written() {
        let text = r#" { "a" : 1.0 , "\u0062":[ 1, {"x":"}\""} ] ,"c":{},"d":"\\", "e":1e400} "#;
        let members = members(text).unwrap();
        let expected = [("a", "1.0"), ("b", r#"[ 1, {"x":"}\""} ]"#), ("c", "{}"), ("d", r#""\\""#), ("e", "1e400")];
        assert_eq!(members.iter().map(|(name, raw)| (name.as_str(), *raw)).collect::<Vec<_>>(), expected);
        assert_eq!(super::members("{}"), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_object_has_no_members() {
        for text in
            ["", "[]", "1", "\"x\"", "{", r#"{"a"}"#, r#"{"a":}"#, r#"{"a":1,}"#, r#"{"a":1 "b":2}"#, r#"{"a":1}{}"#]
        {
            assert_eq!(members(text), None, "{text}");
        }
    }

    #[test]
    fn a_pretty_text_says_the_same() {
        let text = r#"{"a":[1,2.50,{}],"b":{"c":"<b>é\u0041\/","d":[]},"e":null}"#;
        let pretty = pretty(text).unwrap();
        let lines = [
            "{",
            "  \"a\": [",
            "    1,",
            "    2.50,",
            "    {}",
            "  ],",
            "  \"b\": {",
            "    \"c\": \"<b>éA/\",",
            "    \"d\": []",
            "  },",
            "  \"e\": null",
            "}",
        ];
        assert_eq!(pretty, lines.join("\n"));
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&pretty), value(text));
    }

    #[test]
    fn nothing_hides_in_a_string() {
        // R-331
        let shown = pretty("{\"to\":\"ec\u{202e}ila\u{200b}\u{e0041}\\u2066x\"}").unwrap();
        assert!(shown.is_ascii(), "{shown}");
        assert!(shown.contains(r"ec\u202eila\u200b\udb40\udc41\u2066x"), "{shown}");
    }
}
