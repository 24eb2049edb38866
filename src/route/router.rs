//! Rules → one table; request → the one rule that answers for it.

use http::Method;

use super::spelling::{LoosePatterns, Precision, precisions};
use super::tree::PatternTree;
use super::{CanonicalPath, Methods, OWN_PREFIX, Paths, Pattern, Route};
use crate::mcp::McpCall;

/// All rules of a deployment.
///
/// The most specific pattern that matches the path decides, and it alone: segment by segment, a literal comes
/// before `{name}`, and both before `{*name}`. So any two patterns have an order where both match, but for two that differ
/// in the names of their parameters alone: these are refused. Only then the method is looked at, so a rule for
/// `POST /a/b` never leaves `GET /a/b` to a wider `/a/{*rest}`: that is a 405.
///
/// An upstream may read paths more loosely than that ([`Paths::Loose`]). So a rule does not answer for a path that
/// some upstream takes for what another rule is for, if that one does not match the path as it stands, is not less
/// specific, and is not known to be the weaker of the two ([`Route::is_as_strict_as`]).
#[derive(Debug, Default)]
pub struct Router {
    pub(super) routes: Vec<Route>,
    pub(super) groups: Vec<Group>,
    /// Pattern → place in `groups`.
    tree: PatternTree,
    loose: LoosePatterns,
}

/// Two rules that would answer for the same requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The name of the later rule.
    pub route: String,
    /// The name of the earlier rule.
    pub with: String,
    /// The method both are for; `None` when their patterns are for the same paths and name the parameters differently.
    pub method: Option<Method>,
}

/// The rule for a request, and what its path says.
#[derive(Debug, PartialEq, Eq)]
pub struct Matched<'a> {
    /// The rule.
    pub route: &'a Route,
    /// The parameters in the order of the pattern, percent-decoded. `{*name}` may be empty.
    pub params: Vec<(String, String)>,
    /// The message of the Model Context Protocol that the request is, once it is read. Without it nobody passes where the
    /// rule is for such messages.
    pub call: Option<&'a McpCall>,
}

/// Why no rule answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// No pattern matches the path.
    NotFound,
    /// A pattern does, but for these methods only.
    MethodNotAllowed(Methods),
    /// A rule does, but the upstream could take the path for what a stricter rule is for; the name of that one.
    OtherSpelling(String),
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
        let Builder { groups, tree, .. } = builder;
        let mut loose = LoosePatterns::default();
        groups.iter().enumerate().for_each(|(number, group)| loose.insert(&group.pattern, number));
        Ok(Self { routes, groups, tree, loose })
    }

    /// The rules, in the order given.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The rules for a path, whatever the method; none for Postern's own paths.
    pub fn at(&self, path: &CanonicalPath) -> impl Iterator<Item = &Route> {
        let found = if path.is_within(OWN_PREFIX) { None } else { self.exactly(path) };
        found.into_iter().flat_map(|group| self.rules(group))
    }

    /// The rule for a request.
    ///
    /// # Errors
    /// When no rule is for it, when a stricter one could be meant, and always for Postern's own paths: the caller refuses.
    pub fn find(&self, method: &Method, path: &CanonicalPath) -> Result<Matched<'_>, NoRoute> {
        if path.is_within(OWN_PREFIX) {
            return Err(NoRoute::NotFound);
        }
        let group = self.exactly(path).ok_or(NoRoute::NotFound)?;
        let Some(route) = self.rule(group, method) else {
            let allowed = self.rules(group).map(|route| route.methods.clone()).reduce(|all, more| all.union(&more));
            return Err(allowed.map_or(NoRoute::NotFound, NoRoute::MethodNotAllowed));
        };
        if let Some(stricter) = self.stricter(method, path, (group, route)) {
            return Err(NoRoute::OtherSpelling(self.name(stricter, method)));
        }
        Ok(Matched { route, params: route.pattern.params(path), call: None })
    }

    /// The rules whose pattern matches this path best, as it stands.
    pub(super) fn exactly(&self, path: &CanonicalPath) -> Option<&Group> {
        self.groups.get(self.tree.find(path.as_str())?)
    }

    /// The rules of a pattern.
    pub(super) fn rules(&self, group: &Group) -> impl Iterator<Item = &Route> {
        group.places.iter().filter_map(|place| self.routes.get(*place))
    }

    fn rule(&self, group: &Group, method: &Method) -> Option<&Route> {
        self.rules(group).find(|route| route.methods.contains(method))
    }

    /// The rules of another pattern that an upstream could take the path for, and that would not let through all that
    /// this one does. A rule that names no such method lets nothing through.
    fn stricter(&self, method: &Method, path: &CanonicalPath, own: (&Group, &Route)) -> Option<&Group> {
        let (group, route) = own;
        // Read letter by letter, a path could still be this one.
        let twin = route.twin(path);
        if route.paths == Paths::Exact && twin.is_none() {
            return None;
        }
        let is_read_so = |other: &Group| {
            route.paths == Paths::Loose || twin.as_ref().is_some_and(|twin| other.pattern.matches(twin))
        };
        let could_be_meant = |other: &&Group| {
            other.pattern != group.pattern
                && other.precisions <= group.precisions
                && !other.pattern.matches(path)
                && is_read_so(other)
        };
        let is_weaker = |other: &Group| self.rule(other, method).is_some_and(|theirs| route.is_as_strict_as(theirs));
        let others = self.loose.find(path).into_iter().filter_map(|number| self.groups.get(number));
        others
            .filter(could_be_meant)
            .filter(|other| !is_weaker(other))
            .min_by(|one, other| one.precisions.cmp(&other.precisions))
    }

    /// The name of a pattern's rule for the method, or of its first where none is for that.
    fn name(&self, group: &Group, method: &Method) -> String {
        let rule = self.rule(group, method).or_else(|| self.rules(group).next());
        rule.map(|rule| rule.name.clone()).unwrap_or_default()
    }
}

#[derive(Default)]
struct Builder {
    tree: PatternTree,
    groups: Vec<Group>,
    conflicts: Vec<Conflict>,
}

/// The rules with one pattern.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) pattern: Pattern,
    precisions: Vec<Precision>,
    /// Where they stand among all; their methods are disjoint.
    places: Vec<usize>,
}

impl Builder {
    fn add(&mut self, place: usize, route: &Route, all: &[Route]) {
        let Some(number) = self.tree.place(&route.pattern) else { return };
        let Some(group) = number.and_then(|number| self.groups.get_mut(number)) else {
            *number = Some(self.groups.len());
            let (pattern, precisions) = (route.pattern.clone(), precisions(&route.pattern));
            self.groups.push(Group { pattern, precisions, places: vec![place] });
            return;
        };
        let conflict = |earlier: &Route, method: Option<Method>| Conflict {
            route: route.name.clone(),
            with: earlier.name.clone(),
            method,
        };
        let mut earlier = group.places.iter().filter_map(|place| all.get(*place));
        if group.pattern == route.pattern {
            let clash =
                earlier.find_map(|one| Some(conflict(one, Some(one.methods.first_shared(&route.methods)?.clone()))));
            self.conflicts.extend(clash);
            group.places.push(place);
        } else {
            self.conflicts.extend(earlier.next().map(|one| conflict(one, None)));
        }
    }
}

#[cfg(test)]
mod tests;
