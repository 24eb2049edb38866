//! Where an upstream sees a path that lies elsewhere outside, and the other way round.

use super::{CanonicalPath, Upstream};

/// What is taken off the paths of requests, and what is put before them. Both are literal, in whole segments and without a slash
/// at the end, or empty: so what comes out is as canonical as what went in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathMapping {
    prefix: String,
    base: String,
}

impl PathMapping {
    /// Takes off `prefix`, and puts the upstream's base path before the rest.
    #[must_use]
    pub fn new(prefix: Option<&str>, upstream: &Upstream) -> Self {
        let base = match upstream {
            Upstream::Url { base_path, .. } => base_path.clone(),
            Upstream::Service(_) | Upstream::Assets => String::new(),
        };
        Self { prefix: prefix.unwrap_or_default().to_owned(), base }
    }

    /// Whether the upstream sees every path as it is outside.
    #[must_use]
    pub const fn is_identity(&self) -> bool {
        self.prefix.is_empty() && self.base.is_empty()
    }

    /// What is taken off; empty where nothing is.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The path as the upstream sees it; it begins with `/`. The rule that was found has the prefix in its pattern.
    #[must_use]
    pub fn inward(&self, path: &CanonicalPath) -> String {
        let path = path.as_str();
        let rest = path.strip_prefix(self.prefix.as_str()).unwrap_or(path);
        let slash = if rest.starts_with('/') { "" } else { "/" };
        format!("{}{slash}{rest}", self.base)
    }

    /// Where something lies outside that the upstream has at `path`, which may go on with a query and a fragment. What lies below
    /// the prefix is outside already: there are upstreams that have been told of it. `None` for what is not below the base path.
    #[must_use]
    pub fn outward(&self, path: &str) -> Option<String> {
        let rest = match below(path, &self.base) {
            Some(_) if self.base.is_empty() && self.is_outside(path) => return Some(path.to_owned()),
            Some(rest) => rest,
            None => return self.is_outside(path).then(|| path.to_owned()),
        };
        let slash = if self.prefix.is_empty() && !rest.starts_with('/') { "/" } else { "" };
        Some(format!("{}{slash}{rest}", self.prefix))
    }

    fn is_outside(&self, path: &str) -> bool {
        !self.prefix.is_empty() && below(path, &self.prefix).is_some()
    }
}

/// What follows `prefix`, if that ends with a segment.
fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(prefix: &str, base: &str) -> PathMapping {
        PathMapping { prefix: prefix.to_owned(), base: base.to_owned() }
    }

    #[test]
    fn an_upstream_sees_the_rest_below_its_base_path() {
        //
        for (prefix, base, outside, inside) in [
            ("", "", "/a/b", "/a/b"),
            ("/api", "", "/api/orders/7", "/orders/7"),
            ("/api", "", "/api/", "/"),
            ("/api", "", "/api", "/"),
            ("/api/v1", "", "/api/v1/api/v1/x", "/api/v1/x"),
            ("", "/base", "/", "/base/"),
            ("", "/base", "/a", "/base/a"),
            ("/api", "/base/v2", "/api/a/", "/base/v2/a/"),
            ("/api", "/base", "/api", "/base/"),
            ("/caf%C3%A9", "/v1:x", "/caf%C3%A9/%40me", "/v1:x/%40me"),
        ] {
            let seen = mapping(prefix, base).inward(&CanonicalPath::parse(outside).unwrap());
            assert_eq!(seen, inside, "{outside} without {prefix}, below {base}");
            assert_eq!(CanonicalPath::parse(&seen).unwrap().as_str(), inside);
        }
    }

    #[test]
    fn what_an_upstream_names_is_found_outside() {
        for (prefix, base, inside, outside) in [
            ("", "", "/a?b#c", Some("/a?b#c")),
            ("/api", "", "/orders/7?x=/api#y", Some("/api/orders/7?x=/api#y")),
            ("/api", "", "/", Some("/api/")),
            ("/api", "", "/api/orders", Some("/api/orders")),
            ("/api", "", "/api?x", Some("/api?x")),
            ("/api", "", "/apis", Some("/api/apis")),
            ("", "/base", "/base", Some("/")),
            ("", "/base", "/base?x", Some("/?x")),
            ("", "/base", "/base/a", Some("/a")),
            ("", "/base", "/bases", None),
            ("", "/base", "/", None),
            ("/api", "/base", "/base/a", Some("/api/a")),
            ("/api", "/base", "/base", Some("/api")),
            ("/api", "/base", "/api/a", Some("/api/a")),
            ("/api", "/base", "/login", None),
            ("/api", "/api", "/api/a", Some("/api/a")),
            ("/app", "/app/v1", "/app/v1/a", Some("/app/a")),
            ("/app", "/app/v1", "/app/a", Some("/app/a")),
        ] {
            assert_eq!(mapping(prefix, base).outward(inside).as_deref(), outside, "{inside} at {prefix}, below {base}");
        }
    }
}
