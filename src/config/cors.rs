//! `cors` of a route: which pages of other origins may call it.

use super::problem::{expected, shown};
use super::table::Table;
use super::value::{duration, flag, list};
use crate::http::HeaderName;
use crate::http::cors::Cors;
use crate::http::public_url::{PublicUrl, is_loopback, origin};
use crate::route::{Access, Authentication};
use crate::time::Seconds;

const ORIGIN: &str = "an https origin in full such as `https://spa.example.com` (http only between loopback hosts)";
const HEADER: &str = "the name of a header, and not `*`";
/// Browsers do not remember longer.
const LONGEST_MAX_AGE: Seconds = Seconds::hours(24);

/// Reads `cors` of a route, if it is there. `access`: whom the route lets in, where that is known.
pub(super) fn read(
    route: &mut Table<'_>,
    access: Option<&Access>,
    public_url: Option<&PublicUrl>,
    development: bool,
) -> Option<Cors> {
    route.section("cors", |table| read_table(table, access, public_url, development)).flatten()
}

fn read_table(
    mut table: Table<'_>,
    access: Option<&Access>,
    public_url: Option<&PublicUrl>,
    development: bool,
) -> Option<Cors> {
    let origins = table.required("origins", &format!("a list of origins, each {ORIGIN}"), |value| {
        let texts = list(ORIGIN, |text| Some(text.to_owned()))(value)?;
        texts.iter().map(|text| one(text, public_url, development)).collect::<Result<Vec<String>, String>>()
    });
    if origins.as_ref().is_some_and(Vec::is_empty) {
        table.problem("origins", "expected at least one, or no `cors`");
    }
    let credentials = table.optional("credentials", flag).unwrap_or(false);
    let headers = table.optional("headers", list(HEADER, name)).unwrap_or_default();
    let expose = table.optional("expose", list(HEADER, name)).unwrap_or_default();
    let max_age = table.optional("max_age", duration(Seconds::new(0), LONGEST_MAX_AGE));
    if !credentials && access.is_some_and(takes_cookies_alone) {
        table
            .problem("credentials", "expected `true`: this route takes sessions alone, and without it no cookie comes");
    }
    table.finish();
    Some(Cors { origins: origins?, credentials, headers, expose, max_age })
}

fn takes_cookies_alone(access: &Access) -> bool {
    matches!(access, Access::Guarded(guard) if guard.authenticate == [Authentication::Session])
}

/// An origin as browsers write it.
fn one(text: &str, public_url: Option<&PublicUrl>, development: bool) -> Result<String, String> {
    // The parser takes `*` for a letter of a host's name.
    let url = origin(text).filter(|_| !text.contains('*')).ok_or_else(|| expected(ORIGIN, text))?;
    if url.scheme() != "https" && !(development && is_loopback(&url)) {
        return Err(expected(ORIGIN, text));
    }
    let origin = url.origin().ascii_serialization();
    if public_url.is_some_and(|public| public.origin() == origin) {
        return Err(format!("{} is Postern itself, whose pages need no leave", shown(text)));
    }
    Ok(origin)
}

fn name(text: &str) -> Option<HeaderName> {
    HeaderName::try_from(text).ok().filter(|name| name.as_str() != "*")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{parse, problems, small, with};
    use super::*;

    fn route(cors: Value) -> Value {
        with(small(), &["ROUTES"], json!({ "/a": { "upstream": "service:A", "cors": cors } }))
    }

    fn refused(cors: Value) -> Vec<String> {
        let lines = problems(&route(cors));
        lines.iter().map(|line| line.replacen("ROUTES.\"/a\".cors", "", 1)).collect()
    }

    #[test]
    fn every_key_says_what_it_is_documented_to() {
        let cors = json!({
            "origins": ["https://SPA.example.com:443", "https://b.example:8443/"], "credentials": true,
            "headers": ["Content-Type"], "expose": ["ETag"], "max_age": "10m",
        });
        let config = parse(&route(cors)).unwrap();
        let cors = config.routes.routes()[0].cors.clone().unwrap();
        assert_eq!(cors.origins, ["https://spa.example.com", "https://b.example:8443"]);
        assert!(cors.credentials);
        assert_eq!(
            (cors.headers, cors.expose),
            (vec![HeaderName::from_static("content-type")], vec![HeaderName::from_static("etag")])
        );
        assert_eq!(cors.max_age, Some(Seconds::minutes(10)));
        assert_eq!(parse(&small()).unwrap().routes.routes()[0].cors, None);
    }

    #[test]
    fn an_origin_is_named_in_full() {
        //
        for bad in [
            "*",
            "null",
            "",
            "spa.example.com",
            "https://*.example.com",
            "http://spa.example.com",
            "http://localhost:5173",
            "https://spa.example.com/app",
            "https://user@spa.example.com",
            "https://spa.example.com?x",
            " https://spa.example.com",
        ] {
            let lines = refused(json!({ "origins": [bad], "credentials": true }));
            assert!(
                lines.len() == 1 && lines[0].starts_with(".origins: expected an https origin in full"),
                "{bad}: {lines:?}"
            );
        }
        let own = refused(json!({ "origins": ["https://app.example.com"], "credentials": true }));
        assert_eq!(own, [".origins: `https://app.example.com` is Postern itself, whose pages need no leave"]);
        assert!(refused(json!({ "origins": [], "credentials": true }))[0].contains("at least one"));
        assert!(refused(json!({ "credentials": true }))[0].contains(".origins: expected a list of origins"));
        let local = json!({ "origins": ["http://localhost:5173"], "credentials": true });
        let development = with(route(local), &["PUBLIC_URL"], json!("http://localhost:8787"));
        assert!(parse(&development).is_ok());
    }

    #[test]
    fn what_no_browser_would_make_use_of_is_refused() {
        let origins = json!(["https://spa.example.com"]);
        let without = refused(json!({ "origins": origins }));
        assert_eq!(
            without,
            [".credentials: expected `true`: this route takes sessions alone, and without it no cookie comes"]
        );
        for (key, value) in [
            ("headers", json!(["*"])),
            ("headers", json!(["a b"])),
            ("expose", json!(["*"])),
            ("expose", json!("etag")),
            ("max_age", json!("25h")),
            ("max_age", json!(600)),
            ("methods", json!(["GET"])),
        ] {
            let mut cors = json!({ "origins": origins, "credentials": true });
            cors[key] = value.clone();
            assert_eq!(refused(cors).len(), 1, "{key} {value}");
        }
        let public = json!({ "/a": { "upstream": "service:A", "public": true, "cors": { "origins": origins } } });
        assert!(parse(&with(small(), &["ROUTES"], public)).is_ok());
    }
}
