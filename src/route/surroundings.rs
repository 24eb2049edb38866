//! What is to be known of rules that stand beside weaker ones, before any request comes: for `postern check`.

use super::spelling::{Precision, precisions};
use super::{CanonicalPath, NoRoute, Pattern, Route, Router};
use crate::http::Method;

/// A rule, and a weaker one that other spellings of its paths fall under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surrounded<'a> {
    /// The rule.
    pub rule: &'a Route,
    /// The weaker one.
    pub weaker: &'a Route,
    /// Such spellings, as patterns.
    pub spellings: Vec<String>,
    /// Whether they are refused. If not, the weaker rule names them itself, or says that its upstream reads paths exactly.
    pub refused: bool,
}

/// A rule that lets nothing through, because an upstream could take its paths for another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable<'a> {
    /// The rule.
    pub rule: &'a Route,
    /// The name of the other.
    pub other: String,
}

/// A rule for POST beside a stricter one for another method of the same paths: there are upstreams that take a POST for
/// another method where a form says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overridable<'a> {
    /// The rule for POST.
    pub post: &'a Route,
    /// The stricter one.
    pub stricter: &'a Route,
}

impl Router {
    /// Every rule that stands beside a weaker one which other spellings of its paths fall under.
    #[must_use]
    pub fn surrounded(&self) -> Vec<Surrounded<'_>> {
        let mut found: Vec<Surrounded<'_>> = Vec::new();
        for rule in self.routes() {
            for (spelling, path) in spellings(&rule.pattern).into_iter().filter_map(with_sample) {
                let Some(group) = self.exactly(&path).filter(|group| group.pattern != rule.pattern) else { continue };
                for weaker in self.rules(group).filter(|other| is_weaker(other, rule)) {
                    let refused = self.other(rule.methods.first_shared(&weaker.methods), &path).is_some();
                    let is_same = |known: &&mut Surrounded<'_>| {
                        *known.rule == *rule && *known.weaker == *weaker && known.refused == refused
                    };
                    match found.iter_mut().find(is_same) {
                        Some(known) => known.spellings.push(spelling.clone()),
                        None => found.push(Surrounded { rule, weaker, spellings: vec![spelling.clone()], refused }),
                    }
                }
            }
        }
        found
    }

    /// Every rule of which nothing is let through.
    #[must_use]
    pub fn unreachable(&self) -> Vec<Unreachable<'_>> {
        let mut found = Vec::new();
        for rule in self.routes() {
            let path = CanonicalPath::parse(&sample(rule.pattern.as_str())).ok();
            let other = path.and_then(|path| self.other(rule.methods.iter().next(), &path));
            found.extend(other.map(|other| Unreachable { rule, other }));
        }
        found
    }

    /// Every rule for POST beside a stricter one.
    #[must_use]
    pub fn overridable(&self) -> Vec<Overridable<'_>> {
        let overrides = |route: &Route| {
            [Method::PUT, Method::PATCH, Method::DELETE].iter().any(|method| route.methods.contains(method))
        };
        let mut found = Vec::new();
        for group in &self.groups {
            let Some(post) = self.rules(group).find(|route| route.methods.contains(&Method::POST)) else { continue };
            let stricter = self.rules(group).find(|other| overrides(other) && !post.is_as_strict_as(other));
            found.extend(stricter.map(|stricter| Overridable { post, stricter }));
        }
        found
    }

    /// The rule that could be meant, where that is why a request is refused.
    fn other(&self, method: Option<&Method>, path: &CanonicalPath) -> Option<String> {
        match self.find(method?, path) {
            Err(NoRoute::OtherSpelling(other)) => Some(other),
            _ => None,
        }
    }
}

fn with_sample(spelling: String) -> Option<(String, CanonicalPath)> {
    let path = CanonicalPath::parse(&sample(&spelling)).ok()?;
    Some((spelling, path))
}

/// Whether a method falls under both, and `other` lets through what `rule` would not.
fn is_weaker(other: &Route, rule: &Route) -> bool {
    other.methods.iter().any(|method| rule.methods.contains(method)) && !other.is_as_strict_as(rule)
}

/// Other spellings of what a pattern is for, as patterns: one of each kind.
fn spellings(pattern: &Pattern) -> Vec<String> {
    let text = pattern.as_str();
    let bare = pattern.bare_prefix();
    let name = bare.unwrap_or(text).trim_end_matches('/');
    let ends_literally = precisions(pattern).iter().rfind(|one| **one != Precision::Rest) == Some(&Precision::Literal);
    let slash = if bare.is_some() || text.ends_with('/') { name.to_owned() } else { format!("{text}/") };
    let format = ends_literally.then(|| match name.rsplit_once('.') {
        Some((without, format)) if bare.is_none() && !format.contains('/') => without.to_owned(),
        _ => format!("{name}.json"),
    });
    [Some(slash), capitals(text), format].into_iter().flatten().filter(|one| !one.is_empty()).collect()
}

/// With a capital letter in the last literal segment that has a small one.
fn capitals(text: &str) -> Option<String> {
    let mut segments: Vec<String> = text.split('/').map(str::to_owned).collect();
    let is_plain = |segment: &&mut String| segment.starts_with(|first: char| first.is_ascii_lowercase());
    let last = segments.iter_mut().rev().find(is_plain)?;
    let (first, rest) = last.split_at_checked(1)?;
    *last = format!("{}{rest}", first.to_ascii_uppercase());
    Some(segments.join("/"))
}

/// A path that the pattern matches.
fn sample(pattern: &str) -> String {
    let segment = |segment: &str| if segment.starts_with('{') { "x".to_owned() } else { segment.to_owned() };
    pattern.split('/').map(segment).collect::<Vec<_>>().join("/")
}
