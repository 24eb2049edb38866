//! Types, relations and what follows from what: checked once, so that every question has an answer.

use crate::ordered;
use std::collections::{BTreeMap, BTreeSet};

use super::rewrite::{Allowed, Rewrite};
use super::{Name, Subject, Tuple};

/// The most types, and the most relations of one.
const MAX_ENTRIES: usize = 100;

/// What types there are and which relations they have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model(Definitions);

/// What is wrong with a model, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelProblem {
    /// The type.
    pub kind: String,
    /// The relation, if it is about one.
    pub relation: Option<String>,
    /// What is wrong.
    pub message: String,
}

/// Why a tuple says nothing in a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inadmissible {
    /// There is no such type.
    Type,
    /// The type has no such relation.
    Relation,
    /// Such a subject cannot stand in that relation by a tuple.
    Subject,
}

type Definitions = BTreeMap<Name, BTreeMap<Name, Rewrite>>;

impl Model {
    /// Puts a model together. Types named without relations, such as those of people, have none.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn new(definitions: Definitions) -> Result<Self, Vec<ModelProblem>> {
        let mut problems: Vec<ModelProblem> =
            each(&definitions).flat_map(|(kind, name, rewrite)| faults(&definitions, kind, name, rewrite)).collect();
        let largest = definitions.values().map(BTreeMap::len).max().unwrap_or(0).max(definitions.len());
        if largest > MAX_ENTRIES {
            let message = format!("expected at most {MAX_ENTRIES} types, and as many relations of each");
            problems.push(ModelProblem { kind: String::new(), relation: None, message });
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let barren = barren(&definitions);
        if barren.is_empty() { Ok(Self(definitions)) } else { Err(barren) }
    }

    /// Whether there is such a type.
    #[must_use]
    pub fn has_type(&self, kind: &Name) -> bool {
        self.0.contains_key(kind)
    }

    /// Whether the type has such a relation.
    #[must_use]
    pub fn has(&self, kind: &Name, relation: &Name) -> bool {
        self.relation(kind, relation).is_some()
    }

    /// The names of all types, and of all relations of one.
    #[must_use]
    pub fn names(&self, kind: Option<&Name>) -> Vec<&str> {
        match kind {
            None => self.0.keys().map(Name::as_str).collect(),
            Some(kind) => self.0.get(kind).into_iter().flat_map(BTreeMap::keys).map(Name::as_str).collect(),
        }
    }

    /// The one of these names that was likely meant.
    #[must_use]
    pub fn meant<'a>(names: &[&'a str], text: &str) -> Option<&'a str> {
        let distance = |name: &&&str| strsim::osa_distance(name, text);
        names.iter().min_by_key(distance).filter(|name| distance(name) <= 2).copied()
    }

    /// Whether others are looked for by what stands in this relation: in it are folders, say, for `viewer from parent`.
    #[must_use]
    pub fn leads_on(&self, kind: &Name, relation: &Name) -> bool {
        let own = self.0.get(kind).into_iter().flat_map(BTreeMap::values);
        let is_from = |part: &&Rewrite| matches!(part, Rewrite::From { parent, .. } if parent == relation);
        own.flat_map(Rewrite::parts).any(|part| is_from(&part))
    }

    /// The types whose tuples decide who stands in this relation: its own, and those that it leads to.
    #[must_use]
    pub fn depends_on(&self, kind: &Name, relation: &Name) -> BTreeSet<&Name> {
        let mut seen: BTreeSet<Key<'_>> = BTreeSet::new();
        let mut next: Vec<Key<'_>> = self.key(kind, relation).into_iter().collect();
        while let Some((kind, name)) = next.pop() {
            if seen.insert((kind, name)) {
                let parts = self.relation(kind, name).map(Rewrite::parts).unwrap_or_default();
                next.extend(parts.into_iter().flat_map(|part| leads_to(&self.0, kind, part)));
            }
        }
        ordered::collected(seen.into_iter().map(|(kind, _)| kind))
    }

    fn key(&self, kind: &Name, relation: &Name) -> Option<Key<'_>> {
        let (kind, all) = self.0.get_key_value(kind)?;
        all.get_key_value(relation).map(|(relation, _)| (kind, relation))
    }

    pub(super) fn relation(&self, kind: &Name, relation: &Name) -> Option<&Rewrite> {
        self.0.get(kind)?.get(relation)
    }

    /// Whether the tuple says anything.
    ///
    /// # Errors
    /// Why it does not.
    pub fn admit(&self, tuple: &Tuple) -> Result<(), Inadmissible> {
        let kind = tuple.userset.object.kind();
        if !self.has_type(kind) {
            return Err(Inadmissible::Type);
        }
        let relation = self.relation(kind, &tuple.userset.relation).ok_or(Inadmissible::Relation)?;
        let fits = relation.allowed().any(|allowed| allowed.admits(&tuple.subject));
        if fits { Ok(()) } else { Err(Inadmissible::Subject) }
    }
}

impl Allowed {
    /// Whether a tuple may have this subject by it.
    #[must_use]
    pub fn admits(&self, subject: &Subject) -> bool {
        match (self, subject) {
            (Self::Type(kind), Subject::Object(object)) => object.kind() == kind,
            (Self::Everyone(kind), Subject::Everyone(other)) => other == kind,
            (Self::Userset(kind, relation), Subject::Userset(set)) => {
                set.object.kind() == kind && set.relation == *relation
            }
            _ => false,
        }
    }
}

fn each(definitions: &Definitions) -> impl Iterator<Item = (&Name, &Name, &Rewrite)> {
    definitions.iter().flat_map(|(kind, all)| all.iter().map(move |(name, rewrite)| (kind, name, rewrite)))
}

fn named<'a>(names: impl Iterator<Item = &'a Name>, wanted: &Name, what: &str) -> String {
    let names: Vec<&str> = names.map(Name::as_str).collect();
    let hint =
        Model::meant(&names, wanted.as_str()).map_or_else(String::new, |name| format!(", did you mean `{name}`?"));
    format!("there is no {what} `{wanted}`{hint}")
}

/// What the parts of one definition name that is not there.
fn faults(definitions: &Definitions, kind: &Name, name: &Name, rewrite: &Rewrite) -> Vec<ModelProblem> {
    let problem = |message| ModelProblem { kind: kind.to_string(), relation: Some(name.to_string()), message };
    rewrite.parts().into_iter().filter_map(|part| fault(definitions, kind, part)).map(problem).collect()
}

fn fault(definitions: &Definitions, kind: &Name, part: &Rewrite) -> Option<String> {
    let own = definitions.get(kind)?;
    match part {
        Rewrite::Direct(allowed) => allowed.iter().find_map(|allowed| unknown(definitions, allowed)),
        Rewrite::Computed(name) if own.contains_key(name) => None,
        Rewrite::Computed(name) => {
            let hint =
                if definitions.contains_key(name) { format!(", for the type write `[{name}]`") } else { String::new() };
            Some(named(own.keys(), name, &format!("relation of `{kind}` called")) + &hint)
        }
        Rewrite::From { relation, parent } => {
            let Some(parents) = own.get(parent) else {
                return Some(named(own.keys(), parent, &format!("relation of `{kind}` called")));
            };
            let Rewrite::Direct(allowed) = parents else {
                return Some(format!("`from {parent}` needs `{parent}` to be types alone, such as `[folder]`"));
            };
            let kinds: Option<Vec<&Name>> =
                allowed.iter().map(|one| if let Allowed::Type(kind) = one { Some(kind) } else { None }).collect();
            let Some(kinds) = kinds else {
                return Some(format!("`from {parent}` needs `{parent}` to be types alone, such as `[folder]`"));
            };
            let mut names = kinds.iter().filter_map(|kind| definitions.get(*kind)).flat_map(BTreeMap::keys);
            let there = names.clone().any(|name| name == relation);
            (!there).then(|| named(names.by_ref(), relation, &format!("relation of what is `{parent}` called")))
        }
        Rewrite::Any(_) | Rewrite::All(_) | Rewrite::Except(..) => None,
    }
}

fn unknown(definitions: &Definitions, allowed: &Allowed) -> Option<String> {
    let (Allowed::Type(kind) | Allowed::Userset(kind, _) | Allowed::Everyone(kind)) = allowed;
    let Some(relations) = definitions.get(kind) else { return Some(named(definitions.keys(), kind, "type")) };
    match allowed {
        Allowed::Userset(_, name) if !relations.contains_key(name) => {
            Some(named(relations.keys(), name, &format!("relation of `{kind}` called")))
        }
        _ => None,
    }
}

type Key<'a> = (&'a Name, &'a Name);

/// The relations that one part of a definition leads to.
fn leads_to<'a>(definitions: &'a Definitions, kind: &'a Name, part: &'a Rewrite) -> Vec<Key<'a>> {
    match part {
        Rewrite::Direct(allowed) => {
            let userset =
                |one: &'a Allowed| if let Allowed::Userset(kind, name) = one { Some((kind, name)) } else { None };
            allowed.iter().filter_map(userset).collect()
        }
        Rewrite::Computed(name) => vec![(kind, name)],
        Rewrite::From { relation, parent } => {
            let parents = definitions.get(kind).and_then(|own| own.get(parent));
            let kinds = parents.into_iter().flat_map(Rewrite::allowed);
            let kind = |one: &'a Allowed| if let Allowed::Type(kind) = one { Some(kind) } else { None };
            let has = |kind: &&Name| definitions.get(*kind).is_some_and(|own| own.contains_key(relation));
            kinds.filter_map(kind).filter(has).map(|kind| (kind, relation)).collect()
        }
        Rewrite::Any(_) | Rewrite::All(_) | Rewrite::Except(..) => Vec::new(),
    }
}

/// Relations in which nobody can ever stand, whatever tuples there are.
fn barren(definitions: &Definitions) -> Vec<ModelProblem> {
    let mut fertile: BTreeSet<Key<'_>> = BTreeSet::new();
    loop {
        let before = fertile.len();
        let more: Vec<Key<'_>> = each(definitions)
            .filter(|(kind, _, rewrite)| is_fertile(definitions, &fertile, kind, rewrite))
            .map(|(kind, name, _)| (kind, name))
            .collect();
        fertile.extend(more);
        if fertile.len() == before {
            break;
        }
    }
    let unmet = each(definitions).filter(|(kind, name, _)| !fertile.contains(&(*kind, *name)));
    let problem = |(kind, name, _): (&Name, &Name, &Rewrite)| ModelProblem {
        kind: kind.to_string(),
        relation: Some(name.to_string()),
        message: "nobody can ever stand in it: it leads to no `[…]`".to_owned(),
    };
    unmet.map(problem).collect()
}

fn is_fertile<'a>(
    definitions: &'a Definitions,
    fertile: &BTreeSet<Key<'a>>,
    kind: &'a Name,
    rewrite: &'a Rewrite,
) -> bool {
    match rewrite {
        Rewrite::Direct(allowed) if allowed.iter().any(|one| !matches!(one, Allowed::Userset(..))) => true,
        Rewrite::Any(all) => all.iter().any(|one| is_fertile(definitions, fertile, kind, one)),
        Rewrite::All(all) => all.iter().all(|one| is_fertile(definitions, fertile, kind, one)),
        Rewrite::Except(base, _) => is_fertile(definitions, fertile, kind, base),
        part => leads_to(definitions, kind, part).iter().any(|key| fertile.contains(key)),
    }
}

#[cfg(test)]
#[path = "model/tests.rs"]
mod tests;
