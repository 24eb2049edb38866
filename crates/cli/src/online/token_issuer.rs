//! An issuer of access tokens, by its metadata and keys.

use postern::config::{Introspection, Issuer, ServiceClient, SignedTokens, TokenFormat, TokenIssuer};
use postern::oidc::metadata::{self, MetadataError};

use super::keys::{self, KeysFor};
use super::{Examiner, unusable};

/// Holds what it publishes against its entry of `ISSUERS`.
pub(super) fn examine(examiner: &mut Examiner<'_>, issuer: &TokenIssuer) {
    let table = format!("ISSUERS.{}", issuer.id);
    match &issuer.tokens {
        TokenFormat::Signed(how) => signed(examiner, issuer, (&table, how)),
        TokenFormat::Opaque(how) => opaque(examiner, issuer, (&table, how)),
    }
}

fn signed(examiner: &mut Examiner<'_>, issuer: &TokenIssuer, (table, how): (&str, &SignedTokens)) {
    let (path, url) = match &how.jwks_uri {
        Some(url) => (format!("{table}.jwks_uri"), Some(url.clone())),
        None => (format!("{table}.issuer"), of_metadata(examiner, table, &issuer.issuer, metadata::keys_uri)),
    };
    let Some(url) = url else { return };
    let algorithms_path = format!("{table}.algs");
    let keys = KeysFor { path: &path, algorithms_path: &algorithms_path, algorithms: &how.algs, url: &url };
    if let Some(count) = keys::examine(examiner, &keys) {
        examiner.read(format!("{} ({}): {count} keys", issuer.id, issuer.issuer.as_str()));
    }
}

fn opaque(examiner: &mut Examiner<'_>, issuer: &TokenIssuer, (table, how): (&str, &Introspection)) {
    if how.endpoint.is_some() {
        return;
    }
    let url = of_metadata(examiner, table, &issuer.issuer, metadata::introspection_endpoint);
    let url = url.map(|endpoint| endpoint.of_client(&how.client_auth).to_owned());
    if let Some(url) = url {
        examiner.read(format!("{} ({}): asked about tokens at {url}", issuer.id, issuer.issuer.as_str()));
    }
}

/// Holds what it publishes against an entry of `SERVICES`.
pub(super) fn examine_service(examiner: &mut Examiner<'_>, service: &ServiceClient) {
    let Some(issuer) = service.issuer.as_ref().filter(|_| service.token_endpoint.is_none()) else { return };
    let url = of_metadata(examiner, &format!("SERVICES.{}", service.id), issuer, metadata::token_endpoint);
    if let Some(endpoint) = url {
        let url = endpoint.of_client(&service.client_auth);
        examiner.read(format!("{} ({}): tokens of Postern's own at {url}", service.id, issuer.as_str()));
    }
}

pub(super) fn of_metadata<T>(
    examiner: &mut Examiner<'_>,
    table: &str,
    issuer: &Issuer,
    read: fn(&[u8], &Issuer) -> Result<T, MetadataError>,
) -> Option<T> {
    let path = format!("{table}.issuer");
    let body = examiner.body(&path, &metadata::url(issuer))?;
    match read(body.as_bytes(), issuer) {
        Ok(url) => Some(url),
        Err(error) => {
            examiner.problem(&path, unusable(&error, issuer));
            None
        }
    }
}
