//! The door to management: the same for every endpoint.

use super::Endpoint;
use crate::authn::Authenticated;
use crate::authn::session_cookie::Wants;
use crate::gateway::Platform;
use crate::gateway::turn::{Ledger, Turn};
use crate::refusal::Reason;

/// Who comes by it has a session of ours and is named in `ADMIN.principals`. An access token is of no use here, so no
/// service and no agent comes in.
pub(super) async fn enter<P: Platform>(
    turn: &Turn<'_, P>,
    _endpoint: &Endpoint,
    ledger: &mut Ledger,
) -> Result<(), Reason> {
    let admin = turn.config.admin.as_ref().ok_or(Reason::NoRoute)?;
    let wants = Wants { touch: true, access_token: false, staleness: None };
    let Authenticated { principal, provider: id, .. } = turn.authenticate(wants, ledger).await?;
    // The provider's id may have been given to another issuer since this session began.
    let issuer = turn.config.provider(&id).map(|provider| provider.issuer.as_str());
    if issuer != Some(principal.issuer()) || !admin.contains(&id, principal.subject()) {
        return Err(Reason::NotAdministrator);
    }
    Ok(())
}
