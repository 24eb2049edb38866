//! Cedar asked by messages says what Cedar says (R-193).

use std::rc::Rc;

use postern::config::Roles;
use postern::policy::{
    Bundle, CompiledPolicies, EngineService, ManagementInput, PolicyEngine, RemoteEngine, unknown_names,
};
use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::json;

use super::super::testing::{Asking, bundle};
use super::super::{Cedar, engine};
use super::domain::{SCHEMA, evaluation};
use super::properties::{asking, named, policies};

const GRANTED: &str = r#"@id("granted") permit(principal, action, resource)
    when { principal.permissions.containsAny(["read:orders", "write:orders", "x"]) };"#;
const MANAGING: &str = r#"@id("managing") permit(principal in Role::"viewer", action == Action::"sessions.list", resource)
    when { context has country || principal has tenant };"#;

fn remote() -> RemoteEngine<EngineService> {
    RemoteEngine::new(Box::leak(Box::new(EngineService::new(engine()))))
}

/// The same files, read here and there.
pub(super) fn both(bundle: &Bundle) -> [Rc<dyn CompiledPolicies>; 2] {
    [Cedar.parse(bundle).unwrap(), remote().parse(bundle).unwrap()]
}

fn manage(set: &dyn CompiledPolicies, asking: &Asking) -> postern::policy::PolicyDecision {
    let input = asking.input();
    let administrators = [("https://op.example", "alice"), ("https://op.example", "日本")];
    set.decide_management(&ManagementInput {
        principal: input.principal,
        action: "sessions.list",
        administrators: &administrators,
        context: input.context,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_question_has_the_same_answer_there(
        policies in policies(), asking in asking(), stated in subsequence(vec!["x", "y"], 0..=2),
    ) {
        let granted = Roles::of(&[("viewer", &["read:*"]), ("editor", &["write:orders", "a"]), ("other", &["x"])]).unwrap();
        let permissions = stated.into_iter().map(str::to_owned).collect();
        let asking = Asking { granted, permissions, ..asking };
        let text = format!("{}{GRANTED}{MANAGING}", named(&policies).concat());
        let [here, there] = both(&bundle(&text));
        prop_assert_eq!(here.decide(&asking.input()), there.decide(&asking.input()));
        prop_assert_eq!(here.nearest(&asking.input()), there.nearest(&asking.input()));
        prop_assert_eq!(manage(&*here, &asking), manage(&*there, &asking));
        prop_assert_eq!(here.managing(), there.managing());
        prop_assert_eq!(here.version(), there.version());
    }

    #[test]
    fn whatever_is_wrong_with_a_text_is_told_there_as_here(text in "[\\PC\n\"(){};@=&|!.a-z ]{0,200}") {
        let bundle = Bundle::new([("a".to_owned(), text)].into()).unwrap();
        let [here, there] = [Cedar.parse(&bundle).err(), remote().parse(&bundle).err()];
        prop_assert_eq!(here, there);
        prop_assert_eq!(unknown_names(&Cedar, &bundle, None), unknown_names(&remote(), &bundle, None));
    }
}

#[test]
fn a_full_question_has_the_same_answer_there() {
    let text = r#"permit(principal, action, resource) when { context has certificate && principal has actor && context.device has key &&
        context has tls.version && context.tls.version == "TLSv1.3" && principal has email && principal.email.domain == "example.com" &&
        principal.numbers.hasTag("clearance") && principal.numbers.getTag("clearance") == 3 &&
        context.authentication has age && context.authentication.age == 60 && context has address && context.address.isIpv4() &&
        principal.hasTag("/realm_access/roles") && principal.getTag("/realm_access/roles").contains("x") };
        @max_age("30") forbid(principal, action, resource);"#;
    let [here, there] = both(&bundle(text));
    let asking = Asking::in_full();
    let decision = here.decide(&asking.input());
    assert_eq!(decision.verdict.as_str(), "step-up");
    assert_eq!(there.decide(&asking.input()), decision);
}

#[test]
fn services_have_the_same_answer_there() {
    let policies =
        r#"permit(principal, action == Action::"open", resource) when { resource has size && resource.size < 7 };"#;
    let files =
        [("a.cedarschema", SCHEMA), ("a.cedar", policies)].map(|(name, text)| (name.to_owned(), text.to_owned()));
    let [here, there] = both(&Bundle::new(files.into()).unwrap());
    let mut allowed = 0;
    for changes in [
        json!({}),
        json!({ "resource": { "type": "document", "id": "d1", "properties": { "size": 3, "tags": ["a"] } } }),
        json!({ "resource": { "type": "document", "id": "d1", "properties": { "size": 3.5 } } }),
        json!({ "context": { "network": "203.0.113.7" } }),
        json!({ "context": { "stranger": null } }),
        json!({ "action": { "name": "open", "properties": { "soft": true } } }),
        json!({ "subject": { "type": "nobody", "id": "日本" } }),
    ] {
        let decision = here.evaluate(&evaluation(&changes));
        assert_eq!(there.evaluate(&evaluation(&changes)), decision, "{changes}");
        allowed += usize::from(decision.allows());
    }
    assert_eq!(allowed, 1);
}

#[test]
fn the_policy_that_is_built_in_and_the_name_of_the_schema_are_the_same_there() {
    let [here, there] = [Cedar.built_in().unwrap(), remote().built_in().unwrap()];
    let asking = Asking::default();
    assert!(manage(&*here, &asking).allows());
    assert_eq!(manage(&*here, &asking), manage(&*there, &asking));
    assert_eq!(Cedar.version(), remote().version());
}
