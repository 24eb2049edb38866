//! Which resource of this deployment a token is for: by its audience (RFC 8707 §2, RFC 9728 §7.4).
//!
//! An `audience` of an issuer that is an address of ours names a resource: what lies at and below it. Any other
//! one names the deployment as a whole, as the issuer calls it.

use serde_json::{Map, Value};

use crate::claims::audiences;
use crate::config::{Config, Resource, TokenIssuer};
use crate::letter_case;
use crate::route::{CanonicalPath, Pattern, Route};

/// Whether a token of `issuer`'s that says this is for what is at `path`.
///
/// Where the path lies in a resource that the issuer names, the token must name it, or another that it lies in.
/// Elsewhere it must name the deployment. Without any `aud` it has come here by the word of an endpoint that the
/// configuration trusts with that.
#[must_use]
pub fn is_for(issuer: &TokenIssuer, claims: &Map<String, Value>, path: &CanonicalPath) -> bool {
    // An empty text says nothing, like no text.
    let said = |named: &Vec<&str>| named.iter().any(|one| !one.is_empty());
    let Some(named) = audiences(claims, &issuer.audience_claim).filter(said) else { return true };
    // As loosely as any server may read it: in doubt it lies in there.
    let lies_in_one = issuer.resources.iter().any(|one| is_within_loosely(path.as_str(), &one.path));
    own(issuer).filter(|(audience, _)| named.contains(audience)).any(|(_, resource)| match resource {
        Some(resource) => path.is_within(&resource.path),
        None => !lies_in_one,
    })
}

/// The issuer's audiences, each with the resource that it is the address of.
fn own(issuer: &TokenIssuer) -> impl Iterator<Item = (&str, Option<&Resource>)> {
    let resource = |audience: &str| issuer.resources.iter().find(|one| one.audience == audience);
    issuer.audience.iter().map(move |audience| (audience.as_str(), resource(audience)))
}

/// The audiences of issuers by which a token opens no route, each with its issuer.
#[must_use]
pub fn inert(config: &Config) -> Vec<(&TokenIssuer, &str)> {
    config.issuers.iter().flat_map(|issuer| inert_of(issuer, config)).collect()
}

fn inert_of<'a>(issuer: &'a TokenIssuer, config: &'a Config) -> Vec<(&'a TokenIssuer, &'a str)> {
    let lies_in_one = |prefix: &str| issuer.resources.iter().any(|one| is_within_loosely(prefix, &one.path));
    let takes = |route: &&Route| route.token_guard().is_some_and(|guard| guard.admits(&issuer.id));
    let opens = |route: &Route, resource: Option<&Resource>| match resource {
        Some(resource) => has_paths_within(&route.pattern, &resource.path),
        None => !lies_in_one(route.pattern.literal_prefix()),
    };
    let administration = config.admin.iter().filter_map(|admin| admin.services()).map(|services| &services.route);
    let routes = || config.all_routes().chain(administration.clone());
    let is_inert = |resource: Option<&Resource>| !routes().filter(takes).any(|route| opens(route, resource));
    own(issuer).filter(|(_, resource)| is_inert(*resource)).map(|(audience, _)| (issuer, audience)).collect()
}

/// Whether the pattern may match a path that lies in the resource.
fn has_paths_within(pattern: &Pattern, resource: &str) -> bool {
    let (literal, has_parameters) = (pattern.literal_prefix(), pattern.as_str().contains("/{"));
    let below = |path: &str, prefix: &str| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    below(literal, resource) || (has_parameters && below(resource, literal))
}

fn is_within_loosely(path: &str, resource: &str) -> bool {
    let (path, resource) = (letter_case::folded(path), letter_case::folded(resource));
    path.strip_prefix(&resource).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::testing::{config, token_issuer};

    fn opens(audiences: &[&str], aud: &Value, path: &str) -> bool {
        let issuer = token_issuer(|table| table["audience"] = json!(audiences));
        let claims = json!({ "aud": aud });
        is_for(&issuer, claims.as_object().unwrap(), &CanonicalPath::parse(path).unwrap())
    }

    const NOTES: &str = "https://app.example.com/mcp/notes";
    const MAIL: &str = "https://app.example.com/mcp/mail/";
    const ROOT: &str = "https://app.example.com";

    #[test]
    fn a_token_for_one_resource_opens_that_one() {
        for (aud, path, expected) in [
            (json!(NOTES), "/mcp/notes", true),
            (json!([NOTES]), "/mcp/notes/", true),
            (json!(NOTES), "/mcp/notes/7/edit", true),
            (json!(NOTES), "/mcp/mail", false),
            (json!(NOTES), "/mcp/mail/7", false),
            (json!(NOTES), "/mcp/notesalike", false),
            (json!(NOTES), "/mcp/Notes", false),
            (json!(NOTES), "/mcp", false),
            (json!(NOTES), "/other", false),
            (json!(MAIL), "/mcp/mail", true),
            (json!(MAIL), "/mcp/mail/7", true),
            (json!([NOTES, MAIL]), "/mcp/mail", true),
            (json!([NOTES, "https://app.example.com/mcp/mail"]), "/mcp/mail", false),
            (json!([NOTES, "urn:else"]), "/other", false),
        ] {
            assert_eq!(opens(&[NOTES, MAIL], &aud, path), expected, "{aud} at {path}");
        }
    }

    #[test]
    fn a_name_that_is_no_address_of_ours_is_that_of_the_whole_deployment() {
        for (path, expected) in [
            ("/", true),
            ("/other", true),
            ("/mcp", true),
            ("/mcp/notes", false),
            ("/mcp/notes/7", false),
            ("/MCP/Notes/7", false),
            ("/mcp/notes.json", false),
        ] {
            assert_eq!(opens(&["urn:api", NOTES], &json!("urn:api"), path), expected, "{path}");
            assert!(opens(&["urn:api"], &json!("urn:api"), path), "{path}");
            assert!(
                opens(&["https://other.example.com/mcp"], &json!(["https://other.example.com/mcp"]), path),
                "{path}"
            );
        }
        assert!(opens(&["urn:api", NOTES], &json!(["urn:api", NOTES]), "/mcp/notes"));
    }

    #[test]
    fn the_claim_that_names_the_audience_names_the_resource() {
        let issuer = token_issuer(|table| {
            table["audience"] = json!([NOTES, MAIL]);
            table["audience_claim"] = json!("resource");
        });
        let claims = json!({ "resource": NOTES });
        let opens = |path| is_for(&issuer, claims.as_object().unwrap(), &CanonicalPath::parse(path).unwrap());
        assert!(opens("/mcp/notes") && !opens("/mcp/mail"));
    }

    #[test]
    fn the_address_of_the_deployment_is_that_of_all_that_lies_in_it() {
        for address in [ROOT, "https://app.example.com/"] {
            for path in ["/", "/mcp/notes", "/other"] {
                assert!(opens(&[address, NOTES], &json!(address), path), "{address} {path}");
            }
        }
    }

    #[test]
    fn however_an_address_of_ours_is_written_it_is_one() {
        for address in [
            "https://APP.example.com/mcp/notes",
            "https://app.example.com:443/mcp/notes",
            "https://app.example.com/mcp/%6eotes",
        ] {
            assert!(opens(&[address], &json!(address), "/mcp/notes/7"), "{address}");
            assert!(!opens(&[address], &json!(address), "/mcp/mail"), "{address}");
        }
        assert!(!opens(&["https://app.example.com/a//b"], &json!("https://app.example.com/a//b"), "/a"));
    }

    #[test]
    fn an_audience_that_opens_no_route_is_found() {
        let inert_of = |audiences: &[&str], route: &str| {
            let config = config(|vars| {
                vars["ISSUERS"] = json!({ "as": { "issuer": "https://as.example.com", "audience": audiences } });
                vars["ROUTES"] = json!({ route: { "upstream": "service:API", "authenticate": ["bearer"] } });
            });
            inert(&config).into_iter().map(|(_, audience)| audience.to_owned()).collect::<Vec<_>>()
        };
        for (audiences, route, expected) in [
            (&["urn:api"][..], "/mcp/{*rest}", &[][..]),
            (&[ROOT], "/mcp/{*rest}", &[]),
            (&[ROOT, "urn:api"], "/mcp/{*rest}", &["urn:api"]),
            (&[NOTES, "urn:api"], "/mcp/{*rest}", &[]),
            (&[NOTES, "urn:api"], "/mcp/notes/{*rest}", &["urn:api"]),
            (&[NOTES, "urn:api"], "/mcp/{name}", &[]),
            (&[NOTES, MAIL], "/mcp/notes", &[MAIL]),
            (&[MAIL], "/mcp", &[MAIL]),
        ] {
            assert_eq!(inert_of(audiences, route), expected, "{audiences:?} at {route}");
        }
    }
}
