//! `ROLES`: what each role may do.
//!
//! A permission is words with `:` between them, such as `read:orders`. In this table, and nowhere else, `*` stands for one
//! word, and at the end for all that follows. What a token or an ID token says is compared whole.

use super::table::Table;
use super::value::{label, list, scope};
use crate::route::Permission;

/// The most bytes of a permission.
const MAX_BYTES: usize = 128;
const EXPECTED: &str = "a permission such as `read:orders`, or `read:*` for all that begin so";
/// What [`permission`] accepts.
pub(super) const PERMISSION: &str =
    "a permission such as `read:orders`, without spaces, quotes, backslashes or empty parts";

/// Every role with what it grants, in alphabetical order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(Vec<(String, Vec<Grant>)>);

/// What one entry of a role grants.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Grant(String);

/// Reads `ROLES`.
pub(super) fn read(table: &Table<'_>) -> Roles {
    let mut roles = Vec::new();
    for (name, value) in table.entries() {
        if label(name).is_none() {
            table.problem(name, "expected the name of a role, of 1 to 80 characters");
        }
        match list(EXPECTED, Grant::parse)(value) {
            Ok(grants) if grants.is_empty() => table.problem(name, "expected at least one permission"),
            Ok(grants) => roles.push((name.to_owned(), grants)),
            Err(message) => table.problem(name, message),
        }
    }
    Roles(roles)
}

/// A permission that a route asks for, by its whole name: what a wildcard would ask for is not plain.
pub(super) fn permission(text: &str) -> Option<String> {
    parsed(text).filter(|text| !text.contains('*'))
}

fn parsed(text: &str) -> Option<String> {
    scope(text).filter(|text| text.len() <= MAX_BYTES && text.split(':').all(|word| !word.is_empty()))
}

impl Roles {
    /// The roles of a table such as `ROLES`; `None` when one of its entries is no permission.
    #[must_use]
    pub fn of(table: &[(&str, &[&str])]) -> Option<Self> {
        let grants = |all: &[&str]| all.iter().map(|text| Grant::parse(text)).collect::<Option<Vec<_>>>();
        table.iter().map(|(role, all)| Some(((*role).to_owned(), grants(all)?))).collect::<Option<_>>().map(Self)
    }

    /// Whether one of `held` grants this permission.
    #[must_use]
    pub fn grant(&self, held: &[String], permission: &str) -> bool {
        let granting = self.0.iter().filter(|(_, all)| all.iter().any(|grant| grant.covers(permission)));
        granting.map(|(role, _)| role).any(|role| held.contains(role))
    }

    /// What those of `held` grant, as the configuration writes it.
    pub(crate) fn granted<'a>(&'a self, held: &'a [String]) -> impl Iterator<Item = &'a str> {
        let granting = self.0.iter().filter(|(role, _)| held.contains(role));
        granting.flat_map(|(_, all)| all).map(|grant| grant.0.as_str())
    }

    /// The permission of this name, with the roles that grant it.
    pub(super) fn resolve(&self, name: String) -> Permission {
        let grants = |grants: &[Grant]| grants.iter().any(|grant| grant.covers(&name));
        let roles = self.0.iter().filter(|(_, all)| grants(all)).map(|(role, _)| role.clone()).collect();
        Permission { name, roles }
    }
}

impl Grant {
    /// A `*` stands for whole words only.
    fn parse(text: &str) -> Option<Self> {
        let whole = |word: &str| word == "*" || !word.contains('*');
        parsed(text).filter(|text| text.split(':').all(whole)).map(Self)
    }

    fn covers(&self, permission: &str) -> bool {
        let mut asked = permission.split(':');
        let mut granted = self.0.split(':').peekable();
        while let Some(word) = granted.next() {
            let Some(named) = asked.next() else { return false };
            if word == "*" && granted.peek().is_none() {
                return true;
            }
            if word != "*" && word != named {
                return false;
            }
        }
        asked.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{parse, problems, small, with};
    use super::*;

    #[test]
    fn a_star_stands_for_a_word_and_at_the_end_for_all_that_follows() {
        let covers = |grant: &str, permission: &str| Grant::parse(grant).unwrap().covers(permission);
        for (grant, permission) in [
            ("read:orders", "read:orders"),
            ("read:*", "read:orders"),
            ("read:*", "read:orders:own"),
            ("*:orders", "read:orders"),
            ("*:orders:*", "read:orders:own"),
            ("*", "read:orders"),
            ("*", "read"),
        ] {
            assert!(covers(grant, permission), "{grant} / {permission}");
        }
        for (grant, permission) in [
            ("read:orders", "read:order"),
            ("read:orders", "read:orders:own"),
            ("read:orders:own", "read:orders"),
            ("read:*", "read"),
            ("read:*", "reader:orders"),
            ("read:*", "write:orders"),
            ("*:orders", "read:orders:own"),
            ("*:orders", "orders"),
            ("READ:orders", "read:orders"),
        ] {
            assert!(!covers(grant, permission), "{grant} / {permission}");
        }
    }

    #[test]
    fn what_is_no_permission_is_refused() {
        for bad in ["", ":", "read:", ":orders", "read::orders", "a b", "a\"", "a\\b", "é", &"a".repeat(129)] {
            assert!(Grant::parse(bad).is_none() && permission(bad).is_none(), "{bad}");
        }
        for bad in ["read*", "*read", "re*d:orders", "read:**"] {
            assert!(Grant::parse(bad).is_none(), "{bad}");
        }
        // A route says what it needs; that anything will do which looks like it is too easily meant otherwise.
        assert!(permission("read:*").is_none() && permission("*").is_none());
    }

    #[test]
    fn a_table_of_roles_is_read_whole_or_its_faults_are_named() {
        let read = |roles: Value| with(small(), &["ROLES"], roles);
        assert!(parse(&read(json!({ "viewer": ["read:*"], "order desk": ["read:orders", "*:orders:own"] }))).is_ok());
        for (roles, problem) in [
            (json!({ "viewer": [] }), "ROLES.viewer: expected at least one permission"),
            (
                json!({ "viewer": "read:*" }),
                "ROLES.viewer: expected a list of strings such as `[\"read:*\"]`, found `read:*`",
            ),
            (json!({ "viewer": ["a", "a"] }), "ROLES.viewer: `a` stands twice"),
            (
                json!({ "viewer": ["read*"] }),
                "ROLES.viewer: expected a permission such as `read:orders`, or `read:*` for all that begin so, found `read*`",
            ),
            (json!([]), "ROLES: expected a table, found a list"),
        ] {
            assert_eq!(problems(&read(roles)), [problem]);
        }
    }
}
