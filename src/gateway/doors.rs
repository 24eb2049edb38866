//! Both doors, for whoever asks: a request that is to be sent on, and one that another proxy asks about.

use super::Platform;
use super::challenge::Challenge;
use super::entrant::Entrant;
use super::policies::{self, Asked};
use super::relations;
use super::sign_in::SignIn;
use super::turn::{Ledger, Turn};
use crate::audit::Outcome as Ending;
use crate::authn::{Principal, session_cookie::Wants};
use crate::authz::{self, Decision, Denial, Permit};
use crate::http::StatusCode;
use crate::refusal::Reason;
use crate::route::{Access, CanonicalPath, Guard, Matched, NoRoute, Route, Token};
use crate::upstream::{Introduction, Tenure};

/// A request that both doors let through.
pub(super) struct Admitted {
    /// Who asks; `None` where nobody is asked who they are.
    pub(super) principal: Option<Principal>,
    /// What its upstream is told of them.
    pub(super) introduction: Introduction,
    /// For how long it was let through.
    pub(super) tenure: Tenure,
    pub(super) permit: Permit,
}

/// Why a request was not let through.
pub(super) struct Refused {
    pub(super) reason: Reason,
    /// Whether signing in could make it good; where not, nobody is sent there to come back as they went.
    pub(super) sign_in_helps: bool,
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self { reason, sign_in_helps: true }
    }
}

/// The rule for this request. From here on its answer says whether pages of other origins may read it.
///
/// # Errors
/// When there is none.
pub(super) fn route<'a, P>(
    turn: &Turn<'a, P>,
    path: &CanonicalPath,
    ledger: &mut Ledger,
) -> Result<Matched<'a>, Reason> {
    let matched = turn.config.routes.find(&turn.head.method, path).map_err(|error| match error {
        NoRoute::NotFound => Reason::NoRoute,
        NoRoute::MethodNotAllowed(methods) => Reason::MethodNotAllowed(methods.allow_header()),
    })?;
    ledger.event.route = Some(matched.route.name.clone());
    ledger.grant = matched.route.cors.as_ref().map(|cors| cors.grant(turn.head));
    Ok(matched)
}

/// Door 1, then door 2, and on the way the route's limits.
///
/// # Errors
/// When either stays shut.
pub(super) async fn enter<P: Platform>(
    turn: &Turn<'_, P>,
    path: &CanonicalPath,
    matched: &Matched<'_>,
    ledger: &mut Ledger,
) -> Result<Admitted, Refused> {
    turn.limit_address(matched.route, ledger).await?;
    match &matched.route.access {
        Access::Public => {
            let permit = permitted(authz::authorize(None, matched, turn.now))?;
            turn.limit_route(matched.route, ledger).await?;
            ledger.event.end(Ending::Allow, "route.public", StatusCode::OK);
            Ok(Admitted { principal: None, introduction: Introduction::default(), tenure: Tenure::Unlimited, permit })
        }
        Access::Guarded(guard) => {
            let entrant = authenticate(turn, path, (matched.route, guard), ledger).await?;
            turn.limit_subject(matched.route, entrant.principal(), ledger).await?;
            authorize(turn, Asked { path, matched, guard, facts: &[] }, entrant, ledger).await
        }
    }
}

/// Door 1. Where tokens are accepted and one is presented, it alone is judged: what a client says explicitly is not
/// overruled, nor saved, by a cookie that its browser adds.
///
/// # Errors
/// When nobody came through.
pub(super) async fn authenticate<P: Platform>(
    turn: &Turn<'_, P>,
    path: &CanonicalPath,
    (route, guard): (&Route, &Guard),
    ledger: &mut Ledger,
) -> Result<Entrant, Reason> {
    ledger.sign_in = guard.takes_sessions().then(|| SignIn::first(&guard.requirements));
    if guard.takes_tokens() {
        let challenge = ledger.challenge.insert(Challenge::of(route, guard, turn.config));
        if let Some(presented) = turn.presented_token()? {
            challenge.came_by(presented.scheme);
            ledger.sign_in = None;
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

/// Door 2, and what goes on with whom it lets through.
async fn authorize<P: Platform>(
    turn: &Turn<'_, P>,
    asked: Asked<'_>,
    entrant: Entrant,
    ledger: &mut Ledger,
) -> Result<Admitted, Refused> {
    let Asked { matched, guard, .. } = asked;
    let decision = authz::authorize(Some(entrant.principal()), matched, turn.now);
    let (decision, facts) =
        relations::also(turn, decision, (matched, guard), entrant.principal(), &mut ledger.event).await?;
    let asked = Asked { facts: &facts, ..asked };
    let decision = policies::also(turn, decision, asked, entrant.principal(), &mut ledger.event).await;
    let permit = permitted(mendable(turn, decision, entrant.principal(), ledger))?;
    turn.limit_route(matched.route, ledger).await?;
    let tenure = turn.tenure(guard, &entrant);
    let (principal, introduction) = turn.introduce(entrant, (matched.route, guard), &mut ledger.event).await?;
    ledger.event.end(Ending::Allow, "authz.requirements_met", StatusCode::OK);
    Ok(Admitted { principal: Some(principal), introduction, tenure, permit })
}

/// Who has a session and a sign-in that does not do is sent for another to the provider that they came by. If that
/// cannot be asked for one, no sign-in helps.
fn mendable<P>(turn: &Turn<'_, P>, decision: Decision, principal: &Principal, ledger: &mut Ledger) -> Decision {
    let (Decision::StepUp(wanted), Some(id)) = (&decision, principal.provider()) else { return decision };
    ledger.sign_in = turn.config.provider(id).and_then(|provider| SignIn::again(provider, wanted));
    match ledger.sign_in {
        Some(_) => decision,
        None => Decision::Deny(Denial::Authentication(wanted.shortfall)),
    }
}

fn permitted(decision: Decision) -> Result<Permit, Reason> {
    match decision {
        Decision::Allow(permit) => Ok(permit),
        Decision::Deny(denial) => Err(Reason::Denied(denial)),
        Decision::StepUp(wanted) => Err(Reason::StepUp(Box::new(wanted))),
    }
}
