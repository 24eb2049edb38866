//! `require.acr`, `require.max_age` and `require.amr`: how, and how long ago, somebody signed in.
//!
//! The first two another sign-in can mend, for they can be asked for (RFC 9470). What was used to sign in cannot be asked
//! for by itself: it counts once the rest is as it must be.
//!
//! A sign-in is a person's. How a program proved itself is none, nor that of the person for whom a program acts.

use super::{Denial, Shortfall};
use crate::authn::AuthenticationFacts;
use crate::claims::LEEWAY;
use crate::route::Requirements;
use crate::time::Timestamp;

/// Whether the sign-in was of an accepted class, and not too long ago. What nobody tells is not so; the clock that tells
/// when it was may be a little apart from ours, as for every other time.
///
/// # Errors
/// What another sign-in would have to mend.
pub fn decide(facts: Option<&AuthenticationFacts>, required: &Requirements, now: Timestamp) -> Result<(), Shortfall> {
    let accepted = |acr: &String| required.acr.contains(acr);
    if !required.acr.is_empty() && !facts.and_then(|facts| facts.acr.as_ref()).is_some_and(accepted) {
        return Err(Shortfall::Acr);
    }
    let Some(max_age) = required.max_age else { return Ok(()) };
    match facts.and_then(|facts| facts.time) {
        None => Err(Shortfall::TimeUnknown),
        Some(time) if now > time.plus(max_age).plus(LEEWAY) => Err(Shortfall::TooOld),
        Some(_) => Ok(()),
    }
}

/// Whether each required method was used.
///
/// # Errors
/// Names the methods that are missing.
pub fn decide_methods(facts: Option<&AuthenticationFacts>, required: &[String]) -> Result<(), Denial> {
    let used = |method: &&String| facts.is_some_and(|facts| facts.amr.contains(method));
    let missing: Vec<String> = required.iter().filter(|method| !used(method)).cloned().collect();
    if missing.is_empty() { Ok(()) } else { Err(Denial::Methods(missing)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authn::Means;
    use crate::time::Seconds;

    const NOW: i64 = 1_800_000_000;

    fn facts(acr: Option<&str>, time: Option<i64>) -> AuthenticationFacts {
        AuthenticationFacts {
            means: Means::Session,
            key: None,
            time: time.map(Timestamp::from_unix),
            acr: acr.map(str::to_owned),
            amr: vec!["pwd".to_owned(), "otp".to_owned()],
            second: None,
        }
    }

    #[test]
    fn a_sign_in_is_of_one_of_the_classes_and_recent_enough() {
        //
        let required = Requirements {
            acr: vec!["silver".to_owned(), "gold".to_owned()],
            max_age: Some(Seconds::minutes(5)),
            ..Requirements::default()
        };
        let verdict = |acr, time| decide(Some(&facts(acr, time)), &required, Timestamp::from_unix(NOW));
        for (acr, age) in [("gold", 0), ("silver", 300), ("gold", 360), ("gold", -60)] {
            assert_eq!(verdict(Some(acr), Some(NOW - age)), Ok(()), "{acr} {age}");
        }
        for acr in [None, Some(""), Some("bronze"), Some("Gold"), Some("silver gold")] {
            assert_eq!(verdict(acr, Some(NOW)), Err(Shortfall::Acr), "{acr:?}");
        }
        assert_eq!(verdict(Some("gold"), None), Err(Shortfall::TimeUnknown));
        assert_eq!(verdict(Some("gold"), Some(NOW - 361)), Err(Shortfall::TooOld));
        assert_eq!(verdict(Some("gold"), Some(0)), Err(Shortfall::TooOld));
        assert_eq!(decide(None, &required, Timestamp::from_unix(NOW)), Err(Shortfall::Acr));
        let age = Requirements { acr: Vec::new(), ..required };
        assert_eq!(decide(None, &age, Timestamp::from_unix(NOW)), Err(Shortfall::TimeUnknown));
        let anything = decide(Some(&facts(None, None)), &Requirements::default(), Timestamp::from_unix(NOW));
        assert_eq!(anything, Ok(()));
    }

    #[test]
    fn each_required_method_was_used() {
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for good in ["", "pwd", "otp pwd"] {
            assert_eq!(decide_methods(Some(&facts(None, None)), &list(good)), Ok(()), "{good}");
        }
        for (required, missing) in [("hwk", "hwk"), ("pwd hwk face", "hwk face"), ("PWD", "PWD")] {
            let expected = Err(Denial::Methods(list(missing)));
            assert_eq!(decide_methods(Some(&facts(None, None)), &list(required)), expected, "{required}");
        }
    }
}
