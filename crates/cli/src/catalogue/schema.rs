//! The catalogue as a JSON Schema (draft 7, which editors know best).

use serde_json::{Map, Value, json};

use super::kind::Kind;
use super::{Entry, Section};

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";
/// In front of a variable's name, where there are several sites.
const SITE: &str = "^([A-Z][A-Z0-9]{0,15}_)?";
const DURATION: &str = "^[0-9]+[smhd]$";
const MOMENT: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ].*([Zz]|[+-][0-9]{2}:[0-9]{2})$";
const RATE: &str = "^[0-9]+/[0-9]+[smhd]$";

/// Of the variables: a configuration file, or `vars`.
pub(super) fn configuration(sections: &[Section]) -> Value {
    let mut definitions = Map::new();
    let mut variables = Map::new();
    let mut deployment = Map::from_iter([("$schema".to_owned(), json!({ "type": "string" }))]);
    for section in sections {
        if section.path.is_empty() {
            for entry in &section.key {
                if entry.deployment {
                    deployment.insert(entry.name.clone(), value(entry));
                } else {
                    variables.insert(format!("{SITE}{}$", entry.name), value(entry));
                }
            }
        } else {
            definitions.insert(section.name.clone(), table(section));
        }
    }
    json!({
        "$schema": DRAFT,
        "title": "The configuration of Postern",
        "type": "object",
        "properties": deployment,
        "patternProperties": variables,
        "additionalProperties": false,
        "definitions": definitions,
    })
}

/// Of a `wrangler.jsonc`: wrangler's own, and ours for `vars`. Both are found by their places in `node_modules`.
pub(super) fn wrangler() -> Value {
    let vars = json!({ "$ref": "schema.json" });
    json!({
        "$schema": DRAFT,
        "title": "wrangler.jsonc with the configuration of Postern",
        "allOf": [{ "$ref": "../wrangler/config-schema.json" }],
        "properties": {
            "vars": vars,
            "env": { "additionalProperties": { "properties": { "vars": vars } } },
        },
    })
}

/// As it is written to a file.
pub(super) fn written(schema: &Value) -> String {
    format!("{schema:#}\n")
}

fn table(section: &Section) -> Value {
    let always = |entry: &&Entry| entry.required && !entry.unless_preset && !entry.unless_saml;
    let unless_saml: Vec<&str> =
        section.key.iter().filter(|entry| entry.unless_saml).map(|entry| &*entry.name).collect();
    let required: Vec<&str> = section.key.iter().filter(always).map(|entry| &*entry.name).collect();
    let unless_preset: Vec<&str> =
        section.key.iter().filter(|entry| entry.unless_preset).map(|entry| &*entry.name).collect();
    let either = Some(json!([{ "required": unless_preset }, { "required": ["preset"] }]));
    let either = either.filter(|_| !unless_preset.is_empty());
    let properties: Map<String, Value> = section.key.iter().map(|entry| (entry.name.clone(), value(entry))).collect();
    let required = Some(json!(required)).filter(|_| !required.is_empty());
    let schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    let schema = with(with(schema, "required", required), "anyOf", either);
    if unless_saml.is_empty() {
        return schema;
    }
    let schema = with(schema, "if", Some(json!({ "not": { "required": ["saml"] } })));
    with(schema, "then", Some(json!({ "required": unless_saml })))
}

/// The same with one more member, if it is there.
fn with(mut schema: Value, name: &str, member: Option<Value>) -> Value {
    if let (Value::Object(members), Some(member)) = (&mut schema, member) {
        members.insert(name.to_owned(), member);
    }
    schema
}

fn value(entry: &Entry) -> Value {
    let otherwise = match (&entry.default, &entry.otherwise) {
        (Some(default), _) => format!(" Default: {default}."),
        (None, Some(words)) => format!(" Without it: {words}."),
        (None, None) => String::new(),
    };
    let described = format!("{}{otherwise}", entry.text);
    let schema = with(of_kind(&entry.kind, entry), "description", Some(json!(described)));
    with(schema, "examples", entry.example().ok().map(|example| json!([example])))
}

fn of_kind(kind: &Kind, entry: &Entry) -> Value {
    match kind {
        Kind::Any => json!({}),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::False => json!({ "const": false }),
        Kind::Integer => {
            let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<u32>().ok());
            json!({ "type": "integer", "minimum": number(&entry.from), "maximum": number(&entry.to) })
        }
        Kind::Text => text(entry),
        Kind::Texts => json!({ "type": "array", "items": text(entry), "uniqueItems": true }),
        Kind::Duration => json!({ "type": "string", "pattern": DURATION }),
        Kind::Moment => json!({ "type": "string", "pattern": MOMENT }),
        Kind::Rate => json!({ "type": "string", "pattern": RATE }),
        Kind::Url => json!({ "type": "string", "pattern": "^https?://" }),
        // Beside `$ref`, readers of this draft see nothing else.
        Kind::Table(name) => json!({ "allOf": [reference(name)] }),
        Kind::Map(inner) => map(inner, entry),
        Kind::Either(all) => json!({ "anyOf": all.iter().map(|one| of_kind(one, entry)).collect::<Vec<_>>() }),
    }
}

/// Headers and claims are a word, or a table that says more.
fn map(inner: &Kind, entry: &Entry) -> Value {
    let short = |name: &str| matches!(name, "header" | "claim");
    let values = match inner {
        Kind::Table(name) if short(name) => {
            json!({ "anyOf": [{ "type": ["string", "number", "boolean"] }, reference(name)] })
        }
        Kind::Table(name) => reference(name),
        other => of_kind(other, entry),
    };
    let names = entry.names.as_ref().map(|names| json!({ "pattern": names }));
    with(json!({ "type": "object", "additionalProperties": values }), "propertyNames", names)
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{name}") })
}

fn text(entry: &Entry) -> Value {
    let words = Some(json!(entry.one_of)).filter(|_| !entry.one_of.is_empty());
    let schema = with(json!({ "type": "string" }), "enum", words);
    with(schema, "pattern", entry.pattern.as_ref().map(|pattern| json!(pattern)))
}
