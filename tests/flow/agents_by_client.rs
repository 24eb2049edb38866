//! Administration by client: what people granted to it is listed and ended, across people and page by page.

use std::collections::BTreeSet;

use postern::agent::grant::PendingCode;
use postern::agent::handle::{GrantHandle, HandleKind};
use postern::gateway::Gateway;
use postern::session::message::RedeemCode;
use postern::session::{Command, Reply, SessionTimeouts};
use postern::time::{Seconds, Timestamp};
use serde_json::{Value, json};

use super::agents_approvals;
use super::agents_enterprise::{self, bring, jag};
use super::agents_server::{
    CALLBACK, CLIENT, authorize, code, document, form, publish, question, sent, told_of, with_agents, world,
};
use super::agents_tokens::{redeeming, refreshing};
use crate::support::{Answered, Asked, Browser, CORP, Fault, ORIGIN, World, gateway};

const OTHER: &str = "https://other.example/oauth/client.json";
const REVOKE: &str = "/auth/admin/agents/revoke";

/// Two clients that ask people, and an administrator.
fn deployment(agents: Value) -> (World, Gateway) {
    let mut variables = with_agents(agents);
    variables["ADMIN"] = json!({ "principals": ["corp|root"] });
    let world = world();
    let mut other = document();
    other["client_id"] = json!(OTHER);
    publish(&world, OTHER, 200, &other);
    (world, gateway(&variables))
}

fn person<'w>(world: &'w World, gateway: &'w Gateway, name: &str) -> Browser<'w> {
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    Browser::new(world, gateway).signed_in_as(name, name)
}

/// What a person lets a client do: the token, and the refresh token.
fn allow(browser: &Browser<'_>, client: &str) -> (String, String) {
    let code = code(browser, &[("client_id", Some(client))]);
    let machine = Browser::new(browser.world, browser.gateway);
    let told = machine.send(&redeeming(&code, &[("client_id", Some(client))])).json();
    let text = |name: &str| told[name].as_str().unwrap_or_else(|| panic!("{told}")).to_owned();
    (text("access_token"), text("refresh_token"))
}

fn listed(root: &Browser<'_>, query: &[(&str, &str)]) -> Answered {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    root.send(&Asked::script("GET", &format!("/auth/admin/agents?{query}")))
}

fn revoked(root: &Browser<'_>, order: &Value) -> Answered {
    let asked = Asked::script("POST", REVOKE).with("content-type", "application/json").with("origin", ORIGIN);
    root.send(&asked.with_body(Ok(&order.to_string())))
}

fn subjects(answer: &Value) -> Vec<&str> {
    answer["grants"].as_array().unwrap().iter().map(|grant| grant["subject"].as_str().unwrap()).collect()
}

#[track_caller]
fn assert_opens(world: &World, gateway: &Gateway, token: &str, expected: bool) {
    let answered = Browser::new(world, gateway).send(&Asked::bearing("/mcp", token));
    let (outcome, status) = if expected { ("allow", None) } else { ("deny", Some(401)) };
    assert_eq!(answered.event["outcome"], outcome, "{}", answered.event);
    assert!(status.is_none_or(|status| answered.reply().status.as_u16() == status));
}

#[test]
fn what_people_granted_to_a_client_is_seen() {
    //
    let (world, gateway) = deployment(json!({}));
    let [root, alice, bob] = ["root", "alice", "bob"].map(|name| person(&world, &gateway, name));
    for browser in [&alice, &alice, &bob] {
        allow(browser, CLIENT);
    }
    allow(&bob, OTHER);
    let found = listed(&root, &[("client", CLIENT)]);
    assert_eq!(
        (&found.event["action"], &found.event["target"]),
        (&json!("agents.list"), &json!(format!("agent {CLIENT}")))
    );
    let found = found.json();
    let mut names = subjects(&found);
    names.sort_unstable();
    assert_eq!((names, &found["next"]), (vec!["alice", "alice", "bob"], &Value::Null));
    let first = &found["grants"][0];
    assert_eq!(
        (&first["provider"], &first["issuer"], &first["client"]),
        (&json!("corp"), &json!(CORP), &json!(CLIENT))
    );
    assert_eq!((&first["scopes"], first.get("parent")), (&json!(["docs:read"]), None));
    // One person's, to that client alone.
    let of_bob = [("provider", "corp"), ("subject", "bob"), ("client", OTHER)];
    assert_eq!(listed(&root, &of_bob).json()["grants"].as_array().unwrap().len(), 1);
}

#[test]
fn what_people_granted_to_a_client_ends_at_once_with_what_is_under_way() {
    //
    let (world, gateway) = deployment(json!({}));
    let [root, alice, bob] = ["root", "alice", "bob"].map(|name| person(&world, &gateway, name));
    let tokens = [&alice, &alice, &bob].map(|browser| allow(browser, CLIENT));
    let (other, _) = allow(&bob, OTHER);
    // A code, and a question, that are under way.
    let under_way = code(&alice, &[]);
    let asked = question(&sent(&bob, &authorize(&[])));
    world.take_events();
    let ended = revoked(&root, &json!({ "client": CLIENT }));
    assert_eq!(ended.json(), json!({ "ended": 4, "next": null }), "{}", ended.event);
    assert_eq!(
        [&ended.event["event"], &ended.event["action"], &ended.event["ended"], &ended.event["before"]],
        [&json!("admin"), &json!("agents.revoke"), &json!(4), &json!(format!("grants to {CLIENT}: 4 alive"))]
    );
    assert_eq!(ended.event["after"], format!("grants to {CLIENT}: none alive"));
    let events = world.take_events();
    let mut lines: Vec<_> = events
        .iter()
        .filter(|event| event["reason"] == "agent.ended_for_client")
        .map(|event| (event["subject"].as_str().unwrap(), event["ended"].as_i64().unwrap(), &event["detail"]))
        .collect();
    lines.sort_unstable_by_key(|(name, ..)| *name);
    assert_eq!(lines, [("alice", 3, &json!("by corp|root")), ("bob", 1, &json!("by corp|root"))]);
    for (access, refresh) in &tokens {
        assert_opens(&world, &gateway, access, false);
        let refused = Browser::new(&world, &gateway).send(&refreshing(refresh));
        assert_eq!(refused.json()["error"], "invalid_grant", "{}", refused.event);
    }
    let late = Browser::new(&world, &gateway).send(&redeeming(&under_way, &[]));
    assert_eq!(late.json()["error"], "invalid_grant", "{}", late.event);
    bob.send(&form(&asked, "allow", "30")).assert_refused(403, "agent.consent_over");
    assert_opens(&world, &gateway, &other, true);
    assert!(alice.is_in() && listed(&root, &[("client", CLIENT)]).json()["grants"] == json!([]));
    // Who allows it anew has it again.
    world.wait(1);
    let (again, _) = allow(&alice, CLIENT);
    assert_opens(&world, &gateway, &again, true);
    assert_eq!(subjects(&listed(&root, &[("client", CLIENT)]).json()), ["alice"]);
}

#[test]
fn many_people_come_page_by_page_and_each_answer_is_within_the_bounds_of_the_platform() {
    //
    let (world, gateway) = deployment(json!({}));
    let names: BTreeSet<String> = (0..31).map(|number| format!("person-{number}")).collect();
    let tokens: Vec<_> = names.iter().map(|name| allow(&person(&world, &gateway, name), CLIENT).0).collect();
    let root = person(&world, &gateway, "root");
    let (mut seen, mut after, mut sizes) = (BTreeSet::new(), None::<String>, Vec::new());
    loop {
        let mut query = vec![("client", CLIENT)];
        query.extend(after.as_deref().map(|after| ("after", after)));
        let (answered, cost) = world.cost_of(|| listed(&root, &query));
        assert!(cost.requests < 40 && cost.writes == 0, "{cost:?}");
        let page = answered.json();
        sizes.push(subjects(&page).len());
        seen.extend(subjects(&page).into_iter().map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!((sizes, &seen), (vec![25, 6], &names));
    let (first, cost) = world.cost_of(|| revoked(&root, &json!({ "client": CLIENT })));
    assert!(cost.requests < 40, "{cost:?}");
    let told = first.json();
    assert_eq!((&told["ended"], told["next"].is_string()), (&json!(25), true));
    assert_eq!(first.event["after"], format!("grants to {CLIENT}: none alive, of these people"));
    let rest = revoked(&root, &json!({ "client": CLIENT, "after": told["next"] }));
    assert_eq!(rest.json(), json!({ "ended": 6, "next": null }));
    tokens.iter().for_each(|token| assert_opens(&world, &gateway, token, false));
    // Who has nothing any more is left out, and the pages are as before.
    let empty = listed(&root, &[("client", CLIENT)]).json();
    assert_eq!((&empty["grants"], empty["next"].is_string()), (&json!([]), true));
}

#[test]
fn the_grants_of_a_day_are_one_row_of_the_index() {
    //
    let (world, gateway) = deployment(json!({}));
    // The client's document is fetched for somebody else.
    allow(&person(&world, &gateway, "bob"), CLIENT);
    let writes_of = |alice: &Browser<'_>| {
        let answer = form(&question(&sent(alice, &authorize(&[]))), "allow", "30");
        let (answered, cost) = world.cost_of(|| alice.send(&answer));
        assert_eq!(answered.event["reason"], "agent.consent_given", "{}", answered.event);
        cost.writes
    };
    let alice = person(&world, &gateway, "alice");
    let [first, second, third] = [(); 3].map(|()| writes_of(&alice));
    assert_eq!((first, second), (third + 1, third));
    world.wait(86_401);
    let alice = person(&world, &gateway, "alice");
    assert_eq!((writes_of(&alice), writes_of(&alice)), (first, second));
}

#[test]
fn what_is_exchanged_and_what_a_provider_gives_is_found_by_its_own_client() {
    //
    let (world, gateway) = agents_enterprise::deployment_with(|variables| {
        variables["ADMIN"] = json!({ "principals": ["corp|root"] });
    });
    let root = person(&world, &gateway, "root");
    let vouched = bring(&world, &gateway, CLIENT, &jag(&world, CLIENT, &json!({})), &[]).json();
    let vouched = vouched["access_token"].as_str().unwrap().to_owned();
    assert_eq!(subjects(&listed(&root, &[("client", CLIENT)]).json()), ["alice"]);
    let exchange = || agents_enterprise::exchange(&world, &gateway, OTHER, &vouched);
    let (first, _second) = (exchange(), exchange());
    let helper = first.json()["access_token"].as_str().unwrap().to_owned();
    let found = listed(&root, &[("client", OTHER)]).json();
    let parent = listed(&root, &[("client", CLIENT)]).json()["grants"][0]["id"].clone();
    assert_eq!((subjects(&found), &found["grants"][0]["parent"]), (vec!["alice"; 2], &parent));
    assert_eq!(revoked(&root, &json!({ "client": OTHER })).json()["ended"], 2);
    assert_opens_as(&world, &gateway, &helper, false);
    assert_opens_as(&world, &gateway, &vouched, true);
    // In the same second it may have been asked for before.
    assert_eq!(exchange().event["reason"], "exchange.token_refused");
    world.wait(1);
    assert_eq!(exchange().event["reason"], "agent.token_exchanged");
    // The provider's assertion is from before, and makes nothing any more.
    assert_eq!(revoked(&root, &json!({ "client": CLIENT })).json()["ended"], 1);
    assert_opens_as(&world, &gateway, &vouched, false);
    let late = bring(&world, &gateway, CLIENT, &jag(&world, CLIENT, &json!({ "jti": "jag-2" })), &[]);
    assert_eq!(late.event["reason"], "id_jag.ended", "{}", late.event);
}

fn assert_opens_as(world: &World, gateway: &Gateway, token: &str, expected: bool) {
    assert_eq!(agents_enterprise::calls(world, gateway, &json!(token)).event["outcome"] == "allow", expected);
}

/// A grant that the release before began, and its refresh token: no index knows of it.
fn old_grant(world: &World, gateway: &Gateway, subject: &str) -> String {
    let now = Timestamp::from_unix(world.now.get());
    let handle = agents_approvals::granted(world, subject, |grant| {
        CLIENT.clone_into(&mut grant.client);
        let code = PendingCode {
            challenge: "c".into(),
            redirect_uri: CALLBACK.into(),
            expires_at: now.plus(Seconds::new(60)),
        };
        (grant.code, grant.expires_at) = (Some(code), now.plus(Seconds::hours(30 * 24)));
    });
    let redeem = RedeemCode {
        digest: handle.id.digest(),
        client: CLIENT.into(),
        redirect_uri: CALLBACK.into(),
        challenge: "c".into(),
        resource: None,
        jkt: None,
        clocks: SessionTimeouts::new(Seconds::minutes(30), Seconds::hours(8)),
    };
    let redeemed = agents_approvals::tell(world, subject, &Command::RedeemCode(Box::new(redeem)));
    assert!(matches!(redeemed, Reply::Granted(_)), "{redeemed:?}");
    let refresh = GrantHandle { kind: HandleKind::Refresh, number: 1, ..handle };
    agents_approvals::token(gateway, &refresh)
}

#[test]
fn a_grant_of_an_earlier_release_is_found_from_its_next_refresh_on() {
    //
    let (world, gateway) = deployment(json!({}));
    let root = person(&world, &gateway, "root");
    let [alice, bob] = ["alice", "bob"].map(|name| old_grant(&world, &gateway, name));
    assert_eq!(listed(&root, &[("client", CLIENT)]).json()["grants"], json!([]));
    let machine = Browser::new(&world, &gateway);
    // An index that does not answer ends nothing.
    world.fault.set(Fault::SidIndex);
    let first = machine.send(&refreshing(&alice));
    assert_eq!(first.event["reason"], "agent.token_refreshed", "{}", first.event);
    world.fault.set(Fault::None);
    let next = first.json()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(machine.send(&refreshing(&next)).event["reason"], "agent.token_refreshed");
    assert_eq!(subjects(&listed(&root, &[("client", CLIENT)]).json()), ["alice"]);
    // Of the other one nobody knew when all ended: it ends when it is heard of, however much later.
    world.wait(10);
    assert_eq!(revoked(&root, &json!({ "client": CLIENT })).json()["ended"], 1);
    world.wait(20 * 86_400);
    for _ in 0..2 {
        let refused = machine.send(&refreshing(&bob));
        assert_eq!(
            (&refused.json()["error"], &refused.event["reason"]),
            (&json!("invalid_grant"), &json!("agent.grant_gone")),
            "{}",
            refused.event
        );
    }
    // What is granted from then on goes on.
    let (_, refresh) = allow(&person(&world, &gateway, "bob"), CLIENT);
    assert_eq!(machine.send(&refreshing(&refresh)).event["reason"], "agent.token_refreshed");
}

#[test]
fn what_is_remembered_of_a_person_holds_again_once_they_allow_it_anew() {
    //
    let (world, gateway) = deployment(json!({ "remember": true }));
    let [root, alice] = ["root", "alice"].map(|name| person(&world, &gateway, name));
    let by_themselves = || {
        let asked =
            Asked::new("GET", &authorize(&[])).with("sec-fetch-site", "none").with("sec-fetch-mode", "navigate");
        alice.send(&asked.with("sec-fetch-dest", "document"))
    };
    allow(&alice, CLIENT);
    assert_eq!(by_themselves().event["reason"], "agent.consent_remembered");
    world.wait(1);
    revoked(&root, &json!({ "client": CLIENT }));
    world.wait(1);
    assert_eq!(by_themselves().event["reason"], "agent.consent_asked");
    allow(&alice, CLIENT);
    let silent = by_themselves();
    assert_eq!(silent.event["reason"], "agent.consent_remembered", "{}", silent.event);
    assert!(told_of(&silent, "code").is_some());
}

#[test]
fn an_order_by_client_says_what_it_means_and_others_give_none() {
    //
    let (world, gateway) = deployment(json!({}));
    let [root, alice] = ["root", "alice"].map(|name| person(&world, &gateway, name));
    for bad in [
        json!({ "client": "" }),
        json!({ "client": 1 }),
        json!({ "client": "x".repeat(2049) }),
        json!({ "client": CLIENT, "after": "" }),
        json!({ "client": CLIENT, "after": "alice" }),
        json!({ "client": CLIENT, "after": 7 }),
        json!({ "client": CLIENT, "grant": "0123456789abcdef" }),
        json!({ "client": CLIENT, "provider": "corp" }),
        json!({ "client": CLIENT, "provider": "corp", "subject": "alice", "after": "x" }),
        json!({ "after": "x" }),
        json!({}),
    ] {
        revoked(&root, &bad).assert_refused(400, "request.bad_input");
    }
    for bad in
        [&[][..], &[("client", "")], &[("client", CLIENT), ("after", "x")], &[("client", CLIENT), ("subject", "a")]]
    {
        listed(&root, bad).assert_refused(400, "request.bad_input");
    }
    listed(&alice, &[("client", CLIENT)]).assert_refused(403, "admin.not_an_administrator");
    revoked(&alice, &json!({ "client": CLIENT })).assert_refused(403, "admin.not_an_administrator");
    // A client that nobody knows has nothing, and nobody is told of anything else.
    assert_eq!(listed(&root, &[("client", "https://nobody.example/")]).json(), json!({ "grants": [], "next": null }));
    // Without the index nobody is asked for nothing: what could not be ended does not begin.
    let asked = question(&sent(&alice, &authorize(&[])));
    world.fault.set(Fault::SidIndex);
    assert_eq!(listed(&root, &[("client", CLIENT)]).reply().status.as_u16(), 503);
    assert_eq!(revoked(&root, &json!({ "client": CLIENT })).reply().status.as_u16(), 503);
    let refused = alice.send(&form(&asked, "allow", "30"));
    assert_eq!((refused.reply().status.as_u16(), refused.event["outcome"].clone()), (503, json!("deny")));
}
