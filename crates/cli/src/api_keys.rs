//! The rules of API keys, for people.

use postern::api_key::ApiKeyRules;
use postern::config::spelled;

/// What keys look like, where they come, and who makes them.
pub(super) fn summary(rules: &ApiKeyRules) -> String {
    let place = rules.header.as_ref().map_or("Authorization: Bearer", |name| name.as_str());
    let (life, longest) = (spelled(rules.default_life), spelled(rules.max_life));
    let who = match &rules.self_service {
        None => "made by administrators alone".to_owned(),
        Some(service) => {
            let people = if service.roles.is_empty() { "everybody who signs in" } else { &service.roles.join(" or ") };
            let seen = service.owner_seen_within.map(spelled);
            let seen = seen.map(|within| format!(", while their owner signs in every {within}")).unwrap_or_default();
            format!("made by {people}, up to {} each, for {}{seen}", service.per_person, service.scopes.join(" "))
        }
    };
    let github = if rules.github.is_some() { ". GitHub may report leaked ones" } else { "" };
    format!(
        "\nAPI keys {}_… in {place}\n  {who}\n  live {life}, {longest} at most, and {} on beside a rotated one{github}\n",
        rules.prefix.as_str(),
        spelled(rules.overlap)
    )
}
