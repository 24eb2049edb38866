//! Who looks at their factors, proves one or changes them: a person, by their session alone. No key, no token and no agent has
//! any.

use crate::authn::session_cookie::Wants;
use crate::authn::{Authenticated, Principal, Rejection};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::http::cookie;
use crate::ports::StoreError;
use crate::refusal::Reason;
use crate::session::handle::SessionDigest;
use crate::session::second::{FactorList, SecondCommand, SecondReply};
use crate::session::subject::Rotation;
use crate::session::{Command, Reply, SessionHandle, SessionId};

/// The person, and their session.
pub(super) struct FactorOwner {
    pub(super) person: Principal,
    pub(super) handle: SessionHandle,
}

impl FactorOwner {
    /// The session by the name that its object has for it.
    pub(super) fn session(&self) -> SessionDigest {
        self.handle.id.digest()
    }

    /// A new id for the session, and the order to go on under it.
    pub(super) fn rotation<P: Platform>(&self, ctx: &RequestContext<'_, P>) -> (SessionHandle, Rotation) {
        let id = SessionId::generate(ctx.platform.random());
        let rotation = Rotation { from: self.session(), to: id.digest(), clocks: ctx.timeouts() };
        (SessionHandle { id, ..self.handle.clone() }, rotation)
    }
}

/// Who asks, by their session. `touch`: whether that keeps it alive.
///
/// # Errors
/// When nobody does.
pub(super) async fn own<P: Platform>(
    ctx: &RequestContext<'_, P>,
    touch: bool,
    parts: &mut ResponseParts,
) -> Result<FactorOwner, Reason> {
    let wants = Wants { touch, access_token: false, staleness: None };
    let Authenticated { principal, handle, .. } = ctx.authenticate(wants, parts).await?;
    Ok(FactorOwner { person: principal, handle })
}

/// Hands a command to the object of the person. Where their session is gone meanwhile, nobody asks any more.
///
/// # Errors
/// When the object does not answer, or there is no such session.
pub(super) async fn order<P: Platform>(
    ctx: &RequestContext<'_, P>,
    caller: &FactorOwner,
    command: SecondCommand,
) -> Result<SecondReply, Reason> {
    match raw(ctx, caller, command).await? {
        SecondReply::Gone => Err(Reason::Rejected(Rejection::SessionGone)),
        reply => Ok(reply),
    }
}

/// The same, where "gone" means something else too.
///
/// # Errors
/// When the object does not answer.
pub(super) async fn raw<P: Platform>(
    ctx: &RequestContext<'_, P>,
    caller: &FactorOwner,
    command: SecondCommand,
) -> Result<SecondReply, Reason> {
    let command = Command::Second(Box::new(command));
    match ctx.command(&caller.handle.subject, &command).await.map_err(Reason::Store)? {
        Reply::Second(reply) => Ok(*reply),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// What the person has.
///
/// # Errors
/// When the object does not answer, or there is no such session.
pub(super) async fn factors<P: Platform>(
    ctx: &RequestContext<'_, P>,
    caller: &FactorOwner,
) -> Result<FactorList, Reason> {
    match order(ctx, caller, SecondCommand::Read { session: Some(caller.session()) }).await? {
        SecondReply::Factors(list) => Ok(list),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// What a person has, where the site has factors at all.
///
/// # Errors
/// When the object does not answer.
pub(crate) async fn factors_of<P: Platform>(
    ctx: &RequestContext<'_, P>,
    person: &Authenticated,
) -> Result<Option<FactorList>, Reason> {
    if ctx.site.config.second.is_none() {
        return Ok(None);
    }
    let command = SecondCommand::Read { session: Some(person.handle.id.digest()) };
    let command = Command::Second(Box::new(command));
    match ctx.command(&person.handle.subject, &command).await.map_err(Reason::Store)? {
        Reply::Second(reply) => match *reply {
            SecondReply::Factors(list) => Ok(Some(list)),
            _ => Err(Reason::Rejected(Rejection::SessionGone)),
        },
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// The session goes on under this id: whoever has the old one has nothing.
///
/// # Errors
/// When the cookie cannot be written: a mistake of ours.
pub(super) fn moved<P: Platform>(
    ctx: &RequestContext<'_, P>,
    handle: &SessionHandle,
    parts: &mut ResponseParts,
) -> Result<(), Reason> {
    let value = handle.to_cookie_value(&ctx.site.config.keys);
    parts.event.session_before = parts.event.session.replace(handle.id.digest().public_id());
    // One for the old id may be under way, where that was made with an older key.
    let name = format!("{}=", cookie::SESSION);
    parts.cookies.retain(|cookie| !cookie.as_bytes().starts_with(name.as_bytes()));
    parts.set_cookie(cookie::set_session(value.expose(), ctx.same_site()))
}
