//! `preset`: what is known of a provider stands in for the keys that its table leaves out.
//!
//! The data is one file for each provider in `presets/`; `presets.json` is what of it the Worker needs.

use serde_json::{Map, Value};

use super::oauth2;
use super::problem::expected;
use super::table::Table;
use super::tenants::is_guid;
use super::value::{found, text};
use crate::json;

const PRESETS: &str = include_str!("presets/presets.json");
/// The same of the platforms that give tokens to programs.
const WORKLOADS: &str = include_str!("presets/workloads.json");
const MAX_HOST_BYTES: usize = 253;
const MAX_NAME_BYTES: usize = 128;

/// What kind of provider it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// OpenID Connect.
    #[default]
    OpenId,
    /// OpenID Connect, with an issuer for each tenant.
    Tenants,
    /// OAuth 2 without OpenID Connect.
    OAuth2,
}

/// The table of a provider, with what its preset says.
#[derive(Default)]
pub(super) struct Expanded {
    /// The keys and values; `preset` and what fills its templates are not among them.
    pub(super) entries: Map<String, Value>,
    pub(super) kind: Kind,
    /// Whether something that the preset asks for is wrong, and something else stands in for it.
    pub(super) is_wrong: bool,
}

/// Reads `preset`, and what it asks for. `None` when there is none, or when it is wrong, which is reported.
pub(super) fn expand(table: &mut Table<'_>) -> Option<Expanded> {
    let mut preset = chosen(table, PRESETS)?;
    let kind = match preset.get("kind").and_then(Value::as_str) {
        Some("tenants") => Kind::Tenants,
        Some("oauth2") => Kind::OAuth2,
        _ => Kind::OpenId,
    };
    let (mut entries, mut defaults, mut is_wrong) = filled(table, &mut preset, "provider");
    if kind == Kind::OAuth2 {
        is_wrong |= oauth2::keep_to_one_server(table, &entries, &mut defaults);
    }
    for (key, value) in defaults {
        merge(&mut entries, key, value);
    }
    Some(Expanded { entries, kind, is_wrong })
}

/// Reads `preset` of an issuer of workload tokens: the same, and the rest of the preset.
pub(super) fn expand_workload(table: &mut Table<'_>) -> Option<(Expanded, Value)> {
    let mut preset = chosen(table, WORKLOADS)?;
    let (mut entries, defaults, is_wrong) = filled(table, &mut preset, "issuer");
    for (key, value) in defaults {
        merge(&mut entries, key, value);
    }
    Some((Expanded { entries, kind: Kind::OpenId, is_wrong }, preset))
}

/// The preset that a table names, out of these.
fn chosen(table: &mut Table<'_>, presets: &str) -> Option<Value> {
    table.optional("preset", |value| {
        let name = text(value)?;
        let mut presets = json::parse_object(presets.as_bytes(), presets.len()).unwrap_or_default();
        presets.remove(name).ok_or_else(|| {
            let names: Vec<String> = presets.keys().map(|name| format!("`{name}`")).collect();
            expected(format!("one of {}", names.join(", ")), name)
        })
    })
}

/// What a table has itself, what the preset has in `section` with all templates filled, and whether something that the preset
/// asks for is wrong.
fn filled(table: &Table<'_>, preset: &mut Value, section: &str) -> (Map<String, Value>, Map<String, Value>, bool) {
    let mut entries = json::object(table.entries().map(|(key, value)| (key.to_owned(), value.clone())));
    entries.remove("preset");
    let mut defaults = take(preset, section);
    let mut is_wrong = false;
    for (key, form) in take(preset, "asks") {
        let given = entries.remove(&key);
        let form = Form::of(form.as_str().unwrap_or_default());
        if let Err(problem) = fill(&mut defaults, &entries, (&key, given), &form) {
            table.problem(&key, problem);
            is_wrong = true;
        }
    }
    (entries, defaults, is_wrong)
}

/// What a table has stays. Of a table in it the members are overridden one by one.
fn merge(entries: &mut Map<String, Value>, key: String, default: Value) {
    match (entries.get_mut(&key), default) {
        (None, default) => drop(entries.insert(key, default)),
        (Some(Value::Object(own)), Value::Object(members)) => {
            members.into_iter().for_each(|(name, value)| merge(own, name, value));
        }
        _ => {}
    }
}

fn take(preset: &mut Value, name: &str) -> Map<String, Value> {
    match preset.as_object_mut().and_then(|members| members.remove(name)) {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// In which form something has to be given.
struct Form {
    expected: &'static str,
    fits: fn(&str) -> bool,
    /// What stands in for a value that is wrong, so that nothing else seems to be.
    stand_in: &'static str,
}

impl Form {
    fn of(name: &str) -> Self {
        let (expected, fits, stand_in): (_, fn(&str) -> bool, _) = match name {
            "guid" => ("a GUID in small letters", is_guid, "00000000-0000-0000-0000-000000000000"),
            "trust-domain" => (
                "a trust domain of small letters, digits, `.`, `-` and `_`, such as `prod.example.com`",
                is_trust_domain,
                "trust.invalid",
            ),
            "host" => ("a host name without scheme, port and path, such as `id.example.com`", is_host, "host.invalid"),
            _ => ("a name of letters, digits, `-`, `_` and `.`", is_name, "name"),
        };
        Self { expected, fits, stand_in }
    }
}

/// Puts the value that is given for one key where the templates name it that no other key overrides.
fn fill(
    defaults: &mut Map<String, Value>,
    entries: &Map<String, Value>,
    (key, given): (&str, Option<Value>),
    form: &Form,
) -> Result<(), String> {
    let place = format!("{{{key}}}");
    let is_place = |value: &Value| value.as_str().is_some_and(|text| text.contains(&place));
    let mut templates =
        defaults.iter_mut().filter(|(key, value)| !entries.contains_key(*key) && is_place(value)).peekable();
    if templates.peek().is_none() {
        return given.map_or(Ok(()), |_| Err("is of no use here: what it is for is set by another key".to_owned()));
    }
    let (text, outcome) = match &given {
        Some(Value::String(text)) if (form.fits)(text) => (text.as_str(), Ok(())),
        Some(other) => (form.stand_in, Err(format!("expected {}, found {}", form.expected, found(other)))),
        None => (form.stand_in, Err(format!("expected {}, found nothing: the preset asks for it", form.expected))),
    };
    for (_, template) in templates {
        *template = template.as_str().map(|old| old.replace(&place, text)).into();
    }
    outcome
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= MAX_HOST_BYTES && text.contains('.') && text.split('.').all(label)
}

/// SPIFFE ID §2.1.
pub(super) fn is_trust_domain(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
    !text.is_empty() && text.len() <= 255 && text.bytes().all(fits)
}

fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    // `.` and `..` are no segments of a path.
    !text.is_empty() && text.len() <= MAX_NAME_BYTES && text.bytes().all(fits) && !text.starts_with('.')
}

#[cfg(test)]
mod tests;
