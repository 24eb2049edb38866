//! `require.second`, and `SECOND.required_for`: that a person has proven a second factor of ours in this session.
//!
//! It is ours alone: we asked for it, and our own clock says when. So no clock of anybody else's is allowed for, and nothing
//! that a provider or a token says counts for it. A recovery code is none, though it was proven.

use crate::authn::Principal;
use crate::route::Requirements;
use crate::session::second::SecondProof;
use crate::time::{Seconds, Timestamp};

use super::Shortfall;

/// Whether the route asks this caller for one.
#[must_use]
pub fn is_asked(principal: &Principal, required: &Requirements) -> bool {
    required.second.is_some() || is_asked_by_roles(principal, &required.second_for)
}

/// Whether the caller is a person who has one of these roles. A program that got the role of a person has no factors: making
/// it asked for them.
#[must_use]
pub fn is_asked_by_roles(principal: &Principal, second_for: &[String]) -> bool {
    principal.is_in_person() && principal.roles().iter().any(|role| second_for.contains(role))
}

/// Whether the caller has one, as the route asks.
///
/// # Errors
/// What a proof would have to mend.
pub fn decide(principal: &Principal, required: &Requirements, now: Timestamp) -> Result<(), Shortfall> {
    if !is_asked(principal, required) {
        return Ok(());
    }
    decide_age(proven(principal), required.second, now)
}

/// Whether a proof is there, and not too long ago.
///
/// # Errors
/// The same.
pub fn decide_age(proof: Option<&SecondProof>, max_age: Option<Seconds>, now: Timestamp) -> Result<(), Shortfall> {
    match (proof, max_age) {
        (None, _) => Err(Shortfall::SecondMissing),
        (Some(proof), Some(max_age)) if now > proof.at.plus(max_age) => Err(Shortfall::SecondTooOld),
        (Some(_), _) => Ok(()),
    }
}

/// The factor that this person proved in the session that they came by.
#[must_use]
pub fn proven(principal: &Principal) -> Option<&SecondProof> {
    principal.session()?;
    let is_own = principal.is_in_person();
    principal.authentication().second.as_ref().filter(|proof| is_own && proof.by.is_a_factor())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api_key::KeyHolder;
    use crate::authn::testing::{NOW, certificate, key, owner, principal, signed_in};

    fn asking(second: Option<u32>, second_for: &[&str]) -> Requirements {
        let second_for = second_for.iter().map(|role| (*role).to_owned()).collect();
        Requirements { second: second.map(Seconds::new), second_for, ..Requirements::default() }
    }

    fn proven_by(by: &Value, ago: i64) -> Principal {
        signed_in(&json!({ "second": { "at": NOW - ago, "by": by }, "roles": ["admin"] }))
    }

    fn verdict(who: &Principal, required: &Requirements) -> Result<(), Shortfall> {
        decide(who, required, Timestamp::from_unix(NOW))
    }

    #[test]
    fn a_factor_counts_for_as_long_as_the_route_says_and_no_longer() {
        //
        let required = asking(Some(900), &[]);
        for by in [json!("totp"), json!({ "passkey": { "synced": true } }), json!({ "passkey": { "synced": false } })] {
            for ago in [0, 1, 899, 900] {
                assert_eq!(verdict(&proven_by(&by, ago), &required), Ok(()), "{by} {ago}");
            }
            // Our own clock says when: nothing is allowed for another's.
            for ago in [901, 959, 90_000] {
                assert_eq!(verdict(&proven_by(&by, ago), &required), Err(Shortfall::SecondTooOld), "{by} {ago}");
            }
        }
    }

    #[test]
    fn a_recovery_code_is_no_factor() {
        //
        for required in [asking(Some(900), &[]), asking(None, &["admin"])] {
            assert_eq!(verdict(&proven_by(&json!("recovery"), 0), &required), Err(Shortfall::SecondMissing));
        }
    }

    #[test]
    fn nothing_that_a_provider_says_is_a_factor() {
        //
        for said in [json!({ "acr": "urn:postern:second", "amr": ["otp", "hwk", "user"] }), json!({ "amr": ["mfa"] })] {
            assert_eq!(verdict(&signed_in(&said), &asking(Some(900), &[])), Err(Shortfall::SecondMissing), "{said}");
        }
    }

    #[test]
    fn people_with_a_role_have_proven_one_in_their_session_and_others_need_not() {
        let required = asking(None, &["admin", "root"]);
        assert_eq!(verdict(&proven_by(&json!("totp"), 80_000), &required), Ok(()));
        assert_eq!(verdict(&signed_in(&json!({ "roles": ["root"] })), &required), Err(Shortfall::SecondMissing));
        for other in [json!([]), json!(["Admin"]), json!(["administrator", "adm"])] {
            assert_eq!(verdict(&signed_in(&json!({ "roles": other })), &required), Ok(()), "{other}");
        }
        // A route that says how long ago says it of everybody.
        let both = asking(Some(60), &["admin"]);
        assert_eq!(verdict(&proven_by(&json!("totp"), 61), &both), Err(Shortfall::SecondTooOld));
        assert_eq!(verdict(&signed_in(&json!({ "roles": [] })), &both), Err(Shortfall::SecondMissing));
    }

    #[test]
    fn neither_a_program_nor_an_agent_ever_has_one() {
        //
        let grant = json!({
            "client": "https://agent.example", "client_name": "Agent", "resource": "", "scopes": [], "expires_at": NOW + 60,
            "actors": [{ "issuer": "https://app.example.com", "subject": "https://agent.example" }],
        });
        let proof = json!({ "at": NOW, "by": "totp" });
        let agent = signed_in(&json!({ "grant": grant, "second": proof, "roles": ["admin"] }));
        let token = principal(&json!({ "roles": ["roles"] }), &json!({ "roles": ["admin"], "second": proof }));
        let keys = [key(KeyHolder::Person(owner("corp"))), key(KeyHolder::Service("a".to_owned())), certificate("a")];
        for who in keys.iter().chain([&agent, &token]) {
            assert_eq!(verdict(who, &asking(Some(900), &[])), Err(Shortfall::SecondMissing), "{who:?}");
            assert_eq!(proven(who), None);
        }
        // The rule about roles is about people: their programs are asked for when they are made. A person's token is a
        // person's, and shows nothing of a factor.
        for who in keys.iter().chain([&agent]) {
            assert_eq!(verdict(who, &asking(None, &["admin"])), Ok(()), "{who:?}");
        }
        assert_eq!(verdict(&token, &asking(None, &["admin"])), Err(Shortfall::SecondMissing));
    }
}
