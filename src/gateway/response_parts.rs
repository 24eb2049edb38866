//! What is noted of a request on the way to its answer.

use crate::audit::{Event, PendingEvent};
use crate::http::HeaderValue;
use crate::http::cors::Grant;
use crate::limit::Quotas;
use crate::oidc::return_to::ReturnTo;
use crate::refusal::Reason;
use crate::upstream::ForwardPlan;

/// What is noted on the way: the event, and the cookies that go with whatever the answer will be.
pub(super) struct ResponseParts {
    pub(super) event: Event,
    /// What the answer says to pages of other origins, where the route knows any.
    pub(super) grant: Option<Grant>,
    /// What the answer says of the limits that were asked.
    pub(super) quotas: Quotas,
    pub(super) cookies: Vec<HeaderValue>,
    /// Whether the answer is about the session itself, so that it may change the session cookie whoever asks.
    pub(super) is_about_session: bool,
    /// Where the login at hand was to lead: if it fails, another one is to lead there too.
    pub(super) way_back: Option<ReturnTo>,
    /// The caller's own id of the request, where it goes back in place of ours.
    pub(super) echo: Option<HeaderValue>,
}

impl ResponseParts {
    pub(super) fn new(event: Event) -> Self {
        Self {
            event,
            grant: None,
            quotas: Quotas::default(),
            cookies: Vec::new(),
            is_about_session: false,
            way_back: None,
            echo: None,
        }
    }

    /// Has the answer say this to pages of other origins.
    pub(super) fn grants(&mut self, grant: Option<Grant>) {
        self.grant = grant;
    }

    /// What goes with an answer that is not ours.
    pub(super) fn complete(self, plan: ForwardPlan) -> ForwardPlan {
        let plan = plan.with_cookies(self.cookies).with_grant(self.grant).with_quotas(self.quotas);
        plan.with_event(PendingEvent::new(self.event))
    }

    /// Gives the caller's own id of the request back with the answer; the log has both.
    pub(super) fn echo(&mut self, id: Option<&HeaderValue>) {
        self.event.client_request_id = id.map(|id| crate::audit::short(&String::from_utf8_lossy(id.as_bytes())));
        self.echo = id.cloned();
    }

    /// Sets a cookie with the answer, good or bad.
    ///
    /// # Errors
    /// When it cannot be written: a mistake of ours.
    pub(super) fn set_cookie(&mut self, cookie: Option<HeaderValue>) -> Result<(), Reason> {
        self.cookies.push(cookie.ok_or(Reason::Internal("internal.cookie_unwritable"))?);
        Ok(())
    }
}
