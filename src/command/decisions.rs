//! What would be decided: one question (`postern explain`), or a file of them with the answers expected
//! (`postern check --decisions`). The configuration, the mapping of claims and door 2 are the Worker's own; only that
//! somebody is who they are is supposed.

mod context;
mod policies;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Answer;
use crate::authn::{Principal, supposed};
use crate::authz::{self, Decision};
use crate::config::{Config, IssuerId, Provider, TokenIssuer, span};
use crate::http::Method;
use crate::oidc::kept::Kept;
use crate::route::{Access, CanonicalPath, NoRoute};
use crate::time::Timestamp;

pub(super) use context::Context;
pub(super) use policies::Policies;

/// When it is asked, unless the context says so: 2027-01-15T08:00:00Z, a Friday.
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
    /// The policies that decide, in any order; when left out, any may.
    by: Option<Vec<String>>,
    #[serde(default)]
    context: Context,
}

/// What is decided, by which rule, and why.
pub(super) struct Verdict {
    outcome: &'static str,
    route: Option<String>,
    because: String,
    detail: Option<String>,
    /// The policies that decided, and their version.
    policies: Vec<String>,
    version: Option<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = self.detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
        let route = self.route.as_deref().unwrap_or("none");
        write!(f, "{}\n  route   {route}\n  reason  {}{detail}\n", self.outcome, self.because)?;
        self.policies.iter().try_for_each(|policy| writeln!(f, "  policy  {policy}"))?;
        self.version.iter().try_for_each(|version| writeln!(f, "  version {version}"))
    }
}

/// Answers one question. `who` and `context`: JSON as in a file; `request`: `GET /path`.
///
/// # Errors
/// When it cannot be read.
pub(super) fn explain(
    config: &Config,
    policies: &Policies,
    who: &str,
    context: Option<&str>,
    request: &str,
) -> Result<Verdict, String> {
    let context: Context = match context {
        Some(text) => serde_json::from_str(text).map_err(|error| format!("context: {error}"))?,
        None => Context::default(),
    };
    let door = Door { config, policies };
    if who == NOBODY {
        return door.decide(None, request, &context);
    }
    let who: Who = serde_json::from_str(who).map_err(|error| format!("who: {error}"))?;
    door.decide(Some(&who), request, &context)
}

/// How many questions a file has, or every answer that is not as it expects.
///
/// # Errors
/// When the file, somebody in it or a request cannot be read.
pub(super) fn compare(config: &Config, policies: &Policies, text: &str) -> Result<(usize, Vec<String>), String> {
    let golden: Golden = serde_json::from_str(text).map_err(|error| error.to_string())?;
    for (name, who) in &golden.who {
        principal(config, who, NOW).map_err(|why| format!("{name}: {why}"))?;
    }
    let door = Door { config, policies };
    let mut wrong = Vec::new();
    for expected in &golden.decisions {
        let Expected { who, request, context, .. } = expected;
        let somebody = golden.who.get(who);
        if somebody.is_none() && who != NOBODY {
            return Err(format!("`{who}` is not among `who`, nor `{NOBODY}`"));
        }
        let verdict = door.decide(somebody, request, context)?;
        if !expected.is_met_by(&verdict) {
            let found =
                shown(verdict.outcome, Some(&verdict.because), expected.by.is_some().then_some(&verdict.policies));
            wrong.push(format!("{who}, {request}: expected {}, found {found}", expected.shown()));
        }
    }
    Ok((golden.decisions.len(), wrong))
}

impl Expected {
    fn is_met_by(&self, verdict: &Verdict) -> bool {
        let same = |by: &Vec<String>| {
            let mut by = by.clone();
            by.sort();
            by == verdict.policies
        };
        self.expect == verdict.outcome
            && self.because.as_ref().is_none_or(|why| *why == verdict.because)
            && self.by.as_ref().is_none_or(same)
    }

    fn shown(&self) -> String {
        shown(&self.expect, self.because.as_ref(), self.by.as_ref())
    }
}

fn shown(outcome: &str, because: Option<&String>, by: Option<&Vec<String>>) -> String {
    let because = because.map_or_else(String::new, |why| format!(" because {why}"));
    let by = by.map_or_else(String::new, |by| {
        format!(" by {}", if by.is_empty() { "none".to_owned() } else { by.join(", ") })
    });
    format!("{outcome}{because}{by}")
}

/// Door 2, as it is configured.
struct Door<'a> {
    config: &'a Config,
    policies: &'a Policies,
}

impl Door<'_> {
    fn decide(&self, who: Option<&Who>, request: &str, context: &Context) -> Result<Verdict, String> {
        let misread = || format!("expected a request such as `GET /orders/7`, found `{request}`");
        let (method, path) = request.split_once(' ').ok_or_else(misread)?;
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| misread())?;
        let path = match CanonicalPath::parse(path) {
            Ok(path) => path,
            Err(error) => return Ok(Verdict::new("deny", error.code())),
        };
        let matched = match self.config.routes.find(&method, &path) {
            Ok(matched) => matched,
            Err(NoRoute::NotFound) => return Ok(Verdict::new("deny", "route.none")),
            Err(NoRoute::MethodNotAllowed(_)) => return Ok(Verdict::new("deny", "route.method_not_allowed")),
        };
        let now = context.now()?.unwrap_or(Timestamp::from_unix(NOW));
        let principal = who.map(|who| principal(self.config, who, now.as_unix())).transpose()?;
        let by = principal.as_ref().filter(|principal| takes(&matched.route.access, principal));
        let verdict = match (authz::authorize(by, &matched, now), &matched.route.access, by) {
            (Decision::Allow(_), Access::Public, _) => Verdict::new("allow", "route.public"),
            (Decision::Allow(_), Access::Guarded(guard), Some(principal)) if guard.policy => {
                let asked =
                    policies::Asked { principal, method: &method, path: &path, matched: &matched, now, context };
                self.policies.decide(&asked)
            }
            (Decision::Allow(_), ..) => Verdict::new("allow", "authz.requirements_met"),
            (Decision::StepUp(wanted), ..) => Verdict::new("step_up", wanted.shortfall.code()),
            (Decision::Deny(authz::Denial::Anonymous), ..) => Verdict::new("401", "authn.no_credential"),
            (Decision::Deny(denial), ..) => Verdict { detail: denial.detail(), ..Verdict::new("deny", denial.code()) },
        };
        Ok(Verdict { route: Some(matched.route.name.clone()), ..verdict })
    }
}

impl Verdict {
    fn new(outcome: &'static str, because: &str) -> Self {
        let because = because.to_owned();
        Self { outcome, route: None, because, detail: None, policies: Vec::new(), version: None }
    }
}

/// Whether the route looks at what they come by: else they are nobody there.
fn takes(access: &Access, principal: &Principal) -> bool {
    match access {
        Access::Public => false,
        Access::Guarded(guard) if principal.provider().is_some() => guard.takes_sessions(),
        Access::Guarded(guard) => guard.takes_tokens(),
    }
}

fn principal(config: &Config, who: &Who, now: i64) -> Result<Principal, String> {
    let signed_in = match who.signed_in.as_deref().map(span) {
        Some(None) => return Err("`signed_in`: expected how long ago, such as `5m`".to_owned()),
        Some(Some(ago)) => Some(now - i64::from(ago.get())),
        None => None,
    };
    match (&who.provider, &who.issuer) {
        (Some(id), None) => {
            let provider = config.provider(id).ok_or_else(|| format!("there is no provider `{id}`"))?;
            by_session(config, provider, who, signed_in, now)
        }
        (None, Some(id)) => {
            let issuer = IssuerId::parse(id).and_then(|id| config.issuer(&id));
            by_token(issuer.ok_or_else(|| format!("there is no issuer `{id}`"))?, who, signed_in, now)
        }
        _ => Err("expected either `provider` or `issuer`".to_owned()),
    }
}

fn by_session(
    config: &Config,
    provider: &Provider,
    who: &Who,
    signed_in: Option<i64>,
    now: i64,
) -> Result<Principal, String> {
    let kept = Kept::of(who.claims.clone(), provider, &config.session.claims);
    let record = json!({
        "issuer": provider.issuer.as_str(), "subject": who.claims.get("sub").unwrap_or(&json!("somebody")),
        "provider": provider.id.as_str(), "claims": kept.claims, "scopes": who.scopes, "roles": kept.roles,
        "permissions": kept.permissions, "tenant": kept.tenant, "auth_time": signed_in,
        "acr": who.claims.get("acr"), "amr": who.claims.get("amr").unwrap_or(&json!([])),
        "created_at": now, "last_seen": now,
    });
    serde_json::from_value(record).map(supposed::by_session).map_err(|error| error.to_string())
}

fn by_token(issuer: &TokenIssuer, who: &Who, signed_in: Option<i64>, now: i64) -> Result<Principal, String> {
    let usual = json!({
        "iss": issuer.issuer.as_str(), "aud": issuer.audience, "sub": "somebody", "client_id": "client", "jti": "jti",
        "iat": now, "exp": now + 60, "auth_time": signed_in,
    });
    let mut claims = usual.as_object().cloned().unwrap_or_default();
    claims.extend(who.claims.clone());
    claims.retain(|_, value| !value.is_null());
    supposed::by_token(issuer, claims, Timestamp::from_unix(now)).map_err(|error| error.code().to_owned())
}
