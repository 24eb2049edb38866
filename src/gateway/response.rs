//! Responses of our own, and what all of them carry.

use serde_json::{Map, Value, json};

use crate::http::fetch_metadata::Reader;
use crate::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, cookie, header};
use crate::pages::problem::ProblemContext;
use crate::pages::{self, HtmlPage, View};
use crate::refusal::Refusal;
use crate::time::Seconds;

/// How long to wait before trying again what failed on our side.
const RETRY_AFTER_SECONDS: &str = "10";

/// What a page may use of a device: nothing (Permissions Policy §9.1). The names are those that browsers know.
const NO_FEATURES: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), \
                           geolocation=(), gyroscope=(), hid=(), identity-credentials-get=(), idle-detection=(), \
                           magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), \
                           publickey-credentials-create=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), \
                           usb=(), xr-spatial-tracking=()";

/// What the pages of second factors may use besides: passkeys.
fn features(page: &HtmlPage) -> String {
    let of_ours = |name: &str| format!("{name}=(self)");
    let passkeys = ["publickey-credentials-create", "publickey-credentials-get"];
    let allowed = passkeys.iter().filter(|_| page.uses_passkeys);
    allowed.fold(NO_FEATURES.to_owned(), |all, name| all.replace(&format!("{name}=()"), &of_ours(name)))
}

/// A page.
pub(super) fn html(status: StatusCode, page: HtmlPage) -> Response {
    let features = features(&page);
    let mut response = with_type(status, "text/html; charset=utf-8", page.body);
    // Under `no-referrer` the browser says `Origin: null` with a form that is posted (Fetch §3.1, "append a request
    // Origin header"), and an older one without Fetch Metadata would say nothing better.
    let referrer = if page.has_form { "same-origin" } else { "no-referrer" };
    for (name, value) in
        [("content-language", page.language.tag()), ("vary", "Cookie, Accept-Language"), ("referrer-policy", referrer)]
    {
        response.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Ok(features) = HeaderValue::try_from(features) {
        response.headers.insert("permissions-policy", features);
    }
    set_policy(&mut response.headers, page.content_security_policy);
    response
}

/// The policy of a page, and what older browsers know of it: who may frame the page.
fn set_policy(headers: &mut HeaderMap, policy: String) {
    headers.remove(header::X_FRAME_OPTIONS);
    for (directive, word) in [("frame-ancestors 'none'", "DENY"), ("frame-ancestors 'self'", "SAMEORIGIN")] {
        if policy.contains(directive) {
            headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static(word));
        }
    }
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
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

/// A refusal: a page for people, `application/problem+json` (RFC 9457) for programs.
pub(super) fn problem(view: &View<'_>, refusal: &Refusal, reader: Reader, context: &ProblemContext<'_>) -> Response {
    let status = refusal.status();
    let mut response = if reader == Reader::Program {
        let mut body = json!({
            "type": format!("urn:postern:problem:{}", refusal.kind()),
            "title": refusal.title(),
            "status": status.as_u16(),
            "request_id": context.request_id,
        });
        if let Some(members) = body.as_object_mut() {
            members.extend(details(refusal, context.login));
        }
        problem_json(status, &body)
    } else {
        let page = pages::problem::render(view, refusal, context);
        // A page in a frame of our own pages: else a person would see nothing there.
        let is_inside = reader == Reader::PersonInside;
        let policy = is_inside.then(|| pages::framed_by_own_pages(&page.content_security_policy));
        let mut response = html(status, page);
        if let Some(policy) = policy {
            set_policy(&mut response.headers, policy);
        }
        response
    };
    explain_in_headers(refusal, context.login, &mut response.headers);
    response
}

/// A refusal of no site in particular.
pub(super) fn plain_problem(refusal: &Refusal, request_id: &str, reader: Reader) -> Response {
    let context = ProblemContext { request_id, ..ProblemContext::default() };
    problem(&View::plain(), refusal, reader, &context)
}

/// A problem for programs (RFC 9457).
pub(super) fn problem_json(status: StatusCode, body: &Value) -> Response {
    with_type(status, "application/problem+json", body.to_string())
}

/// A refusal of what does not hold up, to a program that may know why in words.
pub(super) fn unacceptable(request_id: &str, problems: &[String]) -> Response {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let body = json!({
        "type": "urn:postern:problem:unacceptable",
        "title": "This cannot be done",
        "status": status.as_u16(),
        "request_id": request_id,
        "problems": problems,
    });
    problem_json(status, &body)
}

/// What was expected is not so: `unmet`. `done`: what was done before that came to light, as members.
pub(super) fn unmet(request_id: &str, done: &Value, unmet: &[String]) -> Response {
    let refusal = Refusal::Conflict;
    let mut body = json!({
        "type": format!("urn:postern:problem:{}", refusal.kind()),
        "title": refusal.title(),
        "status": refusal.status().as_u16(),
        "request_id": request_id,
        "unmet": unmet,
    });
    if let (Some(members), Some(done)) = (body.as_object_mut(), done.as_object()) {
        members.extend(done.clone());
    }
    problem_json(refusal.status(), &body)
}

/// What more a problem says: what would do, and where. It stands in the configuration, and is nobody's secret.
fn details(refusal: &Refusal, login: Option<&str>) -> Map<String, Value> {
    let mut members = Map::new();
    let mut insert = |name: &str, value: Option<Value>| members.extend(value.map(|value| (name.to_owned(), value)));
    match refusal {
        // RFC 6750 §3
        Refusal::Forbidden(scopes) if !scopes.is_empty() => insert("scope", Some(scopes.join(" ").into())),
        // RFC 9470 §3
        Refusal::StepUp(wanted) | Refusal::SecondFactor(wanted) => {
            insert("acr_values", Some(wanted.acr_values.join(" ").into()).filter(|_| !wanted.acr_values.is_empty()));
            insert("max_age", wanted.max_age.map(|max_age| max_age.get().into()));
        }
        Refusal::ApprovalRequired(url, _) => insert("approval_url", Some(url.as_str().into())),
        _ => {}
    }
    if let Refusal::Unauthenticated | Refusal::StepUp(_) | Refusal::DeviceProof | Refusal::DeviceBinding = refusal {
        insert("login_url", login.map(Value::from));
    }
    if let Refusal::SecondFactor(_) = refusal {
        insert("verify_url", login.map(Value::from));
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
        (Refusal::DeviceProof | Refusal::DeviceBinding, _) => {
            let challenge = r#"Cookie realm="postern", form-action="/auth/login", cookie-name="__Host-postern-bound""#;
            (header::WWW_AUTHENTICATE, challenge.to_owned())
        }
        (Refusal::StepUp(wanted) | Refusal::SecondFactor(wanted), Some(login)) => {
            let (error, cookie) = (wanted.challenge().join(", "), cookie::SESSION);
            let challenge =
                format!(r#"Cookie realm="postern", form-action="{login}", cookie-name="{cookie}", {error}"#);
            (header::WWW_AUTHENTICATE, challenge)
        }
        (Refusal::MethodNotAllowed(methods), _) => (header::ALLOW, methods.clone()),
        // Nobody knows when somebody decides: a program asks again in a moment.
        (Refusal::ApprovalRequired(..), _) => (header::RETRY_AFTER, RETRY_AFTER_SECONDS.to_owned()),
        (Refusal::TooManyRequests(next) | Refusal::ApprovalDenied(next), _) => {
            (header::RETRY_AFTER, next.get().max(1).to_string())
        }
        (Refusal::Unavailable | Refusal::LoginUnavailable, _) => (header::RETRY_AFTER, RETRY_AFTER_SECONDS.to_owned()),
        _ => return,
    };
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// What every answer of ours carries (R-038, R-175, R-189); the last three unless it is for everybody.
fn protect(headers: &mut HeaderMap, https: bool) {
    const FIXED: [(&str, &str); 5] = [
        ("content-security-policy", pages::CONTENT_SECURITY_POLICY),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ];
    const PRIVATE: [(&str, &str); 3] =
        [("cache-control", "private, no-store"), ("cdn-cache-control", "no-store"), ("vary", "Cookie")];
    let private = if headers.contains_key(header::CACHE_CONTROL) { &[][..] } else { &PRIVATE };
    for (name, value) in FIXED.iter().chain(private).copied() {
        // A page has a policy of its own, and one with forms a referrer policy.
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
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

pub(super) fn with_type(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Response { status, headers, body }
}
