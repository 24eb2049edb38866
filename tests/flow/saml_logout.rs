//! Sign-out by SAML: `/auth/saml/slo/{provider}`, and `/auth/logout` that goes on at the provider.

use postern::gateway::Gateway;
use postern_saml_messages::{LogoutRequest, LogoutResponse, MakeLogoutRequest, MakeLogoutResponse};
use serde_json::json;

use super::saml::{form, saml_variables, sign_in};
use super::{agents_server, agents_tokens};
use crate::support::saml_worker::{Logout, decoded, encoded, name};
use crate::support::{Answered, Asked, Browser, Fault, World, gateway};

const SLO: &str = "/auth/saml/slo/idp";

fn request(id: &str, person: &str, sessions: &[&str]) -> Logout {
    Logout::Request(LogoutRequest {
        id: id.to_owned(),
        name_id: name(person),
        session_indexes: sessions.iter().map(|one| (*one).to_owned()).collect(),
        issue_instant: 1_800_000_000,
        not_on_or_after: None,
    })
}

/// By redirect, in a browser that has no cookie of ours to show.
fn tell(world: &World, gateway: &Gateway, parameter: &str, message: &Logout) -> Answered {
    let fields =
        [(parameter, encoded(message).as_str()), ("RelayState", "theirs"), ("SigAlg", "any"), ("Signature", "any")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let query = form(&fields);
    Browser::new(world, gateway).send(&Asked::from_elsewhere(&format!("{SLO}?{query}")))
}

fn value(location: &str, name: &str) -> Option<String> {
    let (_, query) = location.split_once('?')?;
    form_urlencoded::parse(query.as_bytes()).find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

#[test]
fn exactly_the_sessions_that_are_meant_end() {
    //
    for (person, sessions, expected) in [
        ("alice", &["s-1"][..], [false, true, true]),
        ("alice", &["s-1", "s-2"], [false, false, true]),
        ("alice", &[], [false, false, true]),
        ("bob", &["s-1"], [true, true, true]),
        ("bob", &["s-3"], [true, true, false]),
        ("mallory", &[], [true, true, true]),
    ] {
        let (world, gateway, other) = (World::new(), gateway(&saml_variables()), gateway(&saml_variables()));
        let all = [("alice", "s-1"), ("alice", "s-2"), ("bob", "s-3")];
        let all = all.map(|(person, session)| sign_in(&world, &gateway, person, session));
        let answered = tell(&world, &other, "SAMLRequest", &request("_l1", person, sessions));
        let ended = expected.iter().filter(|is_in| !**is_in).count();
        let reason = if ended == 0 { "logout.no_session" } else { "logout.sessions_ended" };
        assert_eq!((&answered.event["reason"], &answered.event["ended"]), (&json!(reason), &json!(ended)), "{person}");
        assert_eq!(all.each_ref().map(|browser| browser.is_in()), expected, "{person} {sessions:?}");
        // It is told, by a signed answer, with its own state.
        let location = answered.location();
        let told: MakeLogoutResponse = decoded(&value(&location, "SAMLResponse").unwrap()).unwrap();
        assert_eq!((told.in_response_to.as_str(), told.success), ("_l1", true));
        assert_eq!(value(&location, "RelayState").as_deref(), Some("theirs"));
        assert!(location.starts_with("https://idp.example.com/slo?") && value(&location, "Signature").is_some());
    }
}

#[test]
fn a_grant_of_many_weeks_ends_by_the_name_of_its_person() {
    //
    let mut variables = saml_variables();
    let agents = agents_server::with_agents(json!({ "grant": "90d" }));
    for name in ["AGENTS", "ROUTES"] {
        variables[name] = agents[name].clone();
    }
    let (world, gateway) = (agents_server::world(), gateway(&variables));
    let refresh = agents_server::granted_for(&sign_in(&world, &gateway, "alice", "s-1"), "90");
    world.wait(45 * 24 * 3600);
    let answered = tell(&world, &gateway, "SAMLRequest", &request("_l1", "alice", &[]));
    assert_eq!(answered.event["reason"], "logout.sessions_ended", "{}", answered.event);
    let refused = Browser::new(&world, &gateway).send(&agents_tokens::refreshing(&refresh));
    assert_eq!(refused.json()["error"], "invalid_grant");
}

#[test]
fn sessions_of_people_who_are_known_by_an_attribute_end_by_their_name() {
    //
    let mut variables = saml_variables();
    variables["PROVIDERS"]["idp"]["saml"]["subject"] = "attr:mail".into();
    let (world, gateway) = (World::new(), gateway(&variables));
    let (alice, bob) = (sign_in(&world, &gateway, "a-1", "s-1"), sign_in(&world, &gateway, "b-1", "s-2"));
    // Both have the address of the tests: one subject, two names at the provider.
    let answered = tell(&world, &gateway, "SAMLRequest", &request("_l1", "a-1", &["s-1"]));
    assert_eq!(answered.event["ended"], 1, "{}", answered.event);
    assert_eq!((alice.is_in(), bob.is_in()), (false, true));
}

#[test]
fn what_is_not_proven_ends_nothing() {
    let (world, gateway) = (World::new(), gateway(&saml_variables()));
    let alice = sign_in(&world, &gateway, "alice", "s-1");
    tell(&world, &gateway, "SAMLRequest", &Logout::Forged).assert_refused(400, "saml.logout_refused");
    let plain = Browser::new(&world, &gateway);
    // What is no signed message is not worth a question.
    let before = world.saml_worker.asked.borrow().len();
    let long = format!("SAMLRequest={}&SigAlg=a&Signature=a", "x".repeat(16 * 1024));
    for query in
        ["", "SAMLRequest=x", "SAMLRequest=x&SigAlg=a", "SAMLRequest=x&SAMLResponse=x&SigAlg=a&Signature=a", &long]
    {
        plain.send(&Asked::from_elsewhere(&format!("{SLO}?{query}"))).assert_refused(400, "saml.malformed");
    }
    assert_eq!(world.saml_worker.asked.borrow().len(), before);
    let asked = Asked::from_elsewhere(&format!("{SLO}?SAMLRequest=x&SigAlg=a&Signature=a"));
    plain.send(&asked).assert_refused(400, "saml.logout_refused");
    plain.send(&Asked::form_from_elsewhere(SLO, "SAMLRequest=a&SAMLResponse=b")).assert_refused(400, "saml.malformed");
    assert!(alice.is_in());
}

#[test]
fn a_request_works_once_and_is_answered_each_time() {
    //
    for fault in [Fault::None, Fault::Sessions, Fault::Killed, Fault::EndAnswers] {
        let (world, gateway) = (World::new(), gateway(&saml_variables()));
        let alice = sign_in(&world, &gateway, "alice", "s-1");
        let message = request("_l1", "alice", &["s-1"]);
        if fault != Fault::None {
            world.fault.set(fault);
            tell(&world, &gateway, "SAMLRequest", &message).assert_refused(503, "store.unavailable");
            world.fault.set(Fault::None);
            // Whoever failed, or was stopped, is told the same again.
            assert_eq!(alice.is_in(), fault != Fault::EndAnswers);
        }
        let reason = if fault == Fault::EndAnswers { "logout.no_session" } else { "logout.sessions_ended" };
        let first = tell(&world, &gateway, "SAMLRequest", &message);
        assert_eq!(first.event["reason"], reason, "{fault:?}");
        assert!(!alice.is_in());
        // It ends no session that begins later, and the provider has its answer, which may have been lost.
        world.wait(1);
        let later = sign_in(&world, &gateway, "alice", "s-1");
        let again = tell(&world, &gateway, "SAMLRequest", &message);
        assert_eq!((&again.event["reason"], &again.event["ended"]), (&json!("logout.repeated"), &json!(0)));
        for answered in [first, again] {
            let told: MakeLogoutResponse = decoded(&value(&answered.location(), "SAMLResponse").unwrap()).unwrap();
            assert_eq!((told.in_response_to.as_str(), told.success), ("_l1", true));
        }
        assert!(later.is_in(), "{fault:?}");
    }
}

#[test]
fn a_request_may_be_posted() {
    let (world, gateway) = (World::new(), gateway(&saml_variables()));
    let alice = sign_in(&world, &gateway, "alice", "s-1");
    let body = form(&[("SAMLRequest", &encoded(&request("_l1", "alice", &[])))]);
    let answered = Browser::new(&world, &gateway).send(&Asked::form_from_elsewhere(SLO, &body));
    assert_eq!(answered.event["reason"], "logout.sessions_ended", "{}", answered.event);
    assert!(!alice.is_in());
    world.wait(600);
    world.saml_worker.metadata.borrow_mut().slo_redirect = None;
    let body = form(&[("SAMLRequest", &encoded(&request("_l2", "alice", &[])))]);
    let answered = Browser::new(&world, &gateway).send(&Asked::form_from_elsewhere(SLO, &body));
    assert_eq!(answered.reply().status.as_u16(), 200);
}

#[test]
fn who_signs_out_here_signs_out_at_the_provider() {
    let (world, gateway) = (World::new(), gateway(&saml_variables()));
    let alice = sign_in(&world, &gateway, "alice", "s-1");
    let location = alice.send(&Asked::form("/auth/logout")).location();
    assert!(!alice.is_in());
    let sent: MakeLogoutRequest = decoded(&value(&location, "SAMLRequest").unwrap()).unwrap();
    assert_eq!((sent.name_id, sent.session_index.as_deref()), (name("alice"), Some("s-1")));
    assert!(location.starts_with("https://idp.example.com/slo?") && value(&location, "Signature").is_some());
    for (success, to) in [(true, "/auth/logged-out?state=saml"), (false, "/auth/logged-out")] {
        let told = Logout::Response(LogoutResponse { in_response_to: sent.id.clone(), success });
        assert_eq!(tell(&world, &gateway, "SAMLResponse", &told).location(), to);
    }
}

#[test]
fn whom_a_sign_out_names_is_for_the_provider_alone() {
    // not for a script, nor for a page of ours that is read by one.
    let (world, gateway) = (World::new(), gateway(&saml_variables()));
    let alice = sign_in(&world, &gateway, "alice", "s-1");
    let told = alice.send(&Asked::script("POST", "/auth/logout").with("origin", crate::support::ORIGIN));
    assert_eq!(told.json(), json!({ "location": "/auth/logged-out" }));
    let alice = sign_in(&world, &gateway, "alice", "s-2");
    let page = alice.send(&Asked::form("/auth/logout?answer=page"));
    assert!(!page.reply().body.contains("SAMLRequest"), "{}", page.reply().body);
    assert!(!alice.is_in());
}

#[test]
fn a_sign_out_stays_here_where_the_provider_takes_none() {
    let local = |world: &World, variables: &serde_json::Value| {
        let gateway = gateway(variables);
        let alice = sign_in(world, &gateway, "alice", "s-1");
        assert_eq!(alice.send(&Asked::form("/auth/logout")).location(), "/auth/logged-out");
        assert!(!alice.is_in());
    };
    let mut variables = saml_variables();
    variables["PROVIDERS"]["idp"]["logout"] = "local".into();
    local(&World::new(), &variables);
    let mut unsigned = saml_variables();
    unsigned["PROVIDERS"]["idp"]["saml"] = json!({ "metadata": "<EntityDescriptor/>" });
    local(&World::new(), &unsigned);
    let world = World::new();
    world.saml_worker.metadata.borrow_mut().slo_redirect = None;
    local(&world, &saml_variables());
}
