//! A configuration file of wrangler's → its values, and the line of each: in TOML, or in JSON with comments and trailing
//! commas, as wrangler reads them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, ast};
use serde_json::{Map, Number, Value};
use toml::de::{DeTable, DeValue};

use super::files;

/// The names that wrangler looks for, the first of them before the others.
const NAMES: [&str; 3] = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];
/// So many folders above the one where the command runs are looked at.
const MAX_FOLDERS: usize = 64;

/// In which language the file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// TOML.
    Toml,
    /// JSON, with comments and trailing commas.
    Json,
}

/// A file, read.
pub(super) struct Source {
    /// In which language.
    pub(super) syntax: Syntax,
    /// What it says.
    pub(super) values: Map<String, Value>,
    /// Its keys, each by its path, with the line it is in.
    lines: BTreeMap<String, usize>,
}

/// The file that wrangler would take where the command runs: in this folder, or above it.
///
/// # Errors
/// When there is none.
pub(super) fn find() -> Result<PathBuf, String> {
    let above = |depth: usize| "../".repeat(depth);
    let places = NAMES.iter().flat_map(|name| (0..MAX_FOLDERS).map(move |depth| PathBuf::from(above(depth) + name)));
    places.into_iter().find(|place| files::exists(place)).ok_or_else(|| {
        format!("there is no `{}` in this folder or above it, name the file with `--config`", NAMES.join("`, `"))
    })
}

impl Syntax {
    /// By the file's name, as for wrangler: `.json` and `.jsonc` are JSON.
    pub(super) fn of(file: &Path) -> Self {
        let is_json = file.extension().is_some_and(|extension| extension == "json" || extension == "jsonc");
        if is_json { Self::Json } else { Self::Toml }
    }

    /// A few keys with their values, as they are written: `{ name = "a" }` or `{ "name": "a" }`.
    pub(super) fn shown(self, entries: &[(&str, &str)]) -> String {
        let shown = |(name, value): &(&str, &str)| self.entry(name, value);
        format!("{{ {} }}", entries.iter().map(shown).collect::<Vec<_>>().join(", "))
    }

    /// A key with its text: `name = "a"` or `"name": "a"`.
    pub(super) fn entry(self, name: &str, value: &str) -> String {
        self.raw_entry(name, &format!("\"{value}\""))
    }

    /// The same, for a value that is no text.
    pub(super) fn raw_entry(self, name: &str, value: &str) -> String {
        match self {
            Self::Toml => format!("{name} = {value}"),
            Self::Json => format!("\"{name}\": {value}"),
        }
    }
}

impl Source {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// Where it is not what its name says, and how. What stands there is not repeated: it may be a secret.
    pub(super) fn parse(syntax: Syntax, text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut lines = Lines { starts, found: BTreeMap::new() };
        let values = match syntax {
            Syntax::Toml => lines.toml(text)?,
            Syntax::Json => lines.json(text)?,
        };
        Ok(Self { syntax, values, lines: lines.found })
    }

    /// The line of the key at `path`, or of the nearest table around it.
    pub(super) fn line(&self, path: &str) -> Option<usize> {
        let ends = std::iter::once(path.len()).chain(path.rmatch_indices('.').map(|(at, _)| at));
        ends.filter_map(|end| self.lines.get(path.get(..end)?)).copied().next()
    }
}

/// Gathers the line of each key.
struct Lines {
    /// Where each line begins.
    starts: Vec<usize>,
    found: BTreeMap<String, usize>,
}

impl Lines {
    fn toml(&mut self, text: &str) -> Result<Map<String, Value>, String> {
        let failed = |error: toml::de::Error| {
            let line = self.line_at(error.span().map_or(0, |span| span.start));
            format!("line {line}: {}", error.message().trim_end())
        };
        let values = toml::from_str(text).map_err(failed)?;
        let spans = DeTable::parse(text).map_err(failed)?;
        self.toml_table("", spans.get_ref());
        Ok(values)
    }

    fn toml_table(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = join(path, key.get_ref());
            self.note(&path, key.span().start);
            if let DeValue::Table(inner) = value.get_ref() {
                self.toml_table(&path, inner);
            }
        }
    }

    fn json(&mut self, text: &str) -> Result<Map<String, Value>, String> {
        let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &json_with_comments());
        let parsed = parsed.map_err(|error| {
            let message = error.kind().to_string();
            let mut letters = message.chars();
            let first = letters.next().map(char::to_lowercase).into_iter().flatten();
            format!("line {}: {}", error.line_display(), first.chain(letters).collect::<String>())
        })?;
        match parsed.value {
            Some(ast::Value::Object(object)) => self.json_object("", &object),
            _ => Err("line 1: expected an object".to_owned()),
        }
    }

    fn json_object(&mut self, path: &str, object: &ast::Object<'_>) -> Result<Map<String, Value>, String> {
        let mut values = Map::new();
        for property in &object.properties {
            let key = property.name.as_str();
            let path = join(path, key);
            self.note(&path, property.range.start);
            let value = self.json_value(&path, &property.value)?;
            if values.insert(key.to_owned(), value).is_some() {
                return Err(format!("line {}: `{path}` is there twice", self.line_at(property.range.start)));
            }
        }
        Ok(values)
    }

    fn json_value(&mut self, path: &str, value: &ast::Value<'_>) -> Result<Value, String> {
        Ok(match value {
            ast::Value::StringLit(text) => Value::String(text.value.to_string()),
            ast::Value::NumberLit(number) => Value::Number(self.json_number(number)?),
            ast::Value::BooleanLit(flag) => Value::Bool(flag.value),
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::Object(object) => Value::Object(self.json_object(path, object)?),
            ast::Value::Array(array) => {
                let all = array.elements.iter().map(|element| self.json_value(path, element));
                Value::Array(all.collect::<Result<_, _>>()?)
            }
        })
    }

    fn json_number(&self, number: &ast::NumberLit<'_>) -> Result<Number, String> {
        let failed = |_| format!("line {}: expected a number", self.line_at(number.start()));
        serde_json::from_str(number.value).map_err(failed)
    }

    /// The first place of a table that is written in several.
    fn note(&mut self, path: &str, offset: usize) {
        let line = self.line_at(offset);
        self.found.entry(path.to_owned()).or_insert(line);
    }

    fn line_at(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }
}

/// JSON as it is, but for comments and a comma after the last of a list.
fn json_with_comments() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// The path of `key` inside a table, as problems name it.
fn join(table: &str, key: &str) -> String {
    let is_bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let key = if is_bare { key.to_owned() } else { format!("{key:?}") };
    if table.is_empty() { key } else { format!("{table}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<Value, String> {
        Source::parse(Syntax::Json, text).map(|source| Value::Object(source.values))
    }

    #[test]
    fn json_is_read_as_wrangler_reads_it() {
        let text =
            "\u{feff}// a\n{ /* b */ \"a\": [1, -2.5e3, true, null, \"\\u0041\\n\",], // c\n \"b\": {\"c\": {},}, }\n";
        let expected = serde_json::json!({ "a": [1, -2.5e3, true, null, "A\n"], "b": { "c": {} } });
        assert_eq!(json(text), Ok(expected));
    }

    #[test]
    fn what_is_more_than_comments_and_commas_is_refused_with_its_line() {
        for (text, line) in [
            ("{\n a: 1 }", 2),
            ("{\n 'a': 1 }", 2),
            ("{ \"a\": 1\n \"b\": 2 }", 1),
            ("{ \"a\":\n 0x10 }", 2),
            ("{ \"a\":\n +1 }", 2),
            ("{ \"a\":\n NaN }", 2),
            ("{ \"a\":\n 01 }", 2),
            ("{ \"a\":\n \"\\x41\" }", 2),
            ("{}\n{}", 2),
            ("{ \"a\": 1,\n \"a\": 2 }", 2),
            ("{ \"a\": { \"b\": 1,\n \"b\": 1 } }", 2),
            ("[]", 1),
            ("", 1),
            ("{\n/* open", 2),
        ] {
            let said = json(text).unwrap_err();
            assert!(said.starts_with(&format!("line {line}: ")), "{text}: {said}");
        }
        assert!(json(&format!("{{\"a\": {}1{} }}", "[".repeat(5000), "]".repeat(5000))).is_err());
    }

    #[test]
    fn a_problem_is_in_the_line_of_its_key_or_of_the_nearest_around_it() {
        let toml = "a = 1\n[vars.ROUTES.\"/b.c\"]\nmethods = []\n[[list]]\nx = 1\n";
        let json = "{ \"a\": 1,\n \"vars\": { \"ROUTES\": { \"/b.c\": {\n \"methods\": [] } } },\n \"list\": [ { \"x\": 1 } ] }";
        for (syntax, text) in [(Syntax::Toml, toml), (Syntax::Json, json)] {
            let source = Source::parse(syntax, text).unwrap();
            let lines =
                ["a", "vars.ROUTES.\"/b.c\".methods", "vars.ROUTES.\"/b.c\".upstream", "list", "vars.PUBLIC_URL"]
                    .map(|path| source.line(path));
            assert_eq!(lines, [Some(1), Some(3), Some(2), Some(4), Some(2)], "{syntax:?}");
            assert_eq!(source.line("absent.key"), None);
        }
    }
}
