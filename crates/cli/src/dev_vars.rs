//! `.dev.vars` → names and values, read the way wrangler's reader (npm `dotenv`) does, so that what is
//! checked is what runs; a line it would skip in silence is an error here.

use std::collections::BTreeMap;

/// Reads `NAME=value` lines: `#` starts a comment, a value may stand in `'`, `"` or `` ` ``, `export` before
/// a name is skipped.
///
/// # Errors
/// The number of the first line that is none of these. What stands in it is not repeated.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>, usize> {
    let mut values = BTreeMap::new();
    for (number, line) in (1_usize..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = assignment(line).ok_or(number)?;
        values.insert(name.to_owned(), value);
    }
    Ok(values)
}

fn assignment(line: &str) -> Option<(&str, String)> {
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let name = name.trim();
    let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    if !named {
        return None;
    }
    let value = value.trim();
    let quote = value.chars().next().filter(|first| ['\'', '"', '`'].contains(first));
    let Some(quote) = quote else { return Some((name, value.split('#').next()?.trim().to_owned())) };
    let (inside, after) = value.strip_prefix(quote)?.rsplit_once(quote)?;
    if !(after.trim().is_empty() || after.trim_start().starts_with('#')) {
        return None;
    }
    Some((name, if quote == '"' { inside.replace("\\n", "\n").replace("\\r", "\r") } else { inside.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str) -> Option<String> {
        parse(line).ok()?.remove("A")
    }

    #[test]
    fn a_line_is_read_as_wrangler_reads_it() {
        let cases = [
            ("A=b", "b"),
            ("  export A = b c  # d", "b c"),
            ("A=", ""),
            ("A='b # c'", "b # c"),
            ("A=\"b\\nc\" # d", "b\nc"),
            ("A='b\\nc'", "b\\nc"),
            ("A=`b'\"c`", "b'\"c"),
            ("A={\"kty\":\"EC\"}", "{\"kty\":\"EC\"}"),
            ("A=b=c", "b=c"),
            ("A=first\nA=last", "last"),
            ("\u{feff}# x\r\n\r\nA=b\r\n", "b"),
        ];
        for (line, expected) in cases {
            assert_eq!(value(line).as_deref(), Some(expected), "{line:?}");
        }
    }

    #[test]
    fn a_line_that_would_be_skipped_is_told_by_its_number() {
        for bad in ["A", "=b", "A b=c", "A='b", "A='b'c", "A=\"b"] {
            assert_eq!(parse(&format!("# x\n{bad}\n")), Err(2), "{bad}");
        }
    }
}
