//! `GET /.well-known/oauth-protected-resource…`: which issuers' tokens a resource takes (RFC 9728), so that a client
//! that knows nothing but an address of ours finds out where to get one.
//!
//! A resource is what lies at and below a route's path, up to its first parameter: of `/api/orders/{id}` it is
//! `/api/orders`. That is what tokens are issued for; no issuer has heard of each single order. Asked about a path
//! that is no such resource but has a route, the answer is about that very path.

use serde_json::{Map, Value, json};

use crate::agent::authorize::offer;
use crate::audit::{Effect, What};
use crate::authn::dpop;
use crate::config::{Config, Constraint, IssuerId, TokenIssuer};
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, response};
use crate::http::{Method, Response, StatusCode};
use crate::refusal::Reason;
use crate::route::{CanonicalPath, Route};
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
    let routes = routes_of(&ctx.site.config, resource);
    if routes.is_empty() {
        return Err(Reason::NoRoute);
    }
    let response = if ctx.request.head.method == Method::OPTIONS {
        response::public(Response::empty(StatusCode::NO_CONTENT), MAX_AGE)
    } else {
        response::public(response::json(StatusCode::OK, &metadata(&ctx.site.config, resource, &routes)), MAX_AGE)
    };
    parts.event.end(Effect::Allow, "own.page", response.status);
    Ok(response::readable_by_all(response))
}

/// The routes at and below `resource` that take tokens; those at that very path where nothing is named so.
fn routes_of<'a>(config: &'a Config, resource: &str) -> Vec<&'a Route> {
    let below = |route: &&Route| {
        let rest = route.resource().and_then(|own| own.strip_prefix(resource));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let named: Vec<&Route> = config.all_routes().filter(below).collect();
    if !named.is_empty() {
        return named;
    }
    let Ok(path) = CanonicalPath::parse(resource) else { return Vec::new() };
    config.routes.at(&path).filter(|route| route.resource().is_some()).collect()
}

/// RFC 9728 §2.
fn metadata(config: &Config, resource: &str, routes: &[&Route]) -> Value {
    let accepted = |id: &IssuerId| routes.iter().any(|route| route.token_guard().is_some_and(|guard| guard.admits(id)));
    let issuers: Vec<&TokenIssuer> = config.issuers.iter().filter(|issuer| accepted(&issuer.id)).collect();
    // An agent gets its tokens from us.
    let takes_agents = routes.iter().any(|route| route.takes_agents());
    let own = takes_agents.then(|| json!(config.public_url.origin()));
    let scopes = offer::scopes_of(routes);
    let mut members = Map::new();
    members.insert("resource".to_owned(), config.public_url.join(resource).into());
    members.insert(
        "authorization_servers".to_owned(),
        // One that is only a name is no address that a client could ask.
        issuers
            .iter()
            .filter(|issuer| issuer.issuer.is_reachable())
            .map(|issuer| json!(issuer.issuer.as_str()))
            .chain(own)
            .collect(),
    );
    if !scopes.is_empty() {
        members.insert("scopes_supported".to_owned(), json!(scopes));
    }
    //
    members.insert("bearer_methods_supported".to_owned(), json!(["header"]));
    members.extend(bindings(&issuers, takes_agents));
    Value::Object(members)
}

/// What tokens may or must be bound to. Of certificates it speaks only where they are asked for: whether the connection
/// shows any is for the zone to say.
fn bindings(issuers: &[&TokenIssuer], takes_agents: bool) -> Map<String, Value> {
    let any = |constraint| issuers.iter().any(|issuer| issuer.sender == constraint);
    let mut members = Map::new();
    if takes_agents || any(Constraint::Any) || any(Constraint::Dpop) {
        let names: Vec<&str> = dpop::ALGORITHMS.iter().map(|algorithm| algorithm.name()).collect();
        members.insert("dpop_signing_alg_values_supported".to_owned(), json!(names));
    }
    if !takes_agents && !any(Constraint::Any) && !any(Constraint::Mtls) {
        members.insert("dpop_bound_access_tokens_required".to_owned(), json!(true));
    }
    if any(Constraint::Mtls) {
        members.insert("tls_client_certificate_bound_access_tokens".to_owned(), json!(true));
    }
    members
}
