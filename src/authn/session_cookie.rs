//! A person by their session cookie.

use super::{Authenticated, Rejection, Verdict};
use crate::cookie::{self, SessionCookie};
use crate::http::HeaderMap;
use crate::keyring::KeyRing;
use crate::session::{Answer, Check, Clocks, Command, SessionHandle, Sessions};

/// What a route wants of the session besides the principal.
#[derive(Clone, Copy, Debug)]
pub struct Wants {
    /// Whether this request keeps the session alive.
    pub touch: bool,
    /// Whether the access token is needed.
    pub access_token: bool,
}

/// Asks the subject's object about the session that the cookie points to. A cookie that was not made
/// here costs no question.
pub async fn authenticate(
    headers: &HeaderMap,
    keys: &KeyRing,
    clocks: Clocks,
    wants: Wants,
    sessions: &impl Sessions,
) -> Verdict {
    let value = match cookie::session(headers) {
        SessionCookie::Absent => return Verdict::Abstain,
        SessionCookie::Several => return Verdict::Reject(Rejection::SessionCookieRepeated),
        SessionCookie::One(value) => value,
    };
    let Some(handle) = SessionHandle::from_cookie_value(value, keys) else {
        return Verdict::Reject(Rejection::SessionCookieForged);
    };
    let check = Check { digest: handle.id.digest(), touch: wants.touch, access_token: wants.access_token, clocks };
    match sessions.call(&handle.subject, &Command::Check(check)).await {
        Ok(Answer::Live(live)) => Verdict::Authenticated(Box::new(Authenticated::from_session(handle, *live, clocks))),
        Ok(Answer::Gone) => Verdict::Reject(Rejection::SessionGone),
        Ok(_) => Verdict::Reject(Rejection::Store(crate::ports::StoreError::Malformed)),
        Err(error) => Verdict::Reject(Rejection::Store(error)),
    }
}

#[cfg(test)]
mod tests;
