//! `encrypted_id_token`: whether a provider encrypts its ID tokens, and our keys for that.

use super::client_auth::ClientAuth;
use super::secrets::{SecretOwner, Secrets};
use super::table::Table;
use super::value::choice;
use crate::ids::ProviderId;
use crate::jose::{AssertionKey, DecryptionKey};

const KEY: &str = "encrypted_id_token";

/// What is expected of a provider's ID tokens, and what opens them.
#[derive(Clone, Debug)]
pub struct IdTokenEncryption {
    /// Our keys: the one that is published now, and one beside it while they change.
    pub keys: Vec<DecryptionKey>,
    /// Whether those that are not encrypted are refused (OpenID Connect Core §3.1.3.7, step 1).
    pub required: bool,
}

/// Reads the key, and the secrets where it is there.
pub(super) fn read(
    table: &mut Table<'_>,
    secrets: &Secrets<'_>,
    (id, auth): (&ProviderId, Option<&ClientAuth>),
) -> Option<IdTokenEncryption> {
    let required = table.optional(KEY, choice(&[("required", true), ("accepted", false)]))?;
    let owner = SecretOwner::Provider(id);
    let key = secrets.decryption_key(&owner.decryption_key_name(), true);
    let next = secrets.decryption_key(&owner.next_decryption_key_name(), false);
    let keys: Vec<DecryptionKey> = key.into_iter().chain(next).collect();
    if let [one, other] = keys.as_slice()
        && one.kid() == other.kid()
    {
        table.problem(KEY, format!("has two keys of one name, `{}`: a token would not say which it is for", one.kid()));
    }
    // RFC 7517 §4.2: a key is for one use, and no two of a set go by one name.
    let is_shared = |key: &DecryptionKey| {
        signing_keys(auth).any(|other| other.thumbprint() == key.thumbprint() || other.kid() == Some(key.kid()))
    };
    if keys.iter().any(is_shared) {
        table.problem(KEY, "has a key that signs too, or goes by the name of one that does: use another");
    }
    Some(IdTokenEncryption { keys, required })
}

/// The keys by which we prove ourselves.
fn signing_keys(auth: Option<&ClientAuth>) -> impl Iterator<Item = AssertionKey> {
    let how = match auth {
        Some(ClientAuth::PrivateKeyJwt(how)) => Some(how),
        _ => None,
    };
    let keys =
        how.into_iter().flat_map(|how| std::iter::once(&how.key).chain(&how.other_key).map(move |key| (key, how)));
    keys.filter_map(|(key, how)| AssertionKey::from_jwk(key, how.algorithm).ok())
}

#[cfg(test)]
mod tests;
