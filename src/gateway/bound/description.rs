//! What a browser is told of its session: for which requests it proves the key, and which cookie says so.

use serde_json::{Value, json};

use super::REFRESH;
use crate::config::Config;
use crate::gateway::response;
use crate::http::{Response, StatusCode, cookie};
use crate::route::{Access, OWN_PREFIX, Route};

/// More is said of a site in other words.
const MAX_EXCLUDED: usize = 32;

/// The description of the session that this browser has here. It has one name, so that a sign-in takes the place of the one
/// before: browsers keep what is over for long, and count it against what they may sign.
pub(super) fn session(config: &Config) -> Response {
    let host = config.public_url.host();
    // The scope knows no ports.
    let domain = host.rsplit_once(':').map_or(host, |(domain, _)| domain);
    let exclude = |path: &str| json!({ "type": "exclude", "domain": domain, "path": path });
    let excluded: Vec<Value> = excluded(config).iter().map(|path| exclude(path)).collect();
    response::json(
        StatusCode::OK,
        &json!({
            "session_identifier": config.device_session_id(),
            "refresh_url": REFRESH,
            "scope": {
                "origin": config.public_url.origin(),
                "include_site": false,
                "scope_specification": excluded,
            },
            "credentials": [{
                "type": "cookie",
                "name": cookie::BOUND,
                "attributes": "Path=/; Secure; HttpOnly; SameSite=Strict",
            }],
            "allowed_refresh_initiators": [],
        }),
    )
}

/// That it is over.
pub(super) fn over(named: &str) -> Response {
    response::json(StatusCode::OK, &json!({ "session_identifier": named, "continue": false }))
}

/// Paths for which nobody is asked who they are, with all below them: a request there waits for no proof.
fn excluded(config: &Config) -> Vec<String> {
    let (public, guarded): (Vec<&Route>, Vec<&Route>) =
        config.routes.routes().iter().partition(|route| matches!(route.access, Access::Public));
    let mut paths: Vec<String> = Vec::new();
    for prefix in public.into_iter().filter_map(whole_folder) {
        let is_ours = OWN_PREFIX.starts_with(prefix) || prefix.starts_with(OWN_PREFIX);
        let is_known = paths.iter().any(|known| known == prefix);
        if !is_ours && !is_known && !guarded.iter().any(|route| may_be_within(route, prefix)) {
            paths.push(prefix.to_owned());
        }
    }
    paths.truncate(MAX_EXCLUDED);
    paths
}

/// The folder that a route is for as a whole, if it is: of `/assets/{*rest}`, `/assets`.
fn whole_folder(route: &Route) -> Option<&str> {
    let folder = route.pattern.literal_prefix();
    let rest = route.pattern.as_str().strip_prefix(folder)?;
    (rest.starts_with("/{*") && !folder.is_empty()).then_some(folder)
}

/// Whether a path below `prefix` may be this route's. One that is for a folder around it leaves the path to the one that is
/// for the folder itself.
fn may_be_within(route: &Route, prefix: &str) -> bool {
    let literal = route.pattern.literal_prefix();
    let is_around = whole_folder(route).is_some() || route.pattern.as_str().starts_with("/{*");
    literal.starts_with(prefix) || (prefix.starts_with(literal) && !is_around)
}
