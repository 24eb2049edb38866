//! Claims of an issuer's → tags that a policy may read, all of one type: what is one value and what is a list read alike.

use std::collections::{BTreeMap, BTreeSet};

use postern::oidc::is_believed;
use serde_json::{Map, Value};

/// The most tags and numbers of one principal.
const MAX_TAGS: usize = 512;

/// What the claims come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tags {
    /// Each claim that is a text, truth value or whole number, or a list of such: as a set of texts.
    pub(super) texts: BTreeMap<String, BTreeSet<String>>,
    /// Each claim that is one whole number.
    pub(super) numbers: BTreeMap<String, i64>,
}

/// Those that anybody reads. A claim goes by its name, one inside another by its JSON pointer (RFC 6901); what can be
/// verified and was not (OpenID Connect Core §5.1) is left out, and so is what is none of the above: `null`,
/// fractions, lists in lists, objects in lists. `None` when there are too many.
pub(super) fn tags(claims: &Map<String, Value>, is_read: impl Fn(&str) -> bool) -> Option<Tags> {
    let mut tags = Tags::default();
    for (name, value) in claims.iter().filter(|(name, _)| is_read(name) && is_believed(claims, name)) {
        let pointer = format!("/{}", escaped(name));
        let name = if name.starts_with('/') { &pointer } else { name };
        tags.add(name, &pointer, value)?;
    }
    Some(tags)
}

/// The address that the issuer has verified, and its domain in small letters.
pub(super) fn email(claims: &Map<String, Value>) -> Option<(&str, String)> {
    let address = claims.get("email").filter(|_| is_believed(claims, "email"))?.as_str()?;
    let (_, domain) = address.rsplit_once('@')?;
    Some((address, domain.to_ascii_lowercase()))
}

impl Tags {
    fn add(&mut self, name: &str, pointer: &str, value: &Value) -> Option<()> {
        match value {
            Value::Object(members) => {
                for (inner, value) in members {
                    let inner = format!("{pointer}/{}", escaped(inner));
                    self.add(&inner, &inner, value)?;
                }
            }
            Value::Array(items) => {
                self.texts.insert(name.to_owned(), items.iter().filter_map(text).collect());
            }
            one => {
                self.texts.extend(text(one).map(|text| (name.to_owned(), BTreeSet::from([text]))));
                self.numbers.extend(one.as_i64().map(|number| (name.to_owned(), number)));
            }
        }
        (self.texts.len() <= MAX_TAGS).then_some(())
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// RFC 6901 §3.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(claims: &Value) -> Tags {
        tags(claims.as_object().unwrap(), |_| true).unwrap()
    }

    #[test]
    fn one_value_and_a_list_read_alike_and_what_lies_deeper_goes_by_its_pointer() {
        let tags = read(&json!({
            "department": "sales", "groups": ["a", "b", "a"], "clearance": 3, "big": [7, true], "on": true,
            "https://example.com/x": "y", "/odd": "z", "realm_access": { "roles": ["admin"], "a/b": 5 },
            "nothing": null, "share": 0.5, "empty": [], "mixed": ["a", ["b"], { "c": "d" }, null],
        }));
        let set = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect::<BTreeSet<_>>();
        let expected = [
            ("department", set(&["sales"])),
            ("groups", set(&["a", "b"])),
            ("clearance", set(&["3"])),
            ("big", set(&["7", "true"])),
            ("on", set(&["true"])),
            ("https://example.com/x", set(&["y"])),
            ("/~1odd", set(&["z"])),
            ("/realm_access/roles", set(&["admin"])),
            ("/realm_access/a~1b", set(&["5"])),
            ("empty", set(&[])),
            ("mixed", set(&["a"])),
        ];
        assert_eq!(tags.texts, expected.map(|(name, set)| (name.to_owned(), set)).into());
        assert_eq!(tags.numbers, [("clearance", 3), ("/realm_access/a~1b", 5)].map(|(n, v)| (n.to_owned(), v)).into());
    }

    #[test]
    fn a_claim_cannot_pass_for_what_another_claim_holds() {
        let tags = read(&json!({ "/a/b": "forged", "a": { "b": "true one" } }));
        assert_eq!(tags.texts["/a/b"], BTreeSet::from(["true one".to_owned()]));
        assert_eq!(tags.texts["/~1a~1b"], BTreeSet::from(["forged".to_owned()]));
    }

    #[test]
    fn an_address_that_was_not_verified_is_none() {
        for unverified in [json!(false), json!("True"), json!(1), json!(null)] {
            let claims = json!({ "email": "a@example.com", "email_verified": unverified, "phone_number": "+1" });
            assert!(!read(&claims).texts.contains_key("email"), "{claims}");
            assert!(!read(&claims).texts.contains_key("phone_number"));
            assert_eq!(email(claims.as_object().unwrap()), None);
        }
        let claims = json!({ "email": "\"a@evil.example\"@Example.COM", "email_verified": true });
        assert_eq!(email(claims.as_object().unwrap()).unwrap().1, "example.com");
        assert!(read(&claims).texts.contains_key("email"));
    }

    #[test]
    fn claims_without_end_are_none() {
        let many: Map<String, Value> = (0..513).map(|number| (format!("c{number}"), json!(number))).collect();
        assert_eq!(tags(&many, |_| true), None);
    }
}
