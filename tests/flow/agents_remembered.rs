//! Where what a person allowed is remembered, and how often they are asked.

use serde_json::{Value, json};

use super::agents_server::{
    CALLBACK, CLIENT, authorize, code, deployment, form, publish, question, sent, told_of, with_agents,
};
use super::agents_tokens::{redeeming, refreshing};
use crate::support::{Asked, Browser};

/// A person comes by themselves.
fn by_themselves(path: &str) -> Asked {
    let asked = Asked::new("GET", path).with("sec-fetch-site", "none").with("sec-fetch-mode", "navigate");
    asked.with("sec-fetch-dest", "document")
}

#[test]
fn where_it_is_remembered_nobody_is_asked_twice_unless_another_page_may_have_asked() {
    //
    let (world, gateway) = deployment(json!({ "remember": true }));
    let browser = Browser::new(&world, &gateway).signed_in();
    let redeemed = Browser::new(&world, &gateway).send(&redeeming(&code(&browser, &[]), &[]));
    assert_eq!(redeemed.event["reason"], "agent.token_issued");
    let silent = browser.send(&by_themselves(&authorize(&[])));
    assert_eq!(
        (&silent.event["reason"], told_of(&silent, "code").is_some()),
        (&json!("agent.consent_remembered"), true)
    );
    let asks = |asked: &Asked| browser.send(asked).event["reason"] == "agent.consent_asked";
    assert_eq!(sent(&browser, &authorize(&[])).event["reason"], "agent.consent_asked", "another page");
    assert!(asks(&Asked::new("GET", &authorize(&[])).with("accept", "text/html")), "nobody says from where");
    assert!(asks(&by_themselves(&format!("{}&consent=ask", authorize(&[])))), "back from the sign-in");
    for (name, value) in [
        ("scope", "docs:write"),
        ("redirect_uri", "http://127.0.0.1:9/cb"),
        ("resource", "https://app.example.com/other"),
    ] {
        let path = authorize(&[(name, Some(value))]);
        let path = if name == "resource" { path.replace("scope=docs%3Aread", "") } else { path };
        assert!(asks(&by_themselves(&path)), "{name}");
    }
    // Another client, also at the same address; and one that anybody may have registered.
    let other = "https://other.example/c";
    publish(&world, other, 200, &json!({ "client_id": other, "client_name": "Other", "redirect_uris": [CALLBACK] }));
    assert!(asks(&by_themselves(&authorize(&[("client_id", Some(other))]))), "another client");
    let forgetful = crate::support::gateway(&with_agents(json!({})));
    let browser = Browser::new(&world, &forgetful).signed_in();
    assert_eq!(browser.send(&by_themselves(&authorize(&[]))).event["reason"], "agent.consent_asked");
}

#[test]
fn what_is_remembered_is_no_more_than_was_allowed() {
    //
    let (world, gateway) = deployment(json!({ "remember": true, "register": true }));
    let browser = Browser::new(&world, &gateway).signed_in();
    let machine = Browser::new(&world, &gateway);
    let allow = |browser: &Browser<'_>, changes: &[(&str, Option<&str>)], client: &str, life: &str| {
        let page = sent(browser, &authorize(changes));
        let code = told_of(&browser.send(&form(&question(&page), "allow", life)), "code").unwrap();
        assert_eq!(
            machine.send(&redeeming(&code, &[("client_id", Some(client))])).event["reason"],
            "agent.token_issued"
        );
    };
    let asks = |changes: &[(&str, Option<&str>)]| {
        browser.send(&by_themselves(&authorize(changes))).event["reason"] == "agent.consent_asked"
    };
    // Until they sign out is not for later.
    allow(&browser, &[], CLIENT, "session");
    assert!(asks(&[]), "allowed for a session");
    // One that anybody may have registered is asked about each time.
    let register = Asked::new("POST", "/auth/agents/register").with("content-type", "application/json");
    let document = json!({ "client_name": "Same", "redirect_uris": [CALLBACK] });
    let registered = machine.send(&register.with_body(Ok(&document.to_string()))).json();
    let id = registered["client_id"].as_str().unwrap();
    allow(&browser, &[("client_id", Some(id))], id, "30");
    assert!(asks(&[("client_id", Some(id))]), "registered");
    // For no longer than the person said.
    allow(&browser, &[], CLIENT, "1");
    world.wait(80_000);
    let browser = Browser::new(&world, &gateway).signed_in();
    let silent = browser.send(&by_themselves(&authorize(&[])));
    assert_eq!(silent.event["reason"], "agent.consent_remembered");
    let code = told_of(&silent, "code").unwrap();
    let tokens = machine.send(&redeeming(&code, &[])).json();
    world.wait(6_400);
    let refresh = refreshing(tokens["refresh_token"].as_str().unwrap());
    assert_eq!(machine.send(&refresh).event["reason"], "agent.grant_gone");
    // Nor for longer than anything may be allowed by now.
    let browser = Browser::new(&world, &gateway).signed_in();
    allow(&browser, &[], CLIENT, "30");
    let short = crate::support::gateway(&with_agents(json!({ "remember": true, "grant": "1h" })));
    let browser = Browser::new(&world, &short).signed_in();
    let silent = browser.send(&by_themselves(&authorize(&[])));
    assert_eq!(silent.event["reason"], "agent.consent_remembered");
    let machine = Browser::new(&world, &short);
    let tokens = machine.send(&redeeming(&told_of(&silent, "code").unwrap(), &[])).json();
    world.wait(3600);
    let refresh = refreshing(tokens["refresh_token"].as_str().unwrap());
    assert_eq!(machine.send(&refresh).event["reason"], "agent.grant_gone");
}

#[test]
fn a_person_is_not_asked_without_end() {
    //
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let reasons: Vec<Value> = (0..31).map(|_| sent(&browser, &authorize(&[])).event["reason"].clone()).collect();
    assert_eq!((&reasons[29], &reasons[30]), (&json!("agent.consent_asked"), &json!("limit.consents")));
    // Whoever has a host asked too often is refused: here by their own network.
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    for number in 0..30 {
        let id = format!("https://victim.example/{number}");
        publish(&world, &id, 404, &json!({}));
        let answered = sent(&browser, &authorize(&[("client_id", Some(&id))]));
        assert_eq!(answered.event["reason"], "agent.document_status", "{number}");
    }
    let other = Browser::new(&world, &gateway).signed_in_as("bob", "b");
    let answered = sent(&other, &authorize(&[]));
    assert_eq!((&answered.event["reason"], answered.reply().status.as_u16()), (&json!("limit.client_documents"), 429));
    // And by everybody together.
    let (world, gateway) = deployment(json!({}));
    let people = ["ann", "bob", "cai"].map(|subject| Browser::new(&world, &gateway).signed_in_as(subject, subject));
    let reasons: Vec<Value> = (0..61)
        .map(|number| {
            let id = format!("https://victim.example/{number}");
            publish(&world, &id, 404, &json!({}));
            let asked =
                by_themselves(&authorize(&[("client_id", Some(&id))])).at_address(&format!("198.51.{number}.1"));
            people[number % 3].send(&asked).event["reason"].clone()
        })
        .collect();
    assert_eq!((&reasons[59], &reasons[60]), (&json!("agent.document_status"), &json!("limit.client_documents")));
}
