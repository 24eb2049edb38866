//! Responses of our own, and what all of them carry.

use serde_json::{Map, Value, json};

use crate::http::fetch_metadata::Reader;
use crate::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, cookie, header};
use crate::pages;
use crate::refusal::Refusal;
use crate::time::Seconds;

/// How long to wait before trying again what failed on our side.
const RETRY_AFTER_SECONDS: &str = "10";

/// A page.
pub(super) fn html(status: StatusCode, body: String) -> Response {
    with_type(status, "text/html; charset=utf-8", body)
}

/// A page with a form that posts to us. Under `no-referrer` the browser says `Origin: null` with it (Fetch §3.1,
/// "append a request Origin header"), and an older one without Fetch Metadata would say nothing better.
pub(super) fn html_with_form(body: String) -> Response {
    let mut response = html(StatusCode::OK, body);
    response.headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// A page with the script that some pages have, and the policy that lets it run.
pub(super) fn html_with_script(page: pages::Scripted) -> Response {
    let mut response = html(StatusCode::OK, page.body);
    if let Ok(policy) = HeaderValue::try_from(page.content_security_policy) {
        response.headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Plain text.
pub(super) fn plain(status: StatusCode, text: String) -> Response {
    with_type(status, "text/plain; charset=utf-8", text)
}

/// A JSON document.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    with_type(status, "application/json", body.to_string())
}

/// A script that pages may load.
pub(super) fn javascript(text: &str) -> Response {
    with_type(StatusCode::OK, "text/javascript; charset=utf-8", text.to_owned())
}

/// JSON that is written already.
pub(super) fn json_text(status: StatusCode, body: String) -> Response {
    with_type(status, "application/json", body)
}

/// A redirect. 302 after a GET, 303 after a POST (R-037).
///
/// # Errors
/// When the location cannot stand in a header.
pub(super) fn redirect(status: StatusCode, location: &str) -> Option<Response> {
    let mut response = Response::empty(status);
    response.headers.insert(header::LOCATION, HeaderValue::try_from(location).ok()?);
    Some(response)
}

/// A document that is the same for everybody, and may be kept for so long.
pub(super) fn public(mut response: Response, max_age: Seconds) -> Response {
    if let Ok(value) = HeaderValue::try_from(format!("public, max-age={}", max_age.get())) {
        response.headers.insert(header::CACHE_CONTROL, value);
    }
    response
}

/// It holds nothing that is not for everybody, and a client in a page of another origin needs it too. Such a page
/// may add headers of its protocol's, which its browser asks about first.
pub(super) fn readable_by_all(mut response: Response) -> Response {
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "*"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ] {
        response.headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A refusal: a page for people, `application/problem+json` (RFC 9457) for programs. `login`: where signing in would help.
pub(super) fn problem(refusal: &Refusal, request_id: &str, reader: Reader, login: Option<&str>) -> Response {
    let status = refusal.status();
    let mut response = if reader == Reader::Program {
        let mut body = json!({
            "type": format!("urn:postern:problem:{}", refusal.kind()),
            "title": refusal.title(),
            "status": status.as_u16(),
            "request_id": request_id,
        });
        if let Some(members) = body.as_object_mut() {
            members.extend(details(refusal, login));
        }
        problem_json(status, &body)
    } else {
        html(status, pages::problem::render(refusal, request_id, login))
    };
    if reader == Reader::PersonInside {
        allow_own_frames(&mut response);
    }
    explain_in_headers(refusal, login, &mut response.headers);
    response
}

/// A page of ours that pages of the same origin may show in a frame: else a person would see nothing there.
fn allow_own_frames(response: &mut Response) {
    if let Ok(policy) = HeaderValue::try_from(pages::framed_by_own_pages()) {
        response.headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// A problem for programs (RFC 9457).
pub(super) fn problem_json(status: StatusCode, body: &Value) -> Response {
    with_type(status, "application/problem+json", body.to_string())
}

/// What more a problem says: what would do, and where. It stands in the configuration, and is nobody's secret.
fn details(refusal: &Refusal, login: Option<&str>) -> Map<String, Value> {
    let mut members = Map::new();
    let mut insert = |name: &str, value: Option<Value>| members.extend(value.map(|value| (name.to_owned(), value)));
    match refusal {
        // RFC 6750 §3
        Refusal::Forbidden(scopes) if !scopes.is_empty() => insert("scope", Some(scopes.join(" ").into())),
        // RFC 9470 §3
        Refusal::StepUp(wanted) => {
            insert("acr_values", Some(wanted.acr_values.join(" ").into()).filter(|_| !wanted.acr_values.is_empty()));
            insert("max_age", wanted.max_age.map(|max_age| max_age.get().into()));
        }
        _ => {}
    }
    if let Refusal::Unauthenticated | Refusal::StepUp(_) = refusal {
        insert("login_url", login.map(Value::from));
    }
    members
}

fn explain_in_headers(refusal: &Refusal, login: Option<&str>, headers: &mut HeaderMap) {
    let (name, value) = match (refusal, login) {
        // RFC 9110 §11.6.1 wants a challenge with every 401; ours is to be met by a cookie from the login page.
        (Refusal::Unauthenticated | Refusal::LoginUnfinished, _) => {
            let challenge = r#"Cookie realm="postern", form-action="/auth/login", cookie-name="__Host-postern""#;
            (header::WWW_AUTHENTICATE, challenge.to_owned())
        }
        (Refusal::StepUp(wanted), Some(login)) => {
            let (error, cookie) = (wanted.challenge().join(", "), cookie::SESSION);
            let challenge =
                format!(r#"Cookie realm="postern", form-action="{login}", cookie-name="{cookie}", {error}"#);
            (header::WWW_AUTHENTICATE, challenge)
        }
        (Refusal::MethodNotAllowed(methods), _) => (header::ALLOW, methods.clone()),
        (Refusal::TooManyRequests(next), _) => (header::RETRY_AFTER, next.get().max(1).to_string()),
        (Refusal::Unavailable | Refusal::LoginUnavailable, _) => (header::RETRY_AFTER, RETRY_AFTER_SECONDS.to_owned()),
        _ => return,
    };
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// What every answer of ours carries (R-038, R-175, R-189); the last three unless it is for everybody.
fn protect(headers: &mut HeaderMap, https: bool) {
    const FIXED: [(&str, &str); 4] = [
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ];
    const PRIVATE: [(&str, &str); 3] =
        [("cache-control", "private, no-store"), ("cdn-cache-control", "no-store"), ("vary", "Cookie")];
    let private = if headers.contains_key(header::CACHE_CONTROL) { &[][..] } else { &PRIVATE };
    for (name, value) in FIXED.iter().chain(private).copied() {
        // A page with forms has a referrer policy of its own.
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    // Some pages have a policy of their own: the one that a provider may frame, and those with a script.
    if let (Ok(policy), http::header::Entry::Vacant(vacant)) =
        (HeaderValue::try_from(pages::CONTENT_SECURITY_POLICY.as_str()), headers.entry(header::CONTENT_SECURITY_POLICY))
    {
        vacant.insert(policy);
    }
    if https {
        let two_years = HeaderValue::from_static("max-age=63072000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, two_years);
    }
}

/// A finished answer: protected, and with the id by which the log knows more.
pub(super) fn sealed(mut response: Response, request_id: &str, https: bool) -> Response {
    protect(&mut response.headers, https);
    if let Ok(id) = HeaderValue::try_from(request_id) {
        response.headers.insert("x-request-id", id);
    }
    response
}

fn with_type(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Response { status, headers, body }
}
