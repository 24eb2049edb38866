//! What an upstream is told of who asks, one fact a header.
//!
//! What cannot stand in a header with one single reading is not sent at all: no header is better than one that says
//! something else.

use serde_json::{Value, json};

use super::identity::Identity;
use crate::authz::second;
use crate::http::{HeaderName, HeaderValue};
use crate::route::{Claim, ClaimHeader, HeaderEncoding};

/// The longest value sent.
const MAX_VALUE_BYTES: usize = 4096;
/// Claims that are one text by their definition (OpenID Connect Core §5.1), so a comma in them separates nothing.
const SINGLE: [&str; 9] = [
    "family_name",
    "given_name",
    "middle_name",
    "name",
    "nickname",
    "picture",
    "preferred_username",
    "profile",
    "website",
];

/// The headers to send, and the names of those that had a value which could not be sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ClaimHeaders {
    /// To be sent.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Not sent, though there is something to tell.
    pub withheld: Vec<HeaderName>,
}

/// Tells of `who` what the route has chosen. Where there is nothing to tell, there is no header.
#[must_use]
pub fn claim_headers(chosen: &[ClaimHeader], who: &Identity<'_>) -> ClaimHeaders {
    let mut headers = ClaimHeaders::default();
    for ClaimHeader { name, claim, encoding } in chosen {
        let Some(fact) = fact(claim, who) else { continue };
        let written = if *encoding == HeaderEncoding::Percent { fact.encoded() } else { fact.written() };
        match written.and_then(|text| HeaderValue::try_from(text).ok()) {
            Some(value) => headers.headers.push((name.clone(), value)),
            None => headers.withheld.push(name.clone()),
        }
    }
    headers
}

/// Something to tell; never empty.
enum Fact {
    /// One text, whatever stands in it.
    One(String),
    /// One or more, to be told apart by commas.
    List(Vec<String>),
    /// Nothing that is a text.
    Unwritable,
}

fn fact(claim: &Claim, who: &Identity<'_>) -> Option<Fact> {
    let principal = who.principal;
    let one = |text: &str| Some(Fact::One(text.to_owned()));
    let list = |texts: &[String]| (!texts.is_empty()).then(|| Fact::List(texts.to_vec()));
    match claim {
        Claim::Subject => one(principal.subject()),
        Claim::Issuer => one(principal.issuer()),
        Claim::Kind => one(principal.kind().as_str()),
        Claim::Provider => one(principal.provider()?),
        Claim::ClientId => one(principal.client_id()?),
        Claim::Actor => one(&principal.actors().first()?.subject),
        Claim::KeyId => one(principal.key_id()?),
        Claim::Owner => one(&principal.owner()?.subject),
        Claim::OwnerIssuer => one(&principal.owner()?.issuer),
        Claim::Scopes => list(principal.scopes()),
        Claim::Roles => list(principal.roles()),
        Claim::Tenant => one(principal.tenant()?),
        Claim::Email => one(who.email()?),
        Claim::AuthTime => one(&principal.authentication().time?.as_unix().to_string()),
        Claim::Acr => one(principal.authentication().acr.as_deref()?),
        Claim::Amr => list(&who.amr().into_iter().map(str::to_owned).collect::<Vec<_>>()),
        Claim::SecondAt => one(&second::proven(principal)?.at.as_unix().to_string()),
        Claim::SecondBy => one(second::proven(principal)?.by.as_str()),
        Claim::Session => one(who.session?),
        Claim::Kept(name) => kept(name, who.kept(name)?),
    }
}

fn kept(name: &str, value: &Value) -> Option<Fact> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(items) if items.is_empty() => None,
        Value::String(text) if SINGLE.contains(&name) => Some(Fact::One(text.clone())),
        Value::Array(items) => {
            Some(items.iter().map(scalar).collect::<Option<_>>().map_or(Fact::Unwritable, Fact::List))
        }
        // One text may be a list of one, as some providers write it: then a comma in it would make it two.
        other => Some(scalar(other).map_or(Fact::Unwritable, |text| Fact::List(vec![text]))),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(json!(value).to_string()),
        _ => None,
    }
}

impl Fact {
    /// As it stands in a header; `None` where that would have another reading.
    fn written(&self) -> Option<String> {
        let text = match self {
            Self::One(text) => text.clone(),
            Self::List(items) if items.iter().all(|item| is_plain(item) && !item.contains(',')) => items.join(","),
            Self::List(_) | Self::Unwritable => return None,
        };
        (is_plain(&text) && text.len() <= MAX_VALUE_BYTES).then_some(text)
    }

    /// The same in percent-encoding, which leaves one reading to every text: the commas that are left separate.
    fn encoded(&self) -> Option<String> {
        let text = match self {
            Self::One(text) => encoded(text),
            Self::List(items) if items.iter().all(|item| !item.is_empty()) => {
                items.iter().map(|item| encoded(item)).collect::<Vec<_>>().join(",")
            }
            Self::List(_) | Self::Unwritable => return None,
        };
        (!text.is_empty() && text.len() <= MAX_VALUE_BYTES).then_some(text)
    }
}

/// What `decodeURIComponent` turns back, on each side of a comma.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Visible ASCII, with spaces inside only: whoever reads the header trims it (RFC 9110 §5.5).
fn is_plain(text: &str) -> bool {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    !text.is_empty() && visible && !text.starts_with(' ') && !text.ends_with(' ')
}

#[cfg(test)]
mod tests;
