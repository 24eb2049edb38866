//! The call that is approved: named by its grant, its route and the very bytes of what it says (R-329).

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::json::{self, raw};
use crate::ordered;

/// The most that a person is shown of one call. What is longer is not approved: nobody reads it.
pub const MAX_SHOWN_BYTES: usize = 16 * 1024;
/// The member of `params` that does not say what is to be done: it differs from one try to the next.
const NOT_ARGUMENTS: &str = "_meta";
/// Members by which a client answers what it was asked about a call before, by an upstream or by us.
const ANSWERS: [&str; 2] = ["requestState", "inputResponses"];

/// A call, for as long as somebody may ask about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovableCall {
    /// The name of its route.
    pub route: String,
    /// The method of the JSON-RPC request.
    pub method: String,
    /// What it is about: the tool, the prompt or the resource.
    pub name: String,
    /// SHA-256 of grant, route, method, name and parameters, in base64url.
    pub hash: String,
    /// The same without the grant: whoever was told no by one of several does not ask by another.
    #[serde(default)]
    pub content: String,
    /// The parameters as they were written; `None` once they are of no more use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<String>,
}

/// Why a call cannot be approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError {
    /// It is no JSON-RPC request.
    Malformed,
    /// It says more than anybody reads.
    TooLarge,
}

impl ApprovableCall {
    /// The call in this body, a JSON-RPC request that was parsed before, by this grant at this route. What the client answers to
    /// its upstream says what is to be done; what it answers to us is none of it, and has been taken out
    /// ([`without_answers`]).
    ///
    /// # Errors
    /// When nobody could approve it.
    pub fn new(grant: &str, route: &str, (method, name): (&str, &str), body: &str) -> Result<Self, CallError> {
        let message = raw::members(body).ok_or(CallError::Malformed)?;
        let params = message.iter().find(|(member, _)| member == "params").map_or("{}", |(_, raw)| raw);
        let mut members = raw::members(params).ok_or(CallError::Malformed)?;
        members.retain(|(member, _)| member != NOT_ARGUMENTS);
        let members = ordered::by_key(members, |(member, _)| member.clone());
        let text = written(members.iter()).ok_or(CallError::Malformed)?;
        if text.len() > MAX_SHOWN_BYTES {
            return Err(CallError::TooLarge);
        }
        let (whole, content) = (hash(&[grant, route, method, name, &text]), hash(&[route, method, name, &text]));
        let [route, method, name] = [route, method, name].map(str::to_owned);
        Ok(Self { route, method, name, hash: whole, content, params: Some(text) })
    }

    /// The same, without what it says.
    #[must_use]
    pub fn without_params(&self) -> Self {
        Self { params: None, ..self.clone() }
    }

    /// What it says, for a person to read.
    #[must_use]
    pub fn shown(&self) -> Option<String> {
        raw::pretty(self.params.as_deref()?)
    }
}

/// The body of a second try, without what it brings of an answer to a question of ours: the upstream asked nothing. `None` where
/// it brings none, or it is the upstream's. `is_ours`: whether we made this `requestState`.
#[must_use]
pub fn without_answers(body: &str, is_ours: impl Fn(&str) -> bool) -> Option<String> {
    let message = raw::members(body)?;
    let (_, params) = message.iter().find(|(member, _)| member == "params")?;
    let params = raw::members(params)?;
    let (_, state) = params.iter().find(|(member, _)| member == "requestState")?;
    if !is_ours(&json::from_text::<String>(state).ok()?) {
        return None;
    }
    let kept = params.iter().filter(|(member, _)| !ANSWERS.contains(&member.as_str()));
    let params = written(kept)?;
    let message: Vec<(String, &str)> = message
        .iter()
        .map(|(member, raw)| (member.clone(), if member == "params" { params.as_str() } else { *raw }))
        .collect();
    written(message.iter())
}

/// Whether it brings an answer to a question of the upstream's; of a body without answers to ours.
#[must_use]
pub fn answers_upstream(body: &str) -> bool {
    let params = raw::members(body).and_then(|message| message.into_iter().find(|(member, _)| member == "params"));
    let members = params.and_then(|(_, params)| raw::members(params)).unwrap_or_default();
    members.iter().any(|(member, _)| ANSWERS.contains(&member.as_str()))
}

/// An object of these members, each value as it is.
fn written<'a>(members: impl Iterator<Item = &'a (String, &'a str)>) -> Option<String> {
    let mut text = String::from("{");
    for (place, (member, raw)) in members.enumerate() {
        let name = serde_json::to_string(member).ok()?;
        text.push_str(if place > 0 { "," } else { "" });
        [name.as_str(), ":", raw].into_iter().for_each(|part| text.push_str(part));
    }
    text.push('}');
    Some(text)
}

/// Each part goes in with its length before it: no two lists of parts share an input.
fn hash(parts: &[&str]) -> String {
    let digest = parts
        .iter()
        .fold(Sha256::new(), |digest, part| digest.chain_update((part.len() as u64).to_be_bytes()).chain_update(part));
    Base64UrlUnpadded::encode_string(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(grant: &str, route: &str, call: (&str, &str), params: &str) -> String {
        ApprovableCall::new(grant, route, call, &format!(r#"{{"jsonrpc":"2.0","id":1,"params":{params}}}"#))
            .unwrap()
            .hash
    }

    #[test]
    fn another_byte_is_another_call() {
        // R-329
        let tool = ("tools/call", "pay");
        let one = hash_of("g", "/mcp", tool, r#"{"name":"pay","arguments":{"amount":1}}"#);
        for params in [
            r#"{"name":"pay","arguments":{"amount":2}}"#,
            r#"{"name":"pay","arguments":{"amount":1.0}}"#,
            r#"{"name":"pay","arguments":{"amount": 1}}"#,
            r#"{"name":"pay","arguments":{"amount":1},"more":1}"#,
            r#"{"name":"pay"}"#,
            r#"{"name":"pay","arguments":{"amount":1},"inputResponses":{}}"#,
            r#"{"name":"pay","arguments":{"amount":1},"requestState":"s"}"#,
        ] {
            assert_ne!(hash_of("g", "/mcp", tool, params), one, "{params}");
        }
        let same = r#"{"name":"pay","arguments":{"amount":1}}"#;
        assert_ne!(hash_of("h", "/mcp", tool, same), one);
        assert_ne!(hash_of("g", "/mcp2", tool, same), one);
        assert_ne!(hash_of("g", "/mcp", ("tools/call", "pay2"), same), one);
        assert_ne!(hash_of("g", "/mcp", ("prompts/get", "pay"), same), one);
        // The parts do not run into one another.
        assert_ne!(hash_of("g/", "mcp", tool, same), one);
    }

    #[test]
    fn a_large_number_is_not_another_one() {
        // R-329: as doubles these are the same.
        let one =
            |amount: &str| hash_of("g", "/mcp", ("tools/call", "pay"), &format!(r#"{{"arguments":{{"a":{amount}}}}}"#));
        assert_ne!(one("36893488147419103233"), one("36893488147419103234"));
    }

    #[test]
    fn what_differs_between_two_tries_does_not_count() {
        // R-330: the second try brings an answer to us along.
        let tool = ("tools/call", "pay");
        let first = r#"{"name":"pay","arguments":{"a":1},"_meta":{"progressToken":1}}"#;
        let second = r#"{"_meta":{"progressToken":2},"requestState":"ours","arguments":{"a":1},"name":"pay","inputResponses":{"a":{}}}"#;
        let body = format!(r#"{{"params":{second}}}"#);
        let left = without_answers(&body, |state| state == "ours").unwrap();
        assert!(answers_upstream(&body) && !answers_upstream(&left) && !answers_upstream("{}"));
        let again = ApprovableCall::new("g", "/mcp", tool, &left).unwrap();
        assert_eq!(hash_of("g", "/mcp", tool, first), again.hash);
        // R-329: where it is the upstream's, it is part of the call.
        let theirs = ApprovableCall::new("g", "/mcp", tool, &body).unwrap();
        assert_ne!(theirs.hash, again.hash);
        assert!(theirs.shown().unwrap().contains("inputResponses"));
    }

    #[test]
    fn an_answer_to_us_is_not_passed_on() {
        // R-330
        let body = r#"{"jsonrpc":"2.0","id":1,"params":{"name":"pay","requestState":"ours","inputResponses":{"a":{}},"arguments":{"a": 1.0}}}"#;
        let left = r#"{"jsonrpc":"2.0","id":1,"params":{"name":"pay","arguments":{"a": 1.0}}}"#;
        assert_eq!(without_answers(body, |state| state == "ours").as_deref(), Some(left));
        assert_eq!(without_answers(body, |_| false), None);
        assert_eq!(without_answers(left, |_| true), None);
        assert_eq!(without_answers("{}", |_| true), None);
    }

    #[test]
    fn what_nobody_would_read_is_not_approved() {
        let body = |length| format!(r#"{{"params":{{"arguments":"{}"}}}}"#, "x".repeat(length));
        let call = |body: &str| ApprovableCall::new("g", "/mcp", ("tools/call", "pay"), body);
        assert!(call(&body(MAX_SHOWN_BYTES - 20)).is_ok());
        assert_eq!(call(&body(MAX_SHOWN_BYTES)), Err(CallError::TooLarge));
        for body in ["", "[]", r#"{"params":[1]}"#, r#"{"params":1}"#] {
            assert_eq!(call(body), Err(CallError::Malformed), "{body}");
        }
        assert_eq!(call("{}").unwrap().params.as_deref(), Some("{}"));
    }
}
