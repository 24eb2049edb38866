//! `require.claims`: what claims must say.

use serde_json::{Map, Value};

use crate::claims::path::ClaimPath;
use crate::config::problem::{expected, shown};
use crate::config::table::Table;
use crate::config::value::found;
use crate::route::{ClaimRule, ClaimTest, Operand, Pattern};

const MAX_RULES: usize = 16;
const EXPECTED: &str =
    "a text, a number, `true` or `false`, `\"{name}\"` for a parameter of the path, or `{ contains = … }`";

/// Reads `claims` of `require`, if it is there. `pattern`: the route's; `None` when that is wrong itself.
pub(super) fn read(require: &mut Table<'_>, pattern: Option<&Pattern>) -> Vec<ClaimRule> {
    let Some(table) = require.table("claims") else { return Vec::new() };
    let mut rules = Vec::new();
    for (key, value) in table.entries() {
        let rule = ClaimPath::parse(key).ok_or_else(|| expected(ClaimPath::EXPECTED, key));
        match rule.and_then(|path| Ok(ClaimRule { path, test: test(value, pattern)? })) {
            Ok(rule) => rules.push(rule),
            Err(message) => table.problem(key, message),
        }
    }
    if table.entries().next().is_none() {
        require.problem("claims", "expected at least one, or no such key");
    }
    if rules.len() > MAX_RULES {
        require.problem("claims", format!("expected at most {MAX_RULES}, found {}", rules.len()));
    }
    rules
}

fn test(value: &Value, pattern: Option<&Pattern>) -> Result<ClaimTest, String> {
    match value {
        Value::Object(members) => contained(members, pattern).map(ClaimTest::Contains),
        value => operand(value, pattern).map(ClaimTest::Equals),
    }
}

fn contained(members: &Map<String, Value>, pattern: Option<&Pattern>) -> Result<Operand, String> {
    match (members.get("contains"), members.len()) {
        (Some(value), 1) => operand(value, pattern),
        _ => Err(format!("expected {EXPECTED}")),
    }
}

/// What something is to be compared with. `{name}` is a parameter of the path, and must be one.
pub(super) fn operand(value: &Value, pattern: Option<&Pattern>) -> Result<Operand, String> {
    match value {
        Value::String(text) if text.contains(['{', '}']) => parameter(text, pattern),
        Value::String(_) | Value::Bool(_) | Value::Number(_) => Ok(Operand::Value(value.clone())),
        other => Err(format!("expected {EXPECTED}, found {}", found(other))),
    }
}

fn parameter(text: &str, pattern: Option<&Pattern>) -> Result<Operand, String> {
    let name = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let known = |name: &str| pattern.is_none_or(|pattern| pattern.segments().any(|known| known == name));
    match name.filter(|name| known(name)) {
        Some(name) => Ok(Operand::Parameter(name.to_owned())),
        None => Err(format!("{} is no parameter of the path for one whole segment", shown(text))),
    }
}
