//! `require.scopes`: each named scope must have been granted, compared whole.

use super::Denial;

/// # Errors
/// Names the scopes that are missing.
pub fn decide(granted: &[String], required: &[String]) -> Result<(), Denial> {
    let missing: Vec<String> = required.iter().filter(|scope| !granted.contains(scope)).cloned().collect();
    if missing.is_empty() { Ok(()) } else { Err(Denial::Scopes(missing)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_required_scope_must_be_granted_whole() {
        //
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
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
}
