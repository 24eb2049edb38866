//! What `postern check` says of proofs and revocations that will not do what they look like.

use postern::config::Config;
use postern::http::Method;
use postern::route::{Access, DeviceRequirement, Route};

/// Routes that ask for a proof of each request, and providers that end less than is configured.
pub(super) fn warnings(config: &Config) -> impl Iterator<Item = String> {
    let routes = config.routes.routes().iter().filter(|route| wants_proof_now(route));
    routes.flat_map(|route| foreign(route).into_iter().chain(many(route))).chain(keys_by_email(config))
}

fn wants_proof_now(route: &Route) -> bool {
    let Access::Guarded(guard) = &route.access else { return false };
    guard.takes_sessions() && guard.requirements.device == Some(DeviceRequirement::Now)
}

/// A browser proves its key for pages of our own origin alone.
fn foreign(route: &Route) -> Option<String> {
    route.cors.as_ref().map(|_| {
        format!(
            "`ROUTES.{:?}` has `cors` and `require.device = \"now\"`: no browser proves its key for a page of another origin, so these pages get 401",
            route.name
        )
    })
}

/// A page and all that it loads would have to be proven every half a minute.
fn many(route: &Route) -> Option<String> {
    let is_wide = route.pattern.as_str().contains("{*") && route.methods.contains(&Method::GET);
    is_wide.then(|| {
        format!(
            "`ROUTES.{:?}` takes GET below a whole path and has `require.device = \"now\"`: a visit wants a proof every half a minute, and Chromium signs about six times in nine minutes. `bound` is for pages, `now` for single requests",
            route.name
        )
    })
}

/// Of whom a provider names by an address, no more is known than their sessions and grants.
fn keys_by_email(config: &Config) -> impl Iterator<Item = String> {
    let both = |rules: &postern::config::ProviderRevocation| rules.email && rules.keys;
    let named = config.providers.iter().filter(move |provider| provider.revocation.as_ref().is_some_and(both));
    named.map(|provider| {
        format!(
            "`PROVIDERS.{}.revocation` has `email` and `keys`: the keys of whoever is named by their address go on. Have the provider name people by `iss_sub`, or block them to end their keys",
            provider.id
        )
    })
}
