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
    let scopes = scopes_of(&routes).into_iter().map(str::to_owned).collect();
    Some(Offer { resource: config.public_url.join(path), scopes, elsewhere: all_scopes(config) })
}

/// All scopes that may be granted.
#[must_use]
pub fn all_scopes(config: &Config) -> Vec<String> {
    scopes_of(&routes(config).collect::<Vec<_>>()).into_iter().map(str::to_owned).collect()
}

/// What these routes ask for, each once: what they require, and what single operations of theirs need.
#[must_use]
pub fn scopes_of<'a>(routes: &[&'a Route]) -> Vec<&'a str> {
    let mut scopes: Vec<&str> = Vec::new();
    let required = routes.iter().filter_map(|route| route.guard()).map(|guard| &guard.requirements);
    let required = required.flat_map(|required| required.scopes.iter().chain(&required.any_scope));
    let of_operations = routes.iter().filter_map(|route| route.mcp.as_ref()).flat_map(|rules| rules.all_scopes());
    for scope in required.chain(of_operations) {
        if !scopes.contains(&scope.as_str()) {
            scopes.push(scope);
        }
    }
    scopes
}

/// What a scope is for at this resource, as far as the rules of its messages name it: tools by their names.
#[must_use]
pub fn operations<'a>(config: &'a Config, resource: &str, scope: &str) -> Vec<&'a str> {
    let path = resource.strip_prefix(config.public_url.origin()).unwrap_or_default();
    let here = routes(config).filter(|route| route.resource() == Some(path)).filter_map(|route| route.mcp.as_ref());
    let rules = here.flat_map(|rules| &rules.scopes).filter(|rule| rule.scopes.iter().any(|one| one == scope));
    let named = rules.map(|rule| rule.operation.as_str());
    let mut all: Vec<&str> = named.map(|text| text.strip_prefix("tools/call:").unwrap_or(text)).collect();
    all.dedup();
    all
}

fn routes(config: &Config) -> impl Iterator<Item = &Route> {
    config.all_routes().filter(|route| route.takes_agents())
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
        assert!(operations(&config, &format!("{origin}/mcp"), "a").is_empty());
        assert!(find(&config, &format!("{origin}/mcp/")).is_some());
        for other in ["/docs", "", "/", "/mcp/x", "/MCP", "/mcp//", "/mcp?x", "/mcp#x"] {
            assert_eq!(find(&config, &format!("{origin}{other}")), None, "{other}");
        }
        assert_eq!(find(&config, "https://other.example/mcp"), None);
        assert_eq!(find(&config, &format!("{origin}.evil.example/mcp")), None);
        assert_eq!(all_scopes(&config), ["a", "b"]);
    }

    #[test]
    fn a_scope_is_explained_by_what_needs_it() {
        let config = config(|vars| {
            let scopes =
                json!({ "tools/call:search": "read", "tools/call:delete_*": "write", "resources/read": "read" });
            vars["ROUTES"] = json!({ "/mcp": { "upstream": "service:A", "mcp": { "scopes": scopes } } });
        });
        let resource = config.public_url.join("/mcp");
        let mut read = operations(&config, &resource, "read");
        read.sort_unstable();
        assert_eq!(read, ["resources/read", "search"]);
        assert_eq!(operations(&config, &resource, "write"), ["delete_*"]);
    }
}
