//! `postern check --preset NAME`: what a preset asks for, what it sets, and what to do at the provider.

use serde_json::{Map, Value};

use super::Answer;

/// What the Worker reads.
const PRESETS: &str = include_str!("../../../src/config/presets/presets.json");
/// What people are asked and told.
const CATALOG: &str = include_str!("../../../src/config/presets/catalog.json");

/// The same of platforms that give tokens to programs.
const WORKLOADS: &str = include_str!("../../../src/config/presets/workloads.json");
const WORKLOAD_CATALOG: &str = include_str!("../../../src/config/presets/workload-catalog.json");

/// Where a deployment would be.
const ORIGIN: &str = "https://app.example.com";

/// Tells of one preset; of an unknown one, which there are.
pub(super) fn tell(name: &str) -> Answer {
    let (presets, catalog) = (parse(PRESETS), parse(CATALOG));
    let (workloads, platforms) = (parse(WORKLOADS), parse(WORKLOAD_CATALOG));
    if let (Some(preset), Some(entry)) = (workloads.get(name), platforms.get(name)) {
        let workload = workload(name, preset, entry);
        // `google` is a provider and a platform.
        return Answer::good(match (presets.get(name), catalog.get(name)) {
            (Some(preset), Some(entry)) => format!("{}\n\n{workload}", provider(name, preset, entry).trim_end()),
            _ => workload,
        });
    }
    let (Some(preset), Some(entry)) = (presets.get(name), catalog.get(name)) else {
        let known: Vec<&str> = catalog.keys().chain(platforms.keys()).map(String::as_str).collect();
        return Answer::misused(format!("there is no preset `{name}`, expected one of {}", known.join(", ")));
    };
    Answer::good(provider(name, preset, entry))
}

/// A platform that gives tokens to programs.
fn workload(name: &str, preset: &Value, entry: &Value) -> String {
    let title = entry["title"].as_str().unwrap_or(name);
    let mut text =
        format!("{title}, for programs\n\nIn the configuration\n  [vars.ISSUERS.{name}]\n  preset = \"{name}\"\n");
    for ask in entry["asks"].as_array().into_iter().flatten() {
        let (key, example) = (ask["key"].as_str().unwrap_or_default(), &ask["example"]);
        text.push_str(&format!("  # {}\n  {key} = {example}\n", ask["what"].as_str().unwrap_or_default()));
    }
    let own = object(&entry["own"]);
    if !own.contains_key("audience") {
        text.push_str(&format!("  audience = \"{ORIGIN}\"\n"));
    }
    text.extend(own.iter().map(|(key, value)| format!("  {key} = {}\n", toml(value))));
    text.push_str(&format!("  trust = [{}]\n", toml(&entry["rule"])));
    text.push_str("\nA route that takes its tokens\n  authenticate = [\"workload\"]\n");
    text.push_str("\nWhat the preset sets, and the table may set otherwise\n");
    text.extend(object(&preset["issuer"]).iter().map(|(key, value)| format!("  {key} = {}\n", toml(value))));
    text.push_str(&rules(&preset["rules"]));
    text.push_str("\nAt the platform\n");
    let steps = entry["steps"].as_array().into_iter().flatten().filter_map(Value::as_str);
    text.extend(steps.enumerate().map(|(at, step)| format!("  {}. {}\n", at + 1, filled(step, name))));
    text.push_str(&format!("\nMore: {}\n", entry["page"].as_str().unwrap_or_default()));
    text
}

/// What a rule of `trust` must name, and what it may.
fn rules(rules: &Value) -> String {
    let names = |value: &Value, between: &str| {
        let names: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        names.join(between)
    };
    let groups: Vec<String> =
        rules["identify"].as_array().into_iter().flatten().map(|group| names(group, " with ")).collect();
    let mut text = format!("\nRules of trust\n  each names {}\n", groups.join(" or "));
    for (key, words) in [("patterns", "`*` may stand for a segment of"), ("never", "never by")] {
        if !names(&rules[key], " ").is_empty() {
            text.push_str(&format!("  {words} {}\n", names(&rules[key], " or ")));
        }
    }
    for (claim, values) in object(&rules["usual"]) {
        text.push_str(&format!("  unless they name {claim}: only {}\n", names(&values, ", ")));
    }
    if let Some(subject) = rules["subject"].as_str() {
        text.push_str(&format!("  the subject is {subject}\n"));
    }
    for (name, place) in object(&rules["names"]) {
        text.push_str(&format!("  {name} is {}\n", place.as_str().unwrap_or_default()));
    }
    text
}

fn provider(name: &str, preset: &Value, entry: &Value) -> String {
    let title = entry["title"].as_str().unwrap_or(name);
    let mut text = format!("{title}\n\nIn the configuration\n{}", table(name, entry));
    text.push_str("\nWhat the preset sets, and the table may set otherwise\n");
    text.extend(object(&preset["provider"]).iter().map(|(key, value)| format!("  {key} = {}\n", toml(value))));
    text.push_str("\nAt the provider\n");
    let steps = entry["register"].as_array().into_iter().flatten().filter_map(Value::as_str);
    text.extend(steps.enumerate().map(|(at, step)| format!("  {}. {}\n", at + 1, filled(step, name))));
    text.push_str(&format!("\nMore: {}\n", entry["page"].as_str().unwrap_or_default()));
    text
}

fn parse(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// The table to copy, with an example of all that is asked for.
fn table(name: &str, entry: &Value) -> String {
    let mut text = format!("  [vars.PROVIDERS.{name}]\n  preset = \"{name}\"\n");
    for ask in entry["asks"].as_array().into_iter().flatten() {
        let (key, example) = (ask["key"].as_str().unwrap_or_default(), &ask["example"]);
        let value = if ask["form"] == "guids" { format!("[{example}]") } else { example.to_string() };
        text.push_str(&format!("  # {}\n  {key} = {value}\n", ask["what"].as_str().unwrap_or_default()));
    }
    text.push_str("  client_id = \"…\"\n");
    let secret = if entry["client_auth"] == "apple" { "PRIVATE_KEY" } else { "CLIENT_SECRET" };
    let id = name.to_ascii_uppercase().replace('-', "_");
    text.push_str(&format!("  # and the secret PROVIDER_{id}_{secret}\n"));
    text.push_str(&format!(
        "\nThe same in JSON, in `vars`\n  \"PROVIDERS\": {{ \"{name}\": {} }}\n",
        in_json(name, entry)
    ));
    text
}

fn in_json(name: &str, entry: &Value) -> String {
    let mut members = vec![format!("\"preset\": \"{name}\"")];
    for ask in entry["asks"].as_array().into_iter().flatten() {
        let (key, example) = (ask["key"].as_str().unwrap_or_default(), &ask["example"]);
        let value = if ask["form"] == "guids" { format!("[{example}]") } else { example.to_string() };
        members.push(format!("\"{key}\": {value}"));
    }
    members.push("\"client_id\": \"…\"".to_owned());
    format!("{{ {} }}", members.join(", "))
}

fn filled(step: &str, name: &str) -> String {
    step.replace("{callback}", &format!("{ORIGIN}/auth/callback/{name}"))
        .replace("{signed_out}", &format!("{ORIGIN}/auth/logged-out"))
        .replace("{backchannel_logout}", &format!("{ORIGIN}/auth/backchannel-logout/{name}"))
        .replace("{origin}", ORIGIN)
}

/// A value as TOML has it.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members: Vec<String> = members.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        other => other.to_string(),
    }
}
