//! `require.scopes` and `require.any_scope`: what must have been granted, each scope compared whole.

use super::Denial;

/// Each of these must have been granted.
///
/// # Errors
/// Names the scopes that are missing.
pub fn decide(granted: &[String], required: &[String]) -> Result<(), Denial> {
    let missing: Vec<String> = required.iter().filter(|scope| !granted.contains(scope)).cloned().collect();
    if missing.is_empty() { Ok(()) } else { Err(Denial::Scopes(missing)) }
}

/// One of these must have been granted.
///
/// # Errors
/// Names the one to ask for: the first.
pub fn decide_any(granted: &[String], accepted: &[String]) -> Result<(), Denial> {
    match accepted.first() {
        Some(first) if !accepted.iter().any(|scope| granted.contains(scope)) => {
            Err(Denial::Scopes(vec![first.clone()]))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn every_required_scope_must_be_granted_whole() {
        //
        for (granted, required) in [("", ""), ("read", ""), ("read write", "read"), ("read write", "write read")] {
            assert_eq!(decide(&list(granted), &list(required)), Ok(()), "{granted} / {required}");
        }
        for (granted, required, missing) in
            [("", "read", "read"), ("readx", "read", "read"), ("Read", "read", "read"), ("a", "a b c", "b c")]
        {
            let expected = Err(Denial::Scopes(list(missing)));
            assert_eq!(decide(&list(granted), &list(required)), expected, "{granted} / {required}");
        }
    }

    #[test]
    fn one_of_the_accepted_scopes_is_enough_and_the_first_is_the_one_to_ask_for() {
        //
        for (granted, accepted) in [("", ""), ("a", ""), ("b", "a b"), ("c a", "a b")] {
            assert_eq!(decide_any(&list(granted), &list(accepted)), Ok(()), "{granted} / {accepted}");
        }
        for (granted, accepted) in [("", "a b"), ("c", "a b"), ("A ax xa", "a b")] {
            assert_eq!(decide_any(&list(granted), &list(accepted)), Err(Denial::Scopes(list("a"))), "{granted}");
        }
    }
}
