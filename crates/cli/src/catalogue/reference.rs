//! The catalogue as Markdown: `docs/reference/configuration.md`.

use super::kind::Kind;
use super::{Entry, Section};

/// What the page begins with.
const PREFACE: &str = include_str!("preface.md");

/// The whole page.
pub(super) fn page(sections: &[Section]) -> String {
    let tables = sections.iter().map(|section| of_section(section, sections));
    std::iter::once(PREFACE.to_owned()).chain(tables).collect()
}

fn of_section(section: &Section, all: &[Section]) -> String {
    let mut text = format!("\n## {}\n\n", section.title);
    let places: Vec<String> =
        std::iter::once(&section.path).chain(&section.also).map(|path| format!("`{path}`")).collect();
    if let ([first, rest @ ..], false) = (&places[..], section.path.is_empty()) {
        let also = if rest.is_empty() { String::new() } else { format!("; also {}", rest.join(", ")) };
        text.push_str(&format!("At {first}{also}.\n"));
    }
    text.push_str(&section.text);
    if !section.key.is_empty() {
        text.push_str("\n| Key | Value | Without it | Meaning |\n|---|---|---|---|\n");
    }
    text.extend(section.key.iter().map(|entry| row(section, entry, all)));
    text
}

fn row(section: &Section, entry: &Entry, all: &[Section]) -> String {
    let anchor = format!("{}-{}", section.name, entry.name.to_ascii_lowercase());
    let only = if entry.with_preset { " (some presets)" } else { "" };
    let cells = [
        format!("<a id=\"{anchor}\"></a>`{}`{only}", entry.name),
        value(&entry.kind, entry, all),
        otherwise(entry),
        format!("{} Example: `{}`", entry.text, entry.example),
    ];
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}

fn otherwise(entry: &Entry) -> String {
    match (&entry.default, &entry.otherwise) {
        (Some(default), _) => format!("`{default}`"),
        (None, Some(words)) => words.clone(),
        (None, None) => "required".to_owned(),
    }
}

fn value(kind: &Kind, entry: &Entry, all: &[Section]) -> String {
    let words = || entry.one_of.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let range = || match (&entry.from, &entry.to) {
        (Some(from), Some(to)) => format!(", {from} to {to}"),
        _ => String::new(),
    };
    match kind {
        Kind::Any => "any".to_owned(),
        Kind::Flag => "`true`, `false`".to_owned(),
        Kind::False => "`false`".to_owned(),
        Kind::Integer => format!("number{}", range()),
        Kind::Text if entry.one_of.is_empty() => "text".to_owned(),
        Kind::Text => words(),
        Kind::Texts if entry.one_of.is_empty() => "list of texts".to_owned(),
        Kind::Texts => format!("list of {}", words()),
        Kind::Duration => format!("duration{}", range()),
        Kind::Moment => "time (RFC 3339)".to_owned(),
        Kind::Rate => "rate".to_owned(),
        Kind::Url => "URL".to_owned(),
        Kind::Table(name) => format!("[table]({})", anchor(name, all)),
        Kind::Map(inner) => match &**inner {
            Kind::Table(name) => format!("[tables]({}) by name", anchor(name, all)),
            Kind::Map(_) => "tables of texts, by name".to_owned(),
            Kind::Texts => "lists of texts, by name".to_owned(),
            Kind::Either(_) => "texts or lists of texts, by name".to_owned(),
            _ => "table of texts".to_owned(),
        },
        Kind::Either(kinds) => kinds.iter().map(|one| value(one, entry, all)).collect::<Vec<_>>().join(" or "),
    }
}

/// The heading of a table, as GitHub names it.
fn anchor(name: &str, all: &[Section]) -> String {
    let title = all.iter().find(|section| section.name == name).map_or(name, |section| &section.title);
    format!("#{}", title.to_ascii_lowercase().replace(' ', "-"))
}
