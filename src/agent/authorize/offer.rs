//! What may be granted to agents: the resources of this deployment that take them, with their scopes (RFC 8707, R-308).

use super::request::Offer;
use crate::config::Config;
use crate::route::Route;

/// The resource at this address, if agents may be let into it.
#[must_use]
pub fn find(config: &Config, address: &str) -> Option<Offer> {
    // Clients that take an address apart and put it together again add a slash where there is no path.
    let bare = address.strip_suffix('/').unwrap_or(address);
    let path = bare.strip_prefix(config.public_url.origin())?;
    let routes: Vec<&Route> = routes(config).filter(|route| route.resource() == Some(path)).collect();
    if routes.is_empty() {
        return None;
    }
    Some(Offer { resource: config.public_url.join(path), scopes: scopes_of(routes.into_iter()) })
}

/// All scopes that may be granted.
#[must_use]
pub fn all_scopes(config: &Config) -> Vec<String> {
    scopes_of(routes(config))
}

fn routes(config: &Config) -> impl Iterator<Item = &Route> {
    config.all_routes().filter(|route| route.takes_agents())
}

/// What these routes ask for, each once: what they require, and what single operations of theirs need.
fn scopes_of<'a>(routes: impl Iterator<Item = &'a Route>) -> Vec<String> {
    let mut scopes: Vec<String> = Vec::new();
    for route in routes {
        let required = route.guard().map(|guard| &guard.requirements).into_iter();
        let required = required.flat_map(|required| required.scopes.iter().chain(&required.any_scope));
        let of_operations = route.mcp.iter().flat_map(|rules| rules.all_scopes());
        for scope in required.chain(of_operations) {
            if !scopes.contains(scope) {
                scopes.push(scope.clone());
            }
        }
    }
    scopes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::testing::config;

    //
    #[test]
    fn only_a_resource_that_takes_agents_is_offered() {
        let config = config(|vars| {
            vars["ROUTES"] = json!({
                "/mcp": { "upstream": "service:A", "authenticate": ["agent"], "require": { "scopes": ["a"] } },
                "/mcp/{*rest}": { "upstream": "service:A", "authenticate": ["agent"], "require": { "any_scope": ["b", "a"] } },
                "/docs": { "upstream": "service:A", "authenticate": ["session"] },
            });
        });
        let origin = config.public_url.origin().to_owned();
        let offer = find(&config, &format!("{origin}/mcp")).unwrap();
        assert_eq!((offer.resource, offer.scopes), (format!("{origin}/mcp"), vec!["a".to_owned(), "b".to_owned()]));
        assert!(find(&config, &format!("{origin}/mcp/")).is_some());
        for other in ["/docs", "", "/", "/mcp/x", "/MCP", "/mcp//", "/mcp?x", "/mcp#x"] {
            assert_eq!(find(&config, &format!("{origin}{other}")), None, "{other}");
        }
        assert_eq!(find(&config, "https://other.example/mcp"), None);
        assert_eq!(find(&config, &format!("{origin}.evil.example/mcp")), None);
        assert_eq!(all_scopes(&config), ["a", "b"]);
    }
}
