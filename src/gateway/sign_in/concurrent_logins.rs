//! Several tabs may sign in at once, and finish in any order. A `Strict` session cookie does not come along when
//! the next one comes back, so whoever finishes first tells the others, in their transactions, which session it
//! began: it is theirs to end.

use super::login;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::http::cookie;
use crate::oidc::transaction::{self, Transaction};
use crate::refusal::Reason;
use crate::secret::Secret;

/// Puts the new session's cookie value into this browser's other logins under way.
pub(crate) fn share_session<P: Platform>(
    ctx: &RequestContext<'_, P>,
    finished: &Transaction,
    session: &Secret<String>,
    parts: &mut ResponseParts,
) -> Result<(), Reason> {
    let own = transaction::cookie_name(finished.state.expose());
    let others = cookie::login_transactions(&ctx.request.head.headers).filter(|(name, _)| *name != own);
    for (name, value) in others.take(transaction::MAX_AT_ONCE) {
        let Some(mut other) = Transaction::open(name, value, &ctx.site.config.keys, ctx.request.now) else {
            continue;
        };
        let Some(provider) = ctx.site.config.provider(&other.provider) else { continue };
        other.previous_session = Some(session.clone());
        // One that has no room for it stays as it is; the session it does not know of ends by its clocks.
        let Ok((name, sealed)) = other.seal(&ctx.site.config.keys, ctx.platform.random()) else { continue };
        let left = other.expires_at().since(ctx.request.now);
        let same_site = login::same_site(provider);
        parts.set_cookie(cookie::set_login_transaction(&name, sealed.expose(), same_site, left))?;
    }
    Ok(())
}
