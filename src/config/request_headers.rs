//! `REMOVE`, and `remove` and `keep` of a route: which of a caller's headers its upstream gets.

use serde_json::Value;

use super::groups::Groups;
use super::table::Table;
use super::value::list;
use crate::http::HeaderName;
use crate::http::caller_headers::{is_kept_for_no_route, says_who_asks};
use crate::route::{HeaderMask, RequestHeaders, Router};

const MASK: &str = "a header such as `X-Tenant-ID`, or the beginning of several such as `X-Consumer-*`";
const NAME: &str = "a header such as `X-Auth-Token`";

/// A list of those that are taken out.
pub(super) fn masks(value: &Value) -> Result<Vec<HeaderMask>, String> {
    list(MASK, HeaderMask::parse)(value)
}

/// Reads `remove` and `keep` of a route; `everywhere`: what every route takes out.
pub(super) fn of_route(table: &mut Table<'_>, everywhere: &[HeaderMask]) -> RequestHeaders {
    let own = table.optional("remove", masks).unwrap_or_default();
    let keep = table.optional("keep", list(NAME, name)).unwrap_or_default();
    let remove: Vec<HeaderMask> = everywhere.iter().chain(&own).cloned().collect();
    for name in &keep {
        if is_kept_for_no_route(name) {
            table.problem(
                "keep",
                format!("`{name}` is written anew, or changes what a request is: nobody outside may set it"),
            );
        } else if own.iter().any(|mask| mask.covers(name.as_str())) {
            table.problem("keep", format!("`{name}` is among those to `remove`"));
        } else if !says_who_asks(name) && !everywhere.iter().any(|mask| mask.covers(name.as_str())) {
            table.problem("keep", format!("`{name}` is passed on at every route, leave it out"));
        }
    }
    RequestHeaders { remove, keep }
}

/// What a route's `headers` tell of a caller is taken out everywhere, whatever a `keep` says. `table`: that of the routes.
pub(super) fn refuse_kept_in_vain(table: &Table<'_>, groups: &Groups<'_>, router: &Router) {
    let told = told(router);
    for route in router.routes() {
        for name in &route.request_headers.keep {
            if let Some((_, other)) = told.iter().find(|(known, _)| *known == name) {
                let why = format!("`{name}` is set by `headers` of `{other}`: from outside no route passes it on");
                groups.problem_at(table, &route.name, "keep", why);
            }
        }
    }
}

/// Every header by which any route tells of a caller, and the first route that does.
fn told(router: &Router) -> Vec<(&HeaderName, &str)> {
    let mut told: Vec<(&HeaderName, &str)> = Vec::new();
    for route in router.routes() {
        for header in route.claim_headers() {
            if !told.iter().any(|(known, _)| *known == header.name) {
                told.push((&header.name, &route.name));
            }
        }
    }
    told
}

fn name(text: &str) -> Option<HeaderName> {
    match HeaderMask::parse(text)? {
        HeaderMask::Name(name) => Some(name),
        HeaderMask::Prefix(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{parse, problems, small, with};

    fn config(deployment: &Value, route: &Value) -> Value {
        let mut table = json!({ "upstream": "service:API" });
        table.as_object_mut().unwrap().extend(route.as_object().unwrap().clone());
        with(with(small(), &["REMOVE"], deployment.clone()), &["ROUTES", "/api/{*rest}"], table)
    }

    #[test]
    fn a_route_takes_out_what_the_deployment_does_and_its_own() {
        let config = parse(&config(
            &json!(["X-Org-Unit"]),
            &json!({ "remove": ["X-Seat-*"], "keep": ["X-Auth-Token", "x-org-unit"] }),
        ));
        let headers = config.unwrap().routes.routes()[0].request_headers.clone();
        let removed: Vec<String> = headers.remove.iter().map(ToString::to_string).collect();
        assert_eq!(removed, ["x-org-unit", "x-seat-*"]);
        assert_eq!(headers.keep, ["x-auth-token", "x-org-unit"]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (deployment, route, place) in [
            (json!(["x y"]), json!({}), "REMOVE: expected a header"),
            (json!([]), json!({ "remove": ["*"] }), "ROUTES.\"/api/{*rest}\".remove: expected a header"),
            (json!([]), json!({ "keep": ["X-Auth-*"] }), "ROUTES.\"/api/{*rest}\".keep: expected a header"),
            (
                json!([]),
                json!({ "keep": ["X-Postern-Subject"] }),
                "ROUTES.\"/api/{*rest}\".keep: `x-postern-subject` is written anew",
            ),
            (
                json!([]),
                json!({ "keep": ["X-HTTP-Method-Override"] }),
                "ROUTES.\"/api/{*rest}\".keep: `x-http-method-override`",
            ),
            (json!([]), json!({ "keep": ["accept"] }), "ROUTES.\"/api/{*rest}\".keep: `accept` is passed on"),
            (
                json!([]),
                json!({ "keep": ["x-user"], "remove": ["X-User*"] }),
                "ROUTES.\"/api/{*rest}\".keep: `x-user` is among",
            ),
        ] {
            let lines = problems(&config(&deployment, &route));
            assert!(lines.len() == 1 && lines[0].starts_with(place), "{place}: {lines:?}");
        }
    }

    #[test]
    fn what_a_route_tells_of_callers_is_kept_by_none() {
        let told = json!({ "upstream": "service:API", "headers": { "X-Auth-Email": "email" } });
        let kept = json!({ "keep": ["X-Auth-Email", "X-Auth-Token"] });
        let both = with(config(&json!([]), &kept), &["ROUTES", "/told"], told.clone());
        let lines = problems(&both);
        let expected = "ROUTES.\"/api/{*rest}\".keep: `x-auth-email` is set by `headers` of `/told`";
        assert!(lines.len() == 1 && lines[0].starts_with(expected), "{lines:?}");
        let own = config(&json!([]), &json!({ "headers": told["headers"], "keep": ["X-Auth-Email"] }));
        assert!(problems(&own)[0].contains("is set by `headers` of `/api/{*rest}`"));
    }
}
