//! The client certificate of the connection → a principal, where a route takes certificates.

use crate::authn::Principal;
use crate::authn::certificate::identify;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::http::csrf::CsrfError;
use crate::http::{cookie, csrf};
use crate::refusal::Reason;
use crate::route::Guard;

impl<P: Platform> RequestContext<'_, P> {
    /// Whether the certificate is what this request is judged by: not where a session cookie came that the route takes, for
    /// browsers show a device's certificate whoever uses it.
    pub(super) fn goes_by_certificate(&self, guard: &Guard) -> bool {
        let by_session =
            guard.takes_sessions() && cookie::session(&self.request.head.headers) != cookie::SessionCookie::Absent;
        guard.takes_certificates() && !by_session
    }

    /// Door 1 for a client certificate. A browser shows one with every request, whichever page has it sent: as with cookies,
    /// pages of other origins get nothing by it. Programs say nothing of any page.
    ///
    /// # Errors
    /// When nobody came through.
    pub(super) fn authenticate_certificate(
        &self,
        trusted_origin: Option<&str>,
        parts: &mut ResponseParts,
    ) -> Result<Principal, Reason> {
        let (config, head) = (&self.site.config, self.request.head);
        let facts = identify(&head.peer, &config.certificates, self.request.now).map_err(Reason::Certificate)?;
        match csrf::check(head, &config.public_url, trusted_origin) {
            Ok(()) | Err(CsrfError::NoEvidence) => {}
            Err(error) => return Err(Reason::Csrf(error)),
        }
        let principal = Principal::by_certificate(facts);
        parts.event.who(&principal);
        Ok(principal)
    }
}
