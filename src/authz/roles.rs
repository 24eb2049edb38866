//! `require.roles`: one of the named roles, compared whole.

use super::Denial;

/// # Errors
/// When roles are named and the identity has none of them.
pub fn decide(held: &[String], accepted: &[String]) -> Result<(), Denial> {
    let named = accepted.iter().any(|role| held.contains(role));
    if accepted.is_empty() || named { Ok(()) } else { Err(Denial::Roles) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_named_roles_is_enough_and_it_is_compared_whole() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (held, accepted) in [(&[][..], &[][..]), (&["a"], &[]), (&["a", "b"], &["b"]), (&["b"], &["a", "b"])] {
            assert_eq!(decide(&list(held), &list(accepted)), Ok(()), "{held:?} / {accepted:?}");
        }
        for (held, accepted) in [(&[][..], &["a"][..]), (&["A"], &["a"]), (&["admins"], &["admin"]), (&["a b"], &["a"])]
        {
            assert_eq!(decide(&list(held), &list(accepted)), Err(Denial::Roles), "{held:?} / {accepted:?}");
        }
    }
}
