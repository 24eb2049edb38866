//! A report of one secret, by whoever found it: as plain text, JSON (`{ "key": … }`) or a form (`key=…`).

use serde_json::Value;

use crate::json;
use crate::secret::Secret;

/// The longest report read.
pub const MAX_SINGLE_BYTES: usize = 4096;
const MEMBER: &str = "key";

/// The text that was found; `None` where there is not exactly one. `media_type`: what the body says it is, without
/// parameters. What is neither JSON nor a form is the text itself, white space around it or not.
#[must_use]
pub fn read_single(media_type: &str, body: &str) -> Option<Secret<String>> {
    if body.len() > MAX_SINGLE_BYTES {
        return None;
    }
    let text = if media_type.eq_ignore_ascii_case("application/json") {
        let members = json::parse_object(body.as_bytes(), MAX_SINGLE_BYTES).ok()?;
        members.get(MEMBER).and_then(Value::as_str)?.to_owned()
    } else if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") && body.contains('=') {
        let mut found = form_urlencoded::parse(body.as_bytes()).filter(|(name, _)| name == MEMBER);
        match (found.next(), found.next()) {
            (Some((_, text)), None) => text.into_owned(),
            _ => return None,
        }
    } else {
        body.to_owned()
    };
    let trimmed = text.trim();
    (!trimmed.is_empty()).then(|| Secret::new(trimmed.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(media_type: &str, body: &str) -> Option<String> {
        read_single(media_type, body).map(|text| text.expose().clone())
    }

    #[test]
    fn one_text_is_found_in_each_form() {
        // R-268
        let form = "application/x-www-form-urlencoded";
        for (media_type, body) in [
            ("text/plain", "acme_x\n"),
            ("", " acme_x"),
            ("application/json", r#"{ "key": "acme_x" }"#),
            ("Application/JSON", r#"{ "note": "found it", "key": "acme_x" }"#),
            (form, "key=acme_x"),
            (form, "note=1&key=%61cme_x"),
            // What curl calls `--data` without saying otherwise.
            (form, "acme_x"),
        ] {
            assert_eq!(read(media_type, body).as_deref(), Some("acme_x"), "{media_type}: {body}");
        }
    }

    #[test]
    fn nothing_or_several_texts_are_none() {
        let form = "application/x-www-form-urlencoded";
        for (media_type, body) in [
            ("text/plain", ""),
            ("text/plain", " \n"),
            ("application/json", "acme_x"),
            ("application/json", r#"["acme_x"]"#),
            ("application/json", r#"{ "key": 1 }"#),
            ("application/json", r#"{ "key": "a", "key": "b" }"#),
            ("application/json", r#"{ "token": "acme_x" }"#),
            (form, "key=a&key=b"),
            (form, "token=a"),
        ] {
            assert_eq!(read(media_type, body), None, "{media_type}: {body}");
        }
        assert_eq!(read("text/plain", &"x".repeat(MAX_SINGLE_BYTES + 1)), None);
    }
}
