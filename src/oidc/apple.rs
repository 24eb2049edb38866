//! What Apple's first answer about a person has beside the code: `user`, with the name that they chose to tell (R-391).
//!
//! It comes by way of the browser and nothing signs it, so a person may write anything there. It is kept under a name of its
//! own, which nothing that decides asks for unless the configuration says so.

use serde_json::{Map, Value};

use crate::json;

/// The longest `user` that is read.
pub const MAX_BYTES: usize = 4096;
/// The claim that has the name.
pub const CLAIM: &str = "unverified_name";
const MAX_CHARACTERS: usize = 80;

/// The name in it; `None` where there is none, or anything is odd about it.
#[must_use]
pub fn name(user: &str) -> Option<String> {
    let user = json::parse_object(user.as_bytes(), MAX_BYTES).ok()?;
    let name = user.get("name")?.as_object()?;
    let parts: Vec<&str> = ["firstName", "lastName"].into_iter().filter_map(|part| text(name, part)).collect();
    let name = parts.join(" ");
    let fits = !name.is_empty() && name.chars().count() <= MAX_CHARACTERS && !name.chars().any(char::is_control);
    fits.then_some(name)
}

fn text<'a>(name: &'a Map<String, Value>, part: &str) -> Option<&'a str> {
    name.get(part).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_or_two_parts() {
        let whole = r#"{"name":{"firstName":"Jane","lastName":"Appleseed"},"email":"jane@example.com"}"#;
        assert_eq!(name(whole).as_deref(), Some("Jane Appleseed"));
        assert_eq!(name(r#"{"name":{"firstName":" Jane ","lastName":""}}"#).as_deref(), Some("Jane"));
        assert_eq!(name(r#"{"name":{"lastName":"Appleseed"}}"#).as_deref(), Some("Appleseed"));
    }

    #[test]
    fn whatever_is_odd_is_ignored() {
        // R-391
        let long = format!(r#"{{"name":{{"firstName":"{}"}}}}"#, "x".repeat(81));
        let padded = format!(r#"{{"name":{{"firstName":"Jane"}},"pad":"{}"}}"#, "x".repeat(MAX_BYTES));
        for odd in [
            "",
            "Jane",
            "[]",
            "{}",
            r#"{"name":"Jane"}"#,
            r#"{"name":{}}"#,
            r#"{"name":{"firstName":7}}"#,
            r#"{"name":{"firstName":"  "}}"#,
            r#"{"name":{"firstName":"a\u0000b"}}"#,
            r#"{"name":{"firstName":"a"},"name":{"firstName":"b"}}"#,
            &long,
            &padded,
        ] {
            assert_eq!(name(odd), None, "{odd}");
        }
    }
}
