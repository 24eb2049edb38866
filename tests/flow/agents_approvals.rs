//! `/auth/approvals`: people allow single calls of agents, and agents do not.

use base64ct::{Base64UrlUnpadded, Encoding};
use futures::executor::block_on;
use postern::agent::approval::{ApprovableCall, ApprovalCommand, ApprovalReply, ApprovalState, Party, UseApproval};
use postern::agent::grant::{Grant, MAX_GRANTS};
use postern::agent::handle::{GrantHandle, HandleKind};
use postern::gateway::Gateway;
use postern::ids::actor::Actor;
use postern::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use postern::session::refresh::RefreshState;
use postern::session::{BeginGrant, Command, Origin, Reply, Session, SessionId, SessionTimeouts, Sessions, SubjectKey};
use postern::time::{Seconds, Timestamp};
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CORP, ORIGIN, World, gateway, variables};

/// The client of every agent here.
pub const CLIENT: &str = "https://agent.example/client.json";

/// The usual deployment, with a route for agents.
pub fn with_agents() -> Value {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["roles"] = json!(["roles"]);
    variables["ROUTES"]["/mcp"] =
        json!({ "upstream": "service:MCP", "methods": ["POST"], "authenticate": ["agent"], "token": "assertion" });
    variables
}

/// Hands a command to somebody's object.
pub fn tell(world: &World, subject: &str, command: &Command) -> Reply {
    block_on(world.call(&SubjectKey::of(CORP, subject), command)).unwrap()
}

/// What somebody granted: its handle.
pub fn granted(world: &World, subject: &str, change: impl FnOnce(&mut Grant)) -> GrantHandle {
    let now = Timestamp::from_unix(world.now.get());
    let id = SessionId::generate(world);
    let mut grant = Grant {
        client: CLIENT.to_owned(),
        client_name: "Agent <b>".to_owned(),
        redirect_uri: String::new(),
        resource: format!("{ORIGIN}/mcp"),
        scopes: vec!["docs:read".to_owned(), "docs:write".to_owned()],
        expires_at: now.plus(Seconds::hours(1)),
        code: None,
        generation: 0,
        rotated_at: now,
        jkt: None,
        with_session: None,
        parent: None,
        actors: vec![Actor { issuer: Some(ORIGIN.to_owned()), subject: CLIENT.to_owned() }],
        task: None,
        uses_left: None,
        indexed: false,
        seen_at: None,
    };
    change(&mut grant);
    let session = Session {
        issuer: IssuerIdentifier::new(CORP),
        subject: SubjectIdentifier::new(subject),
        provider: "corp".to_owned(),
        claims: serde_json::Map::new(),
        scopes: Vec::new(),
        roles: Vec::new(),
        permissions: Vec::new(),
        tenant: None,
        auth_time: None,
        acr: None,
        amr: Vec::new(),
        sid: None,
        created_at: now,
        last_seen: now,
        access_token_expires_at: None,
        access_token_issued_at: Timestamp::EPOCH,
        refresh: RefreshState::default(),
        ceiling: None,
        until: None,
        origin: Origin::default(),
        left_out: Vec::new(),
        second: None,
        device: None,
        listed_before: Vec::new(),
        grant: Some(Box::new(grant)),
    };
    let begin = BeginGrant {
        digest: id.digest(),
        session,
        begun_by: None,
        asked_at: now,
        max_grants: MAX_GRANTS,
        clocks: SessionTimeouts::new(Seconds::minutes(30), Seconds::hours(8)),
    };
    assert!(matches!(tell(world, subject, &Command::BeginGrant(Box::new(begin))), Reply::Begun));
    GrantHandle::access(SubjectKey::of(CORP, subject), id, now.plus(Seconds::minutes(10)))
}

/// The access token of a grant.
pub fn token(gateway: &Gateway, handle: &GrantHandle) -> String {
    let config = gateway.config();
    handle.to_text(&config.agents.as_ref().unwrap().prefix, &config.keys).expose().clone()
}

/// A call of the agent's that somebody is asked about, or what else comes of it.
fn used(
    world: &World,
    gateway: &Gateway,
    grant: &GrantHandle,
    (arguments, approvers): (&str, Option<&[&str]>),
) -> ApprovalReply {
    let id = SessionId::generate(world);
    let now = Timestamp::from_unix(world.now.get());
    let subject = SubjectKey::of(CORP, "alice");
    let handle =
        GrantHandle { kind: HandleKind::Approval, ..GrantHandle::access(subject, id, now.plus(Seconds::minutes(10))) };
    let grant = grant.id.digest().public_id();
    let body = format!(r#"{{"params":{{"name":"delete_doc","arguments":{arguments}}}}}"#);
    let wanted = UseApproval {
        call: ApprovableCall::new(&grant, "/mcp", ("tools/call", "delete_doc"), &body).unwrap(),
        grant,
        request: format!("request-{}", handle.id.digest().as_str()),
        id: handle.id.digest().as_str().to_owned(),
        link: token(gateway, &handle),
        approvers: approvers.map(|roles| roles.iter().map(|role| (*role).to_owned()).collect()),
        person: Party {
            issuer: IssuerIdentifier::new(CORP),
            subject: SubjectIdentifier::new("alice"),
            name: None,
            tenant: None,
        },
    };
    let command = Command::Approval(Box::new(ApprovalCommand::Use(Box::new(wanted))));
    match tell(world, "alice", &command) {
        Reply::Approval(reply) => *reply,
        other => panic!("{other:?}"),
    }
}

/// The page of a new question.
pub fn asked(world: &World, gateway: &Gateway, grant: &GrantHandle, call: (&str, Option<&[&str]>)) -> String {
    match used(world, gateway, grant, call) {
        ApprovalReply::Asked(approval) => format!("/auth/approvals/{}", approval.link),
        other => panic!("{other:?}"),
    }
}

fn decide(browser: &Browser<'_>, page: &str, word: &str) -> Answered {
    browser.send(&Asked::form(page).with_body(Ok(&format!("decision={word}"))))
}

fn claims(jws: &str) -> Value {
    let payload = Base64UrlUnpadded::decode_vec(jws.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

#[test]
fn a_person_allows_a_call_once_and_has_a_receipt() {
    // R-331, R-332, R-333
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    let grant = granted(&world, "alice", |_| ());
    let page = asked(&world, &gateway, &grant, (r#"{"id":7}"#, None));
    let listed = alice.go("/auth/approvals");
    assert!(listed.reply().body.contains(&page), "{}", listed.reply().body);
    assert_eq!(listed.event["reason"], "approval.listed");
    let shown = alice.go(&page);
    let body = &shown.reply().body;
    assert!(
        body.contains("delete_doc") && body.contains("Agent &lt;b&gt;") && body.contains("&quot;id&quot;: 7"),
        "{body}"
    );
    assert!(!body.contains("<script") && body.contains(r#"name="decision" value="allow""#), "{body}");
    assert!(matches!(used(&world, &gateway, &grant, (r#"{"id":7}"#, None)), ApprovalReply::Pending(_)));
    let decided = decide(&alice, &page, "allow");
    assert_eq!((decided.location(), &decided.event["event"]), (page.clone(), &json!("approval.given")));
    let outcomes: Vec<_> = (0..50).map(|_| used(&world, &gateway, &grant, (r#"{"id":7}"#, None))).collect();
    let by = |reply: &ApprovalReply| match reply {
        ApprovalReply::Used(used) => match &used.state {
            ApprovalState::Used { request, .. } => Some(request.clone()),
            _ => None,
        },
        _ => None,
    };
    let requests: Vec<String> = outcomes.iter().filter_map(by).collect();
    assert_eq!(requests.len(), 1);
    let receipt = alice.send(&Asked::script("GET", &format!("{page}/receipt")));
    assert_eq!(receipt.reply().headers["content-type"], "application/jwt");
    let said = claims(&receipt.reply().body);
    assert_eq!(said["approved_by"]["sub"], "alice");
    assert_eq!((&said["call"]["name"], &said["decision"]), (&json!("delete_doc"), &decided.event["request_id"]));
    assert_eq!(said["request"], requests[0]);
}

#[test]
fn an_agent_does_not_allow_its_own_call() {
    // R-313, R-331
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let grant = granted(&world, "alice", |_| ());
    let page = asked(&world, &gateway, &grant, ("{}", None));
    let agent = Browser::new(&world, &gateway);
    let bearer = format!("Bearer {}", token(&gateway, &grant));
    for asked in [Asked::form(&page).with_body(Ok("decision=allow")), Asked::script("GET", &page)] {
        agent.send(&asked.with("authorization", &bearer)).assert_refused(401, "authn.no_credential");
    }
    agent
        .send(&Asked::script("GET", "/auth/approvals").with("authorization", &bearer))
        .assert_refused(401, "authn.no_credential");
    // Nor does a page of another site, in the person's browser.
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    let forged = alice.send(&Asked::form_from_elsewhere(&page, "decision=allow"));
    assert_ne!(forged.event["event"], "approval.given", "{}", forged.event);
    assert!(matches!(used(&world, &gateway, &grant, ("{}", None)), ApprovalReply::Pending(_)));
}

#[test]
fn nobody_else_sees_or_decides() {
    // R-331
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let grant = granted(&world, "alice", |_| ());
    let page = asked(&world, &gateway, &grant, ("{}", None));
    let bob = Browser::new(&world, &gateway).signed_in_as("bob", "s2");
    bob.send(&Asked::script("GET", &page)).assert_refused(403, "approval.not_an_approver");
    decide(&bob, &page, "allow").assert_refused(403, "approval.not_an_approver");
    assert!(bob.send(&Asked::script("GET", "/auth/approvals")).json()["approvals"].as_array().unwrap().is_empty());
    // An address that we did not make names nothing, and no object is asked.
    let calls = world.session_calls.get();
    let broken = page.replace("_ap_", "_at_");
    Browser::new(&world, &gateway).send(&Asked::script("GET", &broken)).assert_refused(404, "route.none");
    assert_eq!(world.session_calls.get(), calls);
}

#[test]
fn where_roles_are_named_somebody_else_with_one_decides() {
    // R-331
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let grant = granted(&world, "alice", |_| ());
    let page = asked(&world, &gateway, &grant, ("{}", Some(&["manager"])));
    let with_role = |subject: &'static str| {
        world.corp.bend_claims(move |claims| {
            claims["sub"] = subject.into();
            claims["roles"] = json!(["manager"]);
        });
        Browser::new(&world, &gateway).signed_in()
    };
    let alice = with_role("alice");
    let shown = alice.go(&page);
    assert!(!shown.reply().body.contains("<form"), "{}", shown.reply().body);
    decide(&alice, &page, "allow").assert_refused(403, "approval.not_an_approver");
    let bob = with_role("bob");
    assert_eq!(decide(&bob, &page, "allow").event["reason"], "approval.decided");
    assert!(matches!(used(&world, &gateway, &grant, ("{}", Some(&["manager"]))), ApprovalReply::Used(_)));
}

#[test]
fn an_old_sign_in_does_not_do() {
    // R-331
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    world.wait(17 * 60);
    let grant = granted(&world, "alice", |_| ());
    let page = asked(&world, &gateway, &grant, ("{}", None));
    assert!(!alice.go(&page).reply().body.contains("<form"));
    let answered = decide(&alice, &page, "allow");
    assert!(answered.location().starts_with("/auth/login?"), "{}", answered.location());
    let json = Asked::script("POST", &page).with("content-type", "application/json");
    let json = json.with("origin", ORIGIN).with_body(Ok(r#"{"decision":"allow"}"#));
    assert_eq!(alice.send(&json).reply().status.as_u16(), 401);
    assert!(matches!(used(&world, &gateway, &grant, ("{}", None)), ApprovalReply::Pending(_)));
}

#[test]
fn a_no_is_a_no_and_words_that_are_none_decide_nothing() {
    // R-334
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    let grant = granted(&world, "alice", |_| ());
    let page = asked(&world, &gateway, &grant, ("{}", None));
    for body in ["", "decision=maybe", "decision=allow&decision=deny", "decision=allow&more=1"] {
        alice.send(&Asked::form(&page).with_body(Ok(body))).assert_refused(400, "request.bad_input");
    }
    let json = Asked::script("POST", &page).with("content-type", "application/json").with("origin", ORIGIN);
    let more = json.with_body(Ok(r#"{"decision":"allow","more":1}"#));
    alice.send(&more).assert_refused(400, "request.bad_input");
    assert_eq!(decide(&alice, &page, "deny").event["event"], "approval.denied");
    decide(&alice, &page, "allow").assert_refused(409, "approval.over");
    assert!(matches!(used(&world, &gateway, &grant, ("{}", None)), ApprovalReply::Denied(_)));
    alice.send(&Asked::script("GET", &format!("{page}/receipt"))).assert_refused(404, "approval.unknown");
    world.wait(601);
    alice.send(&Asked::script("GET", &page)).assert_refused(404, "approval.unknown");
}

#[test]
fn without_agents_there_is_nothing_here() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    alice.send(&Asked::script("GET", "/auth/approvals")).assert_refused(404, "route.none");
    alice.send(&Asked::script("GET", "/auth/approvals/x")).assert_refused(404, "route.none");
}
