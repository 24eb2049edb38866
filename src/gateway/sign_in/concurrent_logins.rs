//! Several tabs may sign in at once, and finish in any order. A `Strict` session cookie does not come along when
//! the next one comes back, so whoever finishes first tells the others, in their transactions, which session it
//! began: it is theirs to end.

use super::login;
use crate::gateway::Platform;
use crate::gateway::context::Turn;
use crate::gateway::response_parts::Ledger;
use crate::http::cookie;
use crate::oidc::transaction::{self, Transaction};
use crate::refusal::Reason;
use crate::secret::Secret;

/// Puts the new session's cookie value into this browser's other logins under way.
pub(crate) fn tell<P: Platform>(
    turn: &Turn<'_, P>,
    finished: &Transaction,
    session: &Secret<String>,
    ledger: &mut Ledger,
) -> Result<(), Reason> {
    let own = transaction::cookie_name(finished.state.expose());
    let others = cookie::login_transactions(&turn.request.head.headers).filter(|(name, _)| *name != own);
    for (name, value) in others.take(transaction::MAX_AT_ONCE) {
        let Some(mut other) = Transaction::open(name, value, &turn.site.config.keys, turn.request.now) else {
            continue;
        };
        let Some(provider) = turn.site.config.provider(&other.provider) else { continue };
        other.previous_session = Some(session.clone());
        // One that has no room for it stays as it is; the session it does not know of ends by its clocks.
        let Ok((name, sealed)) = other.seal(&turn.site.config.keys, turn.platform.random()) else { continue };
        let left = other.expires_at().since(turn.request.now);
        let same_site = login::same_site(provider);
        ledger.set_cookie(cookie::set_login_transaction(&name, sealed.expose(), same_site, left))?;
    }
    Ok(())
}
