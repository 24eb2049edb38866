//! `GET /auth/second`: what a person has, as a page or as JSON.

use serde_json::{Value, json};

use super::caller::{self, FactorOwner};
use super::outcome::method;
use super::passkeys;
use super::standing::{self, Need};
use super::way::Way;
use crate::audit::{Effect, What};
use crate::config::SecondRules;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, guard, response};
use crate::http::{Method, Response, StatusCode};
use crate::pages;
use crate::pages::second::list::OwnFactors;
use crate::pages::second::{Before, ToldChanges};
use crate::session::second::{FactorKind, FactorList, ListedFactor};
use crate::time::Timestamp;

/// Answers the list.
pub(super) async fn show<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &SecondRules,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = What::FactorList;
    ctx.request.allow_methods(&[Method::GET])?;
    // A program that watches the list is nobody's presence.
    let caller = match caller::own(ctx, ctx.request.request_kind.is_navigation(), parts).await {
        Ok(caller) => caller,
        Err(reason) => return guard::challenge(ctx, reason.into(), parts),
    };
    let list = caller::factors(ctx, &caller).await?;
    let now = ctx.request.now;
    let adding = standing::before_enrolling(&caller, rules, &list, now);
    let changing = standing::before_changing(&caller, rules, now);
    let response = if ctx.request.request_kind.is_navigation() {
        page(ctx, (&caller, rules), &list, (adding, changing))
    } else {
        response::json(StatusCode::OK, &all_as_json(&caller, rules, &list, (adding, changing)))
    };
    parts.event.end(Effect::Allow, "second.listed", response.status);
    Ok(response)
}

fn page<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (caller, rules): (&FactorOwner, &SecondRules),
    list: &FactorList,
    (adding, changing): (Need, Need),
) -> Response {
    let back = Way::of_query(ctx.request.target.query, &ctx.site.config.public_url);
    let link = |need| standing::link(ctx, (caller, rules), need, &back);
    let (to_add, to_change) = (link(adding), link(changing));
    let verify = link(Need::Proof).unwrap_or_default();
    let began_at = caller.person.session().map_or(Timestamp::EPOCH, |session| session.created_at);
    let own = OwnFactors {
        list,
        offered: &rules.factors,
        rp_id: &rules.rp_id,
        user_handle: &passkeys::user_handle(ctx, &caller.person, passkeys::passkeys(list)),
        adding: before(adding, to_add.as_deref()),
        changing: before(changing, to_change.as_deref()),
        proof: caller.person.authentication().second.as_ref(),
        changes: ToldChanges { all: list.changes.iter().rev().collect(), left_out: list.changes_left_out, began_at },
        back: back.said(),
        verify: &verify,
    };
    response::html(StatusCode::OK, pages::second::list::render(&ctx.view(), &own))
}

/// What was changed by other sessions than the one that began at this time. The page of factors tells of all.
pub(crate) fn changed_elsewhere(list: Option<&FactorList>, began_at: Timestamp) -> ToldChanges<'_> {
    let changes = list.into_iter().flat_map(|list| &list.changes).rev();
    let all: Vec<_> = changes.filter(|change| change.began_at != Some(began_at)).collect();
    let left_out = list.filter(|_| !all.is_empty()).map_or(0, |list| list.changes_left_out);
    ToldChanges { all, left_out, began_at }
}

fn before(need: Need, link: Option<&str>) -> Before<'_> {
    match (need, link) {
        (Need::SignIn, Some(link)) => Before::SignIn(link),
        (Need::Proof, Some(link)) => Before::Proof(link),
        _ => Before::Nothing,
    }
}

fn all_as_json(
    caller: &FactorOwner,
    rules: &SecondRules,
    list: &FactorList,
    (adding, changing): (Need, Need),
) -> Value {
    let offered: Vec<&str> = rules.factors.iter().map(|kind| kind.as_str()).collect();
    let proof = caller.person.authentication().second.as_ref();
    json!({
        "factors": list.factors.iter().map(as_json).collect::<Vec<_>>(),
        "recovery": { "left": list.recovery_left, "made_at": list.recovery_made_at },
        "locked_until": { "totp": list.totp_locked_until, "recovery": list.recovery_locked_until },
        "offered": offered,
        "second": proof.map(|proof| json!({ "at": proof.at, "by": method(proof.by) })),
        "changes": list.changes,
        "changes_left_out": list.changes_left_out,
        "before_adding": adding.as_str(),
        "before_changing": changing.as_str(),
    })
}

/// A factor for programs.
pub(super) fn as_json(factor: &ListedFactor) -> Value {
    let mut object = json!({
        "id": factor.id,
        "kind": kind(factor.kind),
        "name": factor.name,
        "made_at": factor.made_at,
        "used_at": factor.used_at,
        "usable": factor.usable,
    });
    if let (Some(passkey), Some(members)) = (&factor.passkey, object.as_object_mut()) {
        members.insert("credential".to_owned(), passkey.id.as_str().into());
        members.insert("synced".to_owned(), passkey.backup_eligible.into());
    }
    object
}

/// A kind for programs and the log.
pub(super) const fn kind(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Passkey => "passkey",
        FactorKind::Totp => "totp",
        FactorKind::Unknown => "unknown",
    }
}
