//! The catalogue against what the Worker reads, which its own messages tell; and the files that are made of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use postern::config::{Build, Deployment, Problem};
use serde_json::{Map, Value, json};

use super::kind::Kind;
use super::{Entry, Section, read, reference, schema};
use crate::stand_in;

/// A key and a word that nothing is called.
const STRAY: &str = "no-such-name-anywhere";

/// Tables that are read member by member, without a message that names their keys.
const BY_HAND: [&str; 2] = ["header", "claim"];

/// What presets ask for, which is read before the table is.
fn asked_by_presets() -> BTreeSet<String> {
    let presets = std::fs::read_to_string(root().join("src/config/presets/presets.json")).unwrap();
    let presets: Map<String, Value> = serde_json::from_str(&presets).unwrap();
    asks_of(&presets)
}

/// The same of platforms.
fn asked_by_workloads() -> BTreeSet<String> {
    let presets = std::fs::read_to_string(root().join("src/config/presets/workloads.json")).unwrap();
    asks_of(&serde_json::from_str(&presets).unwrap())
}

fn asks_of(presets: &Map<String, Value>) -> BTreeSet<String> {
    let asks = presets.values().filter_map(|preset| preset.get("asks")?.as_object());
    asks.flat_map(|asks| asks.keys().cloned()).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The tables of [`whole`]: where each of them is, and its name in the catalogue.
const PLACES: [(&str, &str); 60] = [
    ("", "variables"),
    ("PROVIDERS.corp", "providers"),
    ("PROVIDERS.apple", "providers"),
    ("PROVIDERS.many", "providers"),
    ("PROVIDERS.hub", "providers"),
    ("PROVIDERS.saml", "providers"),
    ("PROVIDERS.saml.saml", "saml"),
    ("STORAGE", "storage"),
    ("PAGES", "pages"),
    ("PAGES.accent", "accent"),
    ("PROVIDERS.corp.client_assertion", "client_assertion"),
    ("ISSUERS.opaque", "issuers"),
    ("ISSUERS.jobs", "issuers"),
    ("ISSUERS.opaque.client_assertion", "client_assertion"),
    ("CERTIFICATES.partner", "certificates"),
    ("SERVICES.billing", "services"),
    ("SERVICES.billing.client_assertion", "client_assertion"),
    ("SESSION", "session"),
    ("LIMITS", "limits"),
    ("LIMITS.routes", "route_limits"),
    ("ADMIN", "admin"),
    ("ADMIN.services.s", "admin_service"),
    ("DECISIONS", "decisions"),
    ("VERIFY", "verify"),
    ("HEALTH", "health"),
    ("AUTHZEN", "authzen"),
    ("AUTHZEN.require", "require"),
    ("AUTHZEN.limits", "route_limits"),
    ("KEYS", "keys"),
    ("KEYS.self_service", "self_service"),
    ("AGENTS", "agents"),
    ("AGENTS.enterprise.corp", "enterprise"),
    ("SECOND", "second"),
    ("SECOND.required_for", "second_required"),
    ("SHARING", "sharing"),
    ("SHARING.require", "require"),
    ("SHARING.limits", "route_limits"),
    ("SHARING.types.document", "shared_type"),
    ("SHARING.types.document.require", "require"),
    ("SECURITY_HEADERS", "security_headers"),
    ("PROVIDERS.corp.revocation", "revocation"),
    ("ROUTES./a", "routes"),
    ("ROUTES./a.require", "require"),
    ("ROUTES./mcp.mcp", "mcp"),
    ("ROUTES./a.cache", "cache"),
    ("ROUTES./a.cors", "cors"),
    ("ROUTES./a.security_headers", "security_headers"),
    ("ROUTES./a.limits", "route_limits"),
    ("LIMITS.login", "limit"),
    ("LIMITS.callback", "limit"),
    ("LIMITS.frontchannel_logout", "limit"),
    ("LIMITS.backchannel_logout", "limit"),
    ("LIMITS.own", "limit"),
    ("LIMITS.keys", "limit"),
    ("LIMITS.routes.address", "limit"),
    ("AUTHZEN.limits.subject", "limit"),
    ("SHARING.limits.subject", "limit"),
    ("ROUTES./a.limits.address", "limit"),
    ("ROUTES./a.limits.subject", "limit"),
    ("ROUTES./a.limits.route", "limit"),
];

/// A configuration with every table.
fn whole() -> Value {
    let limit = || json!({ "rate": "1/1s" });
    let limits = || json!({ "address": limit(), "subject": limit(), "route": limit() });
    json!({
        "PUBLIC_URL": "https://app.example.com",
        "PROVIDERS": {
            "corp": {
                "issuer": "https://login.example.com", "client_id": "app", "roles": ["roles"],
                "client_auth": "private_key_jwt", "client_assertion": {}, "revocation": {},
            },
            "apple": { "preset": "apple", "client_id": "app", "team_id": "A1", "key_id": "B2" },
            "many": { "preset": "entra-multitenant", "client_id": "app", "tenants": "any" },
            "hub": { "preset": "github", "client_id": "app" },
            "saml": { "issuer": "urn:example:idp", "saml": { "metadata": "<EntityDescriptor/>", "sign_requests": true, "signing_alg": "ES256" } },
        },
        "STORAGE": {}, "PAGES": { "accent": { "light": "#0b6e4f", "dark": "#7ddcb5" } },
        "ISSUERS": { "opaque": {
            "issuer": "https://tokens.example.com", "audience": "urn:a", "tokens": "opaque", "client_id": "api",
            "client_auth": "private_key_jwt", "client_assertion": {},
        }, "jobs": { "preset": "github-actions", "audience": "urn:a", "trust": [{ "repository_id": 1 }] } },
        "CERTIFICATES": { "partner": { "issuer_ski": "54be", "subject": "CN=a" } },
        "SERVICES": { "billing": {
            "issuer": "https://login.example.com", "client_id": "app", "client_auth": "private_key_jwt",
            "client_assertion": {},
        } },
        "SESSION": {}, "ROLES": { "editor": ["write"] }, "RELATIONS": { "document": { "owner": "[user]" } },
        "LIMITS": {
            "login": limit(), "callback": limit(), "frontchannel_logout": limit(), "backchannel_logout": limit(),
            "own": limit(), "keys": limit(), "routes": limits(),
        },
        "ADMIN": {
            "principals": ["corp|alice"],
            "services": { "s": { "issuer": "opaque", "client_id": "s", "actions": ["blocks.add"] } },
        }, "DECISIONS": { "keep": "1h" }, "VERIFY": {}, "HEALTH": {},
        "AUTHZEN": { "require": { "scopes": ["decide"] }, "limits": limits() }, "SECURITY_HEADERS": {},
        "KEYS": { "self_service": { "scopes": ["read"] } },
        "AGENTS": { "enterprise": { "corp": { "clients": { "https://claude.ai/code.json": ["read"] } } } },
        "SECOND": { "required_for": { "roles": ["admin"] } },
        "SHARING": {
            "require": { "scopes": ["openid"] }, "limits": limits(),
            "types": { "document": { "require": { "scopes": ["share"] } } },
        },
        "ROUTES": { "/a": {
            "upstream": "service:A", "require": { "scopes": ["openid"] }, "security_headers": {}, "limits": limits(), "cache": { "unchecked": "1m" },
            "cors": { "origins": ["https://spa.example.com"], "credentials": true },
        }, "/mcp": { "upstream": "service:MCP", "mcp": { "approve": ["*"] } } },
    })
}

/// The value at a place, by names with dots between.
fn at<'a>(vars: &'a mut Value, place: &str) -> &'a mut Value {
    place.split('.').filter(|name| !name.is_empty()).fold(vars, |value, name| value.get_mut(name).unwrap())
}

/// What the Worker says is wrong.
fn problems(vars: &Value) -> Vec<Problem> {
    let vars: &Map<String, Value> = vars.as_object().unwrap();
    let secret = |name: &str| Some(stand_in::value(name, vars));
    let deployment = Deployment::parse_for(Build { policies: true, ..Build::PLAIN }, vars, &secret);
    let of_sites = deployment.sites.into_iter().filter_map(|site| site.config.err()).flatten();
    deployment.problems.into_iter().chain(of_sites).collect()
}

/// What it says of one key, with a value that is wrong.
fn said(place: &str, key: &str, value: Value) -> String {
    let mut vars = whole();
    at(&mut vars, place)[key] = value;
    let all = problems(&vars);
    let suffix = format!(".{key}");
    let own = all.into_iter().find(|problem| problem.path == key || problem.path.ends_with(&suffix));
    own.unwrap_or_else(|| panic!("{place}.{key}: nothing is wrong with it")).message
}

/// The words in backticks.
fn quoted(message: &str) -> BTreeSet<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

fn section<'a>(sections: &'a [Section], name: &str) -> &'a Section {
    sections.iter().find(|section| section.name == name).unwrap()
}

fn entries(sections: &[Section]) -> impl Iterator<Item = (&'static str, &Entry)> {
    // With a preset, keys have other defaults, and some have no meaning.
    let presets = ["PROVIDERS.apple", "PROVIDERS.many", "PROVIDERS.hub", "PROVIDERS.saml", "ISSUERS.jobs"];
    let places = PLACES.into_iter().filter(move |(place, _)| !presets.contains(place));
    places.flat_map(|(place, name)| section(sections, name).key.iter().map(move |entry| (place, entry)))
}

#[test]
fn the_configuration_with_every_table_is_good() {
    let vars = whole();
    assert_eq!(problems(&vars), []);
}

#[test]
fn the_keys_of_each_table_are_those_that_the_worker_reads() {
    let sections = read().unwrap();
    for section in &sections {
        let messages: Vec<String> = PLACES
            .iter()
            .filter(|(_, name)| *name == section.name)
            .map(|(place, _)| said(place, STRAY, json!(true)))
            .collect();
        let told = |message: &String| message.starts_with("unknown key, expected one of ");
        let none = |message: &String| message == "unknown key, this table has none";
        assert!(messages.iter().all(|message| told(message) || none(message)), "{messages:?}");
        let mut read: BTreeSet<&str> = messages.iter().flat_map(|message| quoted(message)).collect();
        let asked = asked_by_presets();
        if section.name == "providers" {
            read.extend(asked.iter().map(String::as_str));
            read.insert("preset");
        }
        let asked = asked_by_workloads();
        if section.name == "issuers" {
            read.extend(asked.iter().map(String::as_str));
            read.insert("preset");
        }
        let known: BTreeSet<&str> =
            section.key.iter().filter(|entry| !entry.deployment).map(|entry| &*entry.name).collect();
        let missing: Vec<&&str> = read.difference(&known).collect();
        let gone: Vec<&&str> = known.difference(&read).filter(|_| !BY_HAND.contains(&&*section.name)).collect();
        assert!(
            missing.is_empty() && gone.is_empty(),
            "crates/cli/src/catalogue/{}.toml: src/config also reads {missing:?}, and does not read {gone:?}",
            section.name
        );
    }
    let covered: BTreeSet<&str> = PLACES.iter().map(|(_, name)| *name).chain(BY_HAND).collect();
    assert_eq!(covered, sections.iter().map(|section| &*section.name).collect());
    let named = sections.iter().flat_map(|section| &section.key).flat_map(|entry| tables(&entry.kind));
    assert!(named.into_iter().all(|name| covered.contains(name)));
}

/// Every table of the catalogue in it.
fn tables(kind: &Kind) -> Vec<&str> {
    match kind {
        Kind::Table(name) => vec![name],
        Kind::Map(inner) => tables(inner),
        Kind::Either(all) => all.iter().flat_map(tables).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn what_is_required_is_missed_by_the_worker_too() {
    let sections = read().unwrap();
    for (place, entry) in entries(&sections) {
        let mut vars = whole();
        let removed = at(&mut vars, place).as_object_mut().unwrap().remove(&entry.name);
        let is_missed = problems(&vars).iter().any(|problem| problem.message.contains("found nothing"));
        // What `AUTHZEN` and types of `SHARING` miss is told in other words.
        let required = entry.required && !place.starts_with("AUTHZEN") && !place.starts_with("SHARING.types");
        let known = removed.is_some() || !entry.required;
        assert!(known, "{place}.{}: is required and not in the test's configuration", entry.name);
        if required || removed.is_none() {
            assert_eq!(is_missed, required, "{place}.{}", entry.name);
        }
    }
}

#[test]
fn words_and_ranges_are_those_of_the_workers_messages() {
    let sections = read().unwrap();
    let mut count = 0;
    for (place, entry) in entries(&sections) {
        let wrong = match entry.kind {
            Kind::Text if !entry.one_of.is_empty() => json!(STRAY),
            Kind::Texts if !entry.one_of.is_empty() => json!([STRAY]),
            Kind::Duration => json!("99999999d"),
            Kind::Integer => json!(4_000_000_000_u32),
            _ => continue,
        };
        // About the other kind of tokens, and `authenticate` of services, which also knows sessions in its message.
        // What only presets know is read where one is named.
        let place = if place == "ISSUERS.opaque" && entry.with_preset { "ISSUERS.jobs" } else { place };
        let is_of_services = ["AUTHZEN", "SHARING"].contains(&place) && entry.name == "authenticate";
        if (place, &*entry.name) == ("ISSUERS.opaque", "algs") || is_of_services {
            continue;
        }
        count += 1;
        let message = said(place, &entry.name, wrong);
        if entry.one_of.is_empty() {
            let (from, to) = (entry.from.as_deref().unwrap(), entry.to.as_deref().unwrap());
            let (from, to) = (respelled(from), respelled(to));
            let ranges = [format!("from `{from}` to `{to}`"), format!("from {from} to {to}")];
            assert!(ranges.iter().any(|range| message.contains(range)), "{place}.{}: {message}", entry.name);
        } else {
            let words: BTreeSet<&str> =
                message.split([' ', ',', '`']).filter(|word| entry.one_of.iter().any(|known| known == word)).collect();
            let other = quoted(&message).into_iter().filter(|word| *word != STRAY && !words.contains(word)).count();
            assert_eq!((words.len(), other), (entry.one_of.len(), 0), "{place}.{}: {message}", entry.name);
        }
    }
    assert!(count > 35, "{count}");
}

/// As the Worker writes it: in the largest unit that fits.
fn respelled(text: &str) -> String {
    postern::config::span(text).map_or_else(|| text.to_owned(), postern::config::spelled)
}

#[test]
fn the_files_that_are_made_of_the_catalogue_are_up_to_date() {
    let sections = read().unwrap();
    for (file, text) in [
        ("packages/postern/schema.json", schema::written(&schema::configuration(&sections))),
        ("packages/postern/wrangler.schema.json", schema::written(&schema::wrangler())),
        ("docs/reference/configuration.md", reference::page(&sections)),
    ] {
        let path = root().join(file);
        if std::env::var_os("POSTERN_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), text, "{file}: POSTERN_BLESS=1 writes it anew");
    }
}
