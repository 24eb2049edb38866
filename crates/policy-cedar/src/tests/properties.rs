//! What holds of any policies and any question.

use std::collections::BTreeSet;

use cedar_policy::{AuthorizationError, Authorizer, Decision, Entities, PolicyId, Request};
use postern::authn::{Actor, AuthenticationFacts, Means};
use postern::http::{ClientCertificate, Method, Peer, Tls};
use postern::ids::principal_kind::PrincipalKind;
use postern::policy::{Bundle, Cause, PolicyVerdict};
use postern::session::second::{SecondMethod, SecondProof};
use postern::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::super::PolicySet;
use super::super::question::Question;
use super::super::reads::Reads;
use super::super::schema::{self, Names};
use super::super::testing::{Asking, MONDAY, owner};

static SCOPES: [&str; 12] = [
    "principal, action, resource",
    "principal is Human, action, resource",
    "principal in Role::\"viewer\", action, resource",
    "principal in Role::\"editor\", action in Action::\"write\", resource",
    "principal, action == Action::\"GET\", resource",
    "principal, action, resource in Route::\"/a/{id}\"",
    "principal, action, resource in Route::\"/b\"",
    "principal == Human::\"https://op.example#alice\", action, resource",
    "principal is Agent in Role::\"viewer\", action, resource",
    "principal, action, resource is Resource in Route::\"/b\"",
    "principal in Role::\"viewer\", action, resource in Route::\"/a/{id}\"",
    "principal in Role::\"a\\\"b\", action, resource == Resource::\"/a/7\"",
];

static CONDITIONS: [&str; 14] = [
    "",
    "when { principal.scopes.contains(\"read\") }",
    "when { principal.hasTag(\"department\") && principal.getTag(\"department\").contains(\"sales\") }",
    "unless { context has address && context.address.isIpv4() }",
    "when { context.utc.hour < 12 }",
    "when { principal.numbers.hasTag(\"clearance\") && principal.numbers.getTag(\"clearance\") * 3000000000 > 3 }",
    "unless { context has country }",
    "when { context.authentication has age && context.authentication.age < 300 }",
    "when { resource.hasTag(\"id\") && resource.getTag(\"id\") like \"7*\" }",
    "when { context has tls && context.tls.version == \"a\" } when { context has certificate.serial }",
    "unless { context.device has key || context.authentication.means == \"mtls\" }",
    "when { principal has email && principal.email.domain == \"example.com\" && context has address }",
    "when { context == context && context[\"\\u{6e}ow\"] > 0 && context.relations.isEmpty() }",
    "when { principal.hasTag(principal.subject) && !principal.getTag(principal.subject).isEmpty() }",
];

pub(super) fn policies() -> impl Strategy<Value = Vec<String>> {
    let effect = prop_oneof![4 => Just("permit"), 1 => Just("forbid")];
    let policy = (effect, select(&SCOPES[..]), select(&CONDITIONS[..]))
        .prop_map(|(effect, scope, condition)| format!("{effect}({scope}) {condition};"));
    proptest::collection::vec(policy, 0..8)
}

/// Texts that people and attackers write.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["", "alice", "sales", "7", "a\"b", "\\", "x#y", "日本", "::", "\u{0}", "a\nb"])
            .prop_map(str::to_owned),
        "\\PC{0,12}",
    ]
}

fn claim() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((text(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn claims() -> impl Strategy<Value = Map<String, Value>> {
    let known = prop_oneof![
        Just(("department".to_owned(), json!("sales"))),
        any::<i64>().prop_map(|number| ("clearance".to_owned(), json!(number))),
        any::<bool>().prop_map(|verified| ("email_verified".to_owned(), json!(verified))),
        text().prop_map(|text| ("email".to_owned(), json!(format!("{text}@example.com")))),
    ];
    let pair = prop_oneof![known, (text(), claim())];
    proptest::collection::vec(pair, 0..5).prop_map(|pairs| pairs.into_iter().collect())
}

fn peer() -> impl Strategy<Value = Peer> {
    let address = prop_oneof![
        select(vec!["203.0.113.7", "2001:db8::1", "::ffff:1.2.3.4", "fe80::1%eth0", "1.2.3.4/8", ""])
            .prop_map(str::to_owned),
        text(),
    ];
    let certificate =
        (proptest::option::of(select(vec!["0".to_owned(), "1".to_owned()])), select(vec!["SUCCESS", "FAILED"]))
            .prop_map(|(presented, verified)| ClientCertificate {
                presented: presented.clone(),
                verified: Some(verified.to_owned()),
                revoked: Some("0".to_owned()),
                fingerprint_sha256: Some("0f".repeat(32)),
                subject: Some("CN=a".to_owned()),
                issuer: None,
                serial: presented,
                ..ClientCertificate::default()
            });
    let tls = (text(), text()).prop_map(|(version, cipher)| Tls { version, cipher });
    let maybe_text = || proptest::option::of(text());
    let (tls, certificate) = (proptest::option::of(tls), proptest::option::of(certificate));
    (proptest::option::of(address), maybe_text(), maybe_text(), tls, certificate).prop_map(
        |(address, country, user_agent, tls, certificate)| Peer {
            address,
            country,
            user_agent,
            tls,
            certificate,
            ..Peer::default()
        },
    )
}

fn authentication() -> impl Strategy<Value = AuthenticationFacts> {
    let means = select(vec![Means::Session, Means::Bearer, Means::Dpop, Means::Mtls, Means::Key, Means::Certificate]);
    let time = proptest::option::of(any::<i64>().prop_map(Timestamp::from_unix));
    let maybe_text = || proptest::option::of(text());
    let by = select(vec![SecondMethod::Passkey { synced: true }, SecondMethod::Totp, SecondMethod::Recovery]);
    let second = (any::<i64>(), by, maybe_text())
        .prop_map(|(at, by, factor)| SecondProof { factor, ..SecondProof::new(Timestamp::from_unix(at), by) });
    let second = proptest::option::of(second);
    (means, maybe_text(), time, maybe_text(), proptest::collection::vec(text(), 0..3), second)
        .prop_map(|(means, key, time, acr, amr, second)| AuthenticationFacts { means, key, time, acr, amr, second })
}

pub(super) fn asking() -> impl Strategy<Value = Asking> {
    let who = (
        select(vec![PrincipalKind::Human, PrincipalKind::Service, PrincipalKind::Agent]),
        text(),
        proptest::option::of(text()),
        subsequence(vec!["viewer", "editor", "a\"b"], 0..=3),
        subsequence(vec!["read", "write"], 0..=2),
        claims(),
        proptest::option::of((proptest::option::of(text()), text())),
        (authentication(), proptest::option::of(text()), proptest::option::of(text())),
    );
    let methods = vec![Method::GET, Method::HEAD, Method::POST, Method::DELETE];
    let route = select(vec![("/a/{id}", "/a/7"), ("/a/{id}", "/a/8"), ("/b", "/b"), ("/c", "/c")]);
    let now = prop_oneof![Just(MONDAY), any::<i64>()];
    (who, select(methods), route, text(), now, peer()).prop_map(|(who, method, (route, path), param, now, peer)| {
        let (kind, subject, client, roles, scopes, claims, actor, (authentication, key_id, owned_by)) = who;
        let owned = |items: Vec<&str>| items.into_iter().map(str::to_owned).collect::<Vec<_>>();
        Asking {
            kind,
            subject,
            tenant: client.clone(),
            client,
            roles: owned(roles),
            scopes: owned(scopes),
            claims,
            actor: actor.map(|(issuer, subject)| Actor { issuer, subject }),
            key_id,
            owner: owned_by.map(|subject| owner(&subject)),
            authentication,
            method,
            route: route.to_owned(),
            path: path.to_owned(),
            params: vec![("id".to_owned(), param)],
            now,
            peer,
            ..Asking::default()
        }
    })
}

/// Each policy goes by what it says, wherever it stands.
pub(super) fn named(policies: &[String]) -> Vec<String> {
    policies.iter().enumerate().map(|(number, policy)| format!("@id(\"p{number}\") {policy}\n")).collect()
}

fn parse(files: &[String]) -> PolicySet {
    let files = files.iter().enumerate().map(|(number, text)| (format!("{number}.cedar"), text.clone())).collect();
    PolicySet::parse(&Bundle::new(files).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_question_fits_the_schema(asking in asking()) {
        let schema = schema::read([]).unwrap();
        let input = asking.input();
        let question = Question::new(&input, &Names::new().unwrap(), &Reads::all()).unwrap();
        let Question { request, entities } = question;
        let all: Vec<_> = entities.iter().cloned().collect();
        prop_assert!(Entities::from_entities(all, Some(&schema)).is_ok());
        let part = |uid: Option<&cedar_policy::EntityUid>| uid.unwrap().clone();
        let context = request.context().unwrap().clone();
        let (principal, action) = (part(request.principal()), part(request.action()));
        let checked = Request::new(principal, action, part(request.resource()), context, Some(&schema));
        prop_assert!(checked.is_ok(), "{:?}", checked.err());
    }

    #[test]
    fn without_a_permit_nothing_is_allowed(policies in policies(), asking in asking()) {
        let forbids: Vec<String> = policies.iter().map(|policy| policy.replace("permit(", "forbid(")).collect();
        prop_assert!(!parse(&[named(&forbids).concat()]).decide(&asking.input()).allows());
    }

    #[test]
    fn whatever_forbids_wins(policies in policies(), asking in asking()) {
        let mut all = policies;
        all.push("forbid(principal, action, resource);".to_owned());
        let decision = parse(&[named(&all).concat()]).decide(&asking.input());
        prop_assert!(matches!(decision.verdict, PolicyVerdict::Deny(Cause::Forbidden | Cause::Failed)));
    }

    #[test]
    fn a_failure_is_never_an_allow(policies in policies(), asking in asking()) {
        let decision = parse(&[named(&policies).concat()]).decide(&asking.input());
        prop_assert!(decision.failures.is_empty() || !decision.allows());
        prop_assert!(!decision.allows() || !decision.policies.is_empty());
    }

    #[test]
    fn the_order_of_policies_and_files_never_matters(
        (all, shuffled) in policies().prop_map(|policies| named(&policies))
            .prop_flat_map(|named| (Just(named.clone()), Just(named).prop_shuffle())),
        asking in asking(),
    ) {
        let input = asking.input();
        let one = parse(&[all.concat()]).decide(&input);
        let apart = if shuffled.is_empty() { vec![String::new()] } else { shuffled.clone() };
        for other in [parse(&[shuffled.concat()]).decide(&input), parse(&apart).decide(&input)] {
            prop_assert_eq!((&one.verdict, &one.policies, &one.failures), (&other.verdict, &other.policies, &other.failures));
        }
    }

    #[test]
    fn a_policy_for_something_else_never_changes_a_decision(
        policies in policies(), asking in asking(), condition in select(&CONDITIONS[..]), effect in select(vec!["permit", "forbid"]),
    ) {
        let before = named(&policies);
        let mut after = before.clone();
        after.push(format!("@id(\"other\") {effect}(principal, action, resource in Route::\"/elsewhere\") {condition};"));
        let input = asking.input();
        let (before, after) = (parse(&[before.concat()]).decide(&input), parse(&[after.concat()]).decide(&input));
        prop_assert_eq!((before.verdict, before.policies), (after.verdict, after.policies));
    }

    #[test]
    fn whom_a_scope_leaves_out_is_told_what_cedar_tells_of_all_policies(policies in policies(), asking in asking()) {
        let input = asking.input();
        let ours = parse(&[named(&policies).concat()]).decide(&input);
        let all: cedar_policy::PolicySet = policies.concat().parse().unwrap();
        let question = Question::new(&input, &Names::new().unwrap(), &Reads::all()).unwrap();
        let response = Authorizer::new().is_authorized(&question.request, &all, &question.entities);
        let name = |id: &PolicyId| id.to_string().replace("policy", "p");
        let by: BTreeSet<String> = response.diagnostics().reason().map(name).collect();
        let failed = response.diagnostics().errors().map(|AuthorizationError::PolicyEvaluationError(error)| name(error.policy_id()));
        prop_assert_eq!(ours.policies.into_iter().collect::<BTreeSet<_>>(), by);
        prop_assert_eq!(ours.failures.into_iter().map(|failure| failure.policy).collect::<BTreeSet<_>>(), failed.collect());
        prop_assert_eq!(
            matches!(ours.verdict, PolicyVerdict::Allow),
            response.decision() == Decision::Allow && response.diagnostics().errors().next().is_none(),
        );
    }

    #[test]
    fn the_same_question_has_the_same_answer(policies in policies(), asking in asking()) {
        let set = parse(&[named(&policies).concat()]);
        prop_assert_eq!(set.decide(&asking.input()), set.decide(&asking.input()));
    }

    #[test]
    fn no_text_makes_the_reader_fall_over(text in "[\\PC\n\"(){};@=&|!.a-z ]{0,200}") {
        drop(PolicySet::parse(&Bundle::new([("a".to_owned(), text)].into()).unwrap()));
    }
}
