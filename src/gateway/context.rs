//! What is known of a request from its start, and what every endpoint does with it.

use super::refused::{Refused, explain};
use super::request::Request;
use super::response_parts::{ResponseParts, SignedInPerson};
use super::sign_in::chooser;
use super::sign_in::link::{self, LOGIN, SignIn};
use super::well_known::resource_url;
use super::{Gateway, Platform, response};
use crate::audit::{Effect, What};
use crate::authn::blocked;
use crate::authn::dpop;
use crate::authn::session_cookie::{DeviceProofs, SessionAuthenticator, Wants};
use crate::authn::{Authenticated, BlockedBy, Rejection, Standing, Verdict};
use crate::config::SameSite;
use crate::http::caller_headers;
use crate::http::cors::CorsGrant;
use crate::http::fetch_metadata::{Reader, RequestKind};
use crate::http::{HeaderName, Method, RequestHead, Response, StatusCode, cookie, csrf, header};
use crate::oidc::return_to::ReturnTo;
use crate::pages::problem::ProblemContext;
use crate::ports::StoreError;
use crate::refusal::{Reason, Refusal};
use crate::route::{CanonicalPath, OWN_PREFIX};
use crate::session::device::DeviceFault;
use crate::session::message::Ended;
use crate::session::{Command, Lapse, Reply, SessionHandle, SessionTimeouts, Sessions, SubjectKey};
use crate::store::block_list::BlockList;

const MAX_HEADERS: usize = 128;

/// What the log has in the place of a path with a key in it.
const WITHHELD: &str = "(withheld)";

/// One request at one site: what it says, what the site knows, and what both ask of the world.
pub(super) struct RequestContext<'a, P> {
    pub(super) request: Request<'a>,
    pub(super) site: &'a Gateway,
    pub(super) platform: &'a P,
    /// Whether what is good once is used up by this request: not where it only asks why another one was refused.
    pub(super) uses_up: bool,
}

impl<P> RequestContext<'_, P> {
    /// The context of another request, about which this one asks.
    pub(super) fn about<'b>(&'b self, head: &'b RequestHead, uses_up: bool) -> RequestContext<'b, P> {
        let request = Request::new(head, self.request.now, self.request.id.clone());
        RequestContext { request, site: self.site, platform: self.platform, uses_up }
    }
}

impl<P: Platform> RequestContext<'_, P> {
    /// Refuses what has no single meaning before any rule is looked at.
    pub(super) fn enter(&self) -> Result<CanonicalPath, Reason> {
        self.refuse_exposed_key()?;
        let url_host = self.request.head.host();
        let verify_host = self.site.config.verify.as_ref().and_then(|verify| verify.host.as_deref());
        let public = url_host == Some(self.site.config.public_url.host());
        if !public && (url_host.is_none() || url_host != verify_host) {
            return Err(Reason::UnknownHost);
        }
        if self.request.head.is_plain_http() && self.site.config.public_url.is_https() {
            return Err(Reason::PlainHttp);
        }
        let names = || self.request.head.headers.keys();
        if self.request.head.headers.len() > MAX_HEADERS || names().any(|name| self.is_claim_in_disguise(name)) {
            return Err(Reason::BadHeader);
        }
        let path = CanonicalPath::parse(self.request.target.path).map_err(Reason::BadPath)?;
        // Under the name that a proxy alone knows there is nothing but what it passes to us or asks.
        let ours = path.is_within(OWN_PREFIX) || resource_url::asked_about(&self.site.config, &path).is_some();
        if public || ours { Ok(path) } else { Err(Reason::UnknownHost) }
    }

    /// Door 1, for requests of our own pages and people's own navigations. A cookie that is of no use any more is taken away
    /// with the answer, one made with an older key is made anew; neither with the answer to a request in the background
    /// ([`Self::may_change_cookie`]).
    ///
    /// # Errors
    /// When nobody came through.
    pub(super) async fn authenticate(&self, wants: Wants, parts: &mut ResponseParts) -> Result<Authenticated, Reason> {
        self.authenticate_from(None, wants, parts).await
    }

    /// Door 1, where pages of a further origin may use the session too.
    ///
    /// # Errors
    /// When nobody came through.
    pub(super) async fn authenticate_from(
        &self,
        trusted_origin: Option<&str>,
        wants: Wants,
        parts: &mut ResponseParts,
    ) -> Result<Authenticated, Reason> {
        // First, so that another origin's requests do not even keep the session alive.
        if cookie::session(&self.request.head.headers) != cookie::SessionCookie::Absent {
            csrf::check(self.request.head, &self.site.config.public_url, trusted_origin).map_err(Reason::Csrf)?;
        }
        self.authenticate_with(wants, DeviceProofs::Wanted, parts).await
    }

    /// Door 1 for a request whose origin has been looked at.
    ///
    /// # Errors
    /// When nobody came through.
    pub(super) async fn authenticate_with(
        &self,
        wants: Wants,
        device: DeviceProofs,
        parts: &mut ResponseParts,
    ) -> Result<Authenticated, Reason> {
        let authenticator = SessionAuthenticator {
            config: &self.site.config,
            sessions: self.platform.sessions(),
            cache: &self.site.cache,
            now: self.request.now,
            peer: &self.request.head.peer,
            device,
        };
        let session = authenticator.authenticate(&self.request.head.headers, wants);
        let (verdict, list) = self.with_list_for_session(session).await;
        let rejection = match verdict {
            Verdict::Abstain => return Err(Reason::NoCredential),
            Verdict::Reject(rejection) => rejection,
            Verdict::Unproven(known, rejection) => {
                // Whose it is, the log is told alone.
                parts.event.who(&known.principal);
                parts.event.session = Some(known.handle.id.digest().public_id());
                rejection
            }
            Verdict::Authenticated(authenticated) => {
                if let Some(list) = list? {
                    self.refuse_voided(&list, &authenticated, parts).await?;
                }
                parts.event.who(&authenticated.principal);
                // What is yet to be proven learns nothing, and gets nothing new.
                let is_proven = device == DeviceProofs::Wanted;
                if self.request.reader != Reader::Program && is_proven {
                    parts.signed_in = Some(SignedInPerson::of(&authenticated.principal));
                }
                parts.event.session = Some(authenticated.handle.id.digest().public_id());
                parts.event.old_key = authenticated.has_old_key;
                self.note_device(&authenticated, parts);
                let is_outdated = authenticated.has_old_key || authenticated.has_old_form;
                if is_outdated && is_proven && self.may_change_cookie(parts) {
                    let value = authenticated.handle.to_cookie_value(&self.site.config.keys);
                    parts.set_cookie(cookie::set_session(value.expose(), self.same_site()))?;
                }
                return Ok(*authenticated);
            }
        };
        if rejection == Rejection::DeviceMismatch {
            parts.event.event = What::DeviceMismatch;
        }
        self.discard(&rejection, parts).await?;
        Err(Reason::Rejected(rejection))
    }

    /// A browser that was let in without a proof of its device is told of in the log.
    fn note_device(&self, authenticated: &Authenticated, parts: &mut ResponseParts) {
        let shown = authenticated.principal.session().and_then(|session| session.device);
        let is_unproven = shown.is_some_and(|shown| shown.proved_at.is_none());
        let is_old = authenticated.device.as_ref().is_some_and(|device| !device.is_recent(self.request.now));
        parts.event.device_grace = is_unproven && is_old;
    }

    /// Refuses a session that the list says counts no more. It is ended for good where it began too early; the object of a
    /// person who is blocked has ended it already, or is about to.
    async fn refuse_voided(
        &self,
        list: &BlockList,
        Authenticated { principal, created_at, handle, .. }: &Authenticated,
        parts: &mut ResponseParts,
    ) -> Result<(), Reason> {
        let (issuer, subject) = (principal.issuer(), principal.subject());
        if list.voids_session(issuer, subject, *created_at) {
            let rejection = Rejection::SessionLapsed(Lapse::TooOld, Box::new(handle.clone()));
            self.discard(&rejection, parts).await?;
            return Err(Reason::Rejected(rejection));
        }
        if blocked::check(list, principal, self.request.now).is_ok() {
            return Ok(());
        }
        // The block may have been lifted since this copy was made.
        self.refuse_blocked(&Standing::of(principal, self.request.now), None).await.map_err(|reason| {
            parts.event.who(principal);
            match reason {
                Reason::Blocked(_) => Reason::Blocked(BlockedBy::Person),
                other => other,
            }
        })
    }

    /// Hands a command to a subject's object. What this isolate remembers of the subject's sessions is forgotten
    /// where the command may end one, also when nobody knows whether it did.
    ///
    /// # Errors
    /// When the object does not answer.
    pub(super) async fn command(&self, subject: &SubjectKey, command: &Command) -> Result<Reply, StoreError> {
        let answer = self.platform.sessions().call(subject, command).await;
        if command.ends() {
            self.site.cache.forget(subject);
            self.site.assertions.forget(subject);
        }
        answer
    }

    pub(super) const fn timeouts(&self) -> SessionTimeouts {
        SessionTimeouts::new(self.site.config.session.idle, self.site.config.session.absolute)
    }

    /// `SameSite` of the session cookie.
    pub(super) const fn same_site(&self) -> cookie::SameSiteAttribute {
        match self.site.config.session.same_site {
            SameSite::Strict => cookie::SameSiteAttribute::Strict,
            SameSite::Lax => cookie::SameSiteAttribute::Lax,
        }
    }

    /// Whether a `Strict` session cookie may have stayed behind: the person came from another site.
    pub(super) fn may_have_left_cookie_behind(&self) -> bool {
        self.site.config.session.same_site == SameSite::Strict
            && self.request.request_kind == RequestKind::Navigation { cross_site: true }
            && cookie::session(&self.request.head.headers) == cookie::SessionCookie::Absent
    }

    /// A cookie that is of no use is taken away, and a session that is over by decree is ended: then its refresh
    /// token is revoked too. It stays refused, whether or not that works.
    async fn discard(&self, rejection: &Rejection, parts: &mut ResponseParts) -> Result<(), Reason> {
        match rejection {
            Rejection::SessionLapsed(_, handle) => drop(self.end_session(handle).await),
            Rejection::SessionGone | Rejection::DeviceMismatch => self.forget_presented(),
            // A bound cookie that counts no more keeps the browser from proving its key anew.
            Rejection::DeviceUnproven(DeviceFault::Unusable | DeviceFault::Outdated)
                if self.may_change_cookie(parts) =>
            {
                parts.set_cookie(cookie::delete_bound())?;
            }
            _ => {}
        }
        let is_dropped = rejection.discards_cookie() && self.may_change_cookie(parts);
        if is_dropped { self.drop_session_cookie(parts) } else { Ok(()) }
    }

    /// Whether the answer may set or delete the session cookie. A browser applies answers in the order in which they come:
    /// one to a request that a page sent in the background may come after the person has signed in anew, in another tab,
    /// and would undo that.
    fn may_change_cookie(&self, parts: &ResponseParts) -> bool {
        self.request.request_kind.is_navigation() || parts.is_about_session
    }

    /// It ended elsewhere.
    fn forget_presented(&self) {
        let cookie::SessionCookie::One(value) = cookie::session(&self.request.head.headers) else { return };
        if let Some(handle) = SessionHandle::from_cookie_value(value, &self.site.config.keys) {
            self.site.assertions.forget(&handle.subject);
        }
    }

    /// The session that the request's cookie names. One that is over by its age alone is none.
    pub(super) fn named_session(&self) -> Option<SessionHandle> {
        let cookie::SessionCookie::One(value) = cookie::session(&self.request.head.headers) else { return None };
        self.session_of(value)
    }

    /// The same for a cookie's value from elsewhere.
    pub(super) fn session_of(&self, value: &str) -> Option<SessionHandle> {
        let handle = SessionHandle::from_cookie_value(value, &self.site.config.keys)?;
        (!handle.is_over(self.site.config.session.absolute, self.request.now)).then_some(handle)
    }

    pub(super) fn drop_session_cookie(&self, parts: &mut ResponseParts) -> Result<(), Reason> {
        if cookie::only(&self.request.head.headers, cookie::BOUND).is_some() {
            parts.set_cookie(cookie::delete_bound())?;
        }
        parts.set_cookie(cookie::delete(cookie::SESSION, self.same_site()))
    }

    /// Ends a session; `None` if it had ended before.
    ///
    /// # Errors
    /// When its object does not say that it ended: then nobody may believe so.
    pub(super) async fn end_session(&self, handle: &SessionHandle) -> Result<Option<Ended>, Reason> {
        let command = Command::End { digest: handle.id.digest() };
        match self.command(&handle.subject, &command).await.map_err(Reason::Store)? {
            Reply::Ended(ended) => Ok(Some(*ended)),
            Reply::Gone => Ok(None),
            _ => Err(Reason::Store(StoreError::Malformed)),
        }
    }

    /// Turns a reason into its poor outside, and notes the rich inside.
    pub(super) fn refuse(&self, refused: &Refused, parts: &mut ResponseParts) -> Response {
        let Refused { reason, challenge, sign_in, .. } = refused;
        if let Some(response) = self.by_tls(reason) {
            parts.event.end(Effect::Redirect, reason.code(), response.status);
            return response;
        }
        let refusal = reason.refusal();
        parts.event.end(Effect::Deny, reason.code(), refusal.status());
        explain(&mut parts.event, reason);
        if let Reason::KeyExposed(id) = reason {
            // The log is one more place where no key belongs.
            parts.event.key_id = Some(id.to_string());
            WITHHELD.clone_into(&mut parts.event.path);
        }
        if let Refusal::Internal = refusal {
            parts.event.detail = Some(format!("{reason:?}"));
        }
        // A page of another origin has to be told the whole address.
        let elsewhere =
            parts.grant.as_ref().and_then(CorsGrant::origin).is_some() && !self.request.request_kind.is_navigation();
        let login = match &parts.way_back {
            Some(way_back) => refusal.leaves_login_open().then(|| SignIn::default().link_back_to(way_back.as_str())),
            None => self.login_link(&refusal, sign_in.as_deref()),
        };
        let login = login.map(|link| if elsewhere { self.site.config.public_url.join(&link) } else { link });
        let mut response = self.problem(&refusal, login.as_deref(), parts);
        if let Some(challenge) = challenge {
            challenge.add_to(
                &refusal,
                || dpop::nonce::current(&self.site.config.keys, self.request.now),
                &mut response.headers,
            );
        }
        response
    }

    fn problem(&self, refusal: &Refusal, login: Option<&str>, parts: &ResponseParts) -> Response {
        let signed_in = parts.signed_in.as_ref();
        let here = self.request.here();
        let reads = self.request.head.method == Method::GET;
        let other_account = match refusal {
            Refusal::Forbidden(_) => signed_in.and_then(|signed_in| {
                let back = if reads { here.as_str() } else { "/" };
                chooser::leads_elsewhere(&self.site.config, signed_in.provider.as_deref())
                    .then(|| link::other_account(back))
            }),
            Refusal::LoginRefused => {
                let to = login.and(parts.way_back.as_ref());
                let may_be_asked = chooser::leads_elsewhere(&self.site.config, parts.event.provider.as_deref());
                to.filter(|_| may_be_asked).map(|to| link::other_account(to.as_str()))
            }
            _ => None,
        };
        let context = ProblemContext {
            request_id: &self.request.id,
            login,
            again: Some(here.as_str()).filter(|_| self.request.may_be_asked_again() && parts.event.path != WITHHELD),
            other_account: other_account.as_deref(),
            signed_in: signed_in.map(|signed_in| signed_in.label.as_str()),
            way_back: parts.way_back.as_ref().map(ReturnTo::as_str),
        };
        response::problem(&self.view(), refusal, self.request.reader, &context)
    }

    /// Servers that hand headers on as variables (RFC 3875 §4.1.18) write `_` for `-`, many of them for every other sign
    /// too: to them `x.user` is the `x-user` that nobody may claim.
    fn is_claim_in_disguise(&self, name: &HeaderName) -> bool {
        let plain = caller_headers::folded(name);
        let claims = || {
            caller_headers::says_who_asks(name)
                || self.site.config.claim_headers.iter().any(|own| own.as_str() == plain)
        };
        plain != name.as_str() && claims()
    }

    /// The way to the same address by TLS, for a person who came without. What a program sends is not to be sent
    /// once more without anybody noticing.
    fn by_tls(&self, reason: &Reason) -> Option<Response> {
        let is_meant = matches!(reason, Reason::PlainHttp) && self.request.request_kind.is_navigation();
        let location = self.site.config.public_url.join(&self.request.here());
        is_meant.then(|| response::redirect(StatusCode::PERMANENT_REDIRECT, &location)).flatten()
    }

    /// Where to sign in, where that helps.
    fn login_link(&self, refusal: &Refusal, sign_in: Option<&SignIn>) -> Option<String> {
        let link = match (refusal, sign_in) {
            (Refusal::StepUp(_) | Refusal::SecondFactor(_), Some(sign_in))
                if self.request.request_kind.is_navigation() =>
            {
                sign_in.link_back_to(&self.request.here())
            }
            (Refusal::StepUp(_) | Refusal::SecondFactor(_), None) => return None,
            (_, Some(sign_in)) => sign_in.link(),
            (_, None) => LOGIN.to_owned(),
        };
        refusal.offers_login().then_some(link)
    }

    /// Adds what every answer of ours carries.
    pub(super) fn finish(&self, mut response: Response, parts: ResponseParts) -> Response {
        for cookie in parts.cookies {
            response.headers.append(header::SET_COOKIE, cookie);
        }
        for (name, value) in parts.quotas.lines() {
            response.headers.append(name, value);
        }
        let mut response =
            response::sealed(response, &self.request.id, self.site.config.public_url.is_pinned_to_https());
        if let Some(grant) = parts.grant {
            grant.add_to_own(&mut response.headers);
        }
        if let Some(id) = parts.echo {
            response.headers.insert("x-request-id", id);
        }
        response
    }
}
