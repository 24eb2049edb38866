//! Every key of the configuration as data: what editors are told (a JSON Schema) and what the reference says come from it.
//!
//! `tests.rs` holds it against what the Worker reads: its own messages name the keys, words and ranges that it takes.

mod kind;
mod reference;
mod schema;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::Value;

use self::kind::Kind;
use super::Answer;

/// The tables in the order of the reference, by the name that other tables use for them.
const FILES: [(&str, &str); 37] = [
    ("variables", include_str!("variables.toml")),
    ("providers", include_str!("providers.toml")),
    ("revocation", include_str!("revocation.toml")),
    ("saml", include_str!("saml.toml")),
    ("client_assertion", include_str!("client_assertion.toml")),
    ("session", include_str!("session.toml")),
    ("routes", include_str!("routes.toml")),
    ("cache", include_str!("cache.toml")),
    ("require", include_str!("require.toml")),
    ("mcp", include_str!("mcp.toml")),
    ("cors", include_str!("cors.toml")),
    ("route_limits", include_str!("route_limits.toml")),
    ("limit", include_str!("limit.toml")),
    ("limits", include_str!("limits.toml")),
    ("security_headers", include_str!("security_headers.toml")),
    ("pages", include_str!("pages.toml")),
    ("accent", include_str!("accent.toml")),
    ("storage", include_str!("storage.toml")),
    ("issuers", include_str!("issuers.toml")),
    ("certificates", include_str!("certificates.toml")),
    ("services", include_str!("services.toml")),
    ("admin", include_str!("admin.toml")),
    ("admin_service", include_str!("admin_service.toml")),
    ("decisions", include_str!("decisions.toml")),
    ("verify", include_str!("verify.toml")),
    ("health", include_str!("health.toml")),
    ("authzen", include_str!("authzen.toml")),
    ("keys", include_str!("keys.toml")),
    ("self_service", include_str!("self_service.toml")),
    ("agents", include_str!("agents.toml")),
    ("enterprise", include_str!("enterprise.toml")),
    ("second", include_str!("second.toml")),
    ("second_required", include_str!("second_required.toml")),
    ("sharing", include_str!("sharing.toml")),
    ("shared_type", include_str!("shared_type.toml")),
    ("header", include_str!("header.toml")),
    ("claim", include_str!("claim.toml")),
];

/// A table of the configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    /// The file's name.
    #[serde(skip)]
    name: String,
    title: String,
    /// Where it stands, with names in capitals for what is chosen freely.
    path: String,
    /// Where else.
    #[serde(default)]
    also: Vec<String>,
    text: String,
    #[serde(default)]
    key: Vec<Entry>,
}

/// A key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    kind: Kind,
    #[serde(default)]
    required: bool,
    /// Whether it is one of a deployment, and no site has its own.
    #[serde(default)]
    deployment: bool,
    /// Whether it is read only with certain presets.
    #[serde(default)]
    with_preset: bool,
    /// Whether it is required only where no preset sets it.
    #[serde(default)]
    unless_preset: bool,
    /// Whether it is required only of providers of OpenID Connect and OAuth 2.
    #[serde(default)]
    unless_saml: bool,
    /// What stands in for it, as it would be written.
    default: Option<String>,
    /// What is so without it, in words.
    otherwise: Option<String>,
    /// The words that the text, or each text of the list, may be.
    #[serde(default)]
    one_of: Vec<String>,
    /// What the text, or each text of the list, looks like.
    pattern: Option<String>,
    /// What the names in a map look like.
    names: Option<String>,
    /// The least number or duration, and the greatest.
    from: Option<String>,
    to: Option<String>,
    text: String,
    /// A value as TOML writes it.
    example: String,
}

impl Entry {
    /// The example as a value.
    fn example(&self) -> Result<Value, toml::de::Error> {
        let mut table: toml::Table = toml::from_str(&format!("value = {}", self.example))?;
        let value = table.remove("value").and_then(|value| serde_json::to_value(value).ok());
        Ok(value.unwrap_or_default())
    }
}

/// Reads the catalogue.
fn read() -> Result<Vec<Section>, toml::de::Error> {
    let one = |(name, text): &(&str, &str)| {
        let section: Section = toml::from_str(text)?;
        Ok(Section { name: (*name).to_owned(), ..section })
    };
    FILES.iter().map(one).collect()
}

/// `postern schema`: the JSON Schema of the configuration, or of a `wrangler.jsonc` with it.
pub(super) fn run(mut parser: lexopt::Parser) -> Result<Answer, lexopt::Error> {
    let mut asked = "";
    while let Some(arg) = parser.next()? {
        match arg {
            lexopt::Arg::Long("wrangler") => asked = "wrangler",
            lexopt::Arg::Long("reference") => asked = "reference",
            other => return Err(other.unexpected()),
        }
    }
    let sections = match read() {
        Ok(sections) => sections,
        Err(error) => return Ok(Answer::misused(error)),
    };
    Ok(Answer::good(match asked {
        "wrangler" => schema::written(&schema::wrangler()),
        "reference" => reference::page(&sections),
        _ => schema::written(&schema::configuration(&sections)),
    }))
}
