mod cases;
mod model;

use serde_json::{Value, json};

use super::*;
use crate::api_key::KeyHolder;
use crate::authn::PrincipalSource;
use crate::authn::testing::{NOW, certificate, key, owner, principal};
use crate::config::Config;
use crate::config::testing::config;
use crate::http::Method;
use crate::ids::principal_kind::PrincipalKind;
use crate::ids::{CertificateId, IssuerId, ProviderId};
use crate::relation::{MemoryTuples, Tuple};
use crate::route::{CanonicalPath, Requirements};

fn decide(config: &Config, principal: Option<&Principal>, path: &str) -> Decision {
    let matched = config.routes.find(&Method::GET, &CanonicalPath::parse(path).unwrap()).unwrap();
    authorize(principal, &matched, Timestamp::from_unix(NOW))
}

#[test]
fn nobody_passes_a_guarded_route_and_everybody_a_public_one() {
    //
    let config = config(|_| ());
    assert!(matches!(decide(&config, None, "/api/a"), Decision::Deny(Denial::Anonymous)));
    assert!(matches!(decide(&config, None, "/"), Decision::Allow(_)));
}

#[test]
fn a_route_whose_requirements_are_left_out_asks_for_an_identity_all_the_same() {
    //
    let config = config(|vars| vars["ROUTES"] = json!({ "/{*path}": { "upstream": "assets", "public": false } }));
    assert!(matches!(decide(&config, None, "/a"), Decision::Deny(Denial::Anonymous)));
}

#[test]
fn an_origin_is_accepted_by_its_whole_name_and_for_what_it_is() {
    let providers = |names: &[&str]| names.iter().map(|name| ProviderId::parse(name).unwrap()).collect::<Vec<_>>();
    let issuers = |names: &[&str]| names.iter().map(|name| IssuerId::parse(name).unwrap()).collect::<Vec<_>>();
    let required = |provider_names: &[&str], issuer_names: &[&str]| Requirements {
        providers: providers(provider_names),
        issuers: issuers(issuer_names),
        ..Requirements::default()
    };
    let provider = |id: &str| from(PrincipalSource::Provider(id.to_owned()));
    let issuer = |id: &str| from(PrincipalSource::Issuer(IssuerId::parse(id).unwrap()));
    for origin in [provider("corp"), issuer("corp")] {
        assert_eq!(origin::decide(&origin, &required(&[], &[])), Ok(()));
        assert_eq!(origin::decide(&origin, &required(&["partner", "corp"], &["corp"])), Ok(()));
    }
    for other in ["", "cor", "corp2", "Corp", "partner corp"] {
        let decision = origin::decide(&provider(other), &required(&["partner", "corp"], &[]));
        assert_eq!(decision, Err(Denial::Provider), "{other}");
    }
    // A list of the one says that the other is not meant.
    assert_eq!(origin::decide(&issuer("corp"), &required(&["corp"], &[])), Err(Denial::Issuer));
    assert_eq!(origin::decide(&issuer("corp"), &required(&["corp"], &["machines"])), Err(Denial::Issuer));
    assert_eq!(origin::decide(&provider("corp"), &required(&[], &["corp"])), Err(Denial::Provider));
}

#[test]
fn a_key_comes_from_where_its_owner_signs_in_and_a_certificate_is_of_its_entry() {
    //
    let required = |list: &str, id: &str| {
        let (provider, issuer, entry) = (ProviderId::parse(id), IssuerId::parse(id), CertificateId::parse(id));
        let mut required = Requirements::default();
        match list {
            "providers" => required.providers.extend(provider),
            "issuers" => required.issuers.extend(issuer),
            _ => required.certificates.extend(entry),
        }
        required
    };
    let person = from(PrincipalSource::Provider("corp".to_owned()));
    let token = from(PrincipalSource::Issuer(IssuerId::parse("corp").unwrap()));
    let (owned, service) = (key(KeyHolder::Person(owner("corp"))), key(KeyHolder::Service("corp".to_owned())));
    let certificate = certificate("corp");
    for (who, list, code) in [
        (&person, "providers", Denial::Provider),
        (&token, "issuers", Denial::Issuer),
        (&owned, "providers", Denial::Provider),
        (&certificate, "certificates", Denial::Certificate),
    ] {
        for other in ["providers", "issuers", "certificates"] {
            let decided = origin::decide(who, &required(other, "corp"));
            assert_eq!(decided, if other == list { Ok(()) } else { Err(code.clone()) }, "{other} {who:?}");
            assert_eq!(origin::decide(who, &required(other, "corp2")), Err(code.clone()), "{other} {who:?}");
            assert!(origin::decide(&service, &required(other, "corp")).is_err(), "{other}");
        }
        assert_eq!(origin::decide(who, &Requirements::default()), Ok(()));
    }
    assert_eq!(origin::decide(&service, &Requirements::default()), Ok(()));
}

#[test]
fn a_service_is_no_person() {
    //
    assert_eq!(kind::decide(PrincipalKind::Service, &[]), Ok(()));
    assert_eq!(kind::decide(PrincipalKind::Service, &[PrincipalKind::Human, PrincipalKind::Service]), Ok(()));
    for other in [PrincipalKind::Service, PrincipalKind::Agent] {
        assert_eq!(kind::decide(other, &[PrincipalKind::Human]), Err(Denial::Kind));
    }
}

fn from(origin: PrincipalSource) -> Principal {
    somebody(&json!({})).of_origin(origin)
}

/// A deployment with one route that asks for this.
fn requiring(require: Value) -> Config {
    config(|vars| {
        vars["ISSUERS"]["machines"] = issuer();
        vars["ROUTES"]["/t/{team}"] =
            json!({ "upstream": "service:A", "authenticate": ["bearer"], "require": require });
        vars["ROLES"] = json!({ "editor": ["*:orders"], "viewer": ["read:*"] });
    })
}

fn issuer() -> Value {
    json!({
        "issuer": "https://as.example.com/t1", "audience": "urn:api", "roles": ["roles"], "permissions": ["permissions"],
    })
}

fn somebody(claims: &Value) -> Principal {
    principal(&issuer(), claims)
}

#[test]
fn nobody_is_sent_to_sign_in_again_for_what_that_would_not_mend() {
    //
    let config = requiring(json!({ "scopes": ["read"], "acr": ["gold"], "max_age": "5m", "amr": ["otp"] }));
    let decide = |claims: Value| decide(&config, Some(&somebody(&claims)), "/t/a");
    let step_up = |claims: Value, expected: Shortfall| match decide(claims) {
        Decision::StepUp(StepUp { acr_values, max_age, shortfall }) => {
            assert_eq!((acr_values, max_age), (vec!["gold".to_owned()], Some(Seconds::minutes(5))));
            assert_eq!(shortfall, expected);
        }
        other => panic!("{other:?}"),
    };
    let good = json!({ "scope": "read", "acr": "gold", "auth_time": NOW, "amr": ["otp"] });
    let but = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    assert!(matches!(decide(good.clone()), Decision::Allow(_)));
    step_up(but("acr", json!("silver")), Shortfall::Acr);
    step_up(but("auth_time", json!(NOW - 3600)), Shortfall::TooOld);
    let mut nobody_says_when = good.clone();
    nobody_says_when.as_object_mut().unwrap().remove("auth_time");
    step_up(nobody_says_when, Shortfall::TimeUnknown);
    // Another sign-in may use other methods; where it is not asked for, nobody can ask for methods alone.
    step_up(json!({ "scope": "read", "acr": "silver", "amr": ["pwd"] }), Shortfall::Acr);
    assert!(
        matches!(decide(but("amr", json!(["pwd"]))), Decision::Deny(Denial::Methods(missing)) if missing == ["otp"])
    );
    // Without the scope no sign-in helps, however poor this one is.
    assert!(matches!(decide(json!({ "acr": "silver" })), Decision::Deny(Denial::Scopes(_))));
}

#[test]
fn each_denial_has_its_own_code_and_says_nothing_of_the_caller() {
    let denied = |require: Value, claims: Value| match decide(&requiring(require), Some(&somebody(&claims)), "/t/a") {
        Decision::Deny(denial) => (denial.code(), denial.detail()),
        other => panic!("{other:?}"),
    };
    let some = |text: &str| Some(text.to_owned());
    for (require, expected) in [
        (json!({ "scopes": ["a", "b"] }), ("authz.insufficient_scope", some("a b"))),
        (json!({ "any_scope": ["a", "b"] }), ("authz.insufficient_scope", some("a"))),
        (json!({ "roles": ["editor"] }), ("authz.role_missing", None)),
        (json!({ "permissions": ["read:orders", "x"] }), ("authz.permission_missing", some("read:orders x"))),
        (json!({ "tenant": "{team}" }), ("authz.tenant_not_accepted", None)),
        (json!({ "kinds": ["service"] }), ("authz.kind_not_accepted", None)),
        (json!({ "claims": { "/a/b": "c" } }), ("authz.claim_not_accepted", some("/a/b"))),
        (json!({ "email_domain": ["example.com"] }), ("authz.email_domain_not_accepted", None)),
        (json!({ "amr": ["otp"] }), ("authz.amr_missing", some("otp"))),
    ] {
        assert_eq!(denied(require.clone(), json!({})), expected, "{require}");
    }
    let acted_for = json!({ "act": { "sub": "agent" } });
    assert_eq!(denied(json!({ "in_person": true }), acted_for), ("authz.acted_for", None));
}

#[test]
fn a_program_never_stands_for_a_persons_sign_in() {
    // not by a key or a certificate, nor by a service's or an agent's token, whatever that says.
    let good = json!({ "acr": "gold", "auth_time": NOW, "amr": ["otp"] });
    let acted_for = json!({ "acr": "gold", "auth_time": NOW, "amr": ["otp"], "act": { "sub": "agent" } });
    let token = |kind: &str| principal(&json!({ "kind": kind }), &good);
    let programs = [
        ("key", key(KeyHolder::Person(owner("corp"))), "authz.not_a_person"),
        ("service key", key(KeyHolder::Service("x".to_owned())), "authz.not_a_person"),
        ("certificate", certificate("partner"), "authz.not_a_person"),
        ("service", token("service"), "authz.not_a_person"),
        ("agent", token("agent"), "authz.not_a_person"),
        ("acted for", somebody(&acted_for), "authz.acted_for"),
    ];
    for (who, program, in_person) in &programs {
        assert!(!program.is_in_person());
        for (require, code) in [
            (json!({ "in_person": true }), *in_person),
            (json!({ "acr": ["gold"] }), "authz.acr_not_accepted"),
            (json!({ "max_age": "30d" }), "authz.auth_time_unknown"),
            (json!({ "amr": ["otp"] }), "authz.amr_missing"),
        ] {
            match decide(&requiring(require.clone()), Some(program), "/t/a") {
                Decision::Deny(denial) => assert_eq!(denial.code(), code, "{who} {require}"),
                other => panic!("{who} {require}: {other:?}"),
            }
        }
        assert!(matches!(decide(&requiring(json!({})), Some(program), "/t/a"), Decision::Allow(_)), "{who}");
    }
    let person = somebody(&good);
    assert!(person.is_in_person());
    let all = json!({ "in_person": true, "acr": ["gold"], "max_age": "5m", "amr": ["otp"] });
    assert!(matches!(decide(&requiring(all), Some(&person), "/t/a"), Decision::Allow(_)));
}

#[test]
fn in_person_means_that_nobody_acts_for_the_caller() {
    let may = |require: Value, claims: Value| {
        matches!(decide(&requiring(require), Some(&somebody(&claims)), "/t/a"), Decision::Allow(_))
    };
    let deputies = json!({ "act": { "sub": "desk", "act": { "sub": "agent" } } });
    assert!(may(json!({ "in_person": true }), json!({})));
    assert!(!may(json!({ "in_person": true }), deputies.clone()));
    assert!(may(json!({ "in_person": false }), deputies.clone()) && may(json!({}), deputies));
}

#[test]
fn a_persons_key_stands_where_the_person_stands_and_a_services_where_the_service_does() {
    let config = config(|vars| {
        vars["RELATIONS"] = json!({ "document": { "viewer": "[user, service]" } });
        vars["ROUTES"]["/d/{id}"] =
            json!({ "upstream": "service:A", "require": { "relations": ["document:{id}#viewer"] } });
    });
    let mut tuples = MemoryTuples::default();
    for (id, subject) in [
        ("1", "user:https://login.example.com|alice"),
        ("2", "service:https://app.example.com|service:billing"),
        ("3", "service:https://app.example.com|key:0011223344556677"),
    ] {
        tuples.add(Tuple::parse(&format!("document:{id}#viewer@{subject}")).unwrap());
    }
    let sees = |who: &Principal, id: &str| {
        let matched = config.routes.find(&Method::GET, &CanonicalPath::parse(&format!("/d/{id}")).unwrap()).unwrap();
        let guard = matched.route.guard().unwrap();
        let mut questions = relations::Questions::new(&config.relations, who, guard, &matched.params).unwrap().unwrap();
        loop {
            match questions.step() {
                relations::RelationStep::Met(_) => break true,
                relations::RelationStep::Denied(_) => break false,
                relations::RelationStep::Read(reads) => {
                    let answers = reads.iter().map(|read| tuples.answer(read)).collect();
                    questions.learn(reads, answers).unwrap();
                }
            }
        }
    };
    let all = |who: &Principal| ["1", "2", "3"].map(|id| sees(who, id));
    assert_eq!(all(&key(KeyHolder::Person(owner("corp")))), [true, false, false]);
    assert_eq!(all(&key(KeyHolder::Service("billing".to_owned()))), [false, true, false]);
    assert_eq!(all(&certificate("partner")), [false; 3]);
}
