//! Whatever stands in `Authorization`, `DPoP` and the query: without a token that its issuer signed, no guarded route
//! opens, and every 401 has challenges that a strict reader understands.
//!
//! The input is a query in the first line; further lines are headers, `A` for `Authorization` and `D` for `DPoP`.

use postern::gateway::{Disposition, Gateway};
use postern::http::{HeaderValue, header};
use serde_json::json;

use crate::support::{Asked, Browser, PARTNER, World, gateway, variables};

const ROUTES: [&str; 3] = ["/tokens", "/both", "/scoped"];

struct Deployment {
    world: World,
    gateway: Gateway,
}

thread_local! {
    static DEPLOYMENT: Deployment = Deployment { world: World::new(), gateway: gateway(&deployment()) };
}

fn deployment() -> serde_json::Value {
    let mut variables = variables();
    variables["ISSUERS"] = json!({ "machines": { "issuer": PARTNER, "audience": "urn:api", "algs": ["ES256"] } });
    let route = |authenticate: &[&str]| json!({ "upstream": "service:API", "authenticate": authenticate });
    variables["ROUTES"]["/tokens"] = route(&["bearer"]);
    variables["ROUTES"]["/both"] = route(&["session", "bearer"]);
    variables["ROUTES"]["/scoped"] = route(&["bearer"]);
    variables["ROUTES"]["/scoped"]["require"] = json!({ "scopes": ["read", "write"] });
    variables
}

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let query = lines.next().unwrap_or_default();
    let headers: Vec<_> = lines.filter_map(header).collect();
    for route in ROUTES {
        let target = if query.is_empty() { route.to_owned() } else { format!("{route}?{query}") };
        let asked = headers.iter().fold(Asked::new("GET", &target), |asked, (name, value)| asked.with(name, value));
        DEPLOYMENT.with(|deployment| is_refused(deployment, &asked));
    }
}

fn header(line: &str) -> Option<(&'static str, &str)> {
    let (name, value) = match line.split_at_checked(1)? {
        ("A", value) => ("authorization", value),
        ("D", value) => ("dpop", value),
        _ => return None,
    };
    HeaderValue::try_from(value).ok().map(|_| (name, value))
}

fn is_refused(deployment: &Deployment, asked: &Asked) {
    let answered = Browser::new(&deployment.world, &deployment.gateway).send(asked);
    deployment.world.lines.borrow_mut().clear();
    deployment.world.sent.borrow_mut().clear();
    let Disposition::Respond(reply) = &answered.outcome else { panic!("let in") };
    assert!(matches!(reply.status.as_u16(), 400 | 401 | 403 | 404), "{}", reply.status);
    let challenges: Vec<_> = reply.headers.get_all(header::WWW_AUTHENTICATE).iter().collect();
    assert!(reply.status != 401 || !challenges.is_empty());
    for challenge in challenges {
        is_a_challenge(challenge.to_str().unwrap());
    }
}

/// RFC 9110 §11.6.1, one challenge: `scheme`, or `scheme 1*SP name="value"` with more of these after commas.
fn is_a_challenge(text: &str) {
    let (scheme, parameters) = text.split_once(' ').unwrap_or((text, ""));
    assert!(is_token(scheme), "{text}");
    let mut rest = parameters;
    let mut names = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{text}"));
        let (value, after) = after.split_once('"').unwrap_or_else(|| panic!("{text}"));
        assert!(is_token(name) && !names.contains(&name), "{text}");
        assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\\'), "{text}");
        names.push(name);
        rest = after.strip_prefix(", ").unwrap_or(after);
        assert!(rest.is_empty() == after.is_empty() && (after.is_empty() || rest != after), "{text}");
    }
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
