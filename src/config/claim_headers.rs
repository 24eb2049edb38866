//! `headers` of a route: what its upstream is told of the caller, and under which names.

use serde_json::Value;

use super::problem::{expected, shown};
use super::require::Known;
use super::table::Table;
use super::value::text;
use crate::api_key::ApiKeyRules;
use crate::http::HeaderName;
use crate::route::{Claim, ClaimHeader, Guard, HeaderEncoding, Route, Router};

const MAX_HEADERS: usize = 16;
const MAX_NAME_BYTES: usize = 64;
/// What stands before the name of a claim that the session keeps.
const KEPT: &str = "claims.";

/// Headers that have a meaning of their own, for us, the platform, or the way of the message: RFC 9110, Fetch.
const RESERVED: [&str; 42] = [
    "accept",
    "age",
    "allow",
    "alt-used",
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "cookie2",
    "date",
    "dnt",
    "dpop",
    "early-data",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "last-event-id",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "set-cookie",
    "set-cookie2",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-real-ip",
    "x-request-id",
];
const RESERVED_PREFIXES: [&str; 8] =
    ["accept-", "access-control-", "cf-", "content-", "if-", "proxy-", "sec-", "x-postern-"];
/// Those of `X-Forwarded-…` that tell of the way of the request, not of who asks.
const FORWARDED: [&str; 9] = ["by", "for", "host", "path", "port", "prefix", "proto", "scheme", "server"];

/// Reads `headers` of a route, if it is there. `kept`: the claims that sessions keep.
pub(super) fn read(route: &mut Table<'_>, kept: &[String]) -> Vec<ClaimHeader> {
    let headers = route.section("headers", |table| read_table(&table, kept)).unwrap_or_default();
    if headers.len() > MAX_HEADERS {
        route.problem("headers", format!("expected at most {MAX_HEADERS}, found {}", headers.len()));
    }
    headers
}

fn read_table(table: &Table<'_>, kept: &[String]) -> Vec<ClaimHeader> {
    let mut headers: Vec<ClaimHeader> = Vec::new();
    for (key, value) in table.entries() {
        match read_one(key, value, kept) {
            Ok(header) if headers.iter().any(|known| known.name == header.name) => {
                table.problem(key, "stands twice: the case of letters makes no difference");
            }
            Ok(header) => headers.push(header),
            Err(message) => table.problem(key, message),
        }
    }
    headers
}

/// Every name that any route uses, once; and the header that API keys come in: a key is for us alone.
pub(super) fn names(routes: Option<&Router>, keys: Option<&ApiKeyRules>) -> Vec<HeaderName> {
    let mut names: Vec<HeaderName> = keys.and_then(|keys| keys.header.clone()).into_iter().collect();
    let routes = routes.into_iter().flat_map(|router| router.routes().iter());
    for ClaimHeader { name, .. } in routes.flat_map(Route::claim_headers) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// What nobody who comes to this route could have.
pub(super) fn refuse_contradictions(route: &Table<'_>, guard: &Guard, known: &Known<'_>) {
    let tokens = guard.takes_tokens() || guard.takes_workloads() || guard.takes_agents();
    let people = guard.takes_sessions() || guard.takes_agents();
    let programs = guard.takes_tokens() || guard.takes_workloads() || guard.takes_keys() || guard.takes_certificates();
    let roles = programs || known.providers.iter().any(|provider| !provider.roles.is_empty());
    for ClaimHeader { name, claim, .. } in &guard.headers {
        if *claim == Claim::Roles && !roles {
            let why = "no entry of `PROVIDERS` says where its `roles` are";
            route.problem("headers", format!("`{name}` tells roles, and sessions have none: {why}"));
        }
        if claim.is_of_sessions() && !people {
            route.problem("headers", format!("`{name}` is about sessions, and `authenticate` has no `session`"));
        }
        if claim.is_of_keys() && !guard.takes_keys() {
            route.problem("headers", format!("`{name}` is about API keys, and `authenticate` has no `key`"));
        }
        if claim.is_of_tokens() && !tokens {
            route.problem("headers", format!("`{name}` is about tokens, and `authenticate` has no `bearer`"));
        }
    }
}

fn read_one(key: &str, value: &Value, kept: &[String]) -> Result<ClaimHeader, String> {
    let name = name_of_header(key)?;
    let Some(members) = value.as_object() else {
        return Ok(ClaimHeader { name, claim: claim(text(value)?, kept)?, encoding: HeaderEncoding::Plain });
    };
    let known = members.len() == 2 && members.get("encoding").is_some_and(|encoding| encoding == "percent");
    let told = members.get("tells").filter(|_| known);
    let told =
        told.ok_or("expected a word, or a table such as `{ tells = \"claims.name\", encoding = \"percent\" }`")?;
    Ok(ClaimHeader { name, claim: claim(text(told)?, kept)?, encoding: HeaderEncoding::Percent })
}

/// A header that has no meaning of its own.
pub(super) fn name_of_header(key: &str) -> Result<HeaderName, String> {
    let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let fits = plain && key.len() <= MAX_NAME_BYTES && key.bytes().any(|byte| byte.is_ascii_alphabetic());
    let name = HeaderName::from_bytes(key.as_bytes()).ok().filter(|_| fits);
    let name = name.ok_or_else(|| expected("the name of a header, of letters, digits and `-`", key))?;
    if is_reserved(name.as_str()) {
        return Err("has a meaning of its own, expected another name such as `X-Auth-Email`".to_owned());
    }
    Ok(name)
}

fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
        || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name.strip_prefix("x-forwarded-").is_some_and(|rest| FORWARDED.contains(&rest))
}

fn claim(word: &str, kept: &[String]) -> Result<Claim, String> {
    if let Some((_, claim)) = Claim::WORDS.into_iter().find(|(known, _)| *known == word) {
        return Ok(claim);
    }
    match word.strip_prefix(KEPT) {
        Some(name) if kept.iter().any(|known| known == name) => Ok(Claim::Kept(name.to_owned())),
        Some(name) => Err(format!("{} is not among `SESSION.claims`", shown(name))),
        None if kept.iter().any(|known| known == word) => {
            Err(format!("expected `{KEPT}{word}` for a claim that the session keeps"))
        }
        None => {
            let words: Vec<String> = Claim::WORDS.iter().map(|(known, _)| format!("`{known}`")).collect();
            Err(expected(format!("{} or `{KEPT}NAME`", words.join(", ")), word))
        }
    }
}

#[cfg(test)]
mod tests;
