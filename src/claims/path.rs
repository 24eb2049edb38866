//! Where in a token something stands: the name of a claim, or a path into it.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Longest path read.
const MAX_BYTES: usize = 256;

/// The name of a claim, or a JSON pointer (RFC 6901) such as `/realm_access/roles` into the claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(String);

impl ClaimPath {
    /// What [`ClaimPath::parse`] accepts.
    pub const EXPECTED: &str = "the name of a claim, or a JSON pointer such as `/realm_access/roles`";

    /// Reads a path. Names may hold `/`, as in `https://example.com/roles`; a pointer begins with it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let clean = !text.is_empty() && text.len() <= MAX_BYTES && !text.chars().any(char::is_control);
        (clean && (!text.starts_with('/') || is_pointer(text))).then(|| Self(text.to_owned()))
    }

    /// Where many issuers name the tenant that somebody belongs to: `org_id`.
    #[must_use]
    pub fn organization() -> Self {
        Self("org_id".to_owned())
    }

    /// The one name that stands there: a text that is not empty, or a whole number, as some issuers number their tenants.
    #[must_use]
    pub fn name(&self, claims: &Map<String, Value>) -> Option<String> {
        match self.find(claims)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) => number.as_i64().map(|number| number.to_string()),
            _ => None,
        }
    }

    /// The path as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands there.
    #[must_use]
    pub fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let (_, rest) = self.parts();
        claims.get(self.claim().as_ref())?.pointer(rest)
    }

    /// The roles or permissions that stand in any of these places: texts, or the names of an object's members.
    #[must_use]
    pub fn all_texts(paths: &[Self], claims: &Map<String, Value>) -> Vec<String> {
        let texts = |path: &Self| path.texts(claims).map(str::to_owned).collect();
        let named = |path: &Self| path.find(claims).and_then(Value::as_object).and_then(names);
        paths.iter().flat_map(|path| named(path).unwrap_or_else(|| texts(path))).collect()
    }

    /// The name of the claim in which it stands.
    #[must_use]
    pub fn claim(&self) -> Cow<'_, str> {
        let (first, _) = self.parts();
        if self.0.starts_with('/') { unescaped(first) } else { first.into() }
    }

    /// The name of the claim as written, and the pointer into it.
    fn parts(&self) -> (&str, &str) {
        let Some(pointer) = self.0.strip_prefix('/') else { return (&self.0, "") };
        pointer.find('/').map_or((pointer, ""), |at| pointer.split_at(at))
    }

    /// The texts that stand there: one by itself, or those of a list. Anything else grants nothing.
    pub fn texts<'a>(&self, claims: &'a Map<String, Value>) -> impl Iterator<Item = &'a str> {
        let value = self.find(claims);
        let one = value.and_then(Value::as_str);
        let several = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        one.into_iter().chain(several)
    }
}

/// The names of an object's members, where these are roles: each with an object of texts, which says where it was given
/// (Zitadel: `{"admin": {"28015": "example.com"}}`), or each with `true` or `false`. Of any other object its names say
/// nothing: `{"roles": ["admin"]}` gives nobody the role `roles`.
fn names(members: &Map<String, Value>) -> Option<Vec<String>> {
    let given = |value: &Value| {
        value.as_object().is_some_and(|places| !places.is_empty() && places.values().all(Value::is_string))
    };
    if !members.values().all(given) && !members.values().all(Value::is_boolean) {
        return None;
    }
    let counts = members.iter().filter(|(name, value)| !name.is_empty() && value.as_bool() != Some(false));
    Some(counts.map(|(name, _)| name.clone()).collect())
}

/// RFC 6901 §3: `~` only as `~0` or `~1`.
fn is_pointer(text: &str) -> bool {
    text.split('~').skip(1).all(|after| after.starts_with(['0', '1']))
}

/// RFC 6901 §4, in its order.
fn unescaped(token: &str) -> Cow<'_, str> {
    if token.contains('~') { token.replace("~1", "/").replace("~0", "~").into() } else { token.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(path: &str, claims: &Value) -> Vec<String> {
        ClaimPath::parse(path).unwrap().texts(claims.as_object().unwrap()).map(str::to_owned).collect()
    }

    #[test]
    fn a_path_is_a_name_or_a_pointer() {
        let claims = json!({
            "scope": "a b", "scp": ["a", "b"], "https://example.com/roles": ["x"], "a/b": "c", "a~b": "d", "": "e",
            "realm_access": { "roles": ["admin", 7, null, { "a": "b" }] }, "n": 5, "o": {},
        });
        assert_eq!(texts("scope", &claims), ["a b"]);
        assert_eq!(texts("/scope", &claims), ["a b"]);
        assert_eq!(texts("scp", &claims), ["a", "b"]);
        assert_eq!(texts("/scp/1", &claims), ["b"]);
        assert_eq!(texts("https://example.com/roles", &claims), ["x"]);
        assert_eq!(texts("/realm_access/roles", &claims), ["admin"]);
        assert_eq!(texts("/a~1b", &claims), ["c"]);
        assert_eq!(texts("/a~0b", &claims), ["d"]);
        assert_eq!(texts("/", &claims), ["e"]);
        for nothing in
            ["n", "o", "absent", "/realm_access", "/realm_access/absent", "/scope/0", "/n/a", "realm_access/roles"]
        {
            assert!(texts(nothing, &claims).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn roles_may_be_the_names_of_members() {
        let claims = json!({
            "zitadel": { "admin": { "28015": "example.com" }, "user": { "28015": "example.com", "28016": "example.org" } },
            "flags": { "admin": true, "user": false, "": true },
            "list": ["admin", "", "user"], "one": "admin", "empty": {},
            // None of these says of its names that they are roles.
            "realm_access": { "roles": ["admin"] }, "with_flag": { "roles": ["admin"], "verify_caller": true },
            "resource_access": { "account": { "roles": ["admin"] } }, "numbers": { "admin": 1 },
            "texts": { "admin": "yes" }, "nulls": { "admin": null }, "hollow": { "admin": {} },
            "mixed": { "admin": { "1": "a" }, "user": true }, "deep": { "admin": { "1": { "a": "b" } } },
        });
        let roles = |path: &str| ClaimPath::all_texts(&[ClaimPath::parse(path).unwrap()], claims.as_object().unwrap());
        assert_eq!(roles("zitadel"), ["admin", "user"]);
        assert_eq!(roles("/zitadel/admin"), Vec::<String>::new());
        assert_eq!(roles("flags"), ["admin"]);
        assert_eq!((roles("list").len(), roles("one")), (3, vec!["admin".to_owned()]));
        assert_eq!(roles("/realm_access/roles"), ["admin"]);
        for nothing in [
            "empty",
            "realm_access",
            "with_flag",
            "resource_access",
            "numbers",
            "texts",
            "nulls",
            "hollow",
            "mixed",
            "deep",
        ] {
            assert!(roles(nothing).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn a_path_names_the_claim_that_it_leads_into() {
        for (path, claim) in [
            ("scope", "scope"),
            ("https://example.com/roles", "https://example.com/roles"),
            ("/realm_access/roles", "realm_access"),
            ("/a~1b~0/c", "a/b~"),
            ("/", ""),
        ] {
            assert_eq!(ClaimPath::parse(path).unwrap().claim(), claim, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for bad in ["", "/a~", "/a~2", "/~", "a\nb", &"a".repeat(257)] {
            assert!(ClaimPath::parse(bad).is_none(), "{bad}");
        }
    }
}
