//! Clients that register with the authorization server for agents.

use serde_json::{Value, json};

use super::agents_server::{authorize, deployment, sent, with_agents};
use crate::support::{Asked, Browser};

#[test]
fn a_client_registers_and_nothing_is_stored() {
    //
    let (world, gateway) = deployment(json!({ "register": true }));
    let stranger = Browser::new(&world, &gateway);
    let before = world.dump();
    let register = |body: &Value| {
        let asked = Asked::new("POST", "/auth/agents/register").with("content-type", "application/json");
        stranger.send(&asked.with_body(Ok(&body.to_string())))
    };
    let wanted = json!({ "client_name": "Claude", "redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "none" });
    let answered = register(&wanted);
    assert_eq!((answered.reply().status.as_u16(), &answered.event["event"]), (201, &json!("agent.registered")));
    assert_eq!(answered.json()["token_endpoint_auth_method"], "none");
    assert_eq!(answered.json().get("client_secret"), None);
    assert_eq!(world.dump(), before);
    let id = answered.json()["client_id"].as_str().unwrap().to_owned();
    let browser = Browser::new(&world, &gateway).signed_in();
    let asked = [("client_id", Some(id.as_str())), ("redirect_uri", Some("http://127.0.0.1:5/cb"))];
    let page = sent(&browser, &authorize(&asked));
    assert!(
        page.reply().body.contains("unverified") && page.reply().body.contains("Nobody has checked"),
        "{}",
        page.event
    );
    for odd in [json!({}), json!({ "client_name": "x", "redirect_uris": ["http://evil.example/"] }), json!([])] {
        let answered = register(&odd);
        assert_eq!((answered.reply().status.as_u16(), &answered.event["outcome"]), (400, &json!("deny")));
    }
    let large = json!({ "client_name": "x", "redirect_uris": ["https://a.example/"], "x": "a".repeat(1024) });
    assert_eq!(register(&large).reply().status.as_u16(), 400);
    // Five were asked for before.
    let statuses: Vec<u16> = (0..26).map(|_| register(&wanted).reply().status.as_u16()).collect();
    assert_eq!((statuses[24], statuses[25]), (201, 429));
    // Where nobody may register, those who did are not known any more.
    let closed = crate::support::gateway(&with_agents(json!({})));
    let browser = Browser::new(&world, &closed).signed_in();
    sent(&browser, &authorize(&asked)).assert_refused(400, "agent.client_id");
}
