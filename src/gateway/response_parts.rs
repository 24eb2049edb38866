//! What is noted of a request on the way to its answer.

use std::rc::Rc;

use serde_json::Value;

use crate::api_key::{ApiKeyId, KeyUse, LiveKey};
use crate::audit::{Event, PendingEvent};
use crate::authn::Principal;
use crate::http::HeaderValue;
use crate::http::cors::CorsGrant;
use crate::limit::Quotas;
use crate::oidc::return_to::ReturnTo;
use crate::refusal::Reason;
use crate::upstream::ForwardPlan;

const MAX_LABEL_CHARACTERS: usize = 100;

/// What is noted on the way: the event, and the cookies that go with whatever the answer will be.
pub(super) struct ResponseParts {
    pub(super) event: Event,
    /// What the answer says to pages of other origins, where the route knows any.
    pub(super) grant: Option<CorsGrant>,
    /// What the answer says of the limits that were asked.
    pub(super) quotas: Quotas,
    pub(super) cookies: Vec<HeaderValue>,
    /// Whether the answer is about the session itself, so that it may change the session cookie whoever asks.
    pub(super) is_about_session: bool,
    /// Who is signed in, for a page that says so.
    pub(super) signed_in: Option<SignedInPerson>,
    /// Where the login at hand was to lead: if it fails, another one is to lead there too.
    pub(super) way_back: Option<ReturnTo>,
    /// The caller's own id of the request, where it goes back in place of ours.
    pub(super) echo: Option<HeaderValue>,
    /// The API key that door 1 accepted, until its use is noted.
    pub(super) key_shown: Option<Box<KeyShown>>,
}

/// A live API key that a request shows.
pub(super) struct KeyShown {
    pub(super) id: ApiKeyId,
    pub(super) live: Rc<LiveKey>,
    /// Its use, should both doors open.
    pub(super) usage: KeyUse,
}

/// A signed-in person, as far as a page speaks of them.
pub(super) struct SignedInPerson {
    /// What they call themselves; empty if that is not known.
    pub(super) label: String,
    /// The provider that they came by.
    pub(super) provider: Option<String>,
}

impl SignedInPerson {
    /// By the claims that the session keeps: name and address, or what of them is there.
    pub(super) fn of(principal: &Principal) -> Self {
        let claim = |name: &str| {
            let text = principal.claims().get(name).and_then(Value::as_str).unwrap_or_default();
            text.chars().filter(|c| !c.is_control()).take(MAX_LABEL_CHARACTERS).collect::<String>()
        };
        let name = claim("name");
        let account =
            Some(claim("email")).filter(|email| !email.is_empty()).unwrap_or_else(|| claim("preferred_username"));
        let label = match (name.is_empty(), account.is_empty()) {
            (false, false) => format!("{name} ({account})"),
            (false, true) => name,
            (true, _) => account,
        };
        Self { label, provider: principal.provider().map(str::to_owned) }
    }
}

impl ResponseParts {
    pub(super) fn new(event: Event) -> Self {
        Self {
            event,
            grant: None,
            quotas: Quotas::default(),
            cookies: Vec::new(),
            is_about_session: false,
            signed_in: None,
            way_back: None,
            echo: None,
            key_shown: None,
        }
    }

    /// Has the answer say this to pages of other origins.
    pub(super) fn grants(&mut self, grant: Option<CorsGrant>) {
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
