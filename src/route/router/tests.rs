use proptest::prelude::*;

use super::super::{Access, Authentication, Guard, RequestHeaders, Requirements, Upstream};
use super::*;
use crate::limit::RouteLimits;

mod spellings;

fn route(name: &str) -> Route {
    let (methods, pattern) = name.split_once(' ').unwrap_or(("GET,POST", name));
    Route {
        name: name.to_owned(),
        pattern: Pattern::parse(pattern).unwrap(),
        methods: Methods::parse(methods.split(',')).unwrap(),
        upstream: Some(Upstream::Assets),
        strip_prefix: None,
        access: Access::Public,
        cors: None,
        security_headers: None,
        limits: RouteLimits::default(),
        paths: Paths::Loose,
        request_headers: RequestHeaders::default(),
        websocket_buffer: 8,
        mcp: None,
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
    // R-193
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
fn a_parameter_stands_beside_all_the_rest_whatever_their_names() {
    // R-193
    let router = router(&[
        "/{*rest}",
        "/{tenant}/settings",
        "/{org}/{*path}",
        "/{shop}/{page}/edit",
        "/documents/{id}",
        "/documents/{*rest}",
        "/documents/{document}/pages/{*page}",
        "/app/{*rest}",
        "/app/{tenant}/settings",
    ]);
    let cases = [
        ("/", "/{*rest}"),
        ("/acme", "/{*rest}"),
        ("/acme/", "/{org}/{*path}"),
        ("/acme/settings", "/{tenant}/settings"),
        ("/acme/settings/", "/{org}/{*path}"),
        ("/acme/x/edit", "/{shop}/{page}/edit"),
        ("/acme/settings/edit", "/{shop}/{page}/edit"),
        ("/acme/x/y", "/{org}/{*path}"),
        ("/documents", "/{*rest}"),
        ("/documents/", "/documents/{*rest}"),
        ("/documents/7", "/documents/{id}"),
        ("/documents/settings", "/documents/{id}"),
        ("/documents/7/edit", "/documents/{*rest}"),
        ("/documents/7/pages/", "/documents/{document}/pages/{*page}"),
        ("/documents/7/pages/1/2", "/documents/{document}/pages/{*page}"),
        ("/app/acme/settings", "/app/{tenant}/settings"),
        ("/app/acme/other", "/app/{*rest}"),
        ("/app/settings", "/app/{*rest}"),
    ];
    for (text, expected) in cases {
        assert_eq!(found(&router, &Method::GET, text).as_deref(), Ok(expected), "{text}");
    }
    let params = |text: &str| router.find(&Method::GET, &path(text)).unwrap().params;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(params("/acme/settings"), [pair("tenant", "acme")]);
    assert_eq!(params("/acme/x/y"), [pair("org", "acme"), pair("path", "x/y")]);
    assert_eq!(params("/documents/7/pages/1/2"), [pair("document", "7"), pair("page", "1/2")]);
}

#[test]
fn a_rule_for_another_method_leaves_nothing_to_wider_rules() {
    // R-193
    let router = router(&["/{*rest}", "PUT /{tenant}/settings", "/{tenant}/{*rest}"]);
    let Err(NoRoute::MethodNotAllowed(allowed)) = found(&router, &Method::GET, "/acme/settings") else { panic!() };
    assert_eq!(allowed.allow_header(), "PUT");
}

#[test]
fn without_a_rule_there_is_no_answer() {
    // R-193
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
    // R-193
    let router = router(&["GET /a", "POST,DELETE /a", "/{*rest}"]);
    assert_eq!(found(&router, &Method::GET, "/a").as_deref(), Ok("GET /a"));
    assert_eq!(found(&router, &Method::DELETE, "/a").as_deref(), Ok("POST,DELETE /a"));
    let Err(NoRoute::MethodNotAllowed(allowed)) = found(&router, &Method::PUT, "/a") else { panic!() };
    assert_eq!(allowed.allow_header(), "GET, HEAD, POST, DELETE");
}

#[test]
fn head_falls_under_the_rule_of_get_and_odd_methods_under_none() {
    // R-190
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
    assert_eq!(conflicts(&["/{a}/x/{*b}", "/{c}/x/{*d}"]), [conflict("/{c}/x/{*d}", "/{a}/x/{*b}", None)]);
    let three = conflicts(&["GET /a", "GET,PUT /a", "/b/{x}", "/b/{y}"]);
    assert_eq!(three.len(), 2);
}

#[test]
fn thousands_of_rules_leave_no_more_to_choose_from_than_ten() {
    // How many nodes of the tree are looked at before the choice, `tree.rs` tests.
    for count in [10, 2000] {
        let names = (0..count).flat_map(|number| [format!("GET /r{number}/{{id}}"), format!("PUT /r{number}/{{id}}")]);
        let names: Vec<String> = names.chain(["/{*rest}".to_owned()]).collect();
        let router = router(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for (text, rules) in [("/r7/x", 2), ("/r7", 1), ("/r7/x/y", 1), ("/nothing", 1)] {
            assert_eq!(router.at(&path(text)).count(), rules, "{text}");
        }
    }
}

/// Patterns whose parameters have any of two names.
fn patterns() -> impl Strategy<Value = Vec<String>> {
    let segment = prop_oneof![3 => "[a-c]", 2 => Just("{p}".to_owned()), 1 => Just("{q}".to_owned())];
    let end = prop::sample::select(vec!["", "/", "/{*rest}", "/{*r}"]);
    let one = (prop::collection::vec(segment, 0..4), end).prop_map(|(segments, end)| {
        let mut seen = 0;
        let numbered = segments.into_iter().map(|segment| {
            seen += 1;
            if segment.starts_with('{') {
                format!("/{}{seen}}}", segment.trim_end_matches('}'))
            } else {
                format!("/{segment}")
            }
        });
        let text = numbered.collect::<String>() + end;
        if text.is_empty() { "/".to_owned() } else { text }
    });
    prop::collection::vec(one, 1..6)
}

/// Who may: nobody is asked, or who has one of these roles; with `[""]` whoever is somebody.
fn rule(name: &str, roles: Option<&[&str]>) -> Route {
    let roles = roles.map(|roles| roles.iter().filter(|role| !role.is_empty()).map(ToString::to_string).collect());
    let guard = |roles| Guard::new(vec![Authentication::Session], Requirements { roles, ..Requirements::default() });
    let access = roles.map_or(Access::Public, |roles| Access::Guarded(Box::new(guard(roles))));
    Route { access, ..route(name) }
}

const SOMEBODY: Option<&[&str]> = Some(&[""]);
const ADMIN: Option<&[&str]> = Some(&["admin"]);

fn other(name: &str) -> Result<String, NoRoute> {
    Err(NoRoute::OtherSpelling(name.to_owned()))
}

/// Names that differ in all the ways that a server may overlook.
const NAMES: [&str; 6] = ["a", "A", "b", "a.j", "A.j", "b.k"];

/// Every path of up to two such names, with and without a slash at the end.
fn universe() -> Vec<String> {
    let one = NAMES.iter().map(|name| format!("/{name}"));
    let two = NAMES.iter().flat_map(|first| NAMES.iter().map(move |second| format!("/{first}/{second}")));
    one.chain(two).flat_map(|path| [format!("{path}/"), path]).chain(["/".to_owned()]).collect()
}

/// Whether some server takes the one for the other, said the plain way.
fn could_be(one: &str, other: &str) -> bool {
    let plain = |path: &str| path.trim_end_matches('/').to_lowercase();
    let (one, other) = (plain(one), plain(other));
    let bare = |path: &str| {
        let at = path.rfind('.').filter(|dot| path.rfind('/').is_none_or(|slash| slash + 1 < *dot));
        at.and_then(|dot| path.get(..dot)).unwrap_or(path).to_owned()
    };
    one == other || bare(&one) == other || one == bare(&other)
}

/// Whom a rule lets in, of everybody there is.
fn lets_in(route: &Route) -> Vec<&'static str> {
    let may = |who: &&str| match route.guard() {
        None => true,
        Some(guard) => {
            let roles = &guard.requirements.roles;
            *who != "nobody" && (roles.is_empty() || roles.iter().any(|role| role == who))
        }
    };
    ["nobody", "anybody", "r", "s"].into_iter().filter(may).collect()
}

fn rules_of_any_strictness() -> impl Strategy<Value = Vec<(String, usize)>> {
    let segment = prop_oneof![3 => prop::sample::select(NAMES.to_vec()), 1 => Just("{x}")];
    let end = prop::sample::select(vec!["", "/", "/{*rest}"]);
    let pattern = (prop::collection::vec(segment, 0..3), end).prop_map(|(segments, end)| {
        let mut count = 0;
        let mut numbered = String::new();
        for segment in segments {
            count += 1;
            numbered.push_str(&if segment == "{x}" { format!("/{{p{count}}}") } else { format!("/{segment}") });
        }
        let text = numbered + end;
        if text.is_empty() { "/".to_owned() } else { text }
    });
    let method = prop::sample::select(vec!["", "GET ", "POST "]);
    let rule =
        (method, pattern, 0..5_usize).prop_map(|(method, pattern, access)| (format!("{method}{pattern}"), access));
    prop::collection::vec(rule, 1..6)
}

const ACCESS: [Option<&[&str]>; 5] = [None, Some(&[""]), Some(&["r"]), Some(&["s"]), Some(&["r", "s"])];

/// How precisely a rule names a path: literal, parameter, rest; without the slash at the end.
fn plainly_precise(route: &Route) -> String {
    let path = route.pattern.as_str().trim_end_matches('/');
    let letter = |segment: &str| {
        if segment.starts_with("{*") {
            'c'
        } else if segment.starts_with('{') {
            'b'
        } else {
            'a'
        }
    };
    path.split('/').skip(1).map(letter).collect()
}

/// A pattern without the names of its parameters.
fn shape(pattern: &str) -> Vec<&str> {
    let segment = |text| match text {
        text if str::starts_with(text, "{*") => "{*}",
        text if text.starts_with('{') => "{}",
        text => text,
    };
    pattern.split('/').skip(1).map(segment).collect()
}

/// Segment by segment: 0 for a literal, 1 for `{name}`, 2 for `{*name}`.
fn specificity(pattern: &str) -> Vec<u8> {
    let segment = |text| match text {
        "{*}" => 2,
        "{}" => 1,
        _ => 0,
    };
    shape(pattern).into_iter().map(segment).collect()
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

    // R-193: adding a rule changes nothing for paths that are none of its business.
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

    // R-193, against a model without a tree: of all patterns that match, the most specific one.
    #[test]
    fn the_tree_finds_the_most_specific_pattern_that_matches(names in patterns(), text in "(/[a-d]){0,5}/?") {
        let text = if text.is_empty() { "/" } else { &text };
        let Ok(router) = Router::new(names.iter().map(|name| route(name)).collect()) else { return Ok(()) };
        let matching = names.iter().filter(|name| matches(name, text));
        let best = matching.min_by_key(|name| specificity(name)).cloned();
        prop_assert_eq!(found(&router, &Method::GET, text).ok(), best, "{:?} for {}", names, text);
    }

    // The only patterns that do not stand side by side are those for the very same paths.
    #[test]
    fn patterns_conflict_exactly_when_they_are_for_the_same_paths(names in patterns()) {
        let shapes: Vec<Vec<&str>> = names.iter().map(|name| shape(name)).collect();
        let is_repeated = |(place, own): (usize, &Vec<&str>)| shapes.iter().take(place).any(|other| other == own);
        let repeated = shapes.iter().enumerate().filter(|one| is_repeated(*one)).count();
        let told = Router::new(names.iter().map(|name| route(name)).collect()).err().map_or(0, |all| all.len());
        prop_assert_eq!(told, repeated, "{:?}", names);
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

    // R-194, against a model that tries every path there is
    #[test]
    fn what_is_found_is_what_no_other_spelling_would_refuse(rules in rules_of_any_strictness(), method in prop::sample::select(vec![Method::GET, Method::POST])) {
        let routes: Vec<Route> = rules.iter().map(|(name, access)| rule(name, ACCESS[*access])).collect();
        let Ok(router) = Router::new(routes.clone()) else { return Ok(()) };
        let universe = universe();
        for text in &universe {
            let own = router.exactly(&path(text));
            let Some(own_rule) = own.and_then(|group| router.rules(group).find(|rule| rule.methods.contains(&method))) else {
                prop_assert!(found(&router, &method, text).is_err());
                continue;
            };
            let could_be_meant = |other: &&Route| {
                other.pattern != own_rule.pattern
                    && !matches(other.pattern.as_str(), text)
                    && plainly_precise(other) <= plainly_precise(own_rule)
                    && universe.iter().any(|meant| could_be(text, meant) && matches(other.pattern.as_str(), meant))
            };
            let is_way_round = |other: &Route| {
                let theirs = routes.iter().find(|rule| rule.pattern == other.pattern && rule.methods.contains(&method));
                let theirs = theirs.map(lets_in).unwrap_or_default();
                lets_in(own_rule).iter().any(|who| !theirs.contains(who))
            };
            let refused = routes.iter().filter(could_be_meant).any(is_way_round);
            let expected = if refused { None } else { Some(own_rule.name.clone()) };
            prop_assert_eq!(found(&router, &method, text).ok(), expected, "{} {} in {:?}", method, text, rules);
        }
    }

    // R-194: the promise itself. Who is let in at a path would be at every spelling of it that falls under another rule,
    // unless that rule is for the path as it stands too, or names it less precisely.
    #[test]
    fn whoever_is_let_in_is_let_in_at_every_spelling(rules in rules_of_any_strictness()) {
        let Ok(router) = Router::new(rules.iter().map(|(name, access)| rule(name, ACCESS[*access])).collect()) else { return Ok(()) };
        for text in universe() {
            let Ok(matched) = router.find(&Method::GET, &path(&text)) else { continue };
            for meant in universe().iter().filter(|meant| could_be(&text, meant)) {
                let Ok(other) = router.find(&Method::GET, &path(meant)) else { continue };
                let (own, other) = (matched.route, other.route);
                let documented = matches(other.pattern.as_str(), &text) || plainly_precise(other) > plainly_precise(own);
                let as_strict = lets_in(own).iter().all(|who| lets_in(other).contains(who));
                prop_assert!(documented || as_strict, "{text} and {meant} in {rules:?}");
            }
        }
    }
}
