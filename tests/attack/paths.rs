//! Paths: the one that the rule was found by is the one that goes on, however the upstream reads it.

use percent_encoding::percent_decode_str;
use postern::gateway::{Disposition, Gateway};
use postern::http::Method;
use postern::route::CanonicalPath;
use serde_json::{Value, json};
use url::Url;

use crate::support::{Asked, Browser, ORIGIN, World, gateway, variables};
use crate::vectors::web_platform_paths;

const QUERY: &str = "a=%2F..%2f&b=/../c;d#";

/// An open place, a closed one inside it, and one beside it.
fn deployment() -> Value {
    let mut variables = variables();
    let closed = json!({ "upstream": "service:API" });
    variables["ROUTES"] = json!({
        "/open/{*rest}": { "upstream": "assets", "public": true },
        "/open/admin": closed,
        "/open/admin/{*rest}": closed,
        "/closed/{*rest}": closed,
        "/{id}": closed,
    });
    variables
}

/// The same places, of whose paths the upstream sees a part, below a path of its own.
fn elsewhere() -> Value {
    let mut variables = deployment();
    let routes = variables["ROUTES"].as_object_mut().unwrap();
    for (_, rule) in routes.iter_mut().filter(|(pattern, _)| pattern.starts_with("/open")) {
        rule["upstream"] = format!("{ELSEWHERE}{BASE}").into();
        rule["strip_prefix"] = "/open".into();
    }
    variables
}

const ELSEWHERE: &str = "https://api.example.com";
const BASE: &str = "/base/v2";

/// What people send who know what is done with it.
const TAILS: [&str; 16] = [
    "x",
    "",
    "x/y/",
    "admin",
    "Admin",
    "admin/",
    "caf%c3%a9",
    "%61dmin",
    "..",
    "../admin",
    "%2e%2e/x",
    "..;/x",
    "%2fx",
    "/x",
    "open/x",
    "base/v2/x",
];

fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8().unwrap().into_owned()
}

/// As an upstream reads it that decodes twice, takes `\` for `/`, cuts off parameters, merges slashes, walks dots and
/// knows no case.
fn carelessly(path: &str) -> String {
    let text = decoded(&decoded(path)).replace('\\', "/").to_lowercase();
    let mut walked: Vec<&str> = Vec::new();
    for segment in text.split('/').map(|segment| segment.split(';').next().unwrap().trim_end_matches('\0')) {
        match segment {
            "" | "." => {}
            ".." => drop(walked.pop()),
            name => walked.push(name),
        }
    }
    format!("/{}", walked.join("/"))
}

/// The path that goes on, and the rule it was let through by; `None` where it is refused.
fn forwarded(browser: &Browser<'_>, raw: &str) -> Option<(String, String)> {
    browser.world.lines.borrow_mut().clear();
    let query = QUERY.trim_end_matches('#');
    let answered = browser.send(&Asked::script("GET", &format!("{raw}?{query}")));
    let Disposition::Forward(plan) = &answered.outcome else { return None };
    let (path, rest) = plan.path_and_query.split_once('?').unwrap();
    assert!(rest.ends_with(query), "{raw:?}: the query became {rest}");
    Some((path.to_owned(), answered.event["route"].as_str().unwrap().to_owned()))
}

/// The forwarded path is the one that the rule is found by, byte for byte, and the platform reads it so too.
fn is_what_was_matched(gateway: &Gateway, path: &str, rule: &str) {
    let canonical = CanonicalPath::parse(path).unwrap();
    assert_eq!(canonical.as_str(), path);
    let matched = gateway.config().routes.find(&Method::GET, &canonical).unwrap();
    assert_eq!(matched.route.name, rule, "{path}");
    let before = matched.route.pattern.literal_prefix();
    let rest = matched.params.first().map(|(_, value)| format!("/{value}")).unwrap_or_default();
    assert_eq!(format!("{before}{rest}"), decoded(path));
    let base = Url::parse("https://upstream.example").unwrap();
    assert_eq!(base.join(path).unwrap().as_str(), format!("https://upstream.example{path}"));
}

/// `raw` under the places, and out of them again.
fn spellings(raw: &str) -> Vec<String> {
    let tail = raw.trim_start_matches('/');
    let places = [
        "/open/",
        "/open/x/",
        "/closed/",
        "/open/../closed/",
        "/open/%2e%2e/closed/",
        "/open/..;/closed/",
        "/open/..%3B/closed/",
        "/open/admin/",
        "/open//admin/",
    ];
    let mut spellings: Vec<String> = places.iter().map(|place| format!("{place}{tail}")).collect();
    spellings
        .extend(["/closed", "/admin", "/..%2fclosed"].map(|end| format!("/open{}{end}", raw.trim_end_matches('/'))));
    spellings.push(if raw.starts_with('/') { raw.to_owned() } else { format!("/{raw}") });
    spellings
}

#[test]
fn every_published_path_goes_on_as_it_was_matched_or_not_at_all() {
    // R-194; field row 2
    let Some(paths) = web_platform_paths() else { return };
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let (nobody, alice) = (Browser::new(&world, &gateway), Browser::new(&world, &gateway).signed_in());
    let (mut open, mut closed, mut refused) = (0, 0, 0);
    for raw in paths.iter().flat_map(|path| spellings(path)) {
        let Some((path, rule)) = forwarded(&alice, &raw) else {
            assert_eq!(forwarded(&nobody, &raw), None, "{raw:?}");
            refused += 1;
            continue;
        };
        is_what_was_matched(&gateway, &path, &rule);
        assert_eq!(decoded(&path), decoded(raw.split('?').next().unwrap()), "{raw:?} became {path}");
        match forwarded(&nobody, &raw) {
            Some(to_nobody) => {
                assert_eq!(to_nobody, (path.clone(), rule));
                let read = carelessly(&path);
                assert!(read == "/open" || read.starts_with("/open/"), "{raw:?} is read as {read}");
                assert!(read != "/open/admin" && !read.starts_with("/open/admin/"), "{raw:?} is read as {read}");
                open += 1;
            }
            None => closed += 1,
        }
    }
    assert!(open > 500 && closed > 500 && refused > 1000, "{open} {closed} {refused}");
    assert_eq!(ORIGIN, gateway.config().public_url.origin());
}

#[test]
fn with_a_prefix_off_and_below_a_base_path_nothing_leads_out_of_it() {
    //
    let (world, plain, moved) = (World::new(), gateway(&deployment()), gateway(&elsewhere()));
    let published = web_platform_paths().unwrap_or_default();
    let raws = TAILS.into_iter().map(str::to_owned).chain(published);
    let mut sent = 0;
    for raw in raws.flat_map(|raw| spellings(&raw)) {
        let before = forwarded(&Browser::new(&world, &plain), &raw);
        let after = forwarded(&Browser::new(&world, &moved), &raw);
        // The same rule lets it through, or none.
        let Some((seen, rule)) = after else {
            assert!(before.is_none(), "{raw:?} was {before:?}");
            continue;
        };
        let (path, by) = before.unwrap();
        assert_eq!((&rule, &seen), (&by, &format!("{BASE}{}", path.strip_prefix("/open").unwrap())), "{raw:?}");
        assert_eq!(CanonicalPath::parse(&seen).unwrap().as_str(), seen);
        assert_eq!(Url::parse(&format!("{ELSEWHERE}{seen}")).unwrap().as_str(), format!("{ELSEWHERE}{seen}"));
        let read = carelessly(&seen);
        assert!(read == BASE || read.starts_with(&format!("{BASE}/")), "{raw:?} is read as {read}");
        sent += 1;
    }
    assert!(sent > 20, "{sent}");
}
