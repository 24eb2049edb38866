//! What would be decided: one question (`postern explain`), or a file of them with the answers expected
//! (`postern check --decisions`). The configuration, the mapping of claims and door 2 are the Worker's own; only that
//! somebody is who they are is supposed.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::authn::{Principal, supposed};
use crate::authz::{self, Decision};
use crate::config::{Config, IssuerId, Provider, TokenIssuer, span};
use crate::http::Method;
use crate::oidc::kept::Kept;
use crate::route::{Access, CanonicalPath, NoRoute};
use crate::time::Timestamp;

/// When it is asked. Only how long ago somebody signed in depends on it.
const NOW: i64 = 1_800_000_000;
/// Who is nobody.
const NOBODY: &str = "nobody";

/// Questions with their answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Golden {
    #[serde(rename = "description")]
    _description: String,
    /// Who asks, by names of the file's own.
    who: BTreeMap<String, Who>,
    decisions: Vec<Expected>,
}

/// Somebody, by what their provider or the issuer of their token says of them.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Who {
    /// By a session of this provider.
    provider: Option<String>,
    /// By a token of this issuer.
    issuer: Option<String>,
    /// Of the ID token and UserInfo, or of the access token.
    #[serde(default)]
    claims: Map<String, Value>,
    /// What was granted at sign-in; a token says it in its claims.
    #[serde(default)]
    scopes: Vec<String>,
    /// How long ago they signed in: `5m`.
    signed_in: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    who: String,
    request: String,
    expect: String,
    because: Option<String>,
}

/// What is decided, by which rule, and why.
pub(super) struct Verdict {
    outcome: &'static str,
    route: Option<String>,
    because: String,
    detail: Option<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = self.detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
        let route = self.route.as_deref().unwrap_or("none");
        write!(f, "{}\n  route   {route}\n  reason  {}{detail}\n", self.outcome, self.because)
    }
}

/// Answers one question. `who`: JSON as in a file; `request`: `GET /path`.
///
/// # Errors
/// When it cannot be read.
pub(super) fn explain(config: &Config, who: &str, request: &str) -> Result<Verdict, String> {
    if who == NOBODY {
        return decide(config, None, request);
    }
    let who: Who = serde_json::from_str(who).map_err(|error| format!("who: {error}"))?;
    decide(config, Some(&principal(config, &who)?), request)
}

/// How many questions a file has, or every answer that is not as it expects.
///
/// # Errors
/// When the file, somebody in it or a request cannot be read.
pub(super) fn compare(config: &Config, text: &str) -> Result<(usize, Vec<String>), String> {
    let golden: Golden = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut people = BTreeMap::new();
    for (name, who) in &golden.who {
        people.insert(name.as_str(), principal(config, who).map_err(|why| format!("{name}: {why}"))?);
    }
    let mut wrong = Vec::new();
    for Expected { who, request, expect, because } in &golden.decisions {
        let somebody = people.get(who.as_str());
        if somebody.is_none() && who != NOBODY {
            return Err(format!("`{who}` is not among `who`, nor `{NOBODY}`"));
        }
        let verdict = decide(config, somebody, request)?;
        let as_expected = verdict.outcome == expect && because.as_ref().is_none_or(|why| *why == verdict.because);
        if !as_expected {
            let why = because.as_ref().map_or_else(String::new, |why| format!(" because {why}"));
            let found = format!("{} because {}", verdict.outcome, verdict.because);
            wrong.push(format!("{who}, {request}: expected {expect}{why}, found {found}"));
        }
    }
    Ok((golden.decisions.len(), wrong))
}

fn decide(config: &Config, principal: Option<&Principal>, request: &str) -> Result<Verdict, String> {
    let misread = || format!("expected a request such as `GET /orders/7`, found `{request}`");
    let (method, path) = request.split_once(' ').ok_or_else(misread)?;
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| misread())?;
    let refused = |because: &str| Verdict { outcome: "deny", route: None, because: because.to_owned(), detail: None };
    let path = match CanonicalPath::parse(path) {
        Ok(path) => path,
        Err(error) => return Ok(refused(error.code())),
    };
    let matched = match config.routes.find(&method, &path) {
        Ok(matched) => matched,
        Err(NoRoute::NotFound) => return Ok(refused("route.none")),
        Err(NoRoute::MethodNotAllowed(_)) => return Ok(refused("route.method_not_allowed")),
    };
    let by = principal.filter(|principal| takes(&matched.route.access, principal));
    let (outcome, because, detail) = match authz::authorize(by, &matched, Timestamp::from_unix(NOW)) {
        Decision::Allow(_) if matched.route.access == Access::Public => ("allow", "route.public", None),
        Decision::Allow(_) => ("allow", "authz.requirements_met", None),
        Decision::StepUp(wanted) => ("step_up", wanted.shortfall.code(), None),
        Decision::Deny(authz::Denial::Anonymous) => ("401", "authn.no_credential", None),
        Decision::Deny(denial) => ("deny", denial.code(), denial.detail()),
    };
    Ok(Verdict { outcome, route: Some(matched.route.name.clone()), because: because.to_owned(), detail })
}

/// Whether the route looks at what they come by: else they are nobody there.
fn takes(access: &Access, principal: &Principal) -> bool {
    match access {
        Access::Public => false,
        Access::Guarded(guard) if principal.provider().is_some() => guard.takes_sessions(),
        Access::Guarded(guard) => guard.takes_tokens(),
    }
}

fn principal(config: &Config, who: &Who) -> Result<Principal, String> {
    let signed_in = match who.signed_in.as_deref().map(span) {
        Some(None) => return Err("`signed_in`: expected how long ago, such as `5m`".to_owned()),
        Some(Some(ago)) => Some(NOW - i64::from(ago.get())),
        None => None,
    };
    match (&who.provider, &who.issuer) {
        (Some(id), None) => {
            let provider = config.provider(id).ok_or_else(|| format!("there is no provider `{id}`"))?;
            by_session(config, provider, who, signed_in)
        }
        (None, Some(id)) => {
            let issuer = IssuerId::parse(id).and_then(|id| config.issuer(&id));
            by_token(issuer.ok_or_else(|| format!("there is no issuer `{id}`"))?, who, signed_in)
        }
        _ => Err("expected either `provider` or `issuer`".to_owned()),
    }
}

fn by_session(config: &Config, provider: &Provider, who: &Who, signed_in: Option<i64>) -> Result<Principal, String> {
    let kept = Kept::of(who.claims.clone(), provider, &config.session.claims);
    let record = json!({
        "issuer": provider.issuer.as_str(), "subject": who.claims.get("sub").unwrap_or(&json!("somebody")),
        "provider": provider.id.as_str(), "claims": kept.claims, "scopes": who.scopes, "roles": kept.roles,
        "permissions": kept.permissions, "tenant": kept.tenant, "auth_time": signed_in,
        "acr": who.claims.get("acr"), "amr": who.claims.get("amr").unwrap_or(&json!([])),
        "created_at": NOW, "last_seen": NOW,
    });
    serde_json::from_value(record).map(supposed::by_session).map_err(|error| error.to_string())
}

fn by_token(issuer: &TokenIssuer, who: &Who, signed_in: Option<i64>) -> Result<Principal, String> {
    let usual = json!({
        "iss": issuer.issuer.as_str(), "aud": issuer.audience, "sub": "somebody", "client_id": "client", "jti": "jti",
        "iat": NOW, "exp": NOW + 60, "auth_time": signed_in,
    });
    let mut claims = usual.as_object().cloned().unwrap_or_default();
    claims.extend(who.claims.clone());
    claims.retain(|_, value| !value.is_null());
    supposed::by_token(issuer, claims, Timestamp::from_unix(NOW)).map_err(|error| error.code().to_owned())
}
