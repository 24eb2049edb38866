use proptest::prelude::*;

use super::super::{Access, Upstream};
use super::*;
use crate::limit::RouteLimits;

fn route(name: &str) -> Route {
    let (methods, pattern) = name.split_once(' ').unwrap_or(("GET,POST", name));
    Route {
        name: name.to_owned(),
        pattern: Pattern::parse(pattern).unwrap(),
        methods: Methods::parse(methods.split(',')).unwrap(),
        upstream: Some(Upstream::Assets),
        access: Access::Public,
        cors: None,
        security_headers: None,
        limits: RouteLimits::default(),
    }
}

fn router(names: &[&str]) -> Router {
    Router::new(names.iter().map(|name| route(name)).collect()).unwrap()
}

fn conflicts(names: &[&str]) -> Vec<Conflict> {
    Router::new(names.iter().map(|name| route(name)).collect()).map(|_| ()).unwrap_err()
}

fn path(text: &str) -> CanonicalPath {
    CanonicalPath::parse(text).unwrap()
}

/// The name of the rule found, or the refusal.
fn found(router: &Router, method: &Method, text: &str) -> Result<String, NoRoute> {
    router.find(method, &path(text)).map(|matched| matched.route.name.clone())
}

#[test]
fn the_most_specific_pattern_answers() {
    //
    let router = router(&["/", "/{*path}", "/api/{*rest}", "/api/orders/{id}", "/api/orders/new"]);
    let cases = [
        ("/", "/"),
        ("/a", "/{*path}"),
        ("/a/b/", "/{*path}"),
        ("/api", "/{*path}"),
        ("/api/", "/api/{*rest}"),
        ("/api/orders", "/api/{*rest}"),
        ("/api/orders/", "/api/{*rest}"),
        ("/api/orders/7", "/api/orders/{id}"),
        ("/api/orders/new", "/api/orders/new"),
        ("/api/orders/newer", "/api/orders/{id}"),
        ("/api/orders/new/", "/api/{*rest}"),
        ("/api/orders/7/items", "/api/{*rest}"),
    ];
    for (text, expected) in cases {
        assert_eq!(found(&router, &Method::GET, text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn without_a_rule_there_is_no_answer() {
    //
    let router = router(&["/a", "/b/{id}", "/c/{*rest}"]);
    for text in ["/", "/a/", "/A", "/b", "/b/", "/b/1/", "/b/1/2", "/c", "/d"] {
        assert_eq!(found(&router, &Method::GET, text), Err(NoRoute::NotFound), "{text}");
    }
    assert_eq!(found(&Router::default(), &Method::GET, "/"), Err(NoRoute::NotFound));
}

#[test]
fn no_wildcard_takes_over_posterns_own_paths() {
    let router = router(&["/{*path}"]);
    for text in ["/auth", "/auth/", "/auth/unknown"] {
        assert_eq!(found(&router, &Method::GET, text), Err(NoRoute::NotFound), "{text}");
    }
    assert!(found(&router, &Method::GET, "/author").is_ok());
}

#[test]
fn the_pattern_is_chosen_before_the_method() {
    //
    let router = router(&["GET /a", "POST,DELETE /a", "/{*rest}"]);
    assert_eq!(found(&router, &Method::GET, "/a").as_deref(), Ok("GET /a"));
    assert_eq!(found(&router, &Method::DELETE, "/a").as_deref(), Ok("POST,DELETE /a"));
    let Err(NoRoute::MethodNotAllowed(allowed)) = found(&router, &Method::PUT, "/a") else { panic!() };
    assert_eq!(allowed.allow_header(), "GET, HEAD, POST, DELETE");
}

#[test]
fn head_falls_under_the_rule_of_get_and_odd_methods_under_none() {
    //
    let router = router(&["GET /a"]);
    assert_eq!(found(&router, &Method::HEAD, "/a").as_deref(), Ok("GET /a"));
    for method in ["TRACE", "CONNECT", "PROPFIND", "get"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert!(matches!(found(&router, &method, "/a"), Err(NoRoute::MethodNotAllowed(_))), "{method}");
    }
}

#[test]
fn parameters_are_decoded_once() {
    let router = router(&["/u/{name}/{*rest}"]);
    let names = |text: &str| router.find(&Method::GET, &path(text)).unwrap().params;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(names("/u/a%20%40b/c%3F/d%C3%A9"), [pair("name", "a @b"), pair("rest", "c?/dé")]);
    assert_eq!(names("/u/a+b/"), [pair("name", "a+b"), pair("rest", "")]);
}

#[test]
fn a_rule_of_its_own_for_the_bare_prefix_comes_first() {
    let router = router(&["/app/{*rest}", "POST /app/"]);
    assert_eq!(found(&router, &Method::POST, "/app/").as_deref(), Ok("POST /app/"));
    assert!(matches!(found(&router, &Method::GET, "/app/"), Err(NoRoute::MethodNotAllowed(_))));
    assert_eq!(found(&router, &Method::GET, "/app/x").as_deref(), Ok("/app/{*rest}"));
}

#[test]
fn rules_for_the_same_requests_are_named_both() {
    let conflict = |route: &str, with: &str, method| Conflict { route: route.into(), with: with.into(), method };
    assert_eq!(conflicts(&["GET /a", "HEAD,POST /a"]), [conflict("HEAD,POST /a", "GET /a", Some(Method::HEAD))]);
    assert_eq!(conflicts(&["/a/{id}", "/b", "PUT /a/{name}"]), [conflict("PUT /a/{name}", "/a/{id}", None)]);
    assert_eq!(conflicts(&["/a/{id}", "/a/{*rest}"]), [conflict("/a/{*rest}", "/a/{id}", None)]);
    let three = conflicts(&["GET /a", "GET,PUT /a", "/b/{x}", "/b/{y}"]);
    assert_eq!(three.len(), 2);
}

#[test]
fn thousands_of_rules_leave_no_more_to_choose_from_than_ten() {
    // What comes before the choice is one walk down a tree, along the path.
    for count in [10, 2000] {
        let names = (0..count).flat_map(|number| [format!("GET /r{number}/{{id}}"), format!("PUT /r{number}/{{id}}")]);
        let names: Vec<String> = names.chain(["/{*rest}".to_owned()]).collect();
        let router = router(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for (text, rules) in [("/r7/x", 2), ("/r7", 1), ("/r7/x/y", 1), ("/nothing", 1)] {
            assert_eq!(router.at(&path(text)).count(), rules, "{text}");
        }
    }
}

fn patterns() -> impl Strategy<Value = Vec<String>> {
    let segment = prop_oneof![3 => "[a-c]", 1 => Just("{x}".to_owned())];
    let one = (prop::collection::vec(segment, 0..3), prop::sample::select(vec!["", "/", "/{*rest}"])).prop_map(
        |(segments, end)| {
            let mut seen = 0;
            let numbered = segments.into_iter().map(|segment| {
                seen += 1;
                if segment == "{x}" { format!("/{{p{seen}}}") } else { format!("/{segment}") }
            });
            let text = numbered.collect::<String>() + end;
            if text.is_empty() { "/".to_owned() } else { text }
        },
    );
    prop::collection::vec(one, 1..6)
}

/// Reads a pattern the plain way: the rule that the tree must agree with.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/').skip(1), path.split('/').skip(1));
    loop {
        match (pattern.next(), path.next()) {
            (Some(rest), Some(_)) if rest.starts_with("{*") => return true,
            (Some(name), Some(value)) if name.starts_with('{') && !value.is_empty() => {}
            (Some(literal), Some(value)) if literal == value => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    // adding a rule changes nothing for paths that are none of its business.
    #[test]
    fn an_unrelated_rule_changes_no_decision(names in patterns(), added in patterns(), text in "(/[a-d]){0,4}/?") {
        let text = if text.is_empty() { "/" } else { &text };
        let first: Vec<Route> = names.iter().map(|name| route(name)).collect();
        let more = first.iter().cloned().chain(added.iter().map(|name| route(name))).collect();
        if let (Ok(before), Ok(after)) = (Router::new(first), Router::new(more))
            && !added.iter().any(|pattern| matches(pattern, text))
        {
            prop_assert_eq!(found(&before, &Method::GET, text), found(&after, &Method::GET, text));
        }
    }

    #[test]
    fn the_tree_finds_a_rule_exactly_when_one_matches(names in patterns(), text in "(/[a-d]){0,4}/?") {
        let text = if text.is_empty() { "/" } else { &text };
        if let Ok(router) = Router::new(names.iter().map(|name| route(name)).collect()) {
            match found(&router, &Method::GET, text) {
                Ok(name) => prop_assert!(matches(&name, text), "{name} found for {text}"),
                Err(_) => prop_assert!(!names.iter().any(|name| matches(name, text)), "{names:?} for {text}"),
            }
        }
    }

    #[test]
    fn the_order_of_rules_changes_no_decision(names in patterns(), text in "(/[a-d]){0,4}/?") {
        let text = if text.is_empty() { "/" } else { &text };
        let forth: Vec<Route> = names.iter().map(|name| route(name)).collect();
        let back = forth.iter().rev().cloned().collect();
        match (Router::new(forth), Router::new(back)) {
            (Ok(forth), Ok(back)) => prop_assert_eq!(found(&forth, &Method::GET, text), found(&back, &Method::GET, text)),
            (forth, back) => prop_assert_eq!(forth.is_err(), back.is_err()),
        }
    }
}
