//! Agents at guarded routes: what a grant opens, and what it costs.

use futures::executor::block_on;
use postern::gateway::{Disposition, Gateway};
use postern::ids::actor::Actor;
use postern::session::grant::{Grant, PendingCode};
use postern::session::message::{BeginGrant, RedeemCode};
use postern::session::{
    Command, GrantHandle, HandleKind, Reply, Session, SessionHandle, SessionId, SessionTimeouts, Sessions, SubjectKey,
};
use postern::time::{Seconds, Timestamp};
use postern::upstream::StreamLifetime;
use serde_json::{Value, json};

use super::assertion::{assertion, published, verified};
use super::blocks::root;
use super::sender::{Machine, challenges};
use crate::support::{Answered, Asked, Browser, CORP, Fault, ORIGIN, PARTNER, World, gateway, variables};

pub const CLIENT: &str = "https://claude.ai/client.json";
const SESSION: &str = "__Host-postern";

/// The usual deployment, with routes for agents.
pub fn with_agents() -> Value {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["roles"] = json!(["roles"]);
    variables["ADMIN"] = json!({ "principals": ["corp|root"], "blocks": true });
    variables["KEYS"] = json!({ "self_service": { "scopes": ["read"] } });
    variables["ISSUERS"] = json!({ "machines": { "issuer": PARTNER, "audience": "urn:api", "algs": ["ES256"] } });
    let route = |more: Value| {
        let mut route = json!({ "upstream": "service:API", "authenticate": ["agent"] });
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        route
    };
    let all = [
        ("/mcp", json!({ "token": "assertion", "headers": { "x-actor-id": "actor", "x-subject-id": "subject" } })),
        ("/mcp/{*rest}", json!({})),
        ("/mcp/inner/{*rest}", json!({})),
        ("/mcp/write", json!({ "require": { "scopes": ["write"] } })),
        ("/mcp/staff", json!({ "require": { "roles": ["staff"] } })),
        ("/mcp/partner", json!({ "require": { "providers": ["corp"] } })),
        ("/both/{*rest}", json!({ "authenticate": ["session", "agent"] })),
        ("/strong/{*rest}", json!({ "authenticate": ["session", "agent"], "require": { "max_age": "5m" } })),
        ("/person/{*rest}", json!({ "authenticate": ["session", "agent"], "require": { "in_person": true } })),
        ("/lately/{*rest}", json!({ "revocation": "5s" })),
        ("/people/{*rest}", json!({ "authenticate": ["session", "agent"], "require": { "kinds": ["human"] } })),
        ("/tokens/{*rest}", json!({ "authenticate": ["bearer"] })),
        ("/keys/{*rest}", json!({ "authenticate": ["key"] })),
        ("/mixed/{*rest}", json!({ "authenticate": ["bearer", "key", "agent"] })),
    ];
    for (pattern, more) in all {
        variables["ROUTES"][pattern] = route(more);
    }
    variables["ROUTES"]["/open/{*rest}"] = json!({ "upstream": "service:API", "public": true });
    variables
}

/// A person's grant, and its access token.
pub struct Granted {
    pub subject: SubjectKey,
    pub id: SessionId,
    pub token: String,
}

impl Granted {
    /// An access token that is issued now.
    pub fn token_at(&self, gateway: &Gateway, now: i64) -> String {
        text(gateway, &GrantHandle::access(self.subject, self.id.clone(), Timestamp::from_unix(now + 600)))
    }
}

fn clocks(gateway: &Gateway) -> SessionTimeouts {
    let session = &gateway.config().session;
    SessionTimeouts::new(session.idle, session.absolute)
}

fn tell(world: &World, subject: &SubjectKey, command: &Command) -> Reply {
    block_on(world.call(subject, command)).unwrap()
}

/// What `browser`'s person grants for the resource at `path`, changed by `bend`.
pub fn granted(browser: &Browser<'_>, path: &str, bend: impl FnOnce(&mut Grant)) -> Granted {
    let Browser { world, gateway, .. } = browser;
    let now = world.now.get();
    let at = |after: i64| Timestamp::from_unix(now + after);
    let begun_by = SessionHandle::from_cookie_value(&browser.cookie(SESSION).unwrap(), &gateway.config().keys).unwrap();
    let mut grant = Grant {
        client: CLIENT.to_owned(),
        client_name: "Claude".to_owned(),
        redirect_uri: "https://claude.ai/cb".to_owned(),
        resource: format!("{ORIGIN}{path}"),
        scopes: vec!["read".to_owned()],
        expires_at: at(30 * 86_400),
        code: None,
        generation: 0,
        rotated_at: at(0),
        jkt: None,
        with_session: None,
        parent: None,
        actors: vec![Actor { issuer: Some(ORIGIN.to_owned()), subject: CLIENT.to_owned() }],
        task: None,
        uses_left: None,
        indexed: false,
        seen_at: None,
    };
    bend(&mut grant);
    let jkt = grant.jkt.take();
    grant.code = Some(PendingCode {
        challenge: "challenge".to_owned(),
        redirect_uri: grant.redirect_uri.clone(),
        expires_at: at(60),
    });
    let id = SessionId::generate(*world);
    let (digest, clocks) = (id.digest(), clocks(gateway));
    let record = json!({
        "issuer": CORP, "subject": "unsaid", "provider": "corp", "created_at": now, "last_seen": now, "grant": grant,
    });
    let begin = BeginGrant {
        digest: digest.clone(),
        session: serde_json::from_value::<Session>(record).unwrap(),
        begun_by: Some(begun_by.id.digest()),
        asked_at: at(0),
        max_grants: 50,
        clocks,
    };
    let begun = tell(world, &begun_by.subject, &Command::BeginGrant(Box::new(begin)));
    assert!(matches!(begun, Reply::Begun), "{begun:?}");
    let redeem = RedeemCode {
        digest,
        client: CLIENT.to_owned(),
        redirect_uri: grant.redirect_uri,
        challenge: "challenge".to_owned(),
        resource: None,
        jkt,
        clocks,
    };
    let redeemed = tell(world, &begun_by.subject, &Command::RedeemCode(Box::new(redeem)));
    assert!(matches!(redeemed, Reply::Granted(_)), "{redeemed:?}");
    let token = text(gateway, &GrantHandle::access(begun_by.subject, id.clone(), at(600)));
    Granted { subject: begun_by.subject, id, token }
}

fn text(gateway: &Gateway, handle: &GrantHandle) -> String {
    let config = gateway.config();
    handle.to_text(&config.agents.as_ref().unwrap().prefix, &config.keys).expose().clone()
}

pub fn alice<'w>(world: &'w World, gateway: &'w Gateway) -> Browser<'w> {
    world.wait(1);
    Browser::new(world, gateway).signed_in_as("alice", "a-1")
}

pub fn call(browser: &Browser<'_>, path: &str, token: &str) -> Answered {
    Browser::new(browser.world, browser.gateway).send(&Asked::bearing(path, token))
}

pub fn opens(browser: &Browser<'_>, path: &str, token: &str) -> bool {
    matches!(call(browser, path, token).outcome, Disposition::Forward(_))
}

#[test]
fn an_agent_acts_for_a_person_and_the_upstream_is_told_both() {
    // R-324, R-325
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let alice = alice(&world, &gateway);
    let claude = granted(&alice, "/mcp", |_| ());
    let answered = call(&alice, "/mcp", &claude.token);
    let plan = answered.forwarded();
    assert!(!format!("{plan:?}").contains(&claude.token) && !plan.headers.contains_key("authorization"));
    assert!(plan.headers["x-actor-id"] == CLIENT && plan.headers["x-subject-id"] == "alice");
    let said = Value::Object(verified(&assertion(plan), &published(&world, &gateway)).unwrap());
    assert_eq!(said["act"], json!({ "iss": ORIGIN, "sub": CLIENT, "sub_profile": "ai-agent" }));
    assert_eq!((&said["kind"], &said["client_id"], &said["scope"]), (&json!("agent"), &json!(CLIENT), &json!("read")));
    assert_eq!((&said["sub_id"]["iss"], &said["sub_id"]["sub"]), (&json!(CORP), &json!("alice")));
    assert_eq!((said.get("acr"), said.get("auth_time"), said.get("sid")), (None, None, None));
    let event = &answered.event;
    assert_eq!(
        (&event["means"], &event["kind"], &event["provider"]),
        (&json!("agent"), &json!("agent"), &json!("corp"))
    );
    assert_eq!(
        (&event["subject"], &event["client_id"], &event["actors"]),
        (&json!("alice"), &json!(CLIENT), &json!([CLIENT]))
    );
    assert_eq!(event["grant"], json!(claude.id.digest().public_id()));
    // R-299
    let StreamLifetime::Session(lease) = &plan.lifetime else { panic!("{:?}", plan.lifetime) };
    assert_eq!((lease.subject, &lease.digest), (claude.subject, &claude.id.digest()));
    assert!(!world.lines.borrow().join("").contains(&claude.token) && !world.dump().contains(&claude.token));
}

#[test]
fn the_person_s_own_name_upstream_is_the_same_with_an_agent() {
    let mut variables = with_agents();
    variables["ROUTES"]["/both/{*rest}"]["token"] = json!("assertion");
    let (world, gateway) = (World::new(), gateway(&variables));
    let alice = alice(&world, &gateway);
    let claude = granted(&alice, "/both", |_| ());
    let keys = published(&world, &gateway);
    let sub = |answered: &Answered| verified(&assertion(answered.forwarded()), &keys).unwrap()["sub"].clone();
    let own = sub(&alice.send(&Asked::script("GET", "/both/x")));
    assert_eq!(sub(&call(&alice, "/both/x", &claude.token)), own);
}

#[test]
fn a_token_opens_the_one_resource_that_it_is_for() {
    // R-308
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let alice = alice(&world, &gateway);
    let claude = granted(&alice, "/mcp", |_| ());
    for path in ["/mcp", "/mcp/x", "/mcp/x/y"] {
        assert!(opens(&alice, path, &claude.token), "{path}");
    }
    for path in ["/mcp/inner/x", "/both/x", "/lately/x", "/mixed/x"] {
        call(&alice, path, &claude.token).assert_refused(401, "agent.other_resource");
    }
    let inner = granted(&alice, "/mcp/inner", |_| ());
    assert!(opens(&alice, "/mcp/inner/x", &inner.token) && !opens(&alice, "/mcp", &inner.token));
    for odd in ["/mcp/", "/MCP", "/mcp?x", ""] {
        let odd = granted(&alice, odd, |_| ());
        call(&alice, "/mcp", &odd.token).assert_refused(401, "agent.other_resource");
    }
}

#[test]
fn what_is_no_token_of_ours_costs_no_storage_call_and_is_seen_by_nobody_else() {
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let alice = alice(&world, &gateway);
    let claude = granted(&alice, "/mcp", |_| ());
    let other = crate::support::gateway_with_keys(&with_agents(), &crate::support::key("k9", "I"));
    let handle = |kind, number| GrantHandle { kind, subject: claude.subject, id: claude.id.clone(), number };
    let until = u64::try_from(world.now.get() + 600).unwrap();
    let calls = world.session_calls.get();
    for (token, reason) in [
        (text(&other, &handle(HandleKind::Access, until)), "agent.forged"),
        (text(&gateway, &handle(HandleKind::Refresh, until)), "agent.forged"),
        (text(&gateway, &handle(HandleKind::Code, until)), "agent.forged"),
        (text(&gateway, &handle(HandleKind::Access, until - 600)), "agent.expired"),
        ("pstn_at_x".to_owned(), "agent.malformed"),
        ("eyJ.eyJ.x".to_owned(), "agent.malformed"),
    ] {
        let refused = call(&alice, "/mcp", &token);
        refused.assert_refused(401, reason);
        let challenge = challenges(&refused).join("\n");
        let metadata = format!(r#"resource_metadata="{ORIGIN}/.well-known/oauth-protected-resource/mcp""#);
        assert!(challenge.contains(r#"error="invalid_token""#) && challenge.contains(&metadata), "{challenge}");
    }
    for path in ["/tokens/x", "/keys/x"] {
        call(&alice, path, &claude.token).assert_refused(401, "agent.not_taken");
    }
    assert_eq!(world.session_calls.get(), calls);
    assert!(world.sent.borrow().iter().all(|request| !format!("{request:?}").contains(&claude.token)));
    // Where nobody is asked who they are, it ends at us all the same.
    let open = call(&alice, "/open/x", &claude.token);
    assert!(!format!("{:?}", open.forwarded()).contains(&claude.token));
    let none = Browser::new(&world, &gateway).send(&Asked::new("GET", "/mcp"));
    none.assert_refused(401, "authn.no_token");
    assert!(challenges(&none)[0].starts_with("Bearer resource_metadata="), "{:?}", challenges(&none));
}

#[test]
fn beside_tokens_and_keys_each_is_judged_as_what_it_is() {
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let alice = alice(&world, &gateway);
    let claude = granted(&alice, "/mixed", |_| ());
    assert!(opens(&alice, "/mixed/x", &claude.token));
    call(&alice, "/mixed/x", "eyJhbGciOiJFUzI1NiJ9.e30.AA").assert_refused(401, "bearer.issuer_unknown");
    // The session cookie beside it saves nothing.
    let shown = Asked::bearing("/both/x", "nonsense");
    alice.send(&shown).assert_refused(401, "agent.malformed");
    assert!(matches!(alice.send(&Asked::script("GET", "/both/x")).outcome, Disposition::Forward(_)));
}

#[test]
fn by_the_configuration_in_force_it_counts_no_more_at_once() {
    let world = World::new();
    let before = gateway(&with_agents());
    let alice = alice(&world, &before);
    let claude = granted(&alice, "/mcp", |_| ());
    world.wait(10);
    let refused = |bend: fn(&mut Value, i64), reason: &str| {
        let mut variables = with_agents();
        bend(&mut variables, world.now.get());
        let now = gateway(&variables);
        Browser::new(&world, &now).send(&Asked::bearing("/mcp", &claude.token)).assert_refused(401, reason);
    };
    refused(
        |variables, _| variables["AGENTS"] = json!({ "clients": ["https://chatgpt.com/**"] }),
        "agent.client_not_admitted",
    );
    refused(
        |variables, _| variables["SESSION"] = json!({ "not_before": "2027-01-15T08:00:05Z" }),
        "agent.began_before_not_before",
    );
    refused(
        |variables, _| {
            let corp = variables["PROVIDERS"]["corp"].take();
            variables["PROVIDERS"] = json!({ "other": corp });
            variables["ROUTES"].as_object_mut().unwrap().remove("/mcp/partner");
            variables["ADMIN"]["principals"] = json!(["other|root"]);
        },
        "agent.provider_not_configured",
    );
}

#[test]
fn what_the_person_may_at_that_moment_bounds_what_the_agent_may() {
    // R-310
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let sign_in = |roles: Value| {
        world.wait(1);
        world.corp.bend_claims(move |claims| {
            claims["sub"] = "alice".into();
            claims["roles"] = roles.clone();
        });
        Browser::new(&world, &gateway).signed_in()
    };
    let alice = sign_in(json!(["staff"]));
    let claude = granted(&alice, "/mcp/staff", |_| ());
    assert!(opens(&alice, "/mcp/staff", &claude.token));
    let _later = sign_in(json!([]));
    call(&alice, "/mcp/staff", &claude.token).assert_refused(403, "authz.role_missing");
    // What the person may, the agent may not without its scope.
    let narrow = granted(&alice, "/mcp/write", |_| ());
    let refused = call(&alice, "/mcp/write", &narrow.token);
    refused.assert_refused(403, "authz.insufficient_scope");
    let challenge = challenges(&refused).join("\n");
    assert!(
        challenge.contains(r#"error="insufficient_scope""#) && challenge.contains(r#"scope="write""#),
        "{challenge}"
    );
    let wide = granted(&alice, "/mcp/write", |grant| grant.scopes = vec!["read".into(), "write".into()]);
    assert!(opens(&alice, "/mcp/write", &wide.token));
    let corp = granted(&alice, "/mcp/partner", |_| ());
    assert!(opens(&alice, "/mcp/partner", &corp.token), "`providers` is about the person's");
}

#[test]
fn an_agent_is_nobody_in_person_and_never_signs_in_stronger() {
    // R-312
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let now = world.now.get();
    world.corp.bend_claims(move |claims| claims["auth_time"] = now.into());
    let alice = Browser::new(&world, &gateway).signed_in();
    assert!(matches!(alice.send(&Asked::script("GET", "/strong/x")).outcome, Disposition::Forward(_)));
    let strong = granted(&alice, "/strong", |_| ());
    let refused = call(&alice, "/strong/x", &strong.token);
    refused.assert_refused(401, "authz.auth_time_unknown");
    let challenge = challenges(&refused).join("\n");
    assert!(challenge.contains(r#"error="insufficient_user_authentication", max_age="300""#), "{challenge}");
    let person = granted(&alice, "/person", |_| ());
    call(&alice, "/person/x", &person.token).assert_refused(403, "authz.acted_for");
    let people = granted(&alice, "/people", |_| ());
    call(&alice, "/people/x", &people.token).assert_refused(403, "authz.kind_not_accepted");
}

#[test]
fn an_agent_reaches_nothing_of_our_own() {
    // R-313
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let _root = root(&world, &gateway);
    let as_root = granted(&root(&world, &gateway), "/mcp", |_| ());
    let browser = Browser::new(&world, &gateway);
    for (method, path) in [
        ("GET", "/auth/me"),
        ("GET", "/auth/sessions"),
        ("DELETE", "/auth/sessions"),
        ("POST", "/auth/sessions/end-others"),
        ("GET", "/auth/keys"),
        ("POST", "/auth/keys"),
        ("GET", "/auth/admin/sessions?provider=corp&subject=alice"),
        ("POST", "/auth/admin/revoke"),
        ("GET", "/auth/login?provider=corp"),
    ] {
        let answered =
            browser.send(&Asked::new(method, path).with("authorization", &format!("Bearer {}", as_root.token)));
        let status = answered.reply().status.as_u16();
        assert!([401, 403, 404].contains(&status), "{method} {path}: {status} {}", answered.event);
        assert_ne!(answered.event["outcome"], json!("allow"), "{method} {path}");
        assert!(answered.set_cookies().iter().all(|cookie| !cookie.starts_with("__Host-postern=")));
    }
}

#[test]
fn a_bound_token_is_good_with_its_key_alone_and_each_proof_once() {
    // R-314
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let alice = alice(&world, &gateway);
    let (machine, thief) = (Machine::new(7), Machine::new(8));
    let bound = granted(&alice, "/mcp", |grant| grant.jkt = Some(machine.jkt()));
    call(&alice, "/mcp", &bound.token).assert_refused(401, "sender.bound_token_as_bearer");
    let send = |proof: &str| Browser::new(&world, &gateway).send(&super::sender::asked("/mcp", &bound.token, proof));
    send(&thief.proof(&world, "/mcp", &bound.token, &json!({}))).assert_refused(401, "dpop.key_mismatch");
    let proof = machine.proof(&world, "/mcp", &bound.token, &json!({}));
    let answered = send(&proof);
    assert!(!answered.forwarded().headers.contains_key("dpop"));
    assert_eq!(answered.event["jkt"], json!(machine.jkt()));
    send(&proof).assert_refused(401, "dpop.replayed");
    let plain = granted(&alice, "/mcp", |_| ());
    let proof = machine.proof(&world, "/mcp", &plain.token, &json!({}));
    let asked = super::sender::asked("/mcp", &plain.token, &proof);
    Browser::new(&world, &gateway).send(&asked).assert_refused(401, "sender.token_not_bound");
}

#[test]
fn a_route_may_rely_on_an_earlier_answer_and_never_for_uses_that_are_counted() {
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let alice = alice(&world, &gateway);
    let claude = granted(&alice, "/lately", |_| ());
    assert!(opens(&alice, "/lately/x", &claude.token));
    let calls = world.session_calls.get();
    for _ in 0..5 {
        assert!(opens(&alice, "/lately/x", &claude.token));
    }
    assert_eq!(world.session_calls.get(), calls);
    // Ended by another isolate: for five seconds at most.
    let end = Command::EndGrant { digest: claude.id.digest(), client: CLIENT.to_owned() };
    tell(&world, &claude.subject, &end);
    assert!(opens(&alice, "/lately/x", &claude.token));
    world.wait(5);
    call(&alice, "/lately/x", &claude.token).assert_refused(401, "agent.gone");
    // R-326
    let counted = granted(&alice, "/lately", |grant| grant.uses_left = Some(2));
    let used: Vec<bool> = (0..4).map(|_| opens(&alice, "/lately/x", &counted.token)).collect();
    assert_eq!(used, [true, true, false, false]);
}

#[test]
fn without_the_object_nobody_is_let_in() {
    // R-186
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let alice = alice(&world, &gateway);
    let claude = granted(&alice, "/mcp", |_| ());
    for (fault, reason) in [(Fault::Sessions, "store.unavailable"), (Fault::OddAnswers, "store.malformed")] {
        world.fault.set(fault);
        call(&alice, "/mcp", &claude.token).assert_refused(503, reason);
    }
    world.fault.set(Fault::None);
    assert!(opens(&alice, "/mcp", &claude.token));
}

#[test]
fn a_person_sees_which_programs_act_for_them() {
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let alice = alice(&world, &gateway);
    let claude = granted(&alice, "/mcp", |_| ());
    let listed = alice.send(&Asked::script("GET", "/auth/sessions")).json()["sessions"].clone();
    let shown = listed.as_array().unwrap().iter().find(|one| one.get("grant").is_some()).unwrap().clone();
    assert_eq!(shown["id"], json!(claude.id.digest().public_id()));
    assert_eq!((&shown["grant"]["client"], &shown["grant"]["scopes"]), (&json!(CLIENT), &json!(["read"])));
    assert_eq!((&shown["current"], &shown["expires_at"]), (&json!(false), &json!(world.now.get() + 30 * 86_400)));
    let page = alice.go("/auth/sessions").reply().body.clone();
    for text in ["Programs that act for you", "Claude", "claude.ai", "/mcp"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert_eq!(page.matches("/end\"").count(), 2, "{page}");
    let bob = Browser::new(&world, &gateway).signed_in_as("bob", "b-1");
    let path = format!("/auth/sessions/{}", claude.id.digest().public_id());
    bob.send(&Asked::script("DELETE", &path)).assert_refused(404, "session.unknown");
    assert!(opens(&alice, "/mcp", &claude.token));
    assert_eq!(alice.send(&Asked::script("DELETE", &path)).json(), json!({ "ended": 1 }));
    assert!(!opens(&alice, "/mcp", &claude.token) && alice.is_in());
}

#[test]
fn a_grant_ends_by_itself() {
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let alice = alice(&world, &gateway);
    let ends_at = world.now.get() + 300;
    let claude = granted(&alice, "/mcp", |grant| grant.expires_at = Timestamp::from_unix(ends_at));
    world.wait(Seconds::minutes(5).get().into());
    call(&alice, "/mcp", &claude.token).assert_refused(401, "agent.gone");
}

#[test]
fn what_would_be_decided_about_an_agent_is_explained() {
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let root = root(&world, &gateway);
    let explain = |who: &Value, request: &str| {
        let asked = Asked::script("POST", "/auth/admin/explain").with("content-type", "application/json");
        root.send(&asked.with_body(Ok(&json!({ "who": who, "request": request }).to_string()))).json()
    };
    let agent = |scopes: &[&str]| json!({ "provider": "corp", "agent": CLIENT, "claims": { "sub": "alice" }, "scopes": scopes });
    assert_eq!(explain(&agent(&["write"]), "GET /mcp/write")["outcome"], "allow");
    let short = explain(&agent(&["read"]), "GET /mcp/write");
    assert_eq!((&short["outcome"], &short["detail"]), (&json!("deny"), &json!("write")));
    let person = json!({ "provider": "corp", "claims": { "sub": "alice" }, "scopes": ["write"] });
    assert_eq!(explain(&person, "GET /mcp/write")["outcome"], "401", "a session opens nothing there");
    assert_eq!(explain(&agent(&[]), "GET /person/x")["outcome"], "deny");
}
