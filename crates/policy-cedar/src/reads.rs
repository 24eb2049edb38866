//! What the policies of a version may look at. Nothing else of a question is built: that takes longer than the answer.
//!
//! By their text alone, and rather too much than too little: who reads a fact has its name in the text.

use std::collections::BTreeSet;

use super::zones::{self, Zone};

/// What a policy reads by a name of ours that takes long to build, by that name.
const FACTS: [&str; 15] = [
    "numbers",
    "email",
    "scopes",
    "permissions",
    "now",
    "time",
    "utc",
    "local",
    "address",
    "tls",
    "certificate",
    "device",
    "authentication",
    "relations",
    "mcp",
];

/// The facts that are read.
#[derive(Debug)]
pub(super) struct Reads {
    facts: Vec<&'static str>,
    tags: Tags,
    /// The zones that are named.
    pub(super) zones: Vec<Zone>,
    /// The permissions that are asked for by name.
    pub(super) permissions: BTreeSet<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Tags {
    All,
    Some(BTreeSet<String>),
}

impl Reads {
    /// Everything there is.
    #[cfg(test)]
    pub(super) fn all() -> Self {
        Self { facts: FACTS.into(), tags: Tags::All, zones: Vec::new(), permissions: BTreeSet::new() }
    }

    /// Everything there is, of what is asked for by name no other than here.
    pub(super) fn whole(&self) -> Self {
        Self { facts: FACTS.into(), tags: Tags::All, zones: self.zones.clone(), permissions: self.permissions.clone() }
    }

    /// What policies may look at: by the text of their files, and the permissions that they name.
    pub(super) fn of(texts: &[&str], permissions: BTreeSet<String>) -> Self {
        let is_named = |zone: &Zone| texts.iter().any(|text| text.contains(zone.name));
        let asks_for_local = texts.iter().any(|text| text.contains("local") || has_escapes(text));
        let zones = zones::all().filter(|zone| asks_for_local && is_named(zone)).collect();
        let nothing = Self { facts: Vec::new(), tags: Tags::All, zones, permissions };
        if texts.iter().any(|text| has_escapes(text) || takes_context_whole(text)) {
            return nothing.whole();
        }
        let facts = FACTS.into_iter().filter(|fact| texts.iter().any(|text| text.contains(fact))).collect();
        let tags = texts.iter().flat_map(|text| tags(text)).collect::<Option<_>>().map_or(Tags::All, Tags::Some);
        Self { facts, tags, ..nothing }
    }

    /// Whether this one is.
    pub(super) fn has(&self, fact: &str) -> bool {
        self.facts.contains(&fact)
    }

    /// Whether a claim is, as a tag of this name or inside.
    pub(super) fn has_tag(&self, name: &str) -> bool {
        match &self.tags {
            Tags::All => true,
            Tags::Some(names) => names.contains(name),
        }
    }
}

/// The names that `hasTag` and `getTag` ask for; `None` for one that is not written out, or leads into a claim.
fn tags(text: &str) -> impl Iterator<Item = Option<String>> {
    text.split("Tag").skip(1).map(|rest| {
        let name = rest.trim_start().strip_prefix('(')?.trim_start().strip_prefix('"')?.split('"').next()?;
        (!name.starts_with('/')).then(|| name.to_owned())
    })
}

/// `context["\u{6e}ow"]` is `context.now`.
fn has_escapes(text: &str) -> bool {
    text.contains('\\')
}

/// Whether `context` may stand by itself, as in `context == { … }`: then what is not there matters as well.
fn takes_context_whole(text: &str) -> bool {
    text.split("context")
        .skip(1)
        .map(str::trim_start)
        .any(|rest| !rest.starts_with(['.', '[']) && !rest.starts_with("has"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Reads {
        Reads::of(texts, BTreeSet::new())
    }

    fn read(text: &str) -> Vec<&'static str> {
        of(&[text]).facts
    }

    #[test]
    fn facts_are_read_by_their_names_however_they_are_written() {
        assert_eq!(read("permit(principal in Role::\"admin\", action, resource);"), [""; 0]);
        assert_eq!(
            read("when { context.now > 7 && context[\"utc\"].hour > 8 && context has tls.version }"),
            ["now", "utc", "tls"]
        );
        assert_eq!(read("when { context\n  . now > 7 }"), ["now"]);
        let both = ["when { principal.scopes.contains(\"a\") }", "when { context has device }"];
        assert_eq!(of(&both).facts, ["scopes", "device"]);
    }

    #[test]
    fn zones_are_known_by_their_names_where_any_clock_is_asked() {
        let named = |text: &str| of(&[text]).zones.iter().map(|zone| zone.name).collect::<Vec<_>>();
        let berlin = r#"when { context.local.hasTag("Europe/Berlin") }"#;
        assert_eq!(named(berlin), ["Europe/Berlin"]);
        assert_eq!(named(r#"when { principal.getTag("zoneinfo").contains("Europe/Berlin") }"#), [""; 0]);
        assert_eq!(of(&[berlin]).whole().zones.len(), 1);
        let escaped = r#"when { context["\u{6c}ocal"].hasTag("Europe/Berlin") }"#;
        assert_eq!(named(escaped), ["Europe/Berlin"]);
    }

    #[test]
    fn what_cannot_be_told_by_the_text_is_everything() {
        for text in [
            r#"when { context["\u{6e}ow"] > 7 }"#,
            "when { context == {} }",
            "when { {a: context} == {a: {}} }",
            "when { [context].contains(context) }",
            "when { context // what there is\n .country == \"PT\" }",
        ] {
            assert_eq!(read(text), FACTS, "{text}");
        }
    }

    #[test]
    fn claims_are_read_by_the_names_that_are_written_out() {
        let text = r#"when { principal.hasTag("a") && principal.getTag( "a" ).contains("b") && resource.hasTag("c") }"#;
        assert_eq!(of(&[text]).tags, Tags::Some(["a", "c"].map(str::to_owned).into()));
        assert_eq!(of(&["when { principal.scopes.isEmpty() }"]).tags, Tags::Some(BTreeSet::new()));
        for any in [
            "when { principal.hasTag(resource.path) }",
            r#"when { principal.getTag(if true then "a" else "b").contains("c") }"#,
            r#"when { principal.getTag("/realm_access/roles").contains("c") }"#,
            r#"when { principal.getTag("\u{61}").contains("c") }"#,
            "when { principal.getTag // of whom\n (\"a\").contains(\"b\") }",
        ] {
            assert_eq!(of(&[text, any]).tags, Tags::All, "{any}");
        }
    }
}
