//! What the declarations of a version may come to before Cedar puts them together: it follows `in` by recursion, and
//! checks each policy for each action with each type of principals and of resources.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy_core::validator::RawName;
use cedar_policy_core::validator::json_schema::{ActionType, EntityTypeKind, Fragment, NamespaceDefinition};

/// The most types of entities in one version, beside ours.
const MAX_TYPES: usize = 200;
/// The most actions in one version, beside ours.
const MAX_ACTIONS: usize = 500;
/// The longest way along `in`: from a type to those that it may be in, from an action to its groups.
const MAX_CHAIN: usize = 32;
/// The most combinations of an action with a type of principals and one of resources, beside ours.
const MAX_COMBINATIONS: usize = 1000;
/// How many of them are ours.
pub(super) const OURS: usize = 30;

/// All files of a version, as they are written.
pub(super) type Declared = Vec<Fragment<RawName>>;

/// Why they come to too much.
pub(super) fn excess(declared: &Declared) -> Option<String> {
    let all = || declared.iter().flat_map(|fragment| &fragment.0);
    let too_many = |what: &str, most: usize, found: usize| {
        (found > most).then(|| format!("expected at most {most} {what}, found {found}"))
    };
    let types = all().map(|(_, space)| space.entity_types.len()).sum();
    let actions = all().map(|(_, space)| space.actions.len()).sum();
    too_many("types of entities", MAX_TYPES, types)
        .or_else(|| too_many("actions", MAX_ACTIONS, actions))
        .or_else(|| {
            let what = "combinations of an action with a type of principals and one of resources";
            too_many(what, MAX_COMBINATIONS, combinations(declared))
        })
        .or_else(|| too_long("types", &graph(declared, types_in)))
        .or_else(|| too_long("actions", &graph(declared, actions_in)))
}

/// How many combinations of an action with a type of principals and one of resources there are.
pub(super) fn combinations(declared: &Declared) -> usize {
    let all = declared.iter().flat_map(|fragment| &fragment.0).flat_map(|(_, space)| space.actions.values());
    let applies = |action: &ActionType<RawName>| {
        action.applies_to.as_ref().map_or(0, |to| to.principal_types.len().saturating_mul(to.resource_types.len()))
    };
    all.map(applies).fold(0, usize::saturating_add)
}

/// What each may be in, by whole names. Where a name may be of this namespace or of none, it is taken for both.
type Graph = BTreeMap<String, BTreeSet<String>>;

fn graph(declared: &Declared, add: fn(&mut Graph, &str, &NamespaceDefinition<RawName>)) -> Graph {
    let mut graph = Graph::new();
    for (name, space) in declared.iter().flat_map(|fragment| &fragment.0) {
        let before = name.as_ref().map_or_else(String::new, |name| format!("{name}::"));
        add(&mut graph, &before, space);
    }
    graph
}

/// `before`: what stands before the names of this namespace.
fn types_in(graph: &mut Graph, before: &str, space: &NamespaceDefinition<RawName>) {
    for (id, declared) in &space.entity_types {
        let parents = match &declared.kind {
            EntityTypeKind::Standard(kind) => kind.member_of_types.as_slice(),
            EntityTypeKind::Enum { .. } => &[],
        };
        let both = parents.iter().flat_map(|parent| [parent.to_string(), format!("{before}{parent}")]);
        graph.entry(format!("{before}{id}")).or_default().extend(both);
    }
}

fn actions_in(graph: &mut Graph, before: &str, space: &NamespaceDefinition<RawName>) {
    for (id, declared) in &space.actions {
        let groups = declared.member_of.iter().flatten().flat_map(|group| {
            let kind = group.ty.as_ref().map_or_else(|| "Action".to_owned(), ToString::to_string);
            let space = kind.strip_suffix("Action").unwrap_or(&kind).to_owned();
            [format!("{space}{}", group.id), format!("{before}{space}{}", group.id)]
        });
        let groups: Vec<String> = groups.collect();
        graph.entry(format!("{before}{id}")).or_default().extend(groups);
    }
}

/// Takes away what leads nowhere else, again and again: as often as that goes, so long is the longest way. What is left
/// goes in circles or leads there, and no way is longer than all of it.
fn too_long(what: &str, graph: &Graph) -> Option<String> {
    let why = || Some(format!("{what} are in each other for more than {MAX_CHAIN} steps"));
    let mut left: BTreeSet<&String> = graph.keys().collect();
    for _ in 0..=MAX_CHAIN {
        let leads_on = |name: &&String| {
            graph.get(*name).is_some_and(|to| to.iter().any(|other| other != *name && left.contains(other)))
        };
        let next: BTreeSet<&String> = left.iter().copied().filter(leads_on).collect();
        if next.len() == left.len() {
            return if left.len() > MAX_CHAIN { why() } else { None };
        }
        left = next;
    }
    why()
}

#[cfg(test)]
mod tests;
