//! The names of a deployment that policies may speak of. One that is not among them is never there, so a `forbid` by it
//! forbids nothing: whoever publishes has to know.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::bundle::Bundle;
use super::engine::PolicyEngine;
use super::problem::PolicyProblem;
use crate::config::Config;
use crate::ordered;
use crate::route::{CanonicalPath, Guard, Route, Router};

/// The names of one site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownNames {
    /// Its routes.
    pub routes: Vec<KnownRoute>,
    /// The claims that sessions keep.
    pub claims: BTreeSet<String>,
    /// All who may vouch for somebody.
    pub issuers: BTreeSet<String>,
}

/// One route, as far as policies may speak of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRoute {
    /// The key of its table.
    pub name: String,
    /// Whether it asks the policies.
    pub asks: bool,
    /// Whether people come to it by a session.
    pub takes_sessions: bool,
    /// The relations that policies are told of there.
    pub facts: Vec<String>,
    /// The parameters of its path.
    pub parameters: Vec<String>,
}

/// Something that policies name and that is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownName {
    /// What to tell about it.
    pub problem: PolicyProblem,
    /// It is there after all if a route that asks the policies answers for this path: engines know no routes.
    pub path: Option<String>,
}

/// What in files that hold up names something that is not there, by place. Without a configuration it is only what is
/// wrong in every deployment.
#[must_use]
pub fn unknown_names(engine: &dyn PolicyEngine, bundle: &Bundle, config: Option<&Config>) -> Vec<PolicyProblem> {
    let known = config.map(KnownNames::of);
    let is_there = |path: &str| config.is_some_and(|config| is_asked_about(config, path));
    let found = engine.unknown_names(bundle, known.as_ref()).into_iter();
    let unknown = found.filter(|one| !one.path.as_deref().is_some_and(is_there));
    ordered::collected::<BTreeSet<PolicyProblem>, _>(unknown.map(|one| one.problem)).into_iter().collect()
}

impl KnownNames {
    /// Those of this site.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let providers = config.providers.iter().map(|provider| provider.issuer.as_str().to_owned());
        let issuers = config.issuers.iter().map(|issuer| issuer.issuer.as_str().to_owned());
        Self {
            routes: config.routes.routes().iter().map(KnownRoute::of).collect(),
            claims: ordered::collected(config.session.claims.iter().cloned()),
            issuers: ordered::collected(
                providers.chain(issuers).chain(config.workloads.iter().map(|one| one.issuer.clone())),
            ),
        }
    }

    /// Whether it is an issuer of this site's. Where each tenant has one, any tenant will do: a name that is mistyped
    /// shows all the same.
    #[must_use]
    pub fn knows_issuer(&self, issuer: &str) -> bool {
        let is_one = |template: &String| {
            let parts = template.split_once("{tenantid}");
            parts.is_some_and(|(before, after)| issuer.starts_with(before) && issuer.ends_with(after))
        };
        self.issuers.contains(issuer) || self.issuers.iter().any(is_one)
    }

    /// The route of this name.
    #[must_use]
    pub fn route(&self, name: &str) -> Option<&KnownRoute> {
        self.routes.iter().find(|route| route.name == name)
    }
}

impl KnownRoute {
    fn of(route: &Route) -> Self {
        let segment = |segment: &str| segment.strip_prefix('{')?.strip_suffix('}').map(str::to_owned);
        let names = route.pattern.as_str().split('/').filter_map(segment);
        Self {
            name: route.name.clone(),
            asks: asks(route),
            takes_sessions: route.guard().is_some_and(Guard::takes_sessions),
            facts: route.guard().into_iter().flat_map(|guard| &guard.facts).map(ToString::to_string).collect(),
            parameters: names.map(|name| name.strip_prefix('*').map(str::to_owned).unwrap_or(name)).collect(),
        }
    }
}

fn asks(route: &Route) -> bool {
    route.guard().is_some_and(|guard| guard.policy)
}

/// Whether a route that asks the policies answers for this path.
fn is_asked_about(config: &Config, path: &str) -> bool {
    let canonical = CanonicalPath::parse(path).ok().filter(|canonical| canonical.as_str() == path);
    let routes = &config.routes;
    let asking = || routes.routes().iter().filter(|route| asks(route));
    canonical.is_some_and(|path| asking().any(|route| answers(routes, route, &path)))
}

fn answers(routes: &Router, route: &Route, path: &CanonicalPath) -> bool {
    route.methods.iter().any(|method| routes.find(method, path).is_ok_and(|matched| matched.route.name == route.name))
}
