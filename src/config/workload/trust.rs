//! `trust`: what the claims of a token must be for it to count, each an exact value, and what it then may.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::problem::{expected, shown};
use super::super::table::Table;
use super::super::value::{found, label, list, scope, text};
use crate::claims::path::ClaimPath;

const MAX_RULES: usize = 64;
const MAX_VALUES: usize = 32;
const MAX_VALUE_BYTES: usize = 512;
/// The keys of a rule that are no claims.
const OWN_KEYS: [&str; 3] = ["name", "scopes", "roles"];
const VALUE: &str = "a text, a whole number, `true` or `false`, or a list of them";
const ANY_SEGMENT: &str = "*";
const ACCESS_CLIENT_ID: &str = "the Client ID of a service token: 32 hexadecimal digits and `.access`";

/// What a preset says of rules.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Forms {
    /// The claims of which each rule must name one group whole: they belong to one thing for ever.
    #[serde(default)]
    identify: Vec<Vec<String>>,
    /// The claims in which `*` may stand for a segment.
    #[serde(default)]
    patterns: Vec<String>,
    /// The claims that no rule may name.
    #[serde(default)]
    never: Vec<String>,
    /// What claims are called here that stand deeper.
    #[serde(default)]
    names: BTreeMap<String, String>,
    /// What counts where a rule does not name the claim.
    #[serde(default)]
    usual: BTreeMap<String, Vec<String>>,
    /// The claims that are Client IDs of service tokens of Cloudflare Access.
    #[serde(default)]
    client_ids: Vec<String>,
    /// Who a program is, where that is not its `sub`.
    #[serde(default)]
    pub(super) subject: Option<String>,
    /// The claims of which a rule names one that is not for every branch.
    #[serde(default)]
    pub(super) narrow: Vec<String>,
    /// The claims that only tokens have that are not a program's.
    #[serde(default)]
    pub(super) foreign: Vec<String>,
}

/// Which tokens count, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRule {
    /// `name`, or its place in the list: for the log.
    pub name: String,
    /// What must be so; at least one names something that is nobody else's.
    pub claims: Vec<TrustedClaim>,
    /// `scopes`
    pub scopes: Vec<String>,
    /// `roles`
    pub roles: Vec<String>,
}

/// What one claim must be: there is no way to say what it must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedClaim {
    /// What it is called here.
    pub name: String,
    /// Where it stands.
    pub path: ClaimPath,
    /// It must be one of these. One that is missing, or no text, number or flag, is none of them.
    pub values: Vec<TrustedValue>,
}

/// A value, as text. Where the preset allows it, `*` stands for one whole segment between slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedValue {
    /// This one.
    Exact(String),
    /// One with these segments; `None`: any segment.
    Segments(Vec<Option<String>>),
}

impl TrustedValue {
    /// Whether this is it.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::Segments(segments) => {
                let fits = |(segment, found): (&Option<String>, &str)| match segment {
                    Some(exact) => exact == found,
                    None => !found.is_empty(),
                };
                segments.len() == text.split('/').count() && segments.iter().zip(text.split('/')).all(fits)
            }
        }
    }
}

impl std::fmt::Display for TrustedValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(text) => f.write_str(text),
            Self::Segments(segments) => {
                let segments: Vec<&str> =
                    segments.iter().map(|segment| segment.as_deref().unwrap_or(ANY_SEGMENT)).collect();
                f.write_str(&segments.join("/"))
            }
        }
    }
}

/// Reads `trust`. `None` when anything in it is wrong: half a list of rules is none.
pub(super) fn read(table: &mut Table<'_>, forms: &Forms) -> Option<Vec<TrustRule>> {
    const EXPECTED: &str = "a list of rules such as `[{ repository_id = \"1\", scopes = [\"deploy\"] }]`";
    table.required("trust", EXPECTED, |value| {
        let rules = value.as_array().ok_or_else(|| format!("expected {EXPECTED}, found {}", found(value)))?;
        if rules.is_empty() || rules.len() > MAX_RULES {
            return Err(format!("expected 1 to {MAX_RULES} rules, found {}", rules.len()));
        }
        let numbered = rules.iter().enumerate().map(|(at, rule)| (at + 1, rule));
        numbered.map(|(at, value)| rule(at, value, forms).map_err(|why| format!("rule {at}: {why}"))).collect()
    })
}

fn rule(at: usize, value: &Value, forms: &Forms) -> Result<TrustRule, String> {
    let members = value.as_object().ok_or_else(|| format!("expected a table, found {}", found(value)))?;
    let name = match members.get("name") {
        Some(value) => {
            let name = text(value)?;
            label(name).ok_or_else(|| format!("`name`: expected 1 to 80 characters, found {}", shown(name)))?
        }
        None => at.to_string(),
    };
    let listed = |key: &str, what: &str, parse: fn(&str) -> Option<String>| {
        let value = members.get(key).map(list(what, parse));
        value.transpose().map(Option::unwrap_or_default).map_err(|why| format!("`{key}`: {why}"))
    };
    Ok(TrustRule {
        name,
        claims: claims(members, forms)?,
        scopes: listed("scopes", "a scope without spaces, quotes or backslashes", scope)?,
        roles: listed("roles", "a role of 1 to 80 characters", label)?,
    })
}

/// at least one group of claims that belong to one thing for ever is named whole.
fn claims(members: &Map<String, Value>, forms: &Forms) -> Result<Vec<TrustedClaim>, String> {
    let named = members.iter().filter(|(key, _)| !OWN_KEYS.contains(&key.as_str()));
    let mut claims = named.map(|(key, value)| claim(key, value, forms)).collect::<Result<Vec<_>, String>>()?;
    let is_named = |name: &String| claims.iter().any(|claim| claim.name == *name);
    if !forms.identify.iter().any(|group| group.iter().all(is_named)) {
        let quoted =
            |group: &Vec<String>| group.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" with ");
        let groups: Vec<String> = forms.identify.iter().map(quoted).collect();
        return Err(format!(
            "expected {}: what else a token says may be somebody else's tomorrow",
            groups.join(" or ")
        ));
    }
    for (name, values) in forms.usual.iter().filter(|(name, _)| !members.contains_key(*name)) {
        let path = ClaimPath::parse(name).ok_or_else(|| ClaimPath::EXPECTED.to_owned())?;
        let values = values.iter().cloned().map(TrustedValue::Exact).collect();
        claims.push(TrustedClaim { name: name.clone(), path, values });
    }
    Ok(claims)
}

fn claim(key: &str, value: &Value, forms: &Forms) -> Result<TrustedClaim, String> {
    let place = forms.names.get(key).map_or(key, String::as_str);
    let path = ClaimPath::parse(place).ok_or_else(|| format!("{}: expected {}", shown(key), ClaimPath::EXPECTED))?;
    if forms.never.iter().any(|name| *name == path.claim()) {
        return Err(format!("`{key}` is made of names that change hands, expected the claims with ids"));
    }
    let values = match value {
        Value::Array(values) if (1..=MAX_VALUES).contains(&values.len()) => values.iter().collect(),
        Value::Array(values) => {
            return Err(format!("`{key}`: expected 1 to {MAX_VALUES} values, found {}", values.len()));
        }
        value => vec![value],
    };
    let has_patterns = forms.patterns.iter().any(|name| name == key);
    let is_client_id = forms.client_ids.iter().any(|name| *name == path.claim());
    let values = values.into_iter().map(|value| match trusted(value, has_patterns) {
        Ok(value) if is_client_id && !is_access_client_id(&value.to_string()) => {
            Err(format!("`{key}`: {}", expected(ACCESS_CLIENT_ID, &value.to_string())))
        }
        Ok(value) => Ok(value),
        Err(why) => Err(format!("`{key}`: {why}")),
    });
    Ok(TrustedClaim { name: key.to_owned(), path, values: values.collect::<Result<_, _>>()? })
}

/// The Client ID of a service token of Cloudflare Access. What a client certificate calls itself can be anything else.
pub(crate) fn is_access_client_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_suffix(".access").is_some_and(|id| id.len() == 32 && id.bytes().all(fits))
}

fn trusted(value: &Value, has_patterns: bool) -> Result<TrustedValue, String> {
    let text = as_text(value).filter(|text| !text.is_empty() && text.len() <= MAX_VALUE_BYTES);
    let text = text.ok_or_else(|| format!("expected {VALUE}, found {}", found(value)))?;
    if !text.contains(ANY_SEGMENT) {
        return Ok(TrustedValue::Exact(text));
    }
    if !has_patterns {
        return Err(format!("expected an exact value, and {} has `*`", shown(&text)));
    }
    let segments = text.split('/').map(|segment| match segment {
        ANY_SEGMENT => Ok(None),
        exact if exact.contains(ANY_SEGMENT) => Err(format!("`*` stands for a whole segment, found {}", shown(&text))),
        exact => Ok(Some(exact.to_owned())),
    });
    segments.collect::<Result<_, _>>().map(TrustedValue::Segments)
}

/// A text, a whole number or a flag, as text: platforms write ids in either way.
pub(crate) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
