//! What `postern check` says of rules that stand beside weaker ones: by which other spellings and methods they could be passed.

use postern::config::Config;
use postern::route::{Overridable, Surrounded, Unreachable, Upstream};

/// The spellings that are refused, because an upstream could take them for what a stricter rule is for.
pub(super) fn refused_spellings(config: &Config) -> String {
    let surrounded = config.routes.surrounded();
    let lines: Vec<String> = surrounded.iter().filter(|one| one.refused).map(refused).collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("\nRules inside weaker ones: paths that look like them are refused\n{}", lines.concat())
}

fn refused(one: &Surrounded<'_>) -> String {
    let spellings = one.spellings.join(" ");
    format!("  `{}` inside `{}`: {spellings} and the like{}\n", one.rule.name, one.weaker.name, file(one))
}

/// A static file that is among the refused spellings: another server may take what follows its last dot for a format.
fn file(one: &Surrounded<'_>) -> String {
    let has_files = one.weaker.upstream == Some(Upstream::Assets);
    let is_the_rules = |name: &&str| {
        one.rule.pattern.as_str().strip_prefix(*name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let names = one.spellings.iter().filter_map(|spelling| spelling.strip_suffix(".json"));
    let name = names.filter(|_| has_files).find(is_the_rules);
    name.map(|name| format!("; a static file {name}.css is 404 too")).unwrap_or_default()
}

/// Which rules are passed by another spelling or method, if their upstream takes it for theirs, and which let nothing
/// through.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let surrounded = config.routes.surrounded();
    let taken = surrounded.iter().filter(|one| !one.refused).map(taken);
    let (unreachable, overridable) = (config.routes.unreachable(), config.routes.overridable());
    taken.chain(unreachable.iter().map(shut)).chain(overridable.iter().map(overridden)).collect()
}

fn taken(one: &Surrounded<'_>) -> String {
    format!(
        "`{}` is weaker than `{}` and lets through {}: its upstream must not take these for the other",
        one.weaker.name,
        one.rule.name,
        one.spellings.join(" ")
    )
}

fn shut(one: &Unreachable<'_>) -> String {
    format!(
        "`{}` lets nothing through: an upstream could take its paths for those of `{}`, which is stricter. Say `paths = \"exact\"` if its upstream does not",
        one.rule.name, one.other
    )
}

fn overridden(one: &Overridable<'_>) -> String {
    format!(
        "`{}` is weaker than `{}`: its upstream must not take a POST for another method because a form or query says `_method`",
        one.post.name, one.stricter.name
    )
}
