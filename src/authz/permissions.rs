//! `require.permissions`: each named permission, by the issuer's own word or by a role that grants it (RBAC).

use super::Denial;
use crate::route::Permission;

/// # Errors
/// Names the permissions that are missing.
pub fn decide(held: &[String], roles: &[String], required: &[Permission]) -> Result<(), Denial> {
    let has = |permission: &&Permission| {
        held.contains(&permission.name) || permission.roles.iter().any(|role| roles.contains(role))
    };
    let missing: Vec<String> =
        required.iter().filter(|permission| !has(permission)).map(|permission| permission.name.clone()).collect();
    if missing.is_empty() { Ok(()) } else { Err(Denial::Permissions(missing)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_permission_is_held_by_name_or_by_a_role_that_grants_it() {
        let permission = |name: &str, roles: &str| Permission { name: name.to_owned(), roles: list(roles) };
        let required = [permission("read:orders", "viewer editor"), permission("write:orders", "editor")];
        for (held, roles) in [
            ("read:orders write:orders", ""),
            ("", "editor"),
            ("write:orders", "viewer"),
            ("read:orders", "editor stranger"),
        ] {
            assert_eq!(decide(&list(held), &list(roles), &required), Ok(()), "{held} / {roles}");
        }
        for (held, roles, missing) in [
            ("", "", "read:orders write:orders"),
            ("", "viewer", "write:orders"),
            ("", "Editor editors", "read:orders write:orders"),
            ("read:orders", "stranger", "write:orders"),
            // A star is a wildcard in the table of roles alone: here it is only a sign.
            ("read:* write:* *", "*", "read:orders write:orders"),
        ] {
            let expected = Err(Denial::Permissions(list(missing)));
            assert_eq!(decide(&list(held), &list(roles), &required), expected, "{held} / {roles}");
        }
        assert_eq!(decide(&[], &[], &[]), Ok(()));
    }
}
