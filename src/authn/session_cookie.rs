//! A person by their session cookie.

use super::{Authenticated, Rejection, Verdict};
use crate::config::{Config, DeviceMode};
use crate::http::cookie::{self, SessionCookie};
use crate::http::{HeaderMap, Peer};
use crate::ports::StoreError;
use crate::session::device::{
    self, BoundCookie, DeviceBinding, DeviceCommand, DeviceFacts, DeviceFault, DeviceReply, Grace, ShownDevice, Skipped,
};
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

/// The bound cookie of a request.
enum DeviceCookie {
    /// There is none, or nothing asks for it.
    Absent,
    /// Postern did not make it, or with no key that still counts.
    Foreign,
    /// What it says.
    Ours(BoundCookie),
}

impl DeviceCookie {
    const fn read(&self) -> Option<&BoundCookie> {
        if let Self::Ours(cookie) = self { Some(cookie) } else { None }
    }
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
    /// Where the request comes from, as far as the platform tells.
    pub peer: &'a Peer,
    /// Whether a bound session has to be proven: everywhere but where the browser comes to prove it.
    pub device: DeviceProofs,
}

/// Whether a session that is bound to a device counts without a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceProofs {
    /// It does not.
    Wanted,
    /// It does, for what proves it.
    Brought,
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
        let device = self.device_cookie(headers);
        let live = match self.look(&handle, &device, wants).await {
            Ok(live) => live,
            Err(rejection) => return Verdict::Reject(rejection),
        };
        // The object may be of another release, and by another configuration, for a while.
        let terms = self.config.terms(&live.session, self.now);
        if let Err(lapse) = terms.check(&live.session, self.timeouts(), self.now) {
            return Verdict::Reject(Rejection::SessionLapsed(lapse, Box::new(handle)));
        }
        let timeouts = terms.timeouts(self.timeouts());
        let has_old_key = SessionHandle::has_old_key(value, keys);
        match self.device_of(&live, &handle, (&device, headers)).await {
            Ok(shown) => {
                let live = match self.look_again(&handle, &device, wants, (live, shown)).await {
                    Ok(live) => live,
                    Err(rejection) => return Verdict::Reject(rejection),
                };
                let session = Authenticated::from_session(handle, live, timeouts, has_old_key, shown);
                Verdict::Authenticated(Box::new(session))
            }
            Err(rejection) => {
                let session = Authenticated::from_session(handle, live, timeouts, has_old_key, None);
                Verdict::Unproven(Box::new(session), rejection)
            }
        }
    }

    /// What the request shows of the device of a session; `None` where nothing is asked of it.
    async fn device_of(
        &self,
        live: &Live,
        handle: &SessionHandle,
        request: (&DeviceCookie, &HeaderMap),
    ) -> Result<Option<DeviceFacts>, Rejection> {
        if !self.wants_proof() {
            return Ok(None);
        }
        match (&live.session.device, self.config.session.device) {
            (Some(device), _) => self.shown(device, handle, request).await.map(Some),
            (None, DeviceMode::Require) => self.unbound(live.session.created_at).map_or(Ok(None), Err),
            (None, _) => Ok(None),
        }
    }

    fn wants_proof(&self) -> bool {
        self.config.session.device != DeviceMode::Off && self.device == DeviceProofs::Wanted
    }

    /// Once more, where the browser was let in by that which the object had not counted as a proof: for the access token.
    async fn look_again(
        &self,
        handle: &SessionHandle,
        device: &DeviceCookie,
        wants: Wants,
        (live, shown): (Live, Option<DeviceFacts>),
    ) -> Result<Live, Rejection> {
        let is_let_in = shown.is_some_and(|shown| shown.proved_at.is_none());
        let lacks_token = wants.access_token && live.access_token.is_none() && live.bound_token.is_none();
        if is_let_in && lacks_token { Box::pin(self.look(handle, device, wants)).await } else { Ok(live) }
    }

    /// Over plain HTTP no browser binds anything: that is for development alone.
    fn unbound(&self, created_at: Timestamp) -> Option<Rejection> {
        let is_new = self.now.since(created_at) < device::RACE;
        self.config.public_url.is_https().then_some(Rejection::DeviceUnbound { is_new })
    }

    /// What the request shows of the device: by the bound cookie, and no storage is asked. A browser that may not sign
    /// so often says so, and is let in once.
    async fn shown(
        &self,
        device: &DeviceBinding,
        handle: &SessionHandle,
        (cookie, headers): (&DeviceCookie, &HeaderMap),
    ) -> Result<DeviceFacts, Rejection> {
        let life = self.config.session.device_life;
        let place = device.grace_at.and_then(|_| device::place_of(self.peer));
        let fault = match device.shown(cookie.read(), (life, self.now), place.as_deref()) {
            Ok(shown) => return Ok(shown),
            Err(DeviceFault::Missing) if matches!(cookie, DeviceCookie::Foreign) => DeviceFault::Unusable,
            Err(fault) => fault,
        };
        let mut skipped = headers.get_all(device::skipped::HEADER).iter();
        let (Some(said), None, DeviceFault::Missing) = (skipped.next(), skipped.next(), fault) else {
            return Err(Rejection::DeviceUnproven(fault));
        };
        let id = self.config.device_session_id();
        match said.to_str().ok().and_then(|said| Skipped::read(said, &id)) {
            Some(Skipped::Failed) => Err(Rejection::DevicePaused),
            Some(Skipped::Quota) => self.graced(handle).await,
            None => Err(Rejection::DeviceUnproven(fault)),
        }
    }

    /// The object knows whether it was let in so before, and where the key was proved.
    async fn graced(&self, handle: &SessionHandle) -> Result<DeviceFacts, Rejection> {
        let (life, clocks) = (self.config.session.device_life, self.timeouts());
        let grace = Grace { digest: handle.id.digest(), place: device::place_of(self.peer), life, clocks };
        let command = Command::Device(Box::new(DeviceCommand::Grace(grace)));
        let answer = self.sessions.call(&handle.subject, &command).await;
        self.cache.forget(&handle.subject);
        match answer.map_err(Rejection::Store)? {
            Reply::Device(reply) => match *reply {
                DeviceReply::Graced(device) => Ok(DeviceFacts { bound_at: device.registered_at, proved_at: None }),
                DeviceReply::Mismatch => Err(Rejection::DeviceMismatch),
                DeviceReply::Gone => Err(Rejection::SessionGone),
                _ => Err(Rejection::DeviceUnproven(DeviceFault::Missing)),
            },
            _ => Err(Rejection::Store(StoreError::Malformed)),
        }
    }

    /// The session, from the cache where that will do.
    async fn look(&self, handle: &SessionHandle, device: &DeviceCookie, wants: Wants) -> Result<Live, Rejection> {
        let Wants { touch, access_token, staleness } = wants;
        let asks_more = (touch || access_token) && self.wants_proof();
        let shown = asks_more.then(|| Box::new(self.to_be_counted(device)));
        let check = Check { digest: handle.id.digest(), touch, access_token, shown, clocks: self.timeouts() };
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

    /// The bound cookie is checked once in a request.
    fn device_cookie(&self, headers: &HeaderMap) -> DeviceCookie {
        if !self.wants_proof() {
            return DeviceCookie::Absent;
        }
        cookie::only(headers, cookie::BOUND).map_or(DeviceCookie::Absent, |value| {
            BoundCookie::read(value, &self.config.keys).map_or(DeviceCookie::Foreign, DeviceCookie::Ours)
        })
    }

    /// What comes along of a device: whether it is that of the session, its object knows.
    fn to_be_counted(&self, device: &DeviceCookie) -> ShownDevice {
        let cookie = device.read().cloned();
        let place = if cookie.is_none() { device::place_of(self.peer) } else { None };
        ShownDevice { cookie, life: self.config.session.device_life, place }
    }

    const fn timeouts(&self) -> SessionTimeouts {
        SessionTimeouts::new(self.config.session.idle, self.config.session.absolute)
    }
}

#[cfg(test)]
mod tests;
