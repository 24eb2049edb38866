//! `GET /.well-known/oauth-protected-resource…`: which issuers' tokens a resource takes (RFC 9728), so that a client
//! that knows nothing but an address of ours finds out where to get one.
//!
//! A resource is what lies at and below a route's path, up to its first parameter: of `/api/orders/{id}` it is
//! `/api/orders`. That is what tokens are issued for; no issuer has heard of each single order. Asked about a path
//! that is no such resource but has a route, the answer is about that very path.

use serde_json::{Map, Value, json};

use crate::audit::{Effect, What};
use crate::authn::dpop;
use crate::config::{Config, Constraint, IssuerId, TokenIssuer};
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, response};
use crate::http::{Method, Response, StatusCode};
use crate::refusal::Reason;
use crate::route::{CanonicalPath, Guard, Route};
use crate::time::Seconds;

/// How long a copy may be used.
const MAX_AGE: Seconds = Seconds::hours(1);

/// Answers what there is to know about `resource`, to everybody, scripts of other origins included.
pub(crate) fn describe<P: Platform>(
    ctx: &RequestContext<'_, P>,
    resource: &str,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::Own;
    ctx.request.allow_methods(&[Method::GET, Method::HEAD, Method::OPTIONS])?;
    let guards = guards_of(&ctx.site.config, resource);
    if guards.is_empty() {
        return Err(Reason::NoRoute);
    }
    let response = if ctx.request.head.method == Method::OPTIONS {
        response::public(Response::empty(StatusCode::NO_CONTENT), MAX_AGE)
    } else {
        response::public(response::json(StatusCode::OK, &metadata(&ctx.site.config, resource, &guards)), MAX_AGE)
    };
    parts.event.end(Effect::Allow, "own.page", response.status);
    Ok(response::readable_by_all(response))
}

/// What is asked of tokens at and below `resource`; of tokens at that very path where nothing is named so.
fn guards_of<'a>(config: &'a Config, resource: &str) -> Vec<&'a Guard> {
    let below = |route: &&Route| {
        let rest = route.resource().and_then(|own| own.strip_prefix(resource));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let named: Vec<&Guard> = config.all_routes().filter(below).filter_map(Route::token_guard).collect();
    if !named.is_empty() {
        return named;
    }
    let Ok(path) = CanonicalPath::parse(resource) else { return Vec::new() };
    config.routes.at(&path).filter_map(Route::token_guard).collect()
}

/// RFC 9728 §2.
fn metadata(config: &Config, resource: &str, guards: &[&Guard]) -> Value {
    let accepted = |id: &IssuerId| guards.iter().any(|guard| guard.admits(id));
    let issuers: Vec<&TokenIssuer> = config.issuers.iter().filter(|issuer| accepted(&issuer.id)).collect();
    let mut scopes: Vec<&str> = Vec::new();
    let required = guards.iter().map(|guard| &guard.requirements);
    for scope in required.flat_map(|required| required.scopes.iter().chain(&required.any_scope)) {
        if !scopes.contains(&scope.as_str()) {
            scopes.push(scope);
        }
    }
    let mut members = Map::new();
    members.insert("resource".to_owned(), config.public_url.join(resource).into());
    members.insert(
        "authorization_servers".to_owned(),
        // One that is only a name is no address that a client could ask.
        issuers
            .iter()
            .filter(|issuer| issuer.issuer.is_reachable())
            .map(|issuer| json!(issuer.issuer.as_str()))
            .collect(),
    );
    if !scopes.is_empty() {
        members.insert("scopes_supported".to_owned(), json!(scopes));
    }
    //
    members.insert("bearer_methods_supported".to_owned(), json!(["header"]));
    members.extend(bindings(&issuers));
    Value::Object(members)
}

/// What tokens may or must be bound to. Of certificates it speaks only where they are asked for: whether the connection
/// shows any is for the zone to say.
fn bindings(issuers: &[&TokenIssuer]) -> Map<String, Value> {
    let any = |constraint| issuers.iter().any(|issuer| issuer.sender == constraint);
    let mut members = Map::new();
    if any(Constraint::Any) || any(Constraint::Dpop) {
        let names: Vec<&str> = dpop::ALGORITHMS.iter().map(|algorithm| algorithm.name()).collect();
        members.insert("dpop_signing_alg_values_supported".to_owned(), json!(names));
    }
    if !any(Constraint::Any) && !any(Constraint::Mtls) {
        members.insert("dpop_bound_access_tokens_required".to_owned(), json!(true));
    }
    if any(Constraint::Mtls) {
        members.insert("tls_client_certificate_bound_access_tokens".to_owned(), json!(true));
    }
    members
}
