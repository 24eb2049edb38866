//! What the SAML Worker verified → who signed in, held against what was asked for.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::error::SamlError;
use super::name::{MAX_BYTES, NameId, Parties};
use super::saml_worker::said;
use crate::claims::{is_ahead, is_over};
use crate::config::saml::OWN_CLAIMS;
use crate::config::{Saml, SamlSubject};
use crate::json::{self};
use crate::secret::Secret;
use crate::time::{Seconds, Timestamp};

/// What makes an address or a number count.
const VERIFIED: [&str; 2] = ["email_verified", "phone_number_verified"];
/// The longest of what is kept to sign out at the provider.
const MAX_LOGOUT_BYTES: usize = 2048;
/// The SAML Worker allows an assertion as much beyond its end.
pub const SKEW: Seconds = crate::claims::LEEWAY;

/// What a sign-in has to be.
#[derive(Clone, Copy, Debug)]
pub struct SamlExpectations<'a> {
    /// The provider's rules.
    pub saml: &'a Saml,
    /// Who says it, to whom.
    pub parties: Parties<'a>,
    /// How long ago the person may have proven themselves at most.
    pub max_age: Option<Seconds>,
    /// In which of these ways, if in any.
    pub acr_values: &'a [String],
    /// Now.
    pub now: Timestamp,
}

/// Who signed in, by an assertion that is good. Only [`SamlAssertion::check`] makes one.
#[derive(Debug)]
pub struct SamlAssertion {
    once: [u8; 32],
    usable_until: Timestamp,
    pub(crate) subject: String,
    pub(crate) auth_time: Timestamp,
    pub(crate) acr: Option<String>,
    /// The session at the provider, by name and index.
    pub(crate) sid: Option<String>,
    /// The person's name, by which the provider ends sessions.
    pub(crate) index_key: String,
    /// When the session is over at the provider.
    pub(crate) until: Option<Timestamp>,
    pub(crate) claims: Map<String, Value>,
    /// What names person and session to the provider, for a logout; empty where that is too long.
    logout: Secret<String>,
}

impl SamlAssertion {
    /// Reads what the SAML Worker verified.
    ///
    /// # Errors
    /// When it names nobody, or is not what was asked for.
    pub fn check(verified: &Map<String, Value>, expected: &SamlExpectations<'_>) -> Result<Self, SamlError> {
        let SamlExpectations { saml, parties, now, .. } = *expected;
        let time = |name: &str| crate::claims::time(verified, name);
        let id = said(verified, "assertion_id").ok_or(SamlError::WorkerAway)?;
        let usable_until = time("not_on_or_after").ok_or(SamlError::WorkerAway)?;
        let name = verified.get("name_id").and_then(|name| NameId::read(name, parties)).ok_or(SamlError::NoSubject)?;
        let attributes = attributes(verified);
        let subject = subject(saml, &name, &attributes)?;
        let auth_time = time("authn_instant").ok_or(SamlError::AuthnInstant)?;
        let is_late = expected.max_age.is_some_and(|max_age| is_over(auth_time.plus(max_age), now));
        if is_late || is_ahead(auth_time, now) {
            return Err(SamlError::AuthnInstant);
        }
        let acr = said(verified, "authn_context").map(str::to_owned);
        let asked = expected.acr_values;
        if !asked.is_empty() && !acr.as_ref().is_some_and(|acr| asked.contains(acr)) {
            return Err(SamlError::AuthnContext);
        }
        let until = time("session_not_on_or_after");
        if until.is_some_and(|until| until <= now) {
            return Err(SamlError::SessionOver);
        }
        let session_index = said(verified, "session_index");
        let logout = json!({ "name_id": name.raw, "session_index": session_index }).to_string();
        Ok(Self {
            once: once_key("assertion", parties.provider, id),
            usable_until,
            claims: claims(saml, attributes, parties, &subject),
            subject,
            auth_time,
            acr,
            sid: session_index.map(|index| name.session_key(index)),
            index_key: name.index_key(),
            until,
            logout: Secret::new(Some(logout).filter(|text| text.len() <= MAX_LOGOUT_BYTES).unwrap_or_default()),
        })
    }

    /// What is remembered of it, so that it counts once.
    #[must_use]
    pub const fn once_key(&self) -> &[u8; 32] {
        &self.once
    }

    /// Until when it could be used again.
    #[must_use]
    pub const fn usable_until(&self) -> Timestamp {
        self.usable_until
    }

    /// What names person and session to the provider.
    #[must_use]
    pub const fn logout(&self) -> &Secret<String> {
        &self.logout
    }
}

/// The name of a message in the memory of what was used.
#[must_use]
pub fn once_key(kind: &str, provider: &str, id: &str) -> [u8; 32] {
    // No entityID holds a line break, and nothing follows the id.
    Sha256::digest(format!("postern/saml/{kind}/{provider}\n{id}")).into()
}

/// All values by name. Names for people (`FriendlyName`) identify nothing (SAML Core §2.7.3.1).
fn attributes(verified: &Map<String, Value>) -> Map<String, Value> {
    let all = verified.get("attributes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut named: Map<String, Value> = Map::new();
    for one in all.iter().filter_map(Value::as_object) {
        let values = one.get("values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let Some(name) = said(one, "name") else { continue };
        if let Some(known) = named.get_mut(name).and_then(Value::as_array_mut) {
            known.extend_from_slice(values);
        } else {
            named.insert(name.to_owned(), Value::Array(values.to_vec()));
        }
    }
    named
}

fn subject(saml: &Saml, name: &NameId, attributes: &Map<String, Value>) -> Result<String, SamlError> {
    let subject = match &saml.subject {
        SamlSubject::NameId if name.is_transient() => return Err(SamlError::TransientName),
        SamlSubject::NameId => name.text(),
        SamlSubject::Attribute(attribute) => match attributes.get(attribute).and_then(Value::as_array) {
            Some(values) => match values.as_slice() {
                [Value::String(one)] => one,
                _ => return Err(SamlError::NoSubject),
            },
            None => return Err(SamlError::NoSubject),
        },
    };
    let fits = !subject.is_empty() && subject.len() <= MAX_BYTES && subject.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(subject.to_owned()) } else { Err(SamlError::NoSubject) }
}

/// One value by itself, several as a list.
fn claims(saml: &Saml, attributes: Map<String, Value>, parties: Parties<'_>, subject: &str) -> Map<String, Value> {
    let one = |values: Value| match values {
        Value::Array(mut values) if values.len() == 1 => values.pop().unwrap_or_default(),
        other => other,
    };
    // A claim that the configuration gives to an attribute is that one's alone; and that something was verified is no
    // attribute's to say, unless the configuration gives it that.
    let is_own =
        |name: &String| saml.claims.iter().all(|(claim, _)| claim != name) && !VERIFIED.contains(&name.as_str());
    let mapped = saml.claims.iter().filter_map(|(claim, name)| Some((claim.clone(), attributes.get(name)?.clone())));
    let mapped = json::object(mapped);
    let attributes = attributes.into_iter().filter(|(name, _)| is_own(name));
    let mut claims = json::object(attributes.chain(mapped).map(|(name, values)| (name, one(values))));
    if saml.emails_verified && claims.get("email").is_some_and(Value::is_string) {
        claims.insert("email_verified".to_owned(), true.into());
    }
    for (name, value) in OWN_CLAIMS.into_iter().zip([parties.provider, subject]) {
        claims.insert(name.to_owned(), value.into());
    }
    claims
}

#[cfg(test)]
mod tests;
