//! Rules → one table; request → the one rule that answers for it.

use http::Method;
use percent_encoding::percent_decode_str;

use super::{CanonicalPath, Methods, OWN_PREFIX, Pattern, Route};

/// All rules of a deployment.
///
/// The most specific pattern that matches the path decides, and it alone: segment by segment, a literal comes
/// before `{name}`, and both before `{*name}`. Only then the method is looked at, so a rule for
/// `POST /a/b` never leaves `GET /a/b` to a wider `/a/{*rest}`: that is a 405.
#[derive(Debug, Default)]
pub struct Router {
    routes: Vec<Route>,
    /// Pattern → places in `routes`; their methods are disjoint.
    tree: matchit::Router<Vec<usize>>,
}

/// Two rules that would answer for the same requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The name of the later rule.
    pub route: String,
    /// The name of the earlier rule.
    pub with: String,
    /// The method both are for; `None` when their patterns cannot stand side by side at all.
    pub method: Option<Method>,
}

/// The rule for a request, and what its path says.
#[derive(Debug, PartialEq, Eq)]
pub struct Matched<'a> {
    /// The rule.
    pub route: &'a Route,
    /// The parameters in the order of the pattern, percent-decoded. `{*name}` may be empty.
    pub params: Vec<(String, String)>,
}

/// Why no rule answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// No pattern matches the path.
    NotFound,
    /// A pattern does, but for these methods only.
    MethodNotAllowed(Methods),
}

impl Router {
    /// Puts rules together.
    ///
    /// # Errors
    /// Every pair of rules found that would answer for the same requests.
    pub fn new(routes: Vec<Route>) -> Result<Self, Vec<Conflict>> {
        let mut builder = Builder::default();
        for (place, route) in routes.iter().enumerate() {
            builder.add(place, route, &routes);
        }
        if !builder.conflicts.is_empty() {
            return Err(builder.conflicts);
        }
        let tree = builder.into_tree();
        Ok(Self { routes, tree })
    }

    /// The rules, in the order given.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The rules for a path, whatever the method; none for Postern's own paths.
    pub fn at(&self, path: &CanonicalPath) -> impl Iterator<Item = &Route> {
        let found = if path.is_within(OWN_PREFIX) { None } else { self.tree.at(path.as_str()).ok() };
        found.into_iter().flat_map(|found| found.value).filter_map(|place| self.routes.get(*place))
    }

    /// The rule for a request.
    ///
    /// # Errors
    /// When no rule is for it, and always for Postern's own paths: the caller refuses.
    pub fn find(&self, method: &Method, path: &CanonicalPath) -> Result<Matched<'_>, NoRoute> {
        if path.is_within(OWN_PREFIX) {
            return Err(NoRoute::NotFound);
        }
        let found = self.tree.at(path.as_str()).map_err(|_| NoRoute::NotFound)?;
        let rules = || found.value.iter().filter_map(|place| self.routes.get(*place));
        let Some(route) = rules().find(|route| route.methods.contains(method)) else {
            let allowed = rules().map(|route| route.methods.clone()).reduce(|all, more| all.union(&more));
            return Err(allowed.map_or(NoRoute::NotFound, NoRoute::MethodNotAllowed));
        };
        let mut params: Vec<(String, String)> = found.params.iter().map(decoded).collect();
        if let Some(rest) = route.pattern.rest().filter(|rest| found.params.get(rest).is_none()) {
            params.push((rest.to_owned(), String::new()));
        }
        Ok(Matched { route, params })
    }
}

/// A canonical path decodes to UTF-8, so nothing is ever replaced here.
fn decoded((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), percent_decode_str(value).decode_utf8_lossy().into_owned())
}

#[derive(Default)]
struct Builder {
    tree: matchit::Router<()>,
    groups: Vec<Group>,
    conflicts: Vec<Conflict>,
}

/// The rules with one pattern.
struct Group {
    pattern: Pattern,
    places: Vec<usize>,
}

impl Builder {
    fn add(&mut self, place: usize, route: &Route, all: &[Route]) {
        if let Some(group) = self.groups.iter_mut().find(|group| group.pattern == route.pattern) {
            let clash = group.places.iter().filter_map(|place| all.get(*place)).find_map(|earlier| {
                let method = earlier.methods.first_shared(&route.methods)?.clone();
                Some(Conflict { route: route.name.clone(), with: earlier.name.clone(), method: Some(method) })
            });
            group.places.push(place);
            self.conflicts.extend(clash);
        } else if self.tree.insert(route.pattern.as_str(), ()).is_ok() {
            self.groups.push(Group { pattern: route.pattern.clone(), places: vec![place] });
        } else {
            let with = self.rival(&route.pattern, all).unwrap_or_default();
            self.conflicts.push(Conflict { route: route.name.clone(), with, method: None });
        }
    }

    /// The name of the rule whose pattern does not stand beside `pattern`.
    fn rival(&self, pattern: &Pattern, all: &[Route]) -> Option<String> {
        let clashes = |group: &&Group| {
            let mut pair = matchit::Router::new();
            pair.insert(group.pattern.as_str(), ()).is_ok() && pair.insert(pattern.as_str(), ()).is_err()
        };
        let place = self.groups.iter().find(clashes)?.places.first()?;
        all.get(*place).map(|route| route.name.clone())
    }

    fn into_tree(self) -> matchit::Router<Vec<usize>> {
        let mut tree = matchit::Router::new();
        let bare = |group: &Group| Some((group.pattern.bare_prefix()?.to_owned(), group.places.clone()));
        let prefixes: Vec<(String, Vec<usize>)> = self.groups.iter().filter_map(bare).collect();
        for group in self.groups {
            // Cannot fail: the same patterns went into the trial tree in the same order.
            let inserted = tree.insert(group.pattern.as_str(), group.places);
            debug_assert!(inserted.is_ok());
        }
        for (prefix, places) in prefixes {
            // Fails where a rule of its own stands for the bare prefix: that one is more specific.
            let _own_rule_stands = tree.insert(prefix, places);
        }
        tree
    }
}

#[cfg(test)]
mod tests;
