//! What another spelling of a path could be meant for, rule by rule.

use super::*;

#[test]
fn no_other_spelling_passes_a_stricter_rule() {
    //
    let router = Router::new(vec![
        rule("/{*path}", None),
        rule("/api/{*rest}", SOMEBODY),
        rule("/api/admin/{*rest}", ADMIN),
        rule("GET /api/orders/{id}", SOMEBODY),
        rule("POST /api/orders/{id}", ADMIN),
        rule("/report", ADMIN),
        rule("/private.html", ADMIN),
    ])
    .unwrap();
    for (text, get, post) in [
        ("/api/admin/users", Ok("/api/admin/{*rest}"), Ok("/api/admin/{*rest}")),
        ("/api/Admin/users", Err("/api/admin/{*rest}"), Err("/api/admin/{*rest}")),
        ("/API/ADMIN/users", Err("/api/admin/{*rest}"), Err("/api/admin/{*rest}")),
        ("/api/admin", Err("/api/admin/{*rest}"), Err("/api/admin/{*rest}")),
        ("/api/admin.json", Err("/api/admin/{*rest}"), Err("/api/admin/{*rest}")),
        ("/api", Err("/api/{*rest}"), Err("/api/{*rest}")),
        ("/Api/x", Err("/api/{*rest}"), Err("/api/{*rest}")),
        ("/api/orders/7", Ok("GET /api/orders/{id}"), Ok("POST /api/orders/{id}")),
        ("/api/orders/7/", Ok("/api/{*rest}"), Err("POST /api/orders/{id}")),
        ("/api/Orders/7", Ok("/api/{*rest}"), Err("POST /api/orders/{id}")),
        ("/api/x.json", Ok("/api/{*rest}"), Ok("/api/{*rest}")),
        ("/report", Ok("/report"), Ok("/report")),
        ("/report/", Err("/report"), Err("/report")),
        ("/Report.html", Err("/report"), Err("/report")),
        ("/report.json", Err("/report"), Err("/report")),
        ("/report/x", Ok("/{*path}"), Ok("/{*path}")),
        ("/reports", Ok("/{*path}"), Ok("/{*path}")),
        ("/private", Err("/private.html"), Err("/private.html")),
        ("/private/", Err("/private.html"), Err("/private.html")),
        ("/private.js", Ok("/{*path}"), Ok("/{*path}")),
    ] {
        for (method, expected) in [(Method::GET, get), (Method::POST, post)] {
            let expected = expected.map(str::to_owned).or_else(other);
            assert_eq!(found(&router, &method, text), expected, "{method} {text}");
        }
    }
}

#[test]
fn a_weaker_rule_inside_a_stricter_one_stays_open() {
    let router = Router::new(vec![
        rule("/{*path}", ADMIN),
        rule("/", None),
        rule("/favicon.ico", None),
        rule("/api/health", None),
        rule("/api/{*rest}", SOMEBODY),
        rule("/assets/{*rest}", None),
        rule("/landing", None),
        rule("/landing/{*rest}", SOMEBODY),
    ])
    .unwrap();
    for (text, expected) in [
        ("/", "/"),
        ("/favicon.ico", "/favicon.ico"),
        ("/favicon", "/{*path}"),
        ("/Favicon.ico", "/{*path}"),
        ("/api/health", "/api/health"),
        ("/api/health/", "/api/{*rest}"),
        ("/api/Health.json", "/api/{*rest}"),
        ("/assets/app.js", "/assets/{*rest}"),
        ("/Assets/app.js", "/{*path}"),
        // A rule that names the path itself says what it means.
        ("/landing", "/landing"),
        ("/landing/", "/landing/{*rest}"),
    ] {
        assert_eq!(found(&router, &Method::GET, text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn a_rule_that_lets_through_no_more_is_no_way_round() {
    let router =
        Router::new(vec![rule("/a/{id}", ADMIN), rule("/a/{id}/", ADMIN), rule("/b", ADMIN), rule("/{*path}", ADMIN)]);
    let router = router.unwrap();
    for text in ["/a/7", "/a/7/", "/A/7", "/b/", "/B.json"] {
        assert!(found(&router, &Method::GET, text).is_ok(), "{text}");
    }
}

#[test]
fn a_method_that_a_rule_does_not_take_is_not_to_be_had_by_another_spelling() {
    let router = Router::new(vec![rule("POST /api/orders", None), rule("/{*path}", None)]).unwrap();
    assert!(matches!(found(&router, &Method::GET, "/api/orders"), Err(NoRoute::MethodNotAllowed(_))));
    for text in ["/api/orders/", "/api/Orders", "/api/orders.json"] {
        assert_eq!(found(&router, &Method::GET, text), other("POST /api/orders"), "{text}");
        assert_eq!(found(&router, &Method::POST, text).as_deref(), Ok("/{*path}"), "{text}");
    }
}

#[test]
fn a_rule_may_say_that_its_upstream_reads_paths_exactly() {
    let exact = Route { paths: Paths::Exact, ..rule("/{*path}", None) };
    let router =
        Router::new(vec![exact, rule("/admin/{*rest}", ADMIN), rule("/api/{*rest}", SOMEBODY), rule("/api/x", ADMIN)]);
    let router = router.unwrap();
    for (text, expected) in [("/admin", Ok("/{*path}")), ("/Admin/x", Ok("/{*path}")), ("/api/X", Err("/api/x"))] {
        assert_eq!(found(&router, &Method::GET, text), expected.map(str::to_owned).or_else(other), "{text}");
    }
}

#[test]
fn rules_that_others_could_be_meant_by_are_known_before_any_request() {
    let router = Router::new(vec![
        rule("/{*path}", None),
        rule("/admin/{*rest}", ADMIN),
        rule("/report", SOMEBODY),
        rule("/feed", ADMIN),
        rule("/feed.xml", None),
        rule("POST /orders/{id}", SOMEBODY),
        rule("PUT,DELETE /orders/{id}", ADMIN),
        Route { paths: Paths::Exact, ..rule("/docs/{*rest}", None) },
        rule("/docs/private", ADMIN),
    ])
    .unwrap();
    let known = router.surrounded();
    let of = |rule: &str, weaker: &str| {
        let mut of = known.iter().filter(|known| known.rule.name == rule && known.weaker.name == weaker);
        of.next().map(|known| (known.spellings.join(" "), known.refused))
    };
    assert_eq!(of("/admin/{*rest}", "/{*path}"), Some(("/admin /Admin/{*rest} /admin.json".to_owned(), true)));
    assert_eq!(of("/report", "/{*path}"), Some(("/report/ /Report /report.json".to_owned(), true)));
    assert_eq!(of("PUT,DELETE /orders/{id}", "/{*path}"), None);
    assert_eq!(of("POST /orders/{id}", "/{*path}"), Some(("/orders/{id}/ /Orders/{id}".to_owned(), true)));
    assert!(!of("/docs/private", "/docs/{*rest}").unwrap().1);
    assert_eq!(of("/{*path}", "/report"), None);
    let unreachable: Vec<_> = router.unreachable().into_iter().map(|one| (one.rule.name.clone(), one.other)).collect();
    assert_eq!(unreachable, [("/feed.xml".to_owned(), "/feed".to_owned())]);
    let overridable: Vec<_> =
        router.overridable().into_iter().map(|one| (&*one.post.name, &*one.stricter.name)).collect();
    assert_eq!(overridable, [("POST /orders/{id}", "PUT,DELETE /orders/{id}")]);
}

#[test]
fn a_form_may_say_every_method_that_changes_something() {
    for (method, is_told) in [("PUT", true), ("PATCH", true), ("DELETE", true), ("GET", false)] {
        let name = format!("{method} /orders/{{id}}");
        let router = Router::new(vec![rule("POST /orders/{id}", SOMEBODY), rule(&name, ADMIN)]).unwrap();
        let told: Vec<_> = router.overridable().into_iter().map(|one| one.stricter.name.clone()).collect();
        assert_eq!(told, if is_told { vec![name] } else { Vec::new() }, "{method}");
    }
}

#[test]
fn two_paths_that_are_one_to_the_upstream_fall_under_the_stricter_rule() {
    // with the prefix off, `/app` and `/app/` are both `/`, however exactly the upstream reads paths.
    let with = |prefix: Option<&str>| {
        let exact =
            |name, roles| Route { strip_prefix: prefix.map(str::to_owned), paths: Paths::Exact, ..rule(name, roles) };
        Router::new(vec![exact("/app", ADMIN), exact("/app/{*rest}", None), exact("/app/open/", None)]).unwrap()
    };
    let (plain, stripped) = (with(None), with(Some("/app")));
    let ask = |router: &Router, path: &str| found(router, &Method::GET, path);
    assert_eq!(ask(&plain, "/app/").unwrap(), "/app/{*rest}");
    assert_eq!(ask(&stripped, "/app/"), other("/app"));
    assert_eq!(ask(&stripped, "/app").unwrap(), "/app");
    for (path, rule) in [("/app/x", "/app/{*rest}"), ("/app/app", "/app/{*rest}"), ("/app/open/", "/app/open/")] {
        assert_eq!(ask(&stripped, path).unwrap(), rule);
    }
    assert!(stripped.surrounded().iter().any(|one| one.refused && one.rule.name == "/app"));
    // Nothing else is one to it.
    let exact = |name, roles| Route { strip_prefix: Some("/app".to_owned()), paths: Paths::Exact, ..rule(name, roles) };
    let other_case = Route { strip_prefix: None, ..exact("/App", ADMIN) };
    let router = Router::new(vec![other_case, exact("/app/{*rest}", None)]).unwrap();
    assert_eq!(ask(&router, "/app/").unwrap(), "/app/{*rest}");
}
