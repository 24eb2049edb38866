//! Parameters of the authorization request: those that are fixed, and those that a login link may set.

use super::super::problem::{expected, shown};
use super::super::table::Table;
use super::super::value::{list, one_of, text, word};
use super::LoginParameter;
use crate::json;

/// Parameters of the authorization request that are Postern's to set, or that change what it means.
pub(super) const OWN_PARAMETERS: [&str; 21] = [
    "acr_values",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
    "id_token_hint",
    "login_hint",
    "max_age",
    "nonce",
    "prompt",
    "redirect_uri",
    "request",
    "request_uri",
    "resource",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

/// The parameters of login links that are Postern's own.
const LINK_PARAMETERS: [&str; 6] = ["email", "fragment", "iss", "provider", "return_to", "target_link_uri"];
/// What a `claims` parameter may ask about (OpenID Connect Core §5.5).
const CLAIMS_MEMBERS: [&str; 2] = ["id_token", "userinfo"];
/// The most parameters of a provider's own that a login link may set.
const MAX_OWN_PARAMETERS: usize = 16;

const LOGIN_PARAMETERS: [(&str, LoginParameter); 4] = [
    ("prompt", LoginParameter::Prompt),
    ("login_hint", LoginParameter::LoginHint),
    ("acr_values", LoginParameter::AcrValues),
    ("max_age", LoginParameter::MaxAge),
];

/// Those of OpenID Connect that are read before they are sent on, and names of the provider's own, sent on as they come.
pub(super) fn pass_through(table: &mut Table<'_>, fixed: &[(String, String)]) -> (Vec<LoginParameter>, Vec<String>) {
    let known = |word: &str| LOGIN_PARAMETERS.iter().find(|(name, _)| *name == word).map(|(_, parameter)| *parameter);
    let Some(names) = table.optional("pass_through", list("a parameter's name of visible ASCII characters", word))
    else {
        return (LOGIN_PARAMETERS.map(|(_, parameter)| parameter).to_vec(), Vec::new());
    };
    let own: Vec<String> = names.iter().filter(|name| known(name).is_none()).cloned().collect();
    for name in &own {
        if OWN_PARAMETERS.contains(&name.as_str()) || LINK_PARAMETERS.contains(&name.as_str()) || name == "claims" {
            let known = one_of(&LOGIN_PARAMETERS);
            let message = format!(
                "{} is not for a login link to set, expected {known} or a name of the provider's own",
                shown(name)
            );
            table.problem("pass_through", message);
        } else if fixed.iter().any(|(other, _)| other == name) {
            table.problem("pass_through", format!("{} has a fixed value in `authorization_params`", shown(name)));
        }
    }
    if own.len() > MAX_OWN_PARAMETERS {
        table.problem("pass_through", format!("expected at most {MAX_OWN_PARAMETERS} names of the provider's own"));
    }
    (names.iter().filter_map(|name| known(name)).collect(), own)
}

/// Fixed parameters of a request that is made of `own` ones.
pub(in crate::config) fn parameters(table: &mut Table<'_>, key: &'static str, own: &[&str]) -> Vec<(String, String)> {
    let Some(inner) = table.table(key) else { return Vec::new() };
    let mut params = Vec::new();
    for (key, value) in inner.entries() {
        if own.contains(&key) {
            inner.problem(key, "is Postern's own to send, take it out");
        } else if word(key).is_none() {
            inner.problem(key, "expected a parameter's name of visible ASCII characters");
        } else {
            match if key == "claims" { claims_parameter(value) } else { text(value).map(str::to_owned) } {
                Ok(text) => params.push((key.to_owned(), text)),
                Err(message) => inner.problem(key, message),
            }
        }
    }
    params
}

/// OpenID Connect Core §5.5, as JSON text or as a table.
fn claims_parameter(value: &serde_json::Value) -> Result<String, String> {
    const EXPECTED: &str = "a JSON object, or a table, of `id_token` and `userinfo` with an object each";
    let parsed: serde_json::Value = match value {
        serde_json::Value::String(text) => json::from_text(text).map_err(|_| expected(EXPECTED, text))?,
        other => other.clone(),
    };
    let is_request = parsed.as_object().is_some_and(|members| {
        let known =
            |(name, value): (&String, &serde_json::Value)| CLAIMS_MEMBERS.contains(&name.as_str()) && value.is_object();
        !members.is_empty() && members.iter().all(known)
    });
    if is_request { Ok(parsed.to_string()) } else { Err(expected(EXPECTED, &parsed.to_string())) }
}
