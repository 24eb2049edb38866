//! Any table of rules and any path: the rule that answers is the one that the plain reading of the table gives, whatever
//! the order of the rules, and whatever other rules there are that are not for this path.
//!
//! The input is a path, then the rules, one a line, as keys of the configuration: `GET,PUT /a/{b}`.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use postern::http::Method;
use postern::route::{
    Access, CanonicalPath, Matched, Methods, NoRoute, OWN_PREFIX, Paths, Pattern, RequestHeaders, Route, Router,
    Upstream,
};

const MAX_RULES: usize = 24;
const METHODS: [Method; 4] = [Method::GET, Method::HEAD, Method::PUT, Method::TRACE];

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let path = CanonicalPath::parse(lines.next().unwrap_or_default());
    let rules: Vec<Route> = lines.take(MAX_RULES).filter_map(rule).collect();
    let Ok(router) = Router::new(rules.clone()) else { return };
    let Ok(path) = path else { return };
    let reversed = Router::new(rules.iter().rev().cloned().collect()).expect("the order of rules makes a conflict");
    let concerned = Router::new(rules.into_iter().filter(|rule| is_for(rule, &path)).collect());
    let concerned = concerned.expect("fewer rules make a conflict");
    for method in METHODS {
        let found = verdict(&router, &method, &path);
        assert_eq!(found, plainly(&router, &method, &path), "{method} {path}");
        assert_eq!(found, verdict(&reversed, &method, &path), "the order of rules decides");
        assert_eq!(found, verdict(&concerned, &method, &path), "rules for other paths decide");
        if let Ok(matched) = router.find(&method, &path) {
            says_the_path_again(&matched, &path);
        }
    }
}

fn rule(line: &str) -> Option<Route> {
    let (methods, pattern) = line.split_once(' ').unwrap_or(("", line));
    Some(Route {
        name: line.to_owned(),
        pattern: Pattern::parse(pattern).ok()?,
        methods: if methods.is_empty() { Methods::all() } else { Methods::parse(methods.split(',')).ok()? },
        upstream: Some(Upstream::Assets),
        strip_prefix: None,
        cors: None,
        security_headers: None,
        limits: postern::limit::RouteLimits::default(),
        access: Access::Public,
        paths: Paths::Exact,
        request_headers: RequestHeaders::default(),
        websocket_buffer: 8,
        mcp: None,
    })
}

/// The name of the rule that answers; none, or the methods that there are rules for.
type Verdict = Result<String, Option<BTreeSet<String>>>;

fn verdict(router: &Router, method: &Method, path: &CanonicalPath) -> Verdict {
    router.find(method, path).map(|matched| matched.route.name.clone()).map_err(|refusal| match refusal {
        NoRoute::NotFound | NoRoute::OtherSpelling(_) => None,
        NoRoute::MethodNotAllowed(allowed) => Some(allowed.iter().map(ToString::to_string).collect()),
    })
}

/// What docs/reference/routes.md says, without a tree: of all patterns that match, the one that is more
/// specific at the first segment where they differ; of its rules, the one for the method.
fn plainly(router: &Router, method: &Method, path: &CanonicalPath) -> Verdict {
    let matching = || router.routes().iter().filter(|rule| is_for(rule, path));
    let best = matching().map(|rule| specificity(rule.pattern.as_str())).min().ok_or(None)?;
    let rules: Vec<&Route> = matching().filter(|rule| specificity(rule.pattern.as_str()) == best).collect();
    let answers: Vec<&&Route> = rules.iter().filter(|rule| rule.methods.contains(method)).collect();
    assert!(answers.len() <= 1, "two rules for one request");
    let allowed = || rules.iter().flat_map(|rule| rule.methods.iter()).map(ToString::to_string).collect();
    answers.first().map(|rule| rule.name.clone()).ok_or_else(|| Some(allowed()))
}

/// Segment by segment: 0 for a literal, 1 for `{name}`, 2 for `{*name}`.
fn specificity(pattern: &str) -> Vec<u8> {
    let segment = |text: &str| if text.starts_with("{*") { 2 } else { u8::from(text.starts_with('{')) };
    pattern.split('/').skip(1).map(segment).collect()
}

fn is_for(rule: &Route, path: &CanonicalPath) -> bool {
    let (mut pattern, mut path_segments) = (rule.pattern.as_str().split('/').skip(1), path.as_str().split('/').skip(1));
    loop {
        match (pattern.next(), path_segments.next()) {
            (Some(rest), Some(_)) if rest.starts_with("{*") => break,
            (Some(name), Some(value)) if name.starts_with('{') && !value.is_empty() => {}
            (Some(literal), Some(value)) if literal == value => {}
            (None, None) => break,
            _ => return false,
        }
    }
    path.as_str() != OWN_PREFIX && !path.as_str().starts_with("/auth/")
}

/// The pattern with its parameters filled in is the path.
fn says_the_path_again(matched: &Matched<'_>, path: &CanonicalPath) {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let mut params = matched.params.iter();
    let mut filled = String::new();
    for segment in matched.route.pattern.as_str().split('/').skip(1) {
        filled.push('/');
        let Some(name) = segment.strip_prefix('{') else {
            filled.push_str(&decoded(segment));
            continue;
        };
        let (found, value) = params.next().expect("a parameter is missing");
        assert_eq!(found, name.trim_start_matches('*').trim_end_matches('}'));
        filled.push_str(value);
    }
    assert!(params.next().is_none() && filled == decoded(path.as_str()), "{filled} is not {path}");
}
