//! Rules → one table; request → the one rule that answers for it.

use http::Method;
use percent_encoding::percent_decode_str;

use super::spelling::{LoosePatterns, Precision, precisions};
use super::{CanonicalPath, Methods, OWN_PREFIX, Paths, Pattern, Route};

/// All rules of a deployment.
///
/// The most specific pattern that matches the path decides, and it alone: segment by segment, a literal comes
/// before `{name}`, and both before `{*name}`. Only then the method is looked at, so a rule for
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
    tree: matchit::Router<usize>,
    loose: LoosePatterns,
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
        let (groups, tree) = builder.into_tree();
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
        let found = if path.is_within(OWN_PREFIX) { None } else { self.tree.at(path.as_str()).ok() };
        found.and_then(|found| self.groups.get(*found.value)).into_iter().flat_map(|group| self.rules(group))
    }

    /// The rule for a request.
    ///
    /// # Errors
    /// When no rule is for it, when a stricter one could be meant, and always for Postern's own paths: the caller refuses.
    pub fn find(&self, method: &Method, path: &CanonicalPath) -> Result<Matched<'_>, NoRoute> {
        if path.is_within(OWN_PREFIX) {
            return Err(NoRoute::NotFound);
        }
        let found = self.tree.at(path.as_str()).map_err(|_| NoRoute::NotFound)?;
        let group = self.groups.get(*found.value).ok_or(NoRoute::NotFound)?;
        let Some(route) = self.rule(group, method) else {
            let allowed = self.rules(group).map(|route| route.methods.clone()).reduce(|all, more| all.union(&more));
            return Err(allowed.map_or(NoRoute::NotFound, NoRoute::MethodNotAllowed));
        };
        if let Some(stricter) = self.stricter(method, path, (group, route)) {
            return Err(NoRoute::OtherSpelling(self.name(stricter, method)));
        }
        let mut params: Vec<(String, String)> = found.params.iter().map(decoded).collect();
        if let Some(rest) = route.pattern.rest().filter(|rest| found.params.get(rest).is_none()) {
            params.push((rest.to_owned(), String::new()));
        }
        Ok(Matched { route, params })
    }

    /// The rules whose pattern matches this path best, as it stands.
    pub(super) fn exactly(&self, path: &CanonicalPath) -> Option<&Group> {
        self.tree.at(path.as_str()).ok().and_then(|found| self.groups.get(*found.value))
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

/// A canonical path decodes to UTF-8, so nothing is ever replaced here.
fn decoded((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), percent_decode_str(value).decode_utf8_lossy().into_owned())
}

#[derive(Default)]
struct Builder {
    tree: matchit::Router<usize>,
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
        if let Some(group) = self.groups.iter_mut().find(|group| group.pattern == route.pattern) {
            let clash = group.places.iter().filter_map(|place| all.get(*place)).find_map(|earlier| {
                let method = earlier.methods.first_shared(&route.methods)?.clone();
                Some(Conflict { route: route.name.clone(), with: earlier.name.clone(), method: Some(method) })
            });
            group.places.push(place);
            self.conflicts.extend(clash);
        } else if self.tree.insert(route.pattern.as_str(), self.groups.len()).is_ok() {
            let (pattern, precisions) = (route.pattern.clone(), precisions(&route.pattern));
            self.groups.push(Group { pattern, precisions, places: vec![place] });
        } else {
            let with = self.rival(&route.pattern, all).unwrap_or_default();
            self.conflicts.push(Conflict { route: route.name.clone(), with, method: None });
        }
    }

    /// The name of the rule whose pattern does not stand beside `pattern`.
    fn rival(&self, pattern: &Pattern, all: &[Route]) -> Option<String> {
        let clashes = |group: &&Group| {
            let mut pair = matchit::Router::new();
            pair.insert(group.pattern.as_str(), 0_usize).is_ok() && pair.insert(pattern.as_str(), 1).is_err()
        };
        let place = self.groups.iter().find(clashes)?.places.first()?;
        all.get(*place).map(|route| route.name.clone())
    }

    fn into_tree(self) -> (Vec<Group>, matchit::Router<usize>) {
        let mut tree = self.tree;
        let bare = |(number, group): (usize, &Group)| Some((group.pattern.bare_prefix()?.to_owned(), number));
        for (prefix, number) in self.groups.iter().enumerate().filter_map(bare) {
            // Fails where a rule of its own stands for the bare prefix: that one is more specific.
            let _own_rule_stands = tree.insert(prefix, number);
        }
        (self.groups, tree)
    }
}

#[cfg(test)]
mod tests;
