//! A platform that gives tokens to programs, by its metadata and keys. What is reached by a binding, or not at all, is not
//! looked at from here.

use postern::config::{PublishedKeys, WorkloadIssuer, WorkloadKeys};
use postern::oidc::metadata;

use super::Examiner;
use super::keys::{self, KeysFor};
use super::token_issuer::of_metadata;

/// Holds what it publishes against its entry of `ISSUERS`.
pub(super) fn examine(examiner: &mut Examiner<'_>, platform: &WorkloadIssuer) {
    let table = format!("ISSUERS.{}", platform.id);
    let (path, url) = match &platform.keys {
        WorkloadKeys::Discovery(issuer) => {
            (format!("{table}.issuer"), of_metadata(examiner, &table, issuer, metadata::keys_uri))
        }
        WorkloadKeys::Published(PublishedKeys { url, via: None, is_bundle: false, .. }) => {
            (format!("{table}.jwks_uri"), Some(url.clone()))
        }
        WorkloadKeys::Published(_) | WorkloadKeys::Given(_) => return,
    };
    let Some(url) = url else { return };
    let algorithms_path = format!("{table}.algs");
    let keys = KeysFor { path: &path, algorithms_path: &algorithms_path, algorithms: &platform.algs, url: &url };
    if let Some(count) = keys::examine(examiner, &keys) {
        examiner.read(format!("{} ({}): {count} keys", platform.id, platform.issuer));
    }
}
