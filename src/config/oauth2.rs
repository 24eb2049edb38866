//! Providers of OAuth 2 without OpenID Connect: everything that others publish as metadata is configured.

use serde_json::{Map, Value};

use super::address::Issuer;
use super::table::Table;
use super::value::{parsed, text, word};

const ENDPOINT: &str = "an https URL of the public internet";
/// The addresses that every such provider has, and those that it may lack.
const NEEDED: [&str; 4] = ["issuer", "authorization_endpoint", "token_endpoint", "user_endpoint"];
const OPTIONAL: [&str; 2] = ["emails_endpoint", "revocation_endpoint"];
/// What the claims about the person may be called: none that tell who it is, of which sign-in, or what they may do.
const TOLD: [&str; 10] = [
    "name",
    "given_name",
    "family_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "locale",
    "email",
    "email_verified",
];

/// What is about ID tokens, UserInfo or notices of sign-outs, and so has no meaning here.
const OF_OPENID: [&str; 10] = [
    "end_session_endpoint",
    "frontchannel_logout",
    "id_token_algs",
    "id_token_hint",
    "logout_tokens",
    "permissions",
    "roles",
    "tenant",
    "trusted_audiences",
    "userinfo",
];

/// Where a provider without metadata is asked, and what its answer about a person means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth2 {
    /// `authorization_endpoint`
    pub authorization_endpoint: String,
    /// `token_endpoint`
    pub token_endpoint: String,
    /// `user_endpoint`: says who the access token is for. Its `id` is the subject.
    pub user_endpoint: String,
    /// `emails_endpoint`: says which of a person's e-mail addresses are verified (GitHub).
    pub emails_endpoint: Option<String>,
    /// `revocation_endpoint` (RFC 7009)
    pub revocation_endpoint: Option<String>,
    /// `user_claims`: which claims are taken from which members of that answer.
    pub user_claims: Vec<(String, String)>,
}

/// Where a table overrides an address of its preset, it has to give all that are needed, and the others are not taken from
/// the preset: the codes and tokens of one server would be sent to another. Returns whether one is missing, which is
/// reported.
pub(super) fn keep_to_one_server(table: &Table<'_>, own: &Map<String, Value>, preset: &mut Map<String, Value>) -> bool {
    let is_overridden = |key: &&str| own.get(*key).is_some_and(|value| preset.get(*key) != Some(value));
    let Some(overridden) = NEEDED.into_iter().chain(OPTIONAL).find(is_overridden) else { return false };
    for key in OPTIONAL {
        preset.remove(key);
    }
    let missing: Vec<&str> = NEEDED.into_iter().filter(|key| !own.contains_key(*key)).collect();
    for key in &missing {
        let message =
            format!("expected an address of the same server as `{overridden}`, that of the preset is another server's");
        table.problem(key, message);
    }
    !missing.is_empty()
}

/// Reads the endpoints and claims of such a provider.
pub(super) fn read(table: &mut Table<'_>, issuer: Option<&Issuer>) -> Option<OAuth2> {
    let mut required = |key| {
        if !table.has(key) {
            table.problem(key, format!("expected {ENDPOINT}, found nothing"));
        }
        endpoint(table, key, issuer)
    };
    let authorization_endpoint = required("authorization_endpoint");
    let token_endpoint = required("token_endpoint");
    let user_endpoint = required("user_endpoint");
    let emails_endpoint = endpoint(table, "emails_endpoint", issuer);
    let revocation_endpoint = endpoint(table, "revocation_endpoint", issuer);
    for key in OF_OPENID.into_iter().filter(|key| table.has(key)) {
        table.problem(key, "has no meaning for a provider of OAuth 2 without OpenID Connect, take it out");
    }
    let user_claims = table.table("user_claims").map(|inner| claims(&inner)).unwrap_or_default();
    Some(OAuth2 {
        authorization_endpoint: authorization_endpoint?,
        token_endpoint: token_endpoint?,
        user_endpoint: user_endpoint?,
        emails_endpoint,
        revocation_endpoint,
        user_claims,
    })
}

/// The address at `key`, if there is one. An issuer that is wrong has its own problem; it is no reason to doubt every other
/// address.
pub(super) fn endpoint(table: &mut Table<'_>, key: &'static str, issuer: Option<&Issuer>) -> Option<String> {
    let allowed = |url: &str| issuer.is_none_or(|issuer| issuer.allows_endpoint(url)).then(|| url.to_owned());
    table.optional(key, parsed(ENDPOINT, allowed))
}

fn claims(table: &Table<'_>) -> Vec<(String, String)> {
    let mut claims = Vec::new();
    for (claim, member) in table.entries() {
        match member_name(member) {
            _ if !TOLD.contains(&claim) => table.problem(claim, format!("expected one of {}", listed())),
            Ok(member) => claims.push((claim.to_owned(), member)),
            Err(message) => table.problem(claim, message),
        }
    }
    claims
}

fn member_name(value: &Value) -> Result<String, String> {
    let name = text(value)?;
    word(name).ok_or_else(|| super::problem::expected("the name of a member of its answer", name))
}

fn listed() -> String {
    TOLD.map(|name| format!("`{name}`")).join(", ")
}
