//! What becomes of a person's factors is told to a service of the deployment, by a Security Event Token (RFC 8417) that is pushed
//! (RFC 8935): so that the person learns of it elsewhere than here.
//!
//! It is made of what was done, by a person in their own session or an administrator: nothing that a stranger sends makes one.

use serde_json::json;

use super::listing::kind;
use crate::authn::Principal;
use crate::gateway::Platform;
use crate::gateway::background::{BackgroundTask, Spawn, Work};
use crate::gateway::context::RequestContext;
use crate::session::Origin;
use crate::session::second::ListedFactor;
use crate::upstream::Identity;

/// Whom it is about.
pub(crate) struct Told<'a> {
    issuer: &'a str,
    subject: &'a str,
    email: Option<&'a str>,
}

impl<'a> Told<'a> {
    /// The person themselves, with their address if their provider verified it.
    pub(super) fn of(person: &'a Principal) -> Self {
        let email = Identity { principal: person, session: None }.email();
        Self { issuer: person.issuer(), subject: person.subject(), email }
    }

    /// Somebody of whom no more is known.
    pub(crate) const fn named(issuer: &'a str, subject: &'a str) -> Self {
        Self { issuer, subject, email: None }
    }
}

/// Has it told, if the site has somebody to tell. `what`: as the log calls it; `factors`: the one concerned, and the one in whose
/// place it is.
pub(crate) fn tell<P: Platform>(
    ctx: &RequestContext<'_, P>,
    person: &Told<'_>,
    what: &'static str,
    factors: [Option<&ListedFactor>; 2],
) {
    let config = &ctx.site.config;
    let Some(to) = config.second.as_ref().and_then(|rules| rules.notify.as_ref()) else { return };
    let [factor, replaced] =
        factors.map(|one| one.map(|one| json!({ "id": one.id, "kind": kind(one.kind), "name": one.name })));
    let Origin { device, place } = Origin::of(ctx.request.head);
    let about = json!({ "factor": factor, "replaced": replaced, "device": device, "place": place });
    let claims = json!({
        "iss": config.public_url.origin(),
        "aud": to.audience,
        "iat": ctx.request.now,
        "jti": ctx.request.id,
        "sub_id": { "format": "iss_sub", "iss": person.issuer, "sub": person.subject },
        "email": person.email,
        "events": { (format!("urn:postern:event:{what}")): about },
    });
    ctx.platform.background().spawn(BackgroundTask(Work::FactorNotice(claims.to_string())));
}
