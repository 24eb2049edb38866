//! A person by their session cookie.

use super::{Authenticated, Rejection, Verdict};
use crate::config::Config;
use crate::http::HeaderMap;
use crate::http::cookie::{self, SessionCookie};
use crate::ports::StoreError;
use crate::session::{Check, Command, Live, LiveCache, Reply, SessionHandle, SessionTimeouts, Sessions, Terms};
use crate::time::{Seconds, Timestamp};

/// What a route wants of the session besides the principal.
#[derive(Clone, Copy, Debug)]
pub struct Wants {
    /// Whether this request keeps the session alive.
    pub touch: bool,
    /// Whether the access token is needed.
    pub access_token: bool,
    /// How old an answer about the session may be; `None`: its object is asked.
    pub staleness: Option<Seconds>,
}

/// Authenticates by the session cookie.
#[derive(Debug)]
pub struct SessionAuthenticator<'a, S> {
    /// The keys it was made with, the clocks in force, and what is over altogether.
    pub config: &'a Config,
    /// The way to the subjects' objects.
    pub sessions: &'a S,
    /// What this isolate heard from them a moment ago.
    pub cache: &'a LiveCache,
    /// Now.
    pub now: Timestamp,
}

impl<S: Sessions> SessionAuthenticator<'_, S> {
    /// Asks the subject's object about the session that the cookie points to. A cookie that was not made
    /// here, or is older than any session, costs no question.
    pub async fn authenticate(&self, headers: &HeaderMap, wants: Wants) -> Verdict {
        let value = match cookie::session(headers) {
            SessionCookie::Absent => return Verdict::Abstain,
            SessionCookie::Several => return Verdict::Reject(Rejection::SessionCookieRepeated),
            SessionCookie::One(value) => value,
        };
        let keys = &self.config.keys;
        let Some(handle) = SessionHandle::from_cookie_value(value, keys) else {
            return Verdict::Reject(Rejection::SessionCookieForged);
        };
        if handle.is_over(self.config.session.absolute, self.now) {
            return Verdict::Reject(Rejection::SessionGone);
        }
        let live = match self.look(&handle, wants).await {
            Ok(live) => live,
            Err(rejection) => return Verdict::Reject(rejection),
        };
        // The object may be of another release, and by another configuration, for a while.
        let terms = self.config.terms(&live.session, self.now);
        if let Err(lapse) = terms.check(&live.session, self.timeouts(), self.now) {
            return Verdict::Reject(Rejection::SessionLapsed(lapse, Box::new(handle)));
        }
        let has_old_key = SessionHandle::has_old_key(value, keys);
        let timeouts = terms.timeouts(self.timeouts());
        Verdict::Authenticated(Box::new(Authenticated::from_session(handle, live, timeouts, has_old_key)))
    }

    /// The session, from the cache where that will do.
    async fn look(&self, handle: &SessionHandle, wants: Wants) -> Result<Live, Rejection> {
        let Wants { touch, access_token, staleness } = wants;
        let check = Check { digest: handle.id.digest(), touch, access_token, clocks: self.timeouts() };
        if let Some(live) = staleness.and_then(|staleness| self.cache.get(&check, staleness, self.now)) {
            return Ok(live);
        }
        let ticket = self.cache.ticket();
        match self.sessions.call(&handle.subject, &Command::Check(check)).await {
            Ok(Reply::Live(live)) => {
                if staleness.is_some() {
                    self.cache.put(ticket, handle, &live, self.now);
                }
                Ok(*live)
            }
            Ok(Reply::Gone) => {
                self.cache.forget(&handle.subject);
                Err(Rejection::SessionGone)
            }
            Ok(_) => Err(Rejection::Store(StoreError::Malformed)),
            Err(error) => Err(Rejection::Store(error)),
        }
    }

    const fn timeouts(&self) -> SessionTimeouts {
        SessionTimeouts::new(self.config.session.idle, self.config.session.absolute)
    }
}

#[cfg(test)]
mod tests;
