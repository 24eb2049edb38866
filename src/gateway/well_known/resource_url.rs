//! Where the metadata of a protected resource is (RFC 9728 §3.1, §5.1).

use crate::config::{Config, PublicUrl};
use crate::route::{CanonicalPath, Route};

/// RFC 9728 §3.1: inserted between the host and the path of the resource.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The resource that a path of ours asks about, if it does; nobody asks where no route takes tokens.
pub(crate) fn asked_about<'a>(config: &Config, path: &'a CanonicalPath) -> Option<&'a str> {
    let resource = path.as_str().strip_prefix(WELL_KNOWN)?;
    let is_resource = resource.is_empty() || resource.starts_with('/');
    (is_resource && config.all_routes().any(|route| route.resource().is_some())).then_some(resource)
}

/// Where the metadata of the resource that `route` belongs to is (RFC 9728 §5.1).
pub(crate) fn metadata_url(route: &Route, public_url: &PublicUrl) -> String {
    public_url.join(&format!("{WELL_KNOWN}{}", route.resource().unwrap_or_default()))
}
