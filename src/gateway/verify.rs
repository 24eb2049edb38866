//! `GET /auth/verify`: another proxy asks whether a request may pass. The same doors decide as for a request that we
//! send on ourselves, and the same event tells of it; only the answer goes to somebody else.

mod question;

use super::doors::{self, Admitted, Refused};
use super::turn::{self, Ledger, Turn};
use super::{Platform, guard, reply};
use crate::audit::Outcome as Ending;
use crate::authn::Principal;
use crate::cookie;
use crate::http::{HeaderMap, HeaderName, HeaderValue, Method, Reply, StatusCode, header};
use crate::refusal::{Reason, VerifyError};

use question::{Dialect, Question, SECRET};

/// 204 with who it is, or the refusal: as a proxy hands it to the caller, or in the few words that nginx knows.
pub(super) async fn answer<P: Platform>(turn: &Turn<'_, P>, ledger: &mut Ledger) -> Result<Reply, Reason> {
    let question = asked(turn, "verify", ledger)?;
    let inner = turn.about(&question.head);
    match decide(&inner, ledger).await {
        Ok(admitted) => {
            let reply = passport(admitted, &question.head.headers)?;
            ledger.event.status = reply.status.as_u16();
            Ok(reply)
        }
        Err(refused) => {
            let mut reply = refusal(&inner, refused, ledger);
            if question.dialect == Dialect::Original {
                reply.status = in_few_words(reply.status);
                ledger.event.status = reply.status.as_u16();
            }
            Ok(reply)
        }
    }
}

/// `GET /auth/verify/refusal`: what the caller is told, for a proxy that took nothing but a status from the first
/// question. Lets nothing pass: if the doors have opened meanwhile, the caller comes again.
pub(super) async fn refuse<P: Platform>(turn: &Turn<'_, P>, ledger: &mut Ledger) -> Result<Reply, Reason> {
    let question = asked(turn, "refusal", ledger)?;
    let inner = turn.about(&question.head);
    match decide(&inner, ledger).await {
        Ok(_) => {
            let again = reply::redirect(StatusCode::TEMPORARY_REDIRECT, &question.head.url);
            let reply = again.ok_or(Reason::Internal("internal.location_unwritable"))?;
            ledger.event.end(Ending::Redirect, "verify.passes_now", reply.status);
            Ok(reply)
        }
        Err(refused) => Ok(refusal(&inner, refused, ledger)),
    }
}

/// The request that is asked about, where the proxy may ask.
fn asked<P: Platform>(turn: &Turn<'_, P>, via: &'static str, ledger: &mut Ledger) -> Result<Question, Reason> {
    let Some(verify) = &turn.config.verify else { return Err(Reason::NoRoute) };
    ledger.event.via = Some(via);
    turn.allow_methods(&[Method::GET])?;
    match turn.head.header(SECRET) {
        Some(secret) if verify.knows(secret) => {}
        None if !turn.head.headers.contains_key(SECRET) => return Err(Reason::Verify(VerifyError::NoSecret)),
        _ => return Err(Reason::Verify(VerifyError::WrongSecret)),
    }
    let question = Question::read(turn.head, &turn.config.public_url)?;
    let (path, _) = turn::target(&question.head.url);
    ledger.event.instead(question.head.method.as_str(), path, &question.head.peer);
    Ok(question)
}

/// What becomes of any request: its one meaning, its rule, and both doors.
async fn decide<P: Platform>(turn: &Turn<'_, P>, ledger: &mut Ledger) -> Result<Admitted, Refused> {
    let (raw_path, _) = turn::target(&turn.head.url);
    let path = turn.enter(raw_path)?;
    let route = doors::route(turn, &path, ledger)?;
    doors::enter(turn, &path, route, ledger).await
}

/// Leave to pass, with the headers that the upstream is to get in place of those of `asked`, as it would from us: who it
/// is, cookies without ours, and a credential where it is for the upstream. Using it up is all that can be done with an [`Admitted`].
fn passport(admitted: Admitted, asked: &HeaderMap) -> Result<Reply, Reason> {
    let mut reply = Reply::empty(StatusCode::NO_CONTENT);
    if let Some(cookies) = cookie::without_ours(asked) {
        reply.headers.insert(header::COOKIE, cookies);
    }
    match &admitted.principal {
        Some(principal) => identify(principal, &mut reply.headers)?,
        // Nobody's here, so it is not for us.
        None => reply.headers.extend(asked.get(header::AUTHORIZATION).map(|own| (header::AUTHORIZATION, own.clone()))),
    }
    if let Some(token) = &admitted.access_token {
        let bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()));
        let mut bearer = bearer.map_err(|_| Reason::Internal("internal.token_unwritable"))?;
        bearer.set_sensitive(true);
        reply.headers.insert(header::AUTHORIZATION, bearer);
    }
    Ok(reply)
}

/// Who it is. A name that cannot stand in a header as it is names nobody: without it, or cut to fit, it would name another.
fn identify(principal: &Principal, headers: &mut HeaderMap) -> Result<(), Reason> {
    let actor = principal.actors().first().map(|actor| actor.subject.as_str());
    for (name, value) in [
        ("x-postern-issuer", Some(principal.issuer())),
        ("x-postern-subject", Some(principal.subject())),
        ("x-postern-kind", Some(principal.kind().as_str())),
        ("x-postern-provider", principal.provider()),
        ("x-postern-client", principal.client_id()),
        ("x-postern-actor", actor),
    ] {
        let Some(value) = value else { continue };
        headers.insert(name, written(value).ok_or(Reason::Internal("internal.identity_unwritable"))?);
    }
    let email = principal.claims().get("email").and_then(|email| email.as_str());
    let verified = principal.claims().get("email_verified").is_some_and(|verified| verified == true);
    let scopes = principal.scopes().join(" ");
    for (name, value) in [("x-postern-email", email.filter(|_| verified)), ("x-postern-scopes", Some(scopes.as_str()))]
    {
        if let Some(value) = value.and_then(written) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    Ok(())
}

/// A value that reads the same on the other side: HTTP takes white space off its ends (RFC 9110 §5.5).
fn written(text: &str) -> Option<HeaderValue> {
    let plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    HeaderValue::from_str(text).ok().filter(|_| plain && !text.is_empty() && text.trim() == text)
}

/// The answer to the caller. It is never 2xx, which would be leave to pass: a page of ours that leads on comes as a 401.
fn refusal<P: Platform>(turn: &Turn<'_, P>, refused: Refused, ledger: &mut Ledger) -> Reply {
    let mut reply = match guard::answer(turn, refused, ledger) {
        Ok(reply) => reply,
        Err(reason) => turn.refuse(&reason, ledger),
    };
    if reply.status.is_success() {
        reply.status = StatusCode::UNAUTHORIZED;
        ledger.event.status = reply.status.as_u16();
    }
    // Traefik takes a relative one for a place on the host where it asked.
    let path = reply.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    let location = path.filter(|path| path.starts_with('/')).map(|path| turn.config.public_url.join(path));
    if let Some(Ok(location)) = location.map(HeaderValue::try_from) {
        reply.headers.insert(header::LOCATION, location);
    }
    reply
}

/// nginx's `auth_request` knows two refusals: who are you, and no.
fn in_few_words(status: StatusCode) -> StatusCode {
    if status == StatusCode::UNAUTHORIZED || status.is_redirection() {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::FORBIDDEN
    }
}
