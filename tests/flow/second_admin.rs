//! Administration asks people for a second factor, and takes factors away from who lost theirs.

use futures::executor::block_on;
use postern::gateway::Gateway;
use postern::session::second::{Enrol, NewFactor, Passkey, SecondCommand, SecondReply};
use postern::session::subject::Rotation;
use postern::session::{Command, Reply, SessionHandle, SessionId, SessionTimeouts, Sessions};
use postern::time::Seconds;
use serde_json::{Value, json};

use super::management::managed;
use crate::support::{Answered, Asked, Browser, World, gateway};

const VERIFY: &str = "/auth/second/verify";

fn deployment(change: impl FnOnce(&mut Value)) -> Value {
    let mut variables = managed();
    variables["SECOND"] = json!({});
    variables["ADMIN"]["principals"] = json!(["corp|root", "corp|other"]);
    variables["ROUTES"]["/pay"] = json!({ "upstream": "service:API", "require": { "second": "15m" } });
    change(&mut variables);
    variables
}

fn signed_in<'w>(world: &'w World, gateway: &'w Gateway, subject: &'static str) -> Browser<'w> {
    Browser::new(world, gateway).signed_in_as(subject, subject)
}

/// Somebody has a passkey from now on. Their session goes on under another id, which this browser does not get.
fn enrolled(browser: &Browser<'_>, credential: &str) {
    let Browser { world, gateway, .. } = browser;
    let cookie = browser.cookie("__Host-postern").unwrap();
    let handle = SessionHandle::from_cookie_value(&cookie, &gateway.config().keys).unwrap();
    let session = &gateway.config().session;
    let rotation = Rotation {
        from: handle.id.digest(),
        to: SessionId::generate(*world).digest(),
        clocks: SessionTimeouts::new(session.idle, session.absolute),
    };
    let passkey = Passkey { id: credential.to_owned(), jwk: r#"{"kty":"EC"}"#.to_owned(), ..Passkey::default() };
    let enrol = Enrol {
        rotation,
        factor: NewFactor::Passkey(passkey),
        name: "laptop".to_owned(),
        enrol_within: Seconds::minutes(10),
    };
    let command = Command::Second(Box::new(SecondCommand::Enrol(Box::new(enrol))));
    let reply = block_on(world.call(&handle.subject, &command)).unwrap();
    assert!(matches!(&reply, Reply::Second(reply) if matches!(**reply, SecondReply::Enrolled(_))), "{reply:?}");
}

fn list(browser: &Browser<'_>, subject: &str) -> Answered {
    browser.send(&Asked::script("GET", &format!("/auth/admin/factors?provider=corp&subject={subject}")))
}

fn reset(browser: &Browser<'_>, subject: &str) -> Answered {
    let order = json!({ "provider": "corp", "subject": subject }).to_string();
    let asked = Asked::script("POST", "/auth/admin/factors/reset").with("content-type", "application/json");
    browser.send(&asked.with_body(Ok(&order)))
}

#[test]
fn people_who_administer_prove_one_where_the_configuration_says_so() {
    let (world, gateway) = (World::new(), gateway(&deployment(|all| all["ADMIN"]["second"] = json!("15m"))));
    let (root, alice) = (signed_in(&world, &gateway, "root"), signed_in(&world, &gateway, "alice"));
    let sessions =
        |browser: &Browser<'_>| browser.send(&Asked::script("GET", "/auth/admin/sessions?provider=corp&subject=alice"));
    let refused = sessions(&root);
    refused.assert_refused(401, "authz.second_missing");
    assert_eq!((&refused.json()["verify_url"], &refused.json()["max_age"]), (&json!(VERIFY), &json!(900)));
    let page = root.go("/auth/admin/explain");
    assert_eq!(page.location(), format!("{VERIFY}?return_to=%2Fauth%2Fadmin%2Fexplain"));
    // Whoever may not do it anyway is told that, and not sent to prove anything.
    sessions(&alice).assert_refused(403, "admin.not_an_administrator");
    world.has_proven("alice", Some((&json!("totp"), 0)));
    sessions(&alice).assert_refused(403, "admin.not_an_administrator");
    world.has_proven("root", Some((&json!("totp"), 900)));
    assert_eq!(sessions(&root).reply().status, 200);
    world.has_proven("root", Some((&json!("totp"), 901)));
    sessions(&root).assert_refused(401, "authz.second_too_old");
    world.has_proven("root", Some((&json!("recovery"), 0)));
    sessions(&root).assert_refused(401, "authz.second_missing");
}

#[test]
fn an_administrator_sees_which_factors_somebody_has_and_takes_them_away() {
    // R-336
    let (world, gateway) = (World::new(), gateway(&deployment(|_| ())));
    let (root, alice) = (signed_in(&world, &gateway, "root"), signed_in(&world, &gateway, "alice"));
    let nothing = json!({
        "factors": [], "recovery_codes": { "left": 0, "made_at": null }, "locked_until": { "totp": null, "recovery": null },
    });
    assert_eq!(list(&root, "alice").json(), nothing);
    let second = Browser::new(&world, &gateway).signed_in_as("alice", "second");
    enrolled(&second, "Y3JlZGVudGlhbA");
    world.has_proven("alice", Some((&json!({ "passkey": { "synced": false } }), 0)));
    alice.go("/pay").forwarded();
    let told = list(&root, "alice");
    let factor = &told.json()["factors"][0];
    assert_eq!(
        [&factor["kind"], &factor["name"], &factor["usable"]],
        [&json!("passkey"), &json!("laptop"), &json!(true)]
    );
    assert_eq!(told.json()["recovery_codes"]["left"], 10);
    assert!(!told.reply().body.contains("Y3JlZGVudGlhbA") && !told.reply().body.contains("kty"));
    assert_eq!((&told.event["action"], &told.event["target"]), (&json!("factors.list"), &json!("corp|alice")));
    let done = reset(&root, "alice");
    assert_eq!((done.reply().status.as_u16(), &done.json()["removed"]), (200, &told.json()));
    let event = ["subject", "action", "target", "before", "after"].map(|name| done.event[name].as_str().unwrap());
    let (before, after) = ("passkey, 10 recovery codes", "no factors, 0 recovery codes");
    assert_eq!(event, ["root", "factors.reset", "corp|alice", before, after]);
    assert_eq!(list(&root, "alice").json(), nothing);
    // Her sessions have ended: one of them may be of whoever has the factor that she lost. So none adds the next first one.
    assert_eq!((&done.json()["ended"], &done.event["ended"]), (&json!(2), &json!(2)));
    assert!(!alice.is_in() && !second.is_in() && root.is_in());
    world.wait(1);
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "third");
    alice.send(&Asked::script("GET", "/pay")).assert_refused(401, "authz.second_missing");
}

#[test]
fn nobody_takes_away_their_own_factors_so() {
    // R-336
    let (world, gateway) = (World::new(), gateway(&deployment(|_| ())));
    let (root, other) = (signed_in(&world, &gateway, "root"), signed_in(&world, &gateway, "other"));
    enrolled(&Browser::new(&world, &gateway).signed_in_as("root", "second"), "Y3JlZGVudGlhbA");
    let refused = reset(&root, "root");
    assert_eq!(refused.reply().status, 422, "{}", refused.event);
    assert_eq!(list(&root, "root").json()["factors"].as_array().unwrap().len(), 1);
    assert_eq!(reset(&other, "root").reply().status, 200);
    for bad in [json!({}), json!({ "provider": "corp" }), json!({ "provider": "corp", "subject": "a", "all": true })] {
        let asked = Asked::script("POST", "/auth/admin/factors/reset").with("content-type", "application/json");
        assert_eq!(other.send(&asked.with_body(Ok(&bad.to_string()))).reply().status, 400, "{bad}");
    }
}
