//! `SECURITY_HEADERS` of the deployment and `security_headers` of a route: what an upstream's answers have besides
//! their own.

use std::rc::Rc;

use serde_json::Value;

use super::table::Table;
use super::value::{choice, flag, found, parsed};
use crate::http::public_url::PublicUrl;
use crate::http::security_headers::{Framing, SecurityHeaders, names_framers};
use crate::http::{HeaderName, HeaderValue, header};

/// Two years, as Postern's own answers say.
const TWO_YEARS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");
const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");
const POLICY: &str = "a policy in visible ASCII, up to 2048 bytes, without `frame-ancestors`, which `frame` says";
const FEATURES: &str = "a policy in visible ASCII, up to 2048 bytes";
const MAX_POLICY_BYTES: usize = 2048;

/// What is said where a route's key is `true`, and how a table's keys that are left out are read.
#[derive(Clone)]
pub(super) struct Defaults {
    https: bool,
    /// `SECURITY_HEADERS`; `None`: nothing, unless a route says otherwise.
    deployment: Option<Rc<SecurityHeaders>>,
}

impl Defaults {
    /// Reads `SECURITY_HEADERS`, if it is there.
    pub(super) fn read(top: &mut Table<'_>, public_url: Option<&PublicUrl>) -> Self {
        let https = public_url.is_none_or(PublicUrl::is_pinned_to_https);
        let deployment = top.section("SECURITY_HEADERS", |table| Rc::new(read(table, https)));
        Self { https, deployment }
    }

    /// Reads `security_headers` of a route: a table of its own, `false` for none, `true` for the deployment's; left out, the
    /// deployment's if it has any.
    pub(super) fn of_route(&self, route: &mut Table<'_>) -> Option<Rc<SecurityHeaders>> {
        match route.peek("security_headers") {
            None => self.deployment.clone(),
            Some(Value::Object(_)) => route.section("security_headers", |table| Rc::new(read(table, self.https))),
            Some(_) => match route.optional("security_headers", flag_or_table)? {
                false => None,
                true => Some(self.deployment.clone().unwrap_or_else(|| Rc::new(standard(self.https)))),
            },
        }
    }
}

fn flag_or_table(value: &Value) -> Result<bool, String> {
    flag(value).map_err(|_| format!("expected `true`, `false` or a table, found {}", found(value)))
}

/// The set with nothing chosen.
fn standard(https: bool) -> SecurityHeaders {
    Chosen::default().headers(https)
}

/// What a table chooses; what it leaves out is none of its own, and read by [`Chosen::headers`].
#[derive(Default)]
struct Chosen {
    hsts: Option<bool>,
    frame: Option<Frame>,
    referrer: Option<&'static str>,
    opener: Option<&'static str>,
    resource: Option<&'static str>,
    policy: Option<HeaderValue>,
    permissions: Option<HeaderValue>,
}

/// `frame`: who may show the answer in a frame.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Frame {
    /// Nobody.
    #[default]
    Deny,
    /// Pages of this origin.
    SameOrigin,
    /// Nothing is said of it.
    Any,
}

fn read(mut table: Table<'_>, https: bool) -> SecurityHeaders {
    let same = |word: &'static str| (word, word);
    let chosen = Chosen {
        hsts: table.optional("hsts", flag),
        frame: table.optional(
            "frame",
            choice(&[("deny", Frame::Deny), ("same-origin", Frame::SameOrigin), ("any", Frame::Any)]),
        ),
        referrer: table.optional(
            "referrer",
            choice(&["strict-origin-when-cross-origin", "same-origin", "strict-origin", "no-referrer"].map(same)),
        ),
        opener: table.optional("opener", choice(&["same-origin", "same-origin-allow-popups", "unsafe-none"].map(same))),
        resource: table.optional("resource", choice(&["same-origin", "same-site", "cross-origin"].map(same))),
        policy: table.optional("csp", parsed(POLICY, |text| line(text).filter(|_| !names_framers(text)))),
        permissions: table.optional("permissions", parsed(FEATURES, line)),
    };
    table.finish();
    chosen.headers(https)
}

impl Chosen {
    fn headers(self, https: bool) -> SecurityHeaders {
        let word = |chosen: Option<&'static str>, default| HeaderValue::from_static(chosen.unwrap_or(default));
        let mut lines = vec![
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::REFERRER_POLICY, word(self.referrer, "strict-origin-when-cross-origin")),
            (OPENER, word(self.opener, "same-origin")),
            (RESOURCE, word(self.resource, "same-origin")),
        ];
        // Over http browsers ignore it, and a mistake made there would last for two years (RFC 6797 §7.2).
        lines.extend((https && self.hsts.unwrap_or(true)).then_some((header::STRICT_TRANSPORT_SECURITY, TWO_YEARS)));
        lines.extend(self.policy.map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
        lines.extend(self.permissions.map(|permissions| (PERMISSIONS, permissions)));
        SecurityHeaders { lines, framing: self.frame.unwrap_or_default().framing() }
    }
}

impl Frame {
    fn framing(self) -> Option<Framing> {
        let (policy, options) = match self {
            Self::Deny => ("frame-ancestors 'none'", "DENY"),
            Self::SameOrigin => ("frame-ancestors 'self'", "SAMEORIGIN"),
            Self::Any => return None,
        };
        Some(Framing { policy: HeaderValue::from_static(policy), options: HeaderValue::from_static(options) })
    }
}

/// A line of visible ASCII and spaces that stays as it is in a header.
fn line(text: &str) -> Option<HeaderValue> {
    let fits = text.trim() == text && !text.is_empty() && text.len() <= MAX_POLICY_BYTES;
    let plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    HeaderValue::try_from(text).ok().filter(|_| fits && plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{parse, problems, small, with};
    use super::*;

    fn of(deployment: Option<Value>, route: Option<Value>) -> Vec<String> {
        let mut one = json!({ "upstream": "service:A" });
        if let Some(value) = route {
            one["security_headers"] = value;
        }
        let mut vars = with(small(), &["ROUTES"], json!({ "/a": one }));
        if let Some(value) = deployment {
            vars = with(vars, &["SECURITY_HEADERS"], value);
        }
        let config = parse(&vars).unwrap();
        let none = crate::http::HeaderMap::new();
        let mut edits = crate::http::header_edits::HeaderEdits::of(&none);
        if let Some(security) = &config.routes.routes()[0].security_headers {
            security.add_to(&mut edits);
        }
        let mut lines: Vec<String> =
            edits.applied().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        lines
    }

    const STANDARD: [&str; 7] = [
        "content-security-policy: frame-ancestors 'none'",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-resource-policy: same-origin",
        "referrer-policy: strict-origin-when-cross-origin",
        "strict-transport-security: max-age=63072000; includeSubDomains",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
    ];

    #[test]
    fn nothing_is_added_unless_asked_for() {
        //
        assert!(of(None, None).is_empty());
        assert!(of(None, Some(json!(false))).is_empty());
        assert!(of(Some(json!({})), Some(json!(false))).is_empty());
    }

    #[test]
    fn the_route_comes_before_the_deployment_and_that_before_the_standard() {
        //
        assert_eq!(of(None, Some(json!(true))), STANDARD);
        assert_eq!(of(None, Some(json!({}))), STANDARD);
        assert_eq!(of(Some(json!({})), None), STANDARD);
        let framed = of(Some(json!({ "frame": "same-origin" })), None);
        assert_eq!(of(Some(json!({ "frame": "same-origin" })), Some(json!(true))), framed);
        assert!(framed.contains(&"x-frame-options: SAMEORIGIN".to_owned()), "{framed:?}");
        // A table of the route's own stands alone.
        assert_eq!(of(Some(json!({ "frame": "same-origin" })), Some(json!({}))), STANDARD);
    }

    #[test]
    fn every_key_says_what_it_is_documented_to() {
        let all = json!({
            "hsts": false, "frame": "any", "referrer": "no-referrer", "opener": "same-origin-allow-popups",
            "resource": "cross-origin", "csp": "default-src 'self'; object-src 'none'", "permissions": "camera=()",
        });
        let expected = [
            "content-security-policy: default-src 'self'; object-src 'none'",
            "cross-origin-opener-policy: same-origin-allow-popups",
            "cross-origin-resource-policy: cross-origin",
            "permissions-policy: camera=()",
            "referrer-policy: no-referrer",
            "x-content-type-options: nosniff",
        ];
        assert_eq!(of(None, Some(all)), expected);
    }

    #[test]
    fn over_http_nothing_is_said_of_https() {
        let vars = with(small(), &["PUBLIC_URL"], json!("http://localhost:8787"));
        let config = parse(&with(vars, &["SECURITY_HEADERS"], json!({}))).unwrap();
        let security = config.routes.routes()[0].security_headers.clone().unwrap();
        assert!(!security.lines.iter().any(|(name, _)| *name == header::STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn what_cannot_be_said_in_a_header_is_refused_with_its_path() {
        for (value, path) in [
            (json!("yes"), ""),
            (json!(1), ""),
            (json!({ "frame": "sometimes" }), ".frame"),
            (json!({ "csp": "default-src 'self'\r\nset-cookie: a=b" }), ".csp"),
            (json!({ "csp": "default-src é" }), ".csp"),
            (json!({ "csp": "x".repeat(2049) }), ".csp"),
            (json!({ "csp": "" }), ".csp"),
            (json!({ "csp": "default-src 'self'; Frame-Ancestors 'none'" }), ".csp"),
            (json!({ "permissions": " camera=()" }), ".permissions"),
            (json!({ "hsts": "31536000" }), ".hsts"),
            (json!({ "referrer": "unsafe-url" }), ".referrer"),
            (json!({ "x_frame_options": "DENY" }), ".x_frame_options"),
        ] {
            let route = json!({ "/a": { "upstream": "service:A", "security_headers": value } });
            let lines = problems(&with(small(), &["ROUTES"], route));
            assert_eq!(lines.len(), 1, "{value}: {lines:?}");
            assert!(lines[0].starts_with(&format!("ROUTES.\"/a\".security_headers{path}: ")), "{lines:?}");
        }
    }
}
