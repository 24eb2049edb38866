//! `encrypted_id_token`, and `saml.encrypted`: whether a provider encrypts what it says of people, and our keys for that.

use super::client_auth::ClientAuth;
use super::saml::SamlSigning;
use super::secrets::{SecretOwner, Secrets};
use super::table::Table;
use super::value::choice;
use crate::ids::ProviderId;
use crate::jose::{AssertionKey, DecryptionKey};

const KEY: &str = "encrypted_id_token";
const OF_SAML: &str = "encrypted";

/// What is expected of a provider's ID tokens or assertions, and what opens them.
#[derive(Clone, Debug)]
pub struct IdTokenEncryption {
    /// Our keys: the one that is published now, and one beside it while they change.
    pub keys: Vec<DecryptionKey>,
    /// Whether those that are not encrypted are refused (OpenID Connect Core §3.1.3.7, step 1; R-363).
    pub required: bool,
}

/// Reads the key, and the secrets where it is there.
pub(super) fn read(
    table: &mut Table<'_>,
    secrets: &Secrets<'_>,
    (id, auth): (&ProviderId, Option<&ClientAuth>),
) -> Option<IdTokenEncryption> {
    keys(table, secrets, (KEY, id), &signing_keys(auth).collect::<Vec<_>>())
}

/// The same for a provider of SAML: assertions are encrypted for RSA keys alone.
pub(super) fn read_saml(
    table: &mut Table<'_>,
    secrets: &Secrets<'_>,
    (id, signing): (&ProviderId, Option<&SamlSigning>),
) -> Option<IdTokenEncryption> {
    let signing = signing.and_then(|how| AssertionKey::from_jwk(&how.key, how.algorithm).ok());
    let found = keys(table, secrets, (OF_SAML, id), signing.as_slice())?;
    if !found.keys.iter().all(DecryptionKey::is_rsa) {
        table.problem(OF_SAML, "needs RSA keys: assertions are encrypted for no others");
    }
    if found.keys.iter().any(|key| key.certificate().is_some_and(|certificate| !key.is_in(certificate))) {
        table.problem(
            OF_SAML,
            "has a key whose `x5c` is no certificate of it: nothing would open that is encrypted for that",
        );
    }
    Some(found)
}

fn keys(
    table: &mut Table<'_>,
    secrets: &Secrets<'_>,
    (name, id): (&'static str, &ProviderId),
    signing: &[AssertionKey],
) -> Option<IdTokenEncryption> {
    let required = table.optional(name, choice(&[("required", true), ("accepted", false)]))?;
    let owner = SecretOwner::Provider(id);
    let key = secrets.decryption_key(&owner.decryption_key_name(), true);
    let next = secrets.decryption_key(&owner.next_decryption_key_name(), false);
    let keys: Vec<DecryptionKey> = key.into_iter().chain(next).collect();
    if let [one, other] = keys.as_slice()
        && one.kid() == other.kid()
    {
        table
            .problem(name, format!("has two keys of one name, `{}`: a token would not say which it is for", one.kid()));
    }
    // RFC 7517 §4.2: a key is for one use, and no two of a set go by one name.
    let is_shared = |key: &DecryptionKey| {
        signing.iter().any(|other| other.thumbprint() == key.thumbprint() || other.kid() == Some(key.kid()))
    };
    if keys.iter().any(is_shared) {
        table.problem(name, "has a key that signs too, or goes by the name of one that does: use another");
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
