//! What `postern check` says of the words for scopes of agents.

use postern::agent::authorize::offer;
use postern::config::{AgentRules, Config};

use super::mistakes::MISSPELT;

/// Scopes with words that nobody reads, because agents can have no scope of this name: the name is misspelt by all appearances.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let Some(rules) = &config.agents else { return Vec::new() };
    let known = scopes_of_agents(config, rules);
    let worded = rules.scopes.iter().map(|worded| &worded.scope);
    worded.filter(|scope| !known.contains(scope)).map(|scope| told(config, scope, &known)).collect()
}

/// Every scope that a person may read of: those that routes ask agents for, and those that providers give them.
fn scopes_of_agents(config: &Config, rules: &AgentRules) -> Vec<String> {
    let given = rules.enterprise.iter().flat_map(|rule| &rule.clients).flat_map(|client| &client.scopes);
    offer::all_scopes(config).into_iter().chain(given.cloned()).collect()
}

fn told(config: &Config, scope: &str, known: &[String]) -> String {
    let place = config.site.binding("AGENTS.scopes");
    let distance = |name: &&String| strsim::osa_distance(&name.to_lowercase(), &scope.to_lowercase());
    let nearest = known.iter().min_by_key(distance).filter(|name| distance(name) <= MISSPELT);
    let hint = nearest.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default();
    format!("`{place}.{scope:?}`: no route asks agents for `{scope}`, so nobody reads these words{hint}")
}
