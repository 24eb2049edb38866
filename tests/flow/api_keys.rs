//! API keys at guarded routes: what they open, what they cost, and where they have no business.

use futures::executor::block_on;
use postern::api_key::{
    ApiKeyId, ApiKeyText, HolderKey, KeyCommand, KeyEnding, KeyHolder, KeyOwner, KeyReply, MakeKey, OwnerStanding, ask,
};
use postern::gateway::{Disposition, Gateway};
use postern::http::header;
use postern::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use postern::ports::BodyError;
use postern::time::Seconds;
use serde_json::{Value, json};

use crate::agents_approvals;
use crate::support::{
    Answered, Asked, Browser, CORP, Fault, PARTNER, World, gateway, gateway_with_keys, key, variables,
};

/// The usual deployment, with keys for developers.
pub fn with_keys() -> Value {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["roles"] = json!(["roles"]);
    variables["KEYS"] = json!({
        "prefix": "acme", "self_service": { "roles": ["developer"], "scopes": ["orders:read", "orders:write"] },
    });
    let api = |more: Value| {
        let mut route = json!({ "upstream": "service:API", "authenticate": ["key"] });
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        route
    };
    variables["ROUTES"]["/k/{*rest}"] = api(json!({ "require": { "scopes": ["orders:read"] } }));
    variables["ROUTES"]["/w/{*rest}"] = api(json!({ "require": { "scopes": ["orders:write"] } }));
    variables["ROUTES"]["/any/{*rest}"] = api(json!({}));
    variables["ROUTES"]["/lately/{*rest}"] = api(json!({ "revocation": "5s" }));
    variables["ROUTES"]["/both/{*rest}"] = api(json!({ "authenticate": ["session", "key"] }));
    variables["ROUTES"]["/open/{*rest}"] = json!({ "upstream": "service:API", "public": true });
    variables["ISSUERS"] = json!({ "machines": { "issuer": PARTNER, "audience": "urn:api", "algs": ["ES256"] } });
    variables["ROUTES"]["/tokens/{*rest}"] = api(json!({ "authenticate": ["bearer"] }));
    variables["ROUTES"]["/mixed/{*rest}"] = api(json!({ "authenticate": ["bearer", "key"] }));
    variables
}

pub fn alice() -> KeyHolder {
    let (issuer, subject) = (IssuerIdentifier::new(CORP), SubjectIdentifier::new("alice"));
    KeyHolder::Person(KeyOwner { provider: "corp".to_owned(), issuer, subject })
}

fn standing(roles: &[&str]) -> OwnerStanding {
    OwnerStanding { roles: roles.iter().map(|role| (*role).to_owned()).collect(), ..OwnerStanding::default() }
}

/// A key that is stored, and its text.
pub fn made(world: &World, gateway: &Gateway, holder: &KeyHolder, scopes: &[&str]) -> (ApiKeyId, String) {
    let id = ApiKeyId::generate(&HolderKey::of(holder), world);
    let config = gateway.config();
    let text = ApiKeyText::generate(id, &config.keys, world);
    let make = MakeKey {
        id,
        digest: text.digest(),
        holder: holder.clone(),
        name: "ci".to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        life: Seconds::hours(90 * 24),
        most: 10,
        standing: holder.owner().map(|_| standing(&["developer"])),
    };
    let reply = tell(world, &KeyCommand::Make(Box::new(make)));
    assert!(matches!(reply, KeyReply::Made(_)), "{reply:?}");
    (id, text.expose(&config.api_keys.as_ref().unwrap().prefix).expose().clone())
}

pub fn tell(world: &World, command: &KeyCommand) -> KeyReply {
    block_on(ask(world, command)).unwrap()
}

pub fn call(world: &World, gateway: &Gateway, path: &str, key: &str) -> Answered {
    Browser::new(world, gateway).send(&Asked::bearing(path, key))
}

pub fn reads(world: &World, gateway: &Gateway, key: &str) -> bool {
    matches!(call(world, gateway, "/k/1", key).outcome, Disposition::Forward(_))
}

/// A key of this gateway's that is nobody's: its check digits are right, and its mark is.
pub fn unknown(world: &World, gateway: &Gateway) -> String {
    let id = ApiKeyId::generate(&HolderKey::of(&alice()), world);
    let config = gateway.config();
    let prefix = &config.api_keys.as_ref().unwrap().prefix;
    ApiKeyText::generate(id, &config.keys, world).expose(prefix).expose().clone()
}

#[test]
fn a_key_opens_what_it_was_made_for_and_its_upstream_sees_nothing_of_it() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let (id, key) = made(&world, &gateway, &alice(), &["orders:read"]);
    let answered = call(&world, &gateway, "/k/1", &key);
    let sent = format!("{:?}", answered.forwarded());
    assert!(!sent.contains(&key) && !sent.contains("acme_"), "{sent}");
    let event = &answered.event;
    assert_eq!(
        (&event["means"], &event["kind"], &event["key_id"]),
        (&json!("key"), &json!("service"), &json!(id.to_string()))
    );
    assert_eq!(event["subject"], json!(format!("key:{id}")));
    let refused = call(&world, &gateway, "/w/1", &key);
    refused.assert_refused(403, "authz.insufficient_scope");
    let challenge = refused.reply().headers[header::WWW_AUTHENTICATE].to_str().unwrap();
    assert!(
        challenge.starts_with("Bearer error=\"insufficient_scope\"") && !challenge.contains("resource_metadata"),
        "{challenge}"
    );
    let log = world.lines.borrow().join("");
    assert!(!log.contains(&key) && !world.dump().contains(&key));
}

#[test]
fn without_a_key_or_with_something_else_nobody_comes_in_and_no_object_is_asked() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let (_, key) = made(&world, &gateway, &alice(), &["orders:read"]);
    // Another last digit of the mark, with the check digits that belong to it.
    let forged = {
        let (body, last) = (key.get(..47).unwrap(), if key.get(47..48) == Some("0") { '1' } else { '0' });
        crate::leak_reports::with_check_digits(&format!("{body}{last}"))
    };
    let changed = format!("{}{}", key.get(..key.len() - 1).unwrap(), if key.ends_with('0') { '1' } else { '0' });
    let ((), cost) = world.cost_of(|| {
        for (text, reason) in [
            (forged.as_str(), "key.forged"),
            (&changed, "key.malformed"),
            ("acme_x", "key.malformed"),
            ("opaque", "key.malformed"),
        ] {
            let refused = call(&world, &gateway, "/k/1", text);
            refused.assert_refused(401, reason);
            let challenge = refused.reply().headers[header::WWW_AUTHENTICATE].to_str().unwrap();
            assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{challenge}");
        }
        let nothing = Browser::new(&world, &gateway).send(&Asked::script("GET", "/k/1"));
        nothing.assert_refused(401, "authn.no_token");
        assert_eq!(nothing.reply().headers[header::WWW_AUTHENTICATE], "Bearer scope=\"orders:read\"");
    });
    assert_eq!((cost.requests, cost.writes, cost.kv), (0, 0, 0));
}

#[test]
fn a_text_that_was_no_key_is_not_asked_about_again() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let text = unknown(&world, &gateway);
    for _ in 0..20 {
        call(&world, &gateway, "/k/1", &text).assert_refused(401, "key.unknown");
    }
    assert_eq!(world.key_calls.get(), 1);
    world.wait(601);
    call(&world, &gateway, "/k/1", &text).assert_refused(401, "key.unknown");
    assert_eq!(world.key_calls.get(), 2);
}

#[test]
fn of_thousands_of_forged_keys_few_are_asked_about() {
    // marked by a root key that the ring does not hold, so that nobody but an object could tell.
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let stranger = gateway_with_keys(&with_keys(), &key("zz", "D"));
    let mut limited = 0;
    let before = world.key_calls.get();
    for _ in 0..2_000 {
        let answered = call(&world, &gateway, "/any/1", &unknown(&world, &stranger));
        match answered.event["reason"].as_str().unwrap() {
            "limit.keys" => limited += 1,
            reason => assert_eq!(reason, "key.unknown"),
        }
    }
    assert_eq!((world.key_calls.get() - before, limited), (60, 1_940));
    // Those who have a key are not concerned.
    let (_, good) = made(&world, &gateway, &alice(), &["orders:read"]);
    assert!(reads(&world, &gateway, &good));
}

#[test]
fn a_busy_key_whose_root_key_is_gone_is_not_limited_and_what_was_never_one_is() {
    //
    let world = World::new();
    let (_, key) = made(&world, &gateway_with_keys(&with_keys(), &key("zz", "D")), &alice(), &["orders:read"]);
    let gateway = gateway(&with_keys());
    for at in 0..200 {
        assert!(reads(&world, &gateway, &key), "{at}");
    }
    let stranger = gateway_with_keys(&with_keys(), &crate::support::key("zz", "E"));
    let limited =
        |_: &usize| call(&world, &gateway, "/k/1", &unknown(&world, &stranger)).event["reason"] == "limit.keys";
    assert_eq!((0..200).filter(limited).count(), 200 - 59);
    assert!(reads(&world, &gateway, &key));
}

#[test]
fn a_new_root_key_under_an_old_id_leaves_a_key_working() {
    //
    let world = World::new();
    let (_, text) = made(&world, &gateway_with_keys(&with_keys(), &key("k1", "D")), &alice(), &["orders:read"]);
    assert!(reads(&world, &gateway_with_keys(&with_keys(), &key("k1", "E")), &text));
}

#[test]
fn a_provider_that_goes_by_another_id_is_the_same_and_one_of_another_issuer_is_not() {
    let world = World::new();
    let (_, text) = made(&world, &gateway(&with_keys()), &alice(), &["orders:read"]);
    let mut renamed = with_keys();
    let corp = renamed["PROVIDERS"].as_object_mut().unwrap().remove("corp").unwrap();
    renamed["PROVIDERS"]["staff"] = corp;
    let answered = call(&world, &gateway(&renamed), "/k/1", &text);
    answered.forwarded();
    assert!(answered.event["owner"].as_str().unwrap().starts_with("staff|"), "{}", answered.event);
}

#[test]
fn a_key_in_a_header_goes_to_no_upstream_of_a_public_route() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let (_, key) = made(&world, &gateway, &alice(), &["orders:read"]);
    for (name, value) in [
        ("authorization", format!("Bearer {key}")),
        ("x-token", key.clone()),
        ("referer", format!("https://a.example/?k={key}")),
    ] {
        let answered = Browser::new(&world, &gateway).send(&Asked::script("GET", "/open/1").with(name, &value));
        let sent = format!("{:?}", answered.forwarded());
        assert!(!sent.contains("acme_"), "{name}: {sent}");
    }
    let other = Asked::script("GET", "/open/1").with("authorization", "Bearer acme_x");
    let answered = Browser::new(&world, &gateway).send(&other);
    assert_eq!(answered.forwarded().headers["authorization"], "Bearer acme_x");
}

#[test]
fn nine_rotations_of_the_root_keys_leave_a_key_working() {
    //
    let world = World::new();
    let mut ring = vec![key("k0", "B")];
    let (_, text) = made(&world, &gateway_with_keys(&with_keys(), &ring.join(" ")), &alice(), &["orders:read"]);
    for at in 1..=9 {
        ring.insert(0, key(&format!("k{at}"), &char::from(b'B' + at).to_string()));
        ring.truncate(2);
        let gateway = gateway_with_keys(&with_keys(), &ring.join(" "));
        assert!(reads(&world, &gateway, &text), "{at}");
    }
}

#[test]
fn a_key_is_dead_on_the_next_request_and_where_a_route_waits_after_its_time() {
    //
    let (world, one, other) = (World::new(), gateway(&with_keys()), gateway(&with_keys()));
    let (id, key) = made(&world, &one, &alice(), &["orders:read"]);
    let lately = |gateway| call(&world, gateway, "/lately/1", &key);
    lately(&one).forwarded();
    lately(&other).forwarded();
    assert!(reads(&world, &other, &key));
    let calls = world.key_calls.get();
    lately(&other).forwarded();
    assert_eq!(world.key_calls.get(), calls, "the answer was remembered");
    let revoke = KeyCommand::Revoke { id, of: Some(HolderKey::of(&alice())), why: KeyEnding::Owner };
    assert!(matches!(tell(&world, &revoke), KeyReply::Revoked(_)));
    lately(&other).forwarded();
    call(&world, &one, "/k/1", &key).assert_refused(401, "key.revoked");
    world.wait(5);
    lately(&other).assert_refused(401, "key.revoked");
}

#[test]
fn an_owner_who_loses_a_role_weakens_their_key_at_once() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    world.corp.bend_claims(|claims| claims["roles"] = json!(["developer"]));
    let browser = Browser::new(&world, &gateway);
    browser.login();
    let holder = {
        let me = browser.go("/auth/me").json();
        let (issuer, subject) = (me["issuer"].as_str().unwrap().to_owned(), me["subject"].as_str().unwrap().to_owned());
        let (issuer, subject) = (IssuerIdentifier::new(issuer), SubjectIdentifier::new(subject));
        KeyHolder::Person(KeyOwner { provider: "corp".to_owned(), issuer, subject })
    };
    let (_, key) = made(&world, &gateway, &holder, &["orders:read"]);
    call(&world, &gateway, "/lately/1", &key).forwarded();
    world.wait(1);
    world.corp.bend_claims(|claims| claims["roles"] = json!(["guest"]));
    browser.login();
    for path in ["/k/1", "/any/1", "/lately/1"] {
        call(&world, &gateway, path, &key).assert_refused(403, "key.powerless");
    }
    world.wait(1);
    world.corp.bend_claims(|claims| claims["roles"] = json!(["developer"]));
    browser.login();
    assert!(reads(&world, &gateway, &key));
}

#[test]
fn nobody_signs_in_while_their_keys_cannot_be_told() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    world.fault.set(Fault::Keys);
    Browser::new(&world, &gateway).login().assert_refused(503, "store.unavailable");
    world.fault.set(Fault::None);
    let browser = Browser::new(&world, &gateway).signed_in();
    assert!(browser.is_in());
    // Of those who have none, nothing is kept.
    assert_eq!(world.keys.borrow().values().map(|table| table.writes.get()).sum::<usize>(), 0);
}

#[test]
fn a_key_s_scopes_are_never_more_than_keys_may_have_now() {
    //
    let world = World::new();
    let (_, key) = made(&world, &gateway(&with_keys()), &alice(), &["orders:read", "orders:write", "admin"]);
    let passes = |variables: &Value, path: &str| call(&world, &gateway(variables), path, &key).event["reason"].clone();
    let mut narrower = with_keys();
    narrower["KEYS"]["self_service"]["scopes"] = json!(["orders:write"]);
    assert_eq!(passes(&with_keys(), "/k/1"), "authz.requirements_met");
    assert_eq!(passes(&narrower, "/k/1"), "authz.insufficient_scope");
    assert_eq!(passes(&narrower, "/w/1"), "authz.requirements_met");
    let mut admin = with_keys();
    admin["ROUTES"]["/k/{*rest}"]["require"]["scopes"] = json!(["admin"]);
    assert_eq!(passes(&admin, "/k/1"), "authz.insufficient_scope");
    let mut gone = with_keys();
    gone["KEYS"].as_object_mut().unwrap().remove("self_service");
    assert_eq!(passes(&gone, "/any/1"), "key.powerless");
    let mut moved = with_keys();
    moved["PROVIDERS"]["corp"]["issuer"] = json!("https://elsewhere.example");
    assert_eq!(passes(&moved, "/any/1"), "key.owner_gone");
}

#[test]
fn a_key_is_no_person() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let (_, key) = made(&world, &gateway, &alice(), &["orders:read"]);
    call(&world, &gateway, "/both/1", &key).forwarded();
    for own in ["/auth/me", "/auth/sessions"] {
        let answered = call(&world, &gateway, own, &key);
        answered.assert_refused(401, "authn.no_credential");
        assert!(answered.set_cookies().is_empty());
    }
    // What is shown is judged, whatever cookie comes along.
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.send(&Asked::bearing("/both/1", "acme_x")).assert_refused(401, "key.malformed");
}

#[test]
fn a_key_anywhere_but_in_its_header_is_refused_and_told_of() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let (id, key) = made(&world, &gateway, &alice(), &["orders:read"]);
    let encoded = key.replace('_', "%5F");
    let calls = world.key_calls.get();
    let asked = [
        Asked::script("GET", &format!("/k/1?api_key={key}")),
        Asked::bearing(&format!("/k/1?x={encoded}"), &key),
        Asked::script("GET", &format!("/k/{key}")),
        Asked::script("GET", &format!("/open/{key}")),
        Asked::navigation(&format!("/nowhere?k={key}")),
        Asked::script("GET", &format!("/auth/me?k={key}")),
        Asked::script("GET", "/open/1").with("cookie", &format!("a=1; k={key}")),
    ];
    for asked in asked {
        let answered = Browser::new(&world, &gateway).send(&asked);
        answered.assert_refused(400, "key.exposed");
        assert_eq!(
            (&answered.event["key_id"], &answered.event["path"]),
            (&json!(id.to_string()), &json!("(withheld)"))
        );
        assert!(!answered.reply().body.contains(&key) && !answered.reply().body.contains(&encoded));
    }
    assert_eq!(world.key_calls.get(), calls);
    let log = world.lines.borrow().join("");
    assert!(!log.contains(&key) && !log.contains(&encoded));
    // What only looks like a key is an address like any other.
    let wrong = format!("{}x", key.get(..key.len() - 1).unwrap());
    Browser::new(&world, &gateway).send(&Asked::script("GET", &format!("/open/1?k={wrong}"))).forwarded();
}

#[test]
fn a_key_in_the_body_of_an_endpoint_of_ours_is_refused_and_of_a_route_s_not_looked_for() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let (id, key) = made(&world, &gateway, &alice(), &["orders:read"]);
    let logout = Asked::new("POST", "/auth/backchannel-logout/corp")
        .with("content-type", "application/x-www-form-urlencoded")
        .with_body(Ok(&format!("logout_token={key}")));
    let answered = Browser::new(&world, &gateway).send(&logout);
    answered.assert_refused(400, "key.exposed");
    assert_eq!(answered.event["key_id"], json!(id.to_string()));
    // The body of a request to a route goes on unread.
    for asked in [Asked::new("POST", "/open/1"), Asked::bearing("/k/1", &key)] {
        let answered = Browser::new(&world, &gateway).send(&asked.with_body(Err(BodyError::Unreadable)));
        answered.forwarded();
    }
}

#[test]
fn a_key_is_shown_to_nobody_who_takes_tokens_alone() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let (_, key) = made(&world, &gateway, &alice(), &["orders:read"]);
    call(&world, &gateway, "/tokens/1", &key).assert_refused(401, "key.not_taken");
    call(&world, &gateway, "/mixed/1", &key).forwarded();
    let token = crate::bearer::token(&world, Some("at+jwt"), &json!({ "aud": "urn:api" }));
    call(&world, &gateway, "/mixed/1", &token).forwarded();
    call(&world, &gateway, "/tokens/1", &token).forwarded();
    call(&world, &gateway, "/k/1", &token).assert_refused(401, "key.malformed");
    assert!(world.sent.borrow().iter().all(|sent| !format!("{}{}", sent.url, sent.body).contains(&key)));
}

#[test]
fn where_keys_have_a_header_of_their_own_they_come_by_no_other() {
    //
    let mut variables = with_keys();
    variables["AGENTS"] = json!({});
    variables["KEYS"]["header"] = json!("X-API-Key");
    variables["ROUTES"]["/mcp"] = json!({ "upstream": "service:MCP", "authenticate": ["agent", "key"] });
    let (world, gateway) = (World::new(), gateway(&variables));
    let (_, key) = made(&world, &gateway, &alice(), &["orders:read"]);
    let by = |asked: Asked| Browser::new(&world, &gateway).send(&asked);
    let answered = by(Asked::script("GET", "/k/1").with("x-api-key", &key));
    assert!(!format!("{:?}", answered.forwarded()).contains("acme_"));
    by(Asked::script("GET", "/k/1").with("x-api-key", "acme_x")).assert_refused(401, "key.malformed");
    by(Asked::bearing("/k/1", &key)).assert_refused(401, "authn.no_token");
    by(Asked::bearing("/mixed/1", &key)).assert_refused(401, "key.not_taken");
    by(Asked::bearing("/mixed/1", "x").with("x-api-key", &key)).assert_refused(400, "bearer.repeated");
    // an agent's token is no exception.
    let grant = agents_approvals::granted(&world, "alice", |_| ());
    let token = agents_approvals::token(&gateway, &grant);
    by(Asked::bearing("/mcp", &token).with("x-api-key", &key)).assert_refused(400, "bearer.repeated");
    by(Asked::bearing("/mcp", &token)).forwarded();
    let open = by(Asked::script("GET", "/open/1").with("x-api-key", &key));
    assert!(!format!("{:?}", open.forwarded()).contains("acme_"));
}

#[test]
fn when_the_objects_do_not_answer_nobody_is_let_in_on_a_guess() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let (_, key) = made(&world, &gateway, &alice(), &["orders:read"]);
    world.fault.set(Fault::Keys);
    call(&world, &gateway, "/k/1", &key).assert_refused(503, "store.unavailable");
    world.fault.set(Fault::None);
    assert!(reads(&world, &gateway, &key), "and a failure is not remembered");
}

#[test]
fn a_key_of_a_service_has_no_owner_and_may_what_it_was_made_for() {
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let (id, key) = made(&world, &gateway, &KeyHolder::Service("billing".to_owned()), &["orders:read"]);
    let answered = call(&world, &gateway, "/k/1", &key);
    answered.forwarded();
    let event = &answered.event;
    assert_eq!((&event["subject"], &event["key_id"]), (&json!("service:billing"), &json!(id.to_string())));
    assert!(event["owner"].is_null());
}
