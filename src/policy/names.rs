//! The names of a deployment that policies may speak of. One that is not among them is never there, so a `forbid` by it
//! forbids nothing: whoever publishes has to know.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::route::{CanonicalPath, Route, Router};

/// The names of one site.
#[derive(Debug)]
pub struct KnownNames<'a> {
    config: &'a Config,
    /// The claims that sessions keep.
    pub claims: BTreeSet<String>,
    /// All who may vouch for somebody.
    pub issuers: BTreeSet<String>,
}

/// One route, as far as policies may speak of it.
#[derive(Clone, Copy, Debug)]
pub struct KnownRoute<'a>(&'a Route);

impl<'a> KnownNames<'a> {
    /// Those of this site.
    #[must_use]
    pub fn of(config: &'a Config) -> Self {
        let kept = &config.session.claims;
        let providers = config.providers.iter().map(|provider| provider.issuer.as_str().to_owned());
        let issuers = config.issuers.iter().map(|issuer| issuer.issuer.as_str().to_owned());
        Self { config, claims: kept.iter().cloned().collect(), issuers: providers.chain(issuers).collect() }
    }

    /// Its routes.
    pub fn routes(&self) -> impl Iterator<Item = KnownRoute<'a>> {
        self.config.routes.routes().iter().map(KnownRoute)
    }

    /// The route of this name.
    #[must_use]
    pub fn route(&self, name: &str) -> Option<KnownRoute<'a>> {
        self.routes().find(|route| route.name() == name)
    }

    /// Whether a route that asks the policies answers for this path.
    #[must_use]
    pub fn is_asked_about(&self, path: &str) -> bool {
        let canonical = CanonicalPath::parse(path).ok().filter(|canonical| canonical.as_str() == path);
        canonical.is_some_and(|path| {
            let routes = &self.config.routes;
            self.routes().filter(|route| route.asks()).any(|route| answers(routes, route.0, &path))
        })
    }
}

fn answers(routes: &Router, route: &Route, path: &CanonicalPath) -> bool {
    route.methods.iter().any(|method| routes.find(method, path).is_ok_and(|matched| matched.route.name == route.name))
}

impl<'a> KnownRoute<'a> {
    /// The key of its table.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.0.name
    }

    /// Whether it asks the policies.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.0.guard().is_some_and(|guard| guard.policy)
    }

    /// Whether people come to it by a session.
    #[must_use]
    pub fn takes_sessions(&self) -> bool {
        self.0.guard().is_some_and(crate::route::Guard::takes_sessions)
    }

    /// The relations that policies are told of there.
    pub fn facts(&self) -> impl Iterator<Item = String> {
        self.0.guard().into_iter().flat_map(|guard| &guard.facts).map(ToString::to_string)
    }

    /// The parameters of its path.
    pub fn parameters(&self) -> impl Iterator<Item = &'a str> {
        let name = |segment: &'a str| segment.strip_prefix('{')?.strip_suffix('}');
        let segments = self.0.pattern.as_str().split('/').filter_map(name);
        segments.map(|name| name.strip_prefix('*').unwrap_or(name))
    }
}
