//! An API key, as presented → its text, not yet believed; and why it is none that counts.

use super::bearer::{PresentedToken, Scheme, presented};
use super::error::PresentationError;
use super::{KeyFacts, Principal};
use crate::api_key::{ApiKeyId, ApiKeyRules, ApiKeyText, KeyHolder, KeyOwner, KeyRefusal, LiveKey, OwnerStanding};
use crate::config::Config;
use crate::http::{HeaderMap, header};
use crate::time::Timestamp;

/// Why an API key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRejection {
    /// What stands where a key belongs has not the form, or not the check digits, of one.
    Malformed,
    /// It was not made here: its mark is wrong.
    Forged,
    /// It came with `Authorization` to a route that takes access tokens alone.
    NotTaken,
    /// Its object says so.
    Refused(KeyRefusal),
    /// Its owner's provider is not configured any more.
    OwnerGone,
    /// Its owner has not signed in for longer than `owner_seen_within`.
    OwnerNotSeen,
    /// It is good, but its owner may no longer do anything that it was made for.
    Powerless,
}

impl KeyRejection {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "key.malformed",
            Self::Forged => "key.forged",
            Self::NotTaken => "key.not_taken",
            Self::Refused(refusal) => refusal.code(),
            Self::OwnerGone => "key.owner_gone",
            Self::OwnerNotSeen => "key.owner_not_seen",
            Self::Powerless => "key.powerless",
        }
    }
}

/// What a request shows where keys belong.
#[derive(Debug)]
pub enum ShownKey {
    /// Nothing.
    Nothing,
    /// A text with the form and the check digits of a key.
    Key(ApiKeyText),
    /// Something that is none: perhaps an access token.
    Other,
}

/// What a request shows in the one header that keys come in.
///
/// # Errors
/// When it shows several credentials, or one in a way that has more than one reading.
pub fn shown_key(rules: &ApiKeyRules, headers: &HeaderMap, query: Option<&str>) -> Result<ShownKey, PresentationError> {
    let Some(name) = &rules.header else { return as_token(rules, headers, query) };
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(ShownKey::Nothing) };
    if values.next().is_some() || headers.contains_key(header::AUTHORIZATION) {
        return Err(PresentationError::Repeated);
    }
    let key = value.to_str().ok().and_then(|text| ApiKeyText::parse(text, &rules.prefix));
    Ok(key.map_or(ShownKey::Other, ShownKey::Key))
}

/// What a request shows with `Authorization`, where access tokens come.
///
/// # Errors
/// When it shows several, or one in a way that has more than one reading.
pub fn as_token(rules: &ApiKeyRules, headers: &HeaderMap, query: Option<&str>) -> Result<ShownKey, PresentationError> {
    let Some(PresentedToken { scheme, token }) = presented(headers, query)? else { return Ok(ShownKey::Nothing) };
    let key = ApiKeyText::parse(token.expose(), &rules.prefix).filter(|_| scheme == Scheme::Bearer);
    Ok(key.map_or(ShownKey::Other, ShownKey::Key))
}

/// What a key's owner may at present, by what whoever vouches for them says.
#[must_use]
pub fn standing_of(principal: &Principal) -> OwnerStanding {
    OwnerStanding {
        roles: principal.roles().to_vec(),
        permissions: principal.permissions().to_vec(),
        tenant: principal.tenant().map(str::to_owned),
        at: principal.session().map(|session| session.created_at).unwrap_or_default(),
    }
}

/// The program that has this live key: it may what the key was made for, as far as its owner may at present.
///
/// # Errors
/// When that is nothing, nobody vouches for the owner any more, or nobody has for too long.
pub fn principal(
    config: &Config,
    rules: &ApiKeyRules,
    (id, live): (ApiKeyId, &LiveKey),
    now: Timestamp,
) -> Result<Principal, KeyRejection> {
    let standing = live.standing.clone().unwrap_or_default();
    let mut expires_at = live.expires_at;
    let (holder, scopes, tenant) = match live.holder.owner() {
        None => (live.holder.clone(), live.scopes.clone(), None),
        Some(owner) => {
            if let Some(until) = rules.owner_counts_until(&standing) {
                if now >= until {
                    return Err(KeyRejection::OwnerNotSeen);
                }
                expires_at = expires_at.min(until);
            }
            let provider = config.provider_by_issuer(&owner.issuer).ok_or(KeyRejection::OwnerGone)?;
            let granted = rules.granted(&standing);
            let scopes: Vec<String> = live.scopes.iter().filter(|scope| granted.contains(scope)).cloned().collect();
            if scopes.is_empty() {
                return Err(KeyRejection::Powerless);
            }
            // A person is the same by whatever id their provider goes.
            let owner = KeyOwner { provider: provider.id.to_string(), ..owner.clone() };
            (KeyHolder::Person(owner), scopes, standing.tenant)
        }
    };
    Ok(Principal::by_key(KeyFacts {
        site: config.public_url.origin().to_owned(),
        key_id: id.to_string(),
        holder,
        scopes,
        roles: Vec::new(),
        permissions: Vec::new(),
        tenant,
        expires_at,
    }))
}
