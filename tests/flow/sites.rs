//! Several sites over the very same stores: what keeps them apart where nothing but their keys does.

use std::rc::Rc;

use postern::gateway::{Gateway, SiteMatch, Sites};
use postern::http::{HeaderMap, Method, Peer, RequestHead};
use serde_json::{Value, json};

use crate::support::{Asked, Browser, Endpoint, World, deployment, gateway, variables};

const SESSION: &str = "__Host-postern";
const SHOP: &str = "https://shop.example.com";
const ADMIN: &str = "https://admin.example.com";

/// Two sites with the same provider, where they are the same client.
fn two_sites() -> Value {
    let mut all = json!({ "SITES": ["shop", "admin"] });
    for (id, origin) in [("SHOP", SHOP), ("ADMIN", ADMIN)] {
        for (name, value) in variables().as_object().unwrap() {
            all[format!("{id}_{name}")] = value.clone();
        }
        all[format!("{id}_PUBLIC_URL")] = json!(origin);
    }
    all
}

fn site(deployment: &Sites, origin: &str) -> Rc<Gateway> {
    let url = format!("{origin}/");
    let head = RequestHead { method: Method::GET, url, headers: HeaderMap::new(), peer: Peer::default() };
    let SiteMatch::Site(gateway) = deployment.at(&head) else { panic!("{origin} does not work") };
    Rc::clone(gateway)
}

#[test]
fn a_session_cookie_of_one_site_dies_at_another_before_any_storage_is_asked() {
    //
    let (world, deployment) = (World::new(), deployment(&two_sites()));
    let (shop, admin, alone) = (site(&deployment, SHOP), site(&deployment, ADMIN), gateway(&variables()));
    let browsers = [&*shop, &*admin, &alone].map(|gateway| Browser::new(&world, gateway).signed_in());
    for (place, from) in browsers.iter().enumerate() {
        for to in browsers.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, to)| to) {
            let visitor = Browser::new(&world, to.gateway);
            visitor.plant(SESSION, &from.cookie(SESSION).unwrap());
            let calls = world.session_calls.get();
            visitor.send(&Asked::script("GET", "/api/orders")).assert_refused(401, "session.cookie_forged");
            assert_eq!(world.session_calls.get(), calls);
        }
        assert!(from.is_in());
    }
}

#[test]
fn a_login_that_began_at_one_site_does_not_end_at_another() {
    //
    let (world, deployment) = (World::new(), deployment(&two_sites()));
    let (shop, admin) = (site(&deployment, SHOP), site(&deployment, ADMIN));
    let here = Browser::new(&world, &shop);
    let response = world.corp.authorize(&here.begin("provider=corp"));
    let [name] = here.logins_under_way().try_into().unwrap();
    let there = Browser::new(&world, &admin);
    there.plant(&name, &here.cookie(&name).unwrap());
    there.come_back(&response).assert_refused(400, "callback.no_transaction");
    assert_eq!((world.asked(Endpoint::Token), world.session_calls.get()), (0, 0));
    assert_eq!(here.come_back(&response).event["reason"], "login.succeeded");
}

#[test]
fn a_document_that_one_site_shared_is_not_believed_by_another() {
    let (world, deployment) = (World::new(), deployment(&two_sites()));
    let (shop, admin) = (site(&deployment, SHOP), site(&deployment, ADMIN));
    Browser::new(&world, &shop).begin("provider=corp");
    assert_eq!(world.asked(Endpoint::Metadata), 1);
    let again = site(&self::deployment(&two_sites()), SHOP);
    Browser::new(&world, &again).begin("provider=corp");
    assert_eq!(world.asked(Endpoint::Metadata), 1, "another isolate of the same site takes it");
    Browser::new(&world, &admin).begin("provider=corp");
    assert_eq!(world.asked(Endpoint::Metadata), 2);
}

#[test]
fn every_event_names_the_site_where_there_are_several() {
    let (world, deployment) = (World::new(), deployment(&two_sites()));
    let (shop, alone) = (site(&deployment, SHOP), gateway(&variables()));
    Browser::new(&world, &shop).signed_in().go("/app/a").forwarded();
    world.refresh(&shop);
    let events = world.take_events();
    assert!(events.len() >= 3 && events.iter().all(|event| event["site"] == "shop"), "{events:?}");
    Browser::new(&world, &alone).signed_in();
    assert!(world.take_events().iter().all(|event| event.get("site").is_none()));
}
