//! What changes of somebody's factors end, and who learns of them.

use postern::gateway::Gateway;
use serde_json::{Value, json};

use super::agents_server::publish;
use super::assertion::{published, verified_as};
use super::second::{assert_said, code, enrolled, form, list, person, post, proves, with_factors};
use super::{device, transactions};
use crate::support::{Answered, Asked, Browser, ORIGIN, World, gateway};

const HOOK: &str = "https://mail.example/factors";

fn notifying(notify: &str) -> Gateway {
    let mut variables = with_factors();
    variables["SECOND"] = json!({ "notify": notify });
    gateway(&variables)
}

/// What the service was sent, and the log's line about the last of it.
fn told(world: &World, gateway: &Gateway) -> Vec<Value> {
    world.run_tasks(gateway);
    let keys = published(world, gateway);
    let sent = world.sent.borrow();
    let notices = sent
        .iter()
        .filter(|request| request.headers.get("content-type").is_some_and(|kind| kind == "application/secevent+jwt"));
    notices
        .map(|request| {
            let claims = verified_as("secevent+jwt", &request.body, &keys);
            Value::Object(claims.expect("it is signed by a published key"))
        })
        .collect()
}

/// The log's line about the last notice.
fn notice_event(world: &World) -> Value {
    world.take_events().into_iter().rev().find(|event| event["event"] == "factor.notice").unwrap()
}

fn recovers(browser: &Browser<'_>, code: &str) -> Answered {
    browser.send(&post("/auth/second/verify/recovery", &json!({ "code": code })))
}

#[test]
fn a_service_is_told_of_each_change_by_a_signed_notice() {
    //
    let (world, gateway) = (World::new(), notifying(HOOK));
    publish(&world, HOOK, 202, &json!({}));
    let browser = person(&world, &gateway, "alice");
    let (secret, codes) = enrolled(&world, &browser);
    let notice = told(&world, &gateway).pop().unwrap();
    assert_eq!((&notice["iss"], &notice["aud"]), (&json!(ORIGIN), &json!(HOOK)));
    assert_eq!(notice["sub_id"]["sub"], "alice");
    assert_eq!(notice["email"], Value::Null, "nobody verified it");
    let about = &notice["events"]["urn:postern:event:factor.enrolled"];
    assert_eq!((&about["factor"]["kind"], &about["factor"]["name"]), (&json!("totp"), &json!("Phone")));
    assert!(!notice.to_string().contains(&codes[0]) && !notice.to_string().contains(&secret));
    // A proof changes nothing.
    proves(&world, &browser, &secret);
    assert_eq!(told(&world, &gateway).len(), 1);
    browser.send(&post("/auth/second/recovery", &json!({})));
    let id = list(&browser)["factors"][0]["id"].as_str().unwrap().to_owned();
    browser.send(&post(&format!("/auth/second/{id}/remove"), &json!({})));
    let last: Vec<String> = told(&world, &gateway)
        .iter()
        .map(|one| one["events"].as_object().unwrap().keys().next().unwrap().clone())
        .collect();
    assert_eq!(
        last,
        ["factor.enrolled", "recovery.made", "factor.removed"].map(|what| format!("urn:postern:event:{what}"))
    );
    let event = notice_event(&world);
    assert_eq!(event["reason"], "second.notice_sent");
}

#[test]
fn a_notice_that_does_not_arrive_is_tried_again_and_the_log_says_so() {
    //
    for (status, tries) in [(500, 3), (429, 3), (400, 1), (404, 1)] {
        let (world, gateway) = (World::new(), notifying(HOOK));
        publish(&world, HOOK, status, &json!({}));
        let browser = person(&world, &gateway, "alice");
        enrolled(&world, &browser);
        assert_eq!(told(&world, &gateway).len(), tries, "{status}");
        let event = notice_event(&world);
        assert_eq!((&event["reason"], &event["provider_status"]), (&json!("second.notice_failed"), &json!(status)));
    }
}

#[test]
fn nothing_that_a_stranger_sends_makes_a_notice() {
    //
    let (world, gateway) = (World::new(), notifying(HOOK));
    let nobody = Browser::new(&world, &gateway);
    for path in ["/auth/second/totp/finish", "/auth/second/recovery", "/auth/second/0011223344556677/remove"] {
        nobody
            .send(&post(path, &json!({ "code": "000000", "pending": "x" })))
            .assert_refused(401, "authn.no_credential");
    }
    let browser = person(&world, &gateway, "alice");
    recovers(&browser, "0000-0000-0000-0000").assert_refused(404, "second.not_there");
    browser.send(&post("/auth/second/recovery", &json!({}))).assert_refused(404, "second.not_there");
    assert_eq!(told(&world, &gateway), Vec::<Value>::new());
}

#[test]
fn a_person_is_told_of_what_their_own_session_changed_too() {
    // one that was stolen is theirs as well.
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    let before = "Your second factors were changed";
    assert!(!browser.go("/auth/second").reply().body.contains(before));
    enrolled(&world, &browser);
    let body = browser.go("/auth/second").reply().body.clone();
    assert!(body.contains(before) && !body.contains("changed elsewhere") && body.contains("In this session"), "{body}");
    world.wait(5);
    let other = person(&world, &gateway, "alice");
    let body = other.go("/auth/second").reply().body.clone();
    assert!(body.contains("changed elsewhere") && !body.contains("In this session"), "{body}");
}

#[test]
fn after_many_changes_the_page_says_that_there_were_more() {
    //
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    enrolled(&world, &browser);
    for _ in 0..13 {
        browser.send(&form("/auth/second/recovery", &[]));
    }
    assert_eq!(list(&browser)["changes_left_out"], 2);
    assert!(browser.go("/auth/second").reply().body.contains("And 2 more like these."));
}

#[test]
fn what_is_ended_by_its_old_name_ends_and_the_log_has_both_names() {
    //
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let owner = person(&world, &gateway, "alice");
    let (secret, _) = enrolled(&world, &owner);
    world.wait(60);
    let thief = person(&world, &gateway, "alice");
    let sessions = owner.send(&Asked::script("GET", "/auth/sessions")).json();
    let of_thief = sessions["sessions"].as_array().unwrap().iter().find(|one| one["current"] == false).unwrap();
    let listed = of_thief["id"].as_str().unwrap().to_owned();
    let moved = proves(&world, &thief, &secret);
    assert_eq!(moved.event["session_before"], listed);
    assert_ne!(moved.event["session"], listed);
    let ended = owner.send(&Asked::script("DELETE", &format!("/auth/sessions/{listed}")));
    assert_eq!(ended.json()["ended"], 1, "{}", ended.event);
    assert!(!thief.is_in() && owner.is_in());
}

#[test]
fn after_a_recovery_code_three_lost_apps_are_no_wall() {
    //
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    let (_, codes) = enrolled(&world, &browser);
    for _ in 0..2 {
        world.wait(30);
        enrolled(&world, &browser);
    }
    let oldest = list(&browser)["factors"][0]["id"].as_str().unwrap().to_owned();
    assert_said(&recovers(&browser, &codes[0]), "recovery.used", "second.proven");
    let answered = browser.send(&post("/auth/second/totp/begin", &json!({})));
    let text = |name: &str| answered.json()[name].as_str().unwrap().to_owned();
    let body = json!({ "pending": text("pending"), "code": code(&text("secret"), world.now.get()) });
    let added = browser.send(&post("/auth/second/totp/finish", &body));
    assert_said(&added, "factor.enrolled", "second.enrolled");
    assert!(added.event["detail"].as_str().unwrap().ends_with(&format!("in the place of totp {oldest}")));
    assert_eq!(list(&browser)["factors"].as_array().unwrap().len(), 3);
}

#[test]
fn a_proof_offers_to_bind_a_session_that_is_not_bound_yet() {
    //
    let mut variables = with_factors();
    variables["SESSION"] = json!({ "device": "offer" });
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = person(&world, &gateway, "alice");
    let (secret, codes) = enrolled(&world, &browser);
    world.wait(1200);
    // A recovery code and a wrong code offer nothing.
    let recovered = recovers(&browser, &codes[0]);
    assert_said(&recovered, "recovery.used", "second.proven");
    assert!(device::offer(&recovered).is_none());
    let wrong = browser.send(&post("/auth/second/verify/totp", &json!({ "code": "000000" })));
    assert!(device::offer(&wrong).is_none());
    let proven = proves(&world, &browser, &secret);
    let offered = device::offer(&proven).unwrap();
    let key = device::Device::new(1);
    // It is good for a minute, as after the sign-in.
    let registered = device::register(&browser, &key.registration(&offered));
    assert_eq!(registered.event["reason"], "device.bound", "{}", registered.event);
    assert!(device::offer(&proves(&world, &browser, &secret)).is_none(), "once");
    let late = person(&world, &gateway, "alice");
    world.wait(120);
    let offered = device::offer(&proves(&world, &late, &secret)).unwrap();
    world.wait(61);
    let refused = device::register(&late, &key.registration(&offered));
    assert_eq!(refused.event["outcome"], "deny", "{}", refused.event);
}

#[test]
fn a_transaction_token_tells_of_the_factor() {
    //
    let mut variables = transactions::deployment();
    variables["SECOND"] = json!({});
    let (world, gateway) = (World::new(), gateway(&variables));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    let without = transactions::part(&alice.go("/txn/a"), 1)["tctx"].clone();
    assert_eq!((without.get("second_at"), without.get("second_by")), (None, None));
    world.has_proven("alice", Some((&json!({ "passkey": { "synced": false } }), 5)));
    let with = transactions::part(&alice.go("/txn/a"), 1)["tctx"].clone();
    assert_eq!((&with["second_at"], &with["second_by"]), (&json!(world.now.get() - 5), &json!("passkey")));
    let methods = with["amr"].as_array().unwrap();
    assert!(methods.contains(&json!("hwk")) && methods.contains(&json!("user")), "{with}");
}

#[test]
fn the_page_that_asks_takes_the_fragment_along() {
    //
    let (world, gateway) = (World::new(), gateway(&with_factors()));
    let browser = person(&world, &gateway, "alice");
    let (secret, _) = enrolled(&world, &browser);
    let page = browser.go("/auth/second/verify?return_to=%2Freports%3Fa%3D1").reply().body.clone();
    assert!(page.contains("location") && page.contains("[name=return_to]"), "{page}");
    world.wait(30);
    let fields = [("code", code(&secret, world.now.get())), ("return_to", "/reports?a=1#top".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(browser.send(&form("/auth/second/verify/totp", &fields)).location(), "/reports?a=1#top");
}
