//! Single values: JSON → what is meant, or a message that says what was expected.

use chrono::DateTime;
use serde_json::Value;

use super::problem::{expected, shown};
use super::table::Table;
use crate::claims::path::ClaimPath;
use crate::jose::Algorithm;
use crate::time::{Seconds, Timestamp};

/// The most places to look for one thing in claims.
const MAX_PATHS: usize = 16;

/// A value as a message names it.
pub(super) fn found(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        Value::Number(number) => format!("the number `{number}`"),
        Value::Bool(flag) => format!("`{flag}`"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a table".to_owned(),
        Value::Null => "nothing".to_owned(),
    }
}

/// A string.
pub(super) fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("expected a string, found {}", found(value)))
}

/// `true` or `false`.
pub(super) fn flag(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("expected `true` or `false`, found {}", found(value)))
}

/// A whole number from `least` to `most`.
pub(super) fn whole_number(least: u32, most: u32) -> impl Fn(&Value) -> Result<u32, String> {
    move |value| {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| format!("expected a whole number from {least} to {most}, found {}", found(value)))
    }
}

/// A string that `parse` accepts; `what` says which those are.
pub(super) fn parsed<T>(what: &str, parse: impl Fn(&str) -> Option<T>) -> impl Fn(&Value) -> Result<T, String> {
    move |value| {
        let text = text(value)?;
        parse(text).ok_or_else(|| expected(what, text))
    }
}

/// The longest text that is shown again as a list.
const LONGEST_EXAMPLE: usize = 40;

/// A list of strings, none of them twice, each of which `parse` accepts; `what` says which those are.
pub(super) fn list<T: PartialEq>(
    what: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> impl Fn(&Value) -> Result<Vec<T>, String> {
    move |value| {
        let items = value.as_array().ok_or_else(|| {
            let short = value.as_str().filter(|text| text.len() <= LONGEST_EXAMPLE);
            let example = short.map_or_else(String::new, |_| format!(" such as `[{value}]`"));
            format!("expected a list of strings{example}, found {}", found(value))
        })?;
        let mut all = Vec::with_capacity(items.len());
        for item in items {
            let one = parsed(what, &parse)(item)?;
            if all.contains(&one) {
                return Err(format!("{} stands twice", found(item)));
            }
            all.push(one);
        }
        Ok(all)
    }
}

/// The places to look for something in claims, if the table has any at `key`.
pub(super) fn paths(table: &mut Table<'_>, key: &'static str) -> Option<Vec<ClaimPath>> {
    table.optional(key, |value| {
        let all = list(ClaimPath::EXPECTED, ClaimPath::parse)(value)?;
        if all.len() > MAX_PATHS {
            return Err(format!("expected at most {MAX_PATHS}, found {}", all.len()));
        }
        Ok(all)
    })
}

/// The algorithms that others may sign with: at least one of all that are verified here.
pub(super) fn algorithms(value: &Value) -> Result<Vec<Algorithm>, String> {
    let names = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    if let Some(weak) = names.into_iter().find(|name| is_weak(name)) {
        return Err(format!(
            "{} proves nothing about who signs, expected an algorithm with a public key such as `RS256` or `ES256`",
            shown(weak)
        ));
    }
    let known: Vec<String> = Algorithm::ALL.iter().map(|algorithm| format!("`{}`", algorithm.name())).collect();
    let all = list(&format!("one of {}", known.join(", ")), Algorithm::from_name)(value)?;
    if all.is_empty() { Err("expected at least one algorithm".to_owned()) } else { Ok(all) }
}

/// `none` in whatever spelling, and HMAC with a secret that this side knows too.
fn is_weak(name: &str) -> bool {
    let name = name.trim().to_ascii_uppercase();
    name == "NONE" || name.starts_with("HS")
}

/// One of a few words.
pub(super) fn choice<T: Copy>(words: &[(&str, T)]) -> impl Fn(&Value) -> Result<T, String> {
    move |value| {
        let text = text(value)?;
        let chosen = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        chosen.ok_or_else(|| expected(one_of(words), text))
    }
}

/// The words of a choice as a message names them.
pub(super) fn one_of<T>(words: &[(&str, T)]) -> String {
    let quoted: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    quoted.join(" or ")
}

/// A span such as `30s`, `15m`, `8h`, `7d`, from `least` to `most`.
pub(super) fn duration(least: Seconds, most: Seconds) -> impl Fn(&Value) -> Result<Seconds, String> {
    move |value| {
        let given = value.as_str().and_then(span).filter(|span| (least..=most).contains(span));
        let (least, most) = (spelled(least), spelled(most));
        given.ok_or_else(|| {
            format!("expected a duration such as `30m` or `8h`, from `{least}` to `{most}`, found {}", found(value))
        })
    }
}

/// A span such as `30s`, `15m`, `8h`, `7d`.
#[must_use]
pub fn span(text: &str) -> Option<Seconds> {
    let unit = text.chars().last()?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    digits.parse::<u32>().ok()?.checked_mul(factor).map(Seconds::new)
}

/// A point in time such as `2026-11-22T06:00:00Z` (RFC 3339).
#[must_use]
pub fn moment(text: &str) -> Option<Timestamp> {
    let moment = DateTime::parse_from_rfc3339(text).ok()?;
    Some(Timestamp::from_unix(moment.timestamp()))
}

/// What [`moment`] reads.
pub const MOMENT: &str = "a time such as `2026-11-22T06:00:00Z`";

/// A span as the configuration writes it.
#[must_use]
pub fn spelled(span: Seconds) -> String {
    let seconds = span.get();
    for (factor, unit) in [(24 * 60 * 60, 'd'), (60 * 60, 'h'), (60, 'm')] {
        if seconds >= factor && seconds.is_multiple_of(factor) {
            return format!("{}{unit}", seconds / factor);
        }
    }
    format!("{seconds}s")
}

/// Text people read: not empty, no control characters, at most 80 characters.
pub(super) fn label(text: &str) -> Option<String> {
    let fits = !text.trim().is_empty() && text.chars().count() <= 80 && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// Visible ASCII without spaces, at most 256 bytes.
pub(super) fn word(text: &str) -> Option<String> {
    let fits = !text.is_empty() && text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.to_owned())
}

/// A `scope-token` (RFC 6749 §3.3).
pub(super) fn scope(text: &str) -> Option<String> {
    word(text).filter(|scope| !scope.contains(['"', '\\']))
}

/// Whether a text can be a scope (RFC 6749 §3.3).
#[must_use]
pub fn is_scope(text: &str) -> bool {
    scope(text).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        let any = duration(Seconds::new(0), Seconds::hours(24 * 30));
        for (text, expected) in [("0s", 0), ("30s", 30), ("15m", 900), ("8h", 28_800), ("30d", 2_592_000)] {
            assert_eq!(any(&json!(text)), Ok(Seconds::new(expected)), "{text}");
        }
        for bad in
            ["", "s", "30", "30 m", "1h30m", "-1s", "+1s", "1.5h", "31d", "99999999999d", "4294967295d", "1é", "1M"]
        {
            assert!(any(&json!(bad)).is_err(), "{bad}");
        }
        assert!(any(&json!(30)).unwrap_err().contains("found the number `30`"));
    }

    #[test]
    fn a_moment_has_a_date_a_time_and_an_offset() {
        let at = |seconds| Some(Timestamp::from_unix(seconds));
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", at(0)),
            ("2026-11-22T06:00:00Z", at(1_795_327_200)),
            ("2026-11-22T07:00:00.9+01:00", at(1_795_327_200)),
            ("2026-11-22T06:00:00", None),
            ("2026-11-22", None),
            ("2026-02-30T00:00:00Z", None),
            ("now", None),
            ("", None),
        ] {
            assert_eq!(moment(text), expected, "{text}");
        }
    }

    #[test]
    fn a_span_is_spelled_in_the_largest_unit_that_fits() {
        let spell = |seconds| spelled(Seconds::new(seconds));
        assert_eq!([spell(0), spell(90), spell(5400), spell(7200), spell(86_400)], ["0s", "90s", "90m", "2h", "1d"]);
    }

    #[test]
    fn a_scope_token_has_no_space_quote_or_backslash() {
        //
        for bad in ["", "a b", "a\"b", "a\\b", "é", "a\tb"] {
            assert_eq!(scope(bad), None, "{bad}");
        }
        assert_eq!(
            scope("https://api.example.com/orders:read").as_deref(),
            Some("https://api.example.com/orders:read")
        );
    }
}
