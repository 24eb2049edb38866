//! Second factors: what policies know of them, and how they ask for one.

use postern::authn::Means;
use postern::policy::{PolicyStepUp, PolicyVerdict};
use postern::session::second::{SecondMethod, SecondProof};
use postern::time::Timestamp;

use super::super::testing::{Asking, MONDAY, bundle, holds};
use super::remote::both;
use super::{ALL, WANTS_MFA, verdict};

const PAYS: &str = r#"@id("pay") @second("300") forbid(principal, action, resource)
    unless { context has second && context.second.by == "passkey" && context.second.age <= 300 };"#;

#[test]
fn a_second_factor_is_what_was_proven_in_the_session_and_can_be_asked_for() {
    // R-337, R-342, R-345
    let text = format!("{ALL}{PAYS}");
    let by = |means: Means, by: SecondMethod, ago: i64| {
        let mut asking = Asking::default();
        asking.authentication.means = means;
        asking.authentication.second = Some(SecondProof::new(Timestamp::from_unix(MONDAY - ago), by));
        verdict(&text, &asking)
    };
    let passkey = SecondMethod::Passkey { synced: false };
    let wanted = || PolicyVerdict::StepUp(PolicyStepUp { acr_values: Vec::new(), max_age: None, second: Some(300) });
    assert_eq!(by(Means::Session, passkey, 300), PolicyVerdict::Allow);
    assert_eq!(by(Means::Session, passkey, 301), wanted());
    assert_eq!(by(Means::Session, SecondMethod::Totp, 0), wanted());
    assert_eq!(by(Means::Session, SecondMethod::Recovery, 0), wanted());
    assert_eq!(verdict(&text, &Asking::default()), wanted());
    for means in
        [Means::Bearer, Means::Dpop, Means::Mtls, Means::Key, Means::Certificate, Means::Workload, Means::Agent]
    {
        assert_eq!(by(means, passkey, 0), wanted(), "{means:?}");
    }
    // Of several, the shortest; and beside a sign-in.
    let also = format!("{text}{WANTS_MFA}@second(\"60\") forbid(principal, action, resource);");
    let PolicyVerdict::StepUp(all) = verdict(&also, &Asking::default()) else { panic!() };
    assert_eq!((all.acr_values.len(), all.max_age, all.second), (2, Some(300), Some(60)));
    // What is said of the provider's word is no factor.
    assert!(!holds("context has second", &Asking::in_full()));
}

#[test]
fn a_second_factor_is_known_there_as_here() {
    let text = r#"permit(principal, action, resource) when { context.now > 0 };
        @second("300") forbid(principal, action, resource) unless { context has second && context.second.age <= 300 };"#;
    let [here, there] = both(&bundle(text));
    for (second, expected) in [(None, "step-up"), (Some(300), "allow"), (Some(301), "step-up")] {
        let mut asking = Asking::default();
        let proof = |ago| SecondProof {
            factor: Some("0011223344556677".to_owned()),
            ..SecondProof::new(Timestamp::from_unix(MONDAY - ago), SecondMethod::Passkey { synced: true })
        };
        asking.authentication.second = second.map(proof);
        let decision = here.decide(&asking.input());
        assert_eq!(decision.verdict.as_str(), expected, "{second:?}");
        assert_eq!(there.decide(&asking.input()), decision);
    }
}
