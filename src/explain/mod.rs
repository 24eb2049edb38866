//! What would be decided about a request, and why: who is supposed to ask, and what for → a [`Explanation`].
//!
//! The configuration, the mapping of claims and door 2 are those that decide about real requests; only that somebody is
//! who they are is supposed, and what opens for them here opens nowhere.

mod context;
mod who;
pub mod words;

use std::fmt;

use serde_json::{Map, Value, json};

use crate::authn::hypothetical::Hypothetical;
use crate::authn::{BlockedBy, Means, PrincipalSource, Standing, TokenRejection, resource};
use crate::authz::relations::{Questions, RelationStep};
use crate::authz::{self, Decision, Denial, Finding};
use crate::config::{Config, Roles};
use crate::http::Method;
use crate::http::Peer;
use crate::mcp::{McpCall, McpMessage, McpRules};
use crate::policy::{
    CallFacts, Cause, ContextFacts, NearMiss, PolicyDecision, PolicyInput, PolicyVerdict, PrincipalFacts, ResourceFacts,
};
use crate::relation::{MemoryTuples, Model};
use crate::route::{Access, CanonicalPath, Matched, NoRoute, Route};
use crate::store::block_list::BlockList;
use crate::time::Timestamp;

pub use context::{Certificate, Context, HypotheticalTls};
pub use who::Who;

/// A question that a route answers.
#[derive(Debug)]
pub struct Case<'a> {
    /// Who asks, where the route looks at what they come by: else they are nobody there.
    who: Option<&'a Hypothetical>,
    method: Method,
    path: CanonicalPath,
    matched: Matched<'a>,
    /// What is asked for of a server of the Model Context Protocol, and the rule with what that needs.
    call: Option<(McpCall, Route)>,
    roles: &'a Roles,
    now: Timestamp,
}

/// What became of reading a question.
#[derive(Debug)]
pub enum Reading<'a> {
    /// A route answers it.
    Case(Box<Case<'a>>),
    /// It is refused before anybody asks who it is.
    Refused(Explanation),
}

/// What is decided, by which rule, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// `allow`, `deny`, `step_up`, or `401` for who would have to prove an identity first.
    pub outcome: &'static str,
    /// The route that decides.
    pub route: Option<String>,
    /// The reason, as the log names it.
    pub because: &'static str,
    /// More of the reason.
    pub detail: Option<String>,
    /// Each requirement of the route, and whether it is met.
    pub requirements: Vec<Finding>,
    /// The version of the policies that were asked.
    pub policy_version: Option<String>,
    /// Those of them that decided.
    pub policies: Vec<String>,
    /// Where none permits it: those that come nearest to it.
    pub nearest: Vec<NearMiss>,
    /// Those of the route's `facts` that hold.
    pub facts: Vec<String>,
}

/// Finds the route for `request`, such as `GET /api/orders/7`, or `POST /mcp tools/call:search` where the route has `mcp`.
///
/// # Errors
/// When it is no request.
pub fn read<'a>(
    config: &'a Config,
    who: Option<&'a Hypothetical>,
    request: &str,
    now: Timestamp,
) -> Result<Reading<'a>, String> {
    let misread = || format!("expected a request such as `GET /orders/7`, found `{request}`");
    let (method, path) = request.split_once(' ').ok_or_else(misread)?;
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| misread())?;
    let (path, operation) = path.split_once(' ').map_or((path, None), |(path, operation)| (path, Some(operation)));
    let path = match CanonicalPath::parse(path) {
        Ok(path) => path,
        Err(error) => return Ok(Reading::Refused(Explanation::of("deny", None, error.code()))),
    };
    let matched = match config.routes.find(&method, &path) {
        Ok(matched) => matched,
        Err(NoRoute::NotFound) => return Ok(Reading::Refused(Explanation::of("deny", None, "route.none"))),
        Err(NoRoute::MethodNotAllowed(_)) => {
            return Ok(Reading::Refused(Explanation::of("deny", None, "route.method_not_allowed")));
        }
        Err(NoRoute::OtherSpelling(stricter)) => {
            let explanation = Explanation::of("deny", None, "route.other_spelling");
            return Ok(Reading::Refused(Explanation { detail: Some(stricter), ..explanation }));
        }
    };
    let who = who.filter(|who| takes(&matched.route.access, who));
    if who.is_some_and(|who| !is_for(config, who, &path)) {
        let (route, code) = (matched.route.name.clone(), TokenRejection::OtherResource.code());
        return Ok(Reading::Refused(Explanation::of("deny", Some(route), code)));
    }
    let call = match (operation, &matched.route.mcp) {
        (None, _) => None,
        (Some(_), None) => {
            return Err(format!("expected no operation behind the path: `{}` has no `mcp`", matched.route.name));
        }
        (Some(operation), Some(rules)) => Some(call(operation, rules, matched.route)?),
    };
    Ok(Reading::Case(Box::new(Case { who, method, path, matched, call, roles: &config.roles, now })))
}

/// `tools/call:search`.
fn call(operation: &str, rules: &McpRules, route: &Route) -> Result<(McpCall, Route), String> {
    let (method, name) = operation.split_once(':').map_or((operation, None), |(method, name)| (method, Some(name)));
    let message = McpMessage::supposed(method, name, &Map::new());
    let message =
        message.map_err(|_| format!("expected an operation such as `tools/call:search`, found `{operation}`"))?;
    let needs = rules.needed_by(&message);
    let route = route.needing(needs.as_deref().unwrap_or_default());
    Ok((McpCall { message: Some(message), needs }, route))
}

impl Case<'_> {
    /// Decides, as far as the configuration does. A route that asks the policies as well has
    /// [`Explanation::TO_BE_ASKED`] for its reason where its requirements are met.
    #[must_use]
    pub fn decide(&self) -> Explanation {
        let Self { who, now, .. } = self;
        let principal = who.map(Hypothetical::principal);
        let route = self.call.as_ref().map_or(self.matched.route, |(_, route)| route);
        let matched = &Matched { route, params: self.matched.params.clone(), call: None };
        let is_unlisted = self.call.as_ref().is_some_and(|(call, _)| call.needs.is_none());
        if is_unlisted && principal.is_some() {
            return Explanation::of("deny", Some(route.name.clone()), "mcp.unlisted");
        }
        let (outcome, because, detail) = match authz::authorize(principal, matched, *now) {
            Decision::Allow(_) if matched.route.access == Access::Public => ("allow", "route.public", None),
            Decision::Allow(_) if self.asks_policies() => ("allow", Explanation::TO_BE_ASKED, None),
            Decision::Allow(_) => ("allow", "authz.requirements_met", None),
            Decision::StepUp(wanted) => ("step_up", wanted.shortfall.code(), None),
            Decision::Deny(Denial::Anonymous) => ("401", "authn.no_credential", None),
            Decision::Deny(denial) => ("deny", denial.code(), denial.detail()),
        };
        let requirements = principal.map(|principal| authz::each(principal, matched, *now)).unwrap_or_default();
        let verdict = Explanation::of(outcome, Some(matched.route.name.clone()), because);
        Explanation { detail, requirements, ..verdict }
    }

    /// What the route wants to know of relations, where its other requirements are met so far; `None` when nothing.
    #[must_use]
    pub fn relations<'m>(&'m self, verdict: &Explanation, model: &'m Model) -> Option<Result<Questions<'m>, Denial>> {
        let (guard, who) = (self.matched.route.guard()?, self.who?);
        if !matches!(verdict.outcome, "allow" | "step_up") {
            return None;
        }
        Questions::new(model, who.principal(), guard, &self.matched.params).transpose()
    }

    /// Decides with these for all the tuples there are. Also the facts for the policies.
    #[must_use]
    pub fn decide_with(&self, model: &Model, tuples: &MemoryTuples) -> (Explanation, Vec<String>) {
        let verdict = self.decide();
        let Some(questions) = self.relations(&verdict, model) else { return (verdict, Vec::new()) };
        let found = questions.and_then(|mut questions| {
            loop {
                match questions.step() {
                    RelationStep::Met(facts) => break Ok(facts),
                    RelationStep::Denied(denial) => break Err(denial),
                    RelationStep::Read(reads) => {
                        let answers = reads.iter().map(|read| tuples.answer(read)).collect();
                        // One answer for each.
                        let _same_number = questions.learn(reads, answers);
                    }
                }
            }
        });
        (verdict.with_relations(&found), found.unwrap_or_default())
    }

    /// What of whoever asks is on the list, where the route asks who they are. A session is taken to begin now.
    #[must_use]
    pub fn blocked(&self, list: &BlockList) -> Option<BlockedBy> {
        let principal = self.who?.principal();
        let by = Standing::of(principal, self.now).check(list, self.now).err()?;
        Some(if by == BlockedBy::Subject && principal.session().is_some() { BlockedBy::Person } else { by })
    }

    fn asks_policies(&self) -> bool {
        matches!(&self.matched.route.access, Access::Guarded(guard) if guard.policy)
    }

    /// The same question for the policies; `None` where nobody asks it.
    #[must_use]
    pub fn for_policies<'a>(&'a self, peer: &'a Peer, facts: &'a [String]) -> Option<PolicyInput<'a>> {
        let principal = self.who?.principal();
        Some(PolicyInput {
            principal: PrincipalFacts::of(principal, self.roles),
            method: &self.method,
            resource: ResourceFacts::of(&self.path, &self.matched, principal),
            call: self.call.as_ref().and_then(|(call, _)| CallFacts::of(call)),
            context: ContextFacts { now: self.now, peer, relations: facts },
        })
    }
}

/// Whether their token, if that is what they come by, is for what is at this path.
fn is_for(config: &Config, who: &Hypothetical, path: &CanonicalPath) -> bool {
    let principal = who.principal();
    let issuer = match principal.origin() {
        PrincipalSource::Issuer(id) => config.issuer(id),
        PrincipalSource::Provider(_)
        | PrincipalSource::Key(_)
        | PrincipalSource::Certificate(_)
        | PrincipalSource::Grant { .. } => None,
    };
    issuer.is_none_or(|issuer| resource::is_for(issuer, principal.stated(), path))
}

/// Whether the route looks at what they come by.
fn takes(access: &Access, who: &Hypothetical) -> bool {
    match access {
        Access::Public => false,
        Access::Guarded(guard) => match who.principal().origin() {
            PrincipalSource::Provider(_) => guard.takes_sessions(),
            PrincipalSource::Issuer(_) if who.principal().authentication().means == Means::Workload => {
                guard.takes_workloads()
            }
            PrincipalSource::Issuer(_) => guard.takes_tokens(),
            PrincipalSource::Certificate(_) => guard.takes_certificates(),
            PrincipalSource::Key(_) => guard.takes_keys(),
            PrincipalSource::Grant { .. } => guard.takes_agents(),
        },
    }
}

impl Explanation {
    /// The reason where what the requirements let through is for the policies to decide.
    pub const TO_BE_ASKED: &'static str = "policy.to_be_asked";

    fn of(outcome: &'static str, route: Option<String>, because: &'static str) -> Self {
        Self {
            outcome,
            route,
            because,
            detail: None,
            requirements: Vec::new(),
            policy_version: None,
            policies: Vec::new(),
            nearest: Vec::new(),
            facts: Vec::new(),
        }
    }

    /// What the relations make of it, which may only take away.
    #[must_use]
    pub fn with_relations(mut self, found: &Result<Vec<String>, Denial>) -> Self {
        self.requirements.push(Finding::of("relations", found.as_ref().map(|_| ()).map_err(Denial::clone)));
        match found {
            Ok(facts) => Self { facts: facts.clone(), ..self },
            Err(denial) => Self { outcome: "deny", because: denial.code(), detail: denial.detail(), ..self },
        }
    }

    /// They are blocked: then nothing else matters.
    #[must_use]
    pub fn with_block(self, by: BlockedBy) -> Self {
        Self { outcome: "deny", because: by.code(), detail: None, ..self }
    }

    /// The store of relations did not answer: then nobody passes.
    #[must_use]
    pub fn without_relations(self) -> Self {
        Self { outcome: "deny", because: "store.unavailable", ..self }
    }

    /// What the policies make of it, which may only take away.
    #[must_use]
    pub fn with_policies(self, decision: PolicyDecision) -> Self {
        let outcome = match decision.verdict {
            PolicyVerdict::Allow => "allow",
            PolicyVerdict::Deny(_) => "deny",
            PolicyVerdict::StepUp(_) => "step_up",
        };
        let failed: Vec<String> = decision.failures.into_iter().map(|failure| failure.policy).collect();
        Self {
            outcome,
            because: decision.verdict.code(),
            detail: (!failed.is_empty()).then(|| failed.join(" ")),
            policy_version: Some(decision.version.to_string()),
            policies: decision.policies,
            ..self
        }
    }

    /// Which policies come nearest to permitting it, where none does.
    #[must_use]
    pub fn with_nearest(self, nearest: impl FnOnce() -> Vec<NearMiss>) -> Self {
        let is_open = self.because == PolicyVerdict::Deny(Cause::NothingPermits).code();
        let nearest = if is_open { nearest() } else { Vec::new() };
        Self { nearest, ..self }
    }

    /// The same for whoever may read policies, or may not.
    #[must_use]
    pub fn told(mut self, reads_policies: bool) -> Self {
        if !reads_policies {
            self.nearest.iter_mut().for_each(|near| near.failed = None);
        }
        self
    }

    /// No policies are at hand: then nobody passes.
    #[must_use]
    pub fn without_policies(self) -> Self {
        Self { outcome: "deny", because: "policy.none_loaded", ..self }
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let finding = |finding: &Finding| json!({ "name": finding.name, "met": finding.is_met(), "reason": finding.reason, "detail": finding.detail });
        let near = |near: &NearMiss| json!({ "policy": near.policy, "line": near.at.0, "column": near.at.1, "condition": near.failed });
        json!({
            "outcome": self.outcome,
            "route": self.route,
            "reason": self.because,
            "detail": self.detail,
            "because": words::of(self.because),
            "requirements": self.requirements.iter().map(finding).collect::<Vec<_>>(),
            "policy_version": self.policy_version,
            "policies": self.policies,
            "nearest": self.nearest.iter().map(near).collect::<Vec<_>>(),
            "facts": self.facts,
        })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = self.detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
        let route = self.route.as_deref().unwrap_or("none");
        write!(f, "{}\n  route   {route}\n  reason  {}{detail}\n", self.outcome, self.because)?;
        self.facts.iter().try_for_each(|fact| writeln!(f, "  fact    {fact}"))?;
        self.policies.iter().try_for_each(|policy| writeln!(f, "  policy  {policy}"))?;
        self.nearest.iter().try_for_each(|near| writeln!(f, "  nearest {near}"))?;
        self.policy_version.iter().try_for_each(|version| writeln!(f, "  version {version}"))
    }
}
