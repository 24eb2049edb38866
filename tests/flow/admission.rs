//! A Worker that answers its own routes: the same doors, and nothing is sent on.

use futures::executor::block_on;
use postern::config::{Build, Config, Purpose};
use postern::gateway::{Admission, Gateway};
use postern::http::{HeaderMap, HeaderName, HeaderValue, Method, Peer, RequestHead, Response, StatusCode};
use serde_json::{Value, json};

use super::bearer::{token, with_issuers};
use crate::support::{ORIGIN, World, guard};

/// The usual issuers, and routes without upstream.
fn own_routes() -> Value {
    let mut variables = with_issuers();
    variables["ROUTES"] = json!({
        "GET /reports/{*rest}": { "authenticate": ["bearer"], "require": { "scopes": ["read"] }, "security_headers": true },
        "/write": { "authenticate": ["bearer"], "require": { "scopes": ["write"] } },
        "/relay": { "authenticate": ["bearer"], "token": "relay" },
        "/people": {},
        "/open": { "public": true },
    });
    variables
}

fn head(path: &str, lines: &[(&'static str, &str)]) -> RequestHead {
    let lines =
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
    let headers = HeaderMap::from_iter(lines);
    RequestHead { method: Method::GET, url: format!("{ORIGIN}{path}"), headers, peer: Peer::default() }
}

fn bearing(world: &World, path: &str) -> RequestHead {
    head(path, &[("authorization", &format!("Bearer {}", token(world, Some("at+jwt"), &json!({}))))])
}

fn admit(world: &World, gateway: &Gateway, asked: &RequestHead) -> Result<Admission, Box<Response>> {
    block_on(world.beside(gateway, gateway.admit(world, asked)))
}

/// The events since, but for those about the issuer's documents.
fn decisions(world: &World) -> Vec<Value> {
    world.take_events().into_iter().filter(|event| event["event"] != "document.fetch").collect()
}

fn refused(world: &World, gateway: &Gateway, asked: &RequestHead) -> (u16, Value) {
    let reply = admit(world, gateway, asked).unwrap_err();
    let events = decisions(world);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(reply.headers["cache-control"], "private, no-store");
    (reply.status.as_u16(), events[0]["reason"].clone())
}

#[test]
fn who_is_let_in_stays_here_with_one_event() {
    //
    let (world, gateway) = (World::new(), guard(&own_routes()));
    let admission = admit(&world, &gateway, &bearing(&world, "/reports/7")).unwrap();
    let principal = admission.principal().unwrap();
    assert_eq!((principal.subject(), principal.scopes()), ("alice", &["read".to_owned()][..]));
    assert_eq!(admission.access_token(), None);
    let events = decisions(&world);
    assert_eq!((events.len(), &events[0]["outcome"], &events[0]["status"]), (1, &json!("allow"), &json!(200)));
    assert_eq!(events[0]["request_id"], admission.request_id());
    let answer = admission.answer_edits(StatusCode::OK, &HeaderMap::new()).applied();
    assert_eq!(
        (&answer["cache-control"], &answer["vary"]),
        (&"private, no-store".parse().unwrap(), &"Authorization".parse().unwrap())
    );
    assert_eq!(answer["x-content-type-options"], "nosniff");
}

#[test]
fn who_is_not_gets_the_refusal_that_postern_itself_would_give() {
    //
    let (world, gateway) = (World::new(), guard(&own_routes()));
    for (asked, status, reason) in [
        (head("/reports/7", &[]), 401, "authn.no_token"),
        (head("/reports/7", &[("authorization", "Bearer e30.e30.e30")]), 401, "jwt.alg_missing"),
        (bearing(&world, "/write"), 403, "authz.insufficient_scope"),
        (head("/people", &[]), 401, "authn.no_credential"),
        (bearing(&world, "/elsewhere"), 404, "route.none"),
        (bearing(&world, "/auth/health"), 404, "route.none"),
        (bearing(&world, "/reports//7"), 400, "path.empty_segment"),
    ] {
        assert_eq!(refused(&world, &gateway, &asked), (status, json!(reason)), "{}", asked.url);
    }
}

#[test]
fn a_token_that_the_worker_is_to_show_elsewhere_comes_with_the_admission() {
    let (world, gateway) = (World::new(), guard(&own_routes()));
    let admission = admit(&world, &gateway, &bearing(&world, "/relay")).unwrap();
    assert_eq!(admission.access_token().unwrap(), token(&world, Some("at+jwt"), &json!({})));
    assert!(!format!("{admission:?}").contains(admission.access_token().unwrap()));
}

#[test]
fn to_say_only_who_somebody_is_asks_nothing_of_them_and_writes_nothing() {
    //
    let (world, gateway) = (World::new(), guard(&own_routes()));
    let who = |asked: &RequestHead| {
        let principal = block_on(world.beside(&gateway, gateway.authenticate(&world, asked)));
        principal.map(|found| found.map(|one| one.subject().to_owned())).map_err(|reason| reason.code())
    };
    assert_eq!(who(&bearing(&world, "/reports/7")), Ok(Some("alice".to_owned())));
    // Known, whatever the route requires.
    assert_eq!(who(&bearing(&world, "/write")), Ok(Some("alice".to_owned())));
    assert_eq!(who(&head("/open", &[])), Ok(None));
    assert_eq!(who(&head("/reports/7", &[])), Err("authn.no_token"));
    assert_eq!(who(&head("/people", &[])), Err("authn.no_credential"));
    assert_eq!(who(&bearing(&world, "/elsewhere")), Err("route.none"));
    assert_eq!(decisions(&world), Vec::<Value>::new());
}

#[test]
fn only_a_worker_of_its_own_may_leave_the_upstream_out() {
    let secret = |_: &str| Some(format!("k1:{}A", "C".repeat(42)));
    let build = |purpose| Build { purpose, ..Build::PLAIN };
    let parse = |purpose| Config::parse_for(build(purpose), own_routes().as_object().unwrap(), &secret);
    assert!(parse(Purpose::Guard).is_ok());
    let problems = parse(Purpose::Gateway).unwrap_err();
    assert_eq!(problems.len(), 5, "{problems:?}");
    assert!(problems.iter().all(|problem| problem.path.ends_with(".upstream")), "{problems:?}");
}
