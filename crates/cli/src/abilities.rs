//! What routes want that some of their providers cannot tell, or cannot be told of.

use postern::config::{Config, Inability, Provider};
use postern::route::{Guard, Route};

/// Every such route and provider, in words.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    config.routes.routes().iter().flat_map(|route| of_route(config, route)).collect()
}

fn of_route(config: &Config, route: &Route) -> Vec<String> {
    let Some(guard) = route.guard().filter(|guard| guard.takes_sessions()) else { return Vec::new() };
    let wanted = [
        ("acr", !guard.requirements.acr.is_empty(), Inability::Acr),
        ("max_age", guard.requirements.max_age.is_some(), Inability::MaxAge),
    ];
    let wanted = wanted.into_iter().filter(|(_, is_wanted, _)| *is_wanted);
    wanted.filter_map(|(key, _, inability)| told(config, route, guard, (key, inability))).collect()
}

fn told(config: &Config, route: &Route, guard: &Guard, (key, inability): (&str, Inability)) -> Option<String> {
    let taken = |provider: &&Provider| {
        let named = &guard.requirements.providers;
        (named.is_empty() || named.contains(&provider.id)) && provider.cannot.contains(&inability)
    };
    let names: Vec<String> =
        config.providers.iter().filter(taken).map(|provider| format!("`{}`", provider.id)).collect();
    let table = config.site.binding("ROUTES");
    let who = names.join(" or ");
    (!names.is_empty()).then(|| {
        format!(
            "`{table}.\"{}\".require.{key}`: nobody who signs in at {who} ever meets it, for it cannot tell",
            route.name
        )
    })
}
