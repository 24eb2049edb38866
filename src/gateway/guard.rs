//! A request for a route: both doors, then on to the upstream.

use super::challenge::Challenge;
use super::entrant::Entrant;
use super::turn::{Ledger, Turn};
use super::{Outcome, Platform, onward, reply};
use crate::audit::Outcome as Ending;
use crate::authn::session_cookie::Wants;
use crate::authz::{self, Decision, Permit};
use crate::cookie;
use crate::http::{Method, Reply, StatusCode};
use crate::pages;
use crate::refusal::{Reason, Refusal};
use crate::route::{Access, CanonicalPath, Guard, NoRoute, Route, Token};
use crate::upstream::{ForwardPlan, Forwarding, Introduction, Tenure};

/// Finds the route and lets the request through, or not.
pub(super) async fn pass<P: Platform>(
    turn: &Turn<'_, P>,
    path: &CanonicalPath,
    ledger: &mut Ledger,
) -> Result<Outcome, Reason> {
    let matched = turn.config.routes.find(&turn.head.method, path).map_err(|error| match error {
        NoRoute::NotFound => Reason::NoRoute,
        NoRoute::MethodNotAllowed(methods) => Reason::MethodNotAllowed(methods.allow_header()),
    })?;
    let route = matched.route;
    ledger.event.route = Some(route.name.clone());
    match &route.access {
        Access::Public => {
            let permit = permitted(authz::authorize(None, route))?;
            ledger.event.end(Ending::Allow, "route.public", StatusCode::OK);
            Ok(turn.forward(route, path, (Introduction::default(), Tenure::Unlimited), permit))
        }
        Access::Guarded(guard) => match authenticate(turn, path, (route, guard), ledger).await {
            Ok(entrant) => enter(turn, path, (route, guard), entrant, ledger).await,
            Err(reason) => challenge(turn, reason, ledger).map(Outcome::Reply),
        },
    }
}

/// Door 1. Where tokens are accepted and one is presented, it alone is judged: what a client says explicitly is not
/// overruled, nor saved, by a cookie that its browser adds.
async fn authenticate<P: Platform>(
    turn: &Turn<'_, P>,
    path: &CanonicalPath,
    (route, guard): (&Route, &Guard),
    ledger: &mut Ledger,
) -> Result<Entrant, Reason> {
    if guard.takes_tokens() {
        let challenge = ledger.challenge.insert(Challenge::of(route, guard, turn.config));
        if let Some(presented) = turn.presented_token()? {
            challenge.came_by(presented.scheme);
            let bearer = turn.authenticate_token(presented, (guard, path), ledger).await?;
            return Ok(Entrant::Token(Box::new(bearer)));
        }
        if !guard.takes_sessions() {
            return Err(Reason::NoToken);
        }
    }
    let wants = Wants { touch: guard.touch, access_token: guard.token == Token::Relay, staleness: guard.revocation };
    let authenticated = turn.authenticate(wants, ledger).await?;
    // No token was used, so none is to blame for what is refused from here on.
    ledger.challenge = None;
    Ok(Entrant::Session(Box::new(authenticated)))
}

/// Door 2, and on.
async fn enter<P: Platform>(
    turn: &Turn<'_, P>,
    path: &CanonicalPath,
    (route, guard): (&Route, &Guard),
    entrant: Entrant,
    ledger: &mut Ledger,
) -> Result<Outcome, Reason> {
    let permit = permitted(authz::authorize(Some(entrant.principal()), route))?;
    let tenure = turn.tenure(guard, &entrant);
    let introduction = match turn.introduce(entrant, (route, guard), &mut ledger.event).await {
        Ok(introduction) => introduction,
        Err((reason, true)) => return challenge(turn, reason, ledger).map(Outcome::Reply),
        Err((reason, false)) => return Err(reason),
    };
    ledger.event.end(Ending::Allow, "authz.requirements_met", StatusCode::OK);
    Ok(turn.forward(route, path, (introduction, tenure), permit))
}

fn permitted(decision: Decision) -> Result<Permit, Reason> {
    match decision {
        Decision::Allow(permit) => Ok(permit),
        Decision::Deny(denial) => Err(Reason::Denied(denial)),
    }
}

/// Sends a person to sign in; anyone else, and for anything but a missing identity, the reason stands. So it
/// does for who comes from there just now: a provider that asks nothing would make that an endless round. Who
/// posts a form of ours is told how to send it again, signed in.
pub(super) fn challenge<P: Platform>(turn: &Turn<'_, P>, reason: Reason, ledger: &mut Ledger) -> Result<Reply, Reason> {
    if !turn.caller.is_navigation() || reason.refusal() != Refusal::Unauthenticated {
        return Err(reason);
    }
    if turn.head.method != Method::GET {
        return onward::unsent(turn, reason, ledger);
    }
    let reply = if turn.may_have_left_cookie_behind() {
        bounce(turn)
    } else if cookie::arrived_just_now(&turn.head.headers, turn.now) {
        return Err(reason);
    } else {
        to_login(turn)?
    };
    ledger.event.end(Ending::Redirect, reason.code(), reply.status);
    Ok(reply)
}

fn to_login<P: Platform>(turn: &Turn<'_, P>) -> Result<Reply, Reason> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("return_to", &turn.here());
    // Only the browser knows the fragment, and it carries it along to the login page's address (RFC 9110 §10.2.2).
    if turn.head.headers.contains_key("sec-fetch-dest") {
        query.append_pair("fragment", "keep");
    }
    reply::redirect(StatusCode::FOUND, &format!("/auth/login?{}", query.finish()))
        .ok_or(Reason::Internal("internal.location_unwritable"))
}

/// Once round through ourselves: the page's own navigation brings a `Strict` cookie along, if there is one.
fn bounce<P: Platform>(turn: &Turn<'_, P>) -> Reply {
    reply::html_with_script(pages::forward::bounce(&turn.here()))
}

/// The headers that an answer depends on: which of them told, or that neither did.
fn told_by(access: &Access) -> Option<&'static str> {
    match access {
        Access::Public => None,
        Access::Guarded(guard) if !guard.takes_tokens() => Some("Cookie"),
        Access::Guarded(guard) if !guard.takes_sessions() => Some("Authorization"),
        Access::Guarded(_) => Some("Authorization, Cookie"),
    }
}

impl<P: Platform> Turn<'_, P> {
    fn forward(
        &self,
        route: &Route,
        path: &CanonicalPath,
        (introduction, tenure): (Introduction, Tenure),
        permit: Permit,
    ) -> Outcome {
        let forwarding = Forwarding {
            head: self.head,
            path,
            query: self.query,
            public_url: &self.config.public_url,
            told_by: told_by(&route.access),
            tenure,
            introduction,
            claim_headers: &self.config.claim_headers,
            request_id: &self.request_id,
        };
        Outcome::Forward(Box::new(ForwardPlan::new(route.upstream.clone(), forwarding, permit)))
    }
}
