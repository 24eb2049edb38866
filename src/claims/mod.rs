//! Reading single claims of a JWT, strictly, and the rules about them that are the same for every kind of token.

pub mod path;

use serde_json::{Map, Value};

use crate::json::{is_true, said};
use crate::ordered;
use crate::time::{Seconds, Timestamp};

/// The longest `sub` (OpenID Connect Core §2) and `sid`, in characters.
const MAX_NAME_CHARS: usize = 255;
/// The last second of the year 9999: no honest time is later, and sums with it do not overflow.
pub(crate) const LATEST_UNIX: i64 = 253_402_300_799;

/// A claim that is a string.
pub(crate) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}

/// A `sub` or `sid`: ASCII, neither empty nor longer than 255 characters.
pub(crate) fn name(claims: &Map<String, Value>, name: &str) -> Option<String> {
    let value = text(claims, name)?;
    (!value.is_empty() && value.is_ascii() && value.len() <= MAX_NAME_CHARS).then(|| value.to_owned())
}

/// A `NumericDate` (RFC 7519 §2), whole or not, between the epoch and the year 9999. Fractions are cut off.
pub(crate) fn time(claims: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    let value = claims.get(name)?;
    let seconds = value.as_i64().or_else(|| value.as_f64().and_then(whole_seconds))?;
    (0..=LATEST_UNIX).contains(&seconds).then(|| Timestamp::from_unix(seconds))
}

/// A time that something begins at: as [`time`], but a fraction makes it the next second, so that nothing begins early.
pub(crate) fn beginning(claims: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    let begun = time(claims, name)?;
    let is_whole = claims.get(name)?.as_f64().is_none_or(|value| value.fract() == 0.0);
    Some(if is_whole { begun } else { begun.plus(Seconds::new(1)) })
}

/// The claims that the issuer says it left out: it has them, but not here (OpenID Connect Core §5.6.2; Entra leaves out `groups`
/// of people in many).
pub(crate) fn left_out(claims: &Map<String, Value>) -> Vec<String> {
    const MOST: usize = 8;
    let named =
        claims.get("_claim_names").and_then(Value::as_object).into_iter().flat_map(Map::keys).map(String::as_str);
    let has_groups = claims.get("hasgroups").is_some_and(|flag| *flag == true || *flag == "true");
    let all = named.chain(has_groups.then_some("groups")).filter(|name| !claims.contains_key(*name));
    let mut names = ordered::texts(all.filter(|name| name.len() <= MAX_NAME_CHARS).map(str::to_owned).collect());
    names.truncate(MOST);
    names
}

fn whole_seconds(value: f64) -> Option<i64> {
    // In that range `as` is exact both ways but for the fraction.
    (0.0..=LATEST_UNIX as f64).contains(&value).then_some(value as i64)
}

/// The entries of `aud`, or of another claim that says for whom a token is; `None` when it is missing or holds anything
/// but strings.
pub(crate) fn audiences<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<Vec<&'a str>> {
    match claims.get(name)? {
        Value::String(one) => Some(vec![one]),
        Value::Array(several) => several.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Whether what a claim says counts: an address or number that can be verified (OpenID Connect Core §5.1) is none until it
/// was, which some providers say by a text (Cognito, Apple, Zitadel).
#[must_use]
pub fn is_believed(claims: &Map<String, Value>, name: &str) -> bool {
    match name {
        "email" => claims.get("email_verified").is_some_and(is_true),
        "phone_number" => claims.get("phone_number_verified").is_some_and(is_true),
        _ => true,
    }
}

/// Who we are to an issuer, and who else its tokens may be for.
#[derive(Clone, Copy, Debug)]
pub struct OwnAudience<'a> {
    /// Our id there.
    pub client_id: &'a str,
    /// The audiences that are trusted beside us. `None`: none is named, and then all are of whose tokens `azp` says
    /// that they were issued to us.
    pub trusted: Option<&'a [String]>,
}

impl<'a> OwnAudience<'a> {
    /// Where no other audience is trusted by name.
    #[must_use]
    pub const fn of(client_id: &'a str) -> Self {
        Self { client_id, trusted: None }
    }
}

/// Whom a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// For us alone, or for others beside us who are trusted by name.
    Ours,
    /// For others too, of whom nothing is configured: `azp` has to say that it was issued to us.
    Shared,
    /// For others too, of whom one is not among those that are trusted.
    Untrusted,
    /// For others alone.
    Foreign,
    /// `aud` does not say it: it is missing, empty, or neither a string nor an array of strings.
    Malformed,
}

/// Whom a token is for.
pub(crate) fn audience(claims: &Map<String, Value>, own: OwnAudience<'_>) -> Audience {
    let Some(all) = audiences(claims, "aud").filter(|all| !all.is_empty()) else {
        return Audience::Malformed;
    };
    let others: Vec<&str> = all.iter().copied().filter(|audience| *audience != own.client_id).collect();
    match own.trusted {
        _ if others.len() == all.len() => Audience::Foreign,
        _ if others.is_empty() => Audience::Ours,
        None => Audience::Shared,
        Some(trusted) if others.iter().all(|other| trusted.iter().any(|one| one == other)) => Audience::Ours,
        Some(_) => Audience::Untrusted,
    }
}

/// Whether `azp` says that a token was issued to us; `None` where it says nothing.
pub(crate) fn is_issued_to(claims: &Map<String, Value>, client_id: &str) -> Option<bool> {
    said(claims, "azp").map(|azp| azp == client_id)
}

/// Whether something ended before now (`exp`), by any clock that is near enough to ours.
pub(crate) fn is_over(end: Timestamp, now: Timestamp) -> bool {
    now >= end.plus(LEEWAY)
}

/// Whether something is yet to come (`iat`, `nbf`, `auth_time`), by any clock that is near enough to ours.
pub(crate) fn is_ahead(moment: Timestamp, now: Timestamp) -> bool {
    moment > now.plus(LEEWAY)
}

/// A claim that may be absent, and is an error when it says something that cannot be read.
pub(crate) fn optional<T, E>(
    claims: &Map<String, Value>,
    name: &str,
    read: impl Fn(&Map<String, Value>, &str) -> Option<T>,
    error: E,
) -> Result<Option<T>, E> {
    if said(claims, name).is_some() { read(claims, name).map(Some).ok_or(error) } else { Ok(None) }
}

/// The claim that says for whom a token is (RFC 7519 §4.1.3).
pub(crate) const AUD: &str = "aud";

/// The class of authentication that a challenge names where a route wants a second factor of ours (RFC 9470 §3). No provider's
/// `acr` is ever read as it.
pub const SECOND_FACTOR_ACR: &str = "urn:postern:second";

/// How far the provider's clock may be from ours.
pub const LEEWAY: Seconds = Seconds::new(60);
