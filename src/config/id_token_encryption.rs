//! `encrypted_id_token`: whether a provider encrypts its ID tokens, and our keys for that.

use super::secrets::{SecretOwner, Secrets};
use super::table::Table;
use super::value::choice;
use crate::jose::DecryptionKey;

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
pub(super) fn read(table: &mut Table<'_>, secrets: &Secrets<'_>, owner: &SecretOwner<'_>) -> Option<IdTokenEncryption> {
    let required = table.optional(KEY, choice(&[("required", true), ("accepted", false)]))?;
    let key = secrets.decryption_key(&owner.decryption_key_name(), true);
    let next = secrets.decryption_key(&owner.next_decryption_key_name(), false);
    let keys: Vec<DecryptionKey> = key.into_iter().chain(next).collect();
    if let [one, other] = keys.as_slice()
        && one.kid() == other.kid()
    {
        table.problem(KEY, format!("has two keys of one name, `{}`: a token would not say which it is for", one.kid()));
    }
    Some(IdTokenEncryption { keys, required })
}

#[cfg(test)]
mod tests;
