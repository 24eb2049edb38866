//! Where in a token something stands: the name of a claim, or a path into it.

use serde_json::{Map, Value};

/// Longest path read.
const MAX_BYTES: usize = 256;

/// The name of a claim, or a JSON pointer (RFC 6901) such as `/realm_access/roles` into the claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(String);

impl ClaimPath {
    /// What [`ClaimPath::parse`] accepts.
    pub(super) const EXPECTED: &str = "the name of a claim, or a JSON pointer such as `/realm_access/roles`";

    /// Reads a path. Names may hold `/`, as in `https://example.com/roles`; a pointer begins with it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let clean = !text.is_empty() && text.len() <= MAX_BYTES && !text.chars().any(char::is_control);
        (clean && (!text.starts_with('/') || is_pointer(text))).then(|| Self(text.to_owned()))
    }

    /// The path as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands there.
    #[must_use]
    pub fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let Some(pointer) = self.0.strip_prefix('/') else { return claims.get(&self.0) };
        let (first, rest) = pointer.find('/').map_or((pointer, ""), |at| pointer.split_at(at));
        claims.get(&unescaped(first))?.pointer(rest)
    }

    /// The texts that stand there: one by itself, or those of a list. Anything else grants nothing.
    pub fn texts<'a>(&self, claims: &'a Map<String, Value>) -> impl Iterator<Item = &'a str> {
        let value = self.find(claims);
        let one = value.and_then(Value::as_str);
        let several = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        one.into_iter().chain(several)
    }
}

/// RFC 6901 §3: `~` only as `~0` or `~1`.
fn is_pointer(text: &str) -> bool {
    text.split('~').skip(1).all(|after| after.starts_with(['0', '1']))
}

/// RFC 6901 §4, in its order.
fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
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
    fn what_is_no_path_is_refused() {
        for bad in ["", "/a~", "/a~2", "/~", "a\nb", &"a".repeat(257)] {
            assert!(ClaimPath::parse(bad).is_none(), "{bad}");
        }
    }
}
