//! Secrets by their names. What stands in them is never part of a message.

use std::ops::RangeInclusive;

use super::problem::Report;
use crate::ids::{IssuerId, ProviderId, ServiceId};
use crate::jose::{Algorithm, AssertionKey, DecryptionKey, Es256Signer, KeySet};
use crate::keyring::KeyRing;
use crate::secret::Secret;

/// The secret that holds the key ring.
pub const KEY_RING: &str = "POSTERN_KEYS";
/// The secret by which we know the proxy that asks at `/auth/verify`.
pub const VERIFY: &str = "POSTERN_VERIFY_SECRET";
/// The secret by which we know the monitor that asks at `/auth/health`.
pub const HEALTH: &str = "POSTERN_HEALTH_SECRET";

/// 32 characters of base64 or hex are 128 bits or more.
const SHARED_SECRET_BYTES: RangeInclusive<usize> = 32..=256;
const MAX_SHARED_SECRETS: usize = 2;
const PROVIDER: &str = "PROVIDER";
const ISSUER: &str = "ISSUER";
const SERVICE: &str = "SERVICE";
const OWNERS: [&str; 3] = [PROVIDER, ISSUER, SERVICE];
const CLIENT_SECRET: &str = "_CLIENT_SECRET";
const PRIVATE_KEY: &str = "_PRIVATE_KEY";
const JWKS: &str = "_JWKS";
const NEXT_PRIVATE_KEY: &str = "_PRIVATE_KEY_NEXT";
const DECRYPTION_KEY: &str = "_DECRYPTION_KEY";
const NEXT_DECRYPTION_KEY: &str = "_DECRYPTION_KEY_NEXT";
const METADATA: &str = "_METADATA";

/// Whose secret it is.
#[derive(Clone, Copy, Debug)]
pub enum SecretOwner<'a> {
    /// A provider's in `PROVIDERS`.
    Provider(&'a ProviderId),
    /// An issuer's in `ISSUERS`.
    Issuer(&'a IssuerId),
    /// That of an entry in `SERVICES`.
    Service(&'a ServiceId),
}

impl SecretOwner<'_> {
    /// The name of the secret that holds our client secret there.
    #[must_use]
    pub fn client_secret_name(&self) -> String {
        self.secret_name(CLIENT_SECRET)
    }

    /// The name of the secret that holds the private key that we prove ourselves with there.
    #[must_use]
    pub fn private_key_name(&self) -> String {
        self.secret_name(PRIVATE_KEY)
    }

    /// The name of the secret that holds the keys of an issuer that publishes them nowhere.
    #[must_use]
    pub fn jwks_name(&self) -> String {
        self.secret_name(JWKS)
    }

    /// The name of the secret that may hold the metadata of a provider of SAML.
    #[must_use]
    pub fn metadata_name(&self) -> String {
        self.secret_name(METADATA)
    }

    /// The name of the secret that holds the key that comes after it.
    #[must_use]
    pub fn next_private_key_name(&self) -> String {
        self.secret_name(NEXT_PRIVATE_KEY)
    }

    /// The name of the secret that holds the key by which we open what is encrypted for us.
    #[must_use]
    pub fn decryption_key_name(&self) -> String {
        self.secret_name(DECRYPTION_KEY)
    }

    /// The name of the secret that holds the key that comes after it.
    #[must_use]
    pub fn next_decryption_key_name(&self) -> String {
        self.secret_name(NEXT_DECRYPTION_KEY)
    }

    /// Ids have no `_` and no capitals, so no two ids share a secret.
    fn secret_name(&self, what: &str) -> String {
        let (kind, id) = match self {
            Self::Provider(id) => (PROVIDER, id.as_str()),
            Self::Issuer(id) => (ISSUER, id.as_str()),
            Self::Service(id) => (SERVICE, id.as_str()),
        };
        format!("{kind}_{}{what}", id.to_ascii_uppercase().replace('-', "_"))
    }
}

/// Whether a binding of this name is a secret of ours: the runtime does not tell secrets from variables, so their names do.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let of_somebody = OWNERS.iter().any(|kind| name.strip_prefix(kind).is_some_and(|rest| rest.starts_with('_')));
    [KEY_RING, VERIFY, HEALTH].contains(&name)
        || of_somebody
            && [CLIENT_SECRET, PRIVATE_KEY, NEXT_PRIVATE_KEY, JWKS, METADATA, DECRYPTION_KEY, NEXT_DECRYPTION_KEY]
                .iter()
                .any(|what| name.ends_with(what))
}

/// The secrets of a deployment, looked up by name.
pub(super) struct Secrets<'a> {
    pub(super) lookup: &'a dyn Fn(&str) -> Option<String>,
    pub(super) report: &'a Report,
}

impl Secrets<'_> {
    /// The secret `name`, or `None` and a report when it is missing or was cut out with white space around it.
    pub(super) fn required(&self, name: &str) -> Option<Secret<String>> {
        let value = self.present(name)?;
        if value.expose().trim() != value.expose() {
            self.problem(name, "expected a secret without white space or line breaks around it");
            return None;
        }
        Some(value)
    }

    fn present(&self, name: &str) -> Option<Secret<String>> {
        let value = (self.lookup)(name).map(Secret::new).filter(|value| !value.expose().is_empty());
        if value.is_none() {
            self.problem(
                name,
                &format!(
                    "expected a secret: put it into `.dev.vars` for development, and use `npx wrangler secret put {}` for a deployment",
                    self.report.binding(name)
                ),
            );
        }
        value
    }

    /// The key ring, in which white space separates.
    pub(super) fn key_ring(&self) -> Option<KeyRing> {
        let text = self.present(KEY_RING)?;
        KeyRing::parse(text.expose()).map_err(|error| self.problem(KEY_RING, &error.to_string())).ok()
    }

    /// What a proxy or a monitor shows to be believed; while it changes, the old one too, with white space between.
    pub(super) fn shared(&self, name: &str) -> Option<Vec<Secret<String>>> {
        let text = self.present(name)?;
        let all: Vec<Secret<String>> =
            text.expose().split_whitespace().map(|one| Secret::new(one.to_owned())).collect();
        let fits = |one: &Secret<String>| {
            SHARED_SECRET_BYTES.contains(&one.expose().len())
                && one.expose().bytes().all(|byte| byte.is_ascii_graphic())
        };
        if all.is_empty() || all.len() > MAX_SHARED_SECRETS || !all.iter().all(fits) {
            self.problem(name, "expected 32 to 256 visible ASCII characters, or two such with a space between");
            return None;
        }
        Some(all)
    }

    /// A secret of so many bytes or more.
    pub(super) fn long(&self, name: &str, least: usize) -> Option<Secret<String>> {
        let secret = self.required(name)?;
        if secret.expose().len() < least {
            self.problem(name, &format!("expected a secret of {least} bytes or more, it is the key of signatures"));
            return None;
        }
        Some(secret)
    }

    /// A private key for this algorithm, as a JWK whatever it was written as (RFC 7518 §6.2, §6.3; RFC 8037 §2).
    pub(super) fn private_key(&self, name: &str, algorithm: Algorithm) -> Option<Secret<String>> {
        let text = self.present(name)?;
        self.jwk(name, &text, algorithm)
    }

    /// The same, where the secret may be missing.
    pub(super) fn other_private_key(&self, name: &str, algorithm: Algorithm) -> Option<Secret<String>> {
        let text = (self.lookup)(name).map(Secret::new).filter(|text| !text.expose().is_empty())?;
        self.jwk(name, &text, algorithm)
    }

    /// A private key to decrypt with. `must_be`: whether it may not be missing.
    pub(super) fn decryption_key(&self, name: &str, must_be: bool) -> Option<DecryptionKey> {
        let there = (self.lookup)(name).map(Secret::new).filter(|text| !text.expose().is_empty());
        let text = if must_be { self.present(name)? } else { there? };
        let key = DecryptionKey::from_text(&text).ok();
        if key.is_none() {
            self.problem(
                name,
                "expected a private key to decrypt with, RSA or P-256, as a JWK whose `use` is `enc`, or as PKCS #8 in PEM",
            );
        }
        key
    }

    fn jwk(&self, name: &str, text: &Secret<String>, algorithm: Algorithm) -> Option<Secret<String>> {
        let found = AssertionKey::jwk_of(text, algorithm).ok();
        let forms = match algorithm {
            Algorithm::Es256 => "a JWK (`kty` `EC`, `crv` `P-256`, `x`, `y`, `d`), or PKCS #8 in PEM",
            Algorithm::EdDsa => "a JWK (`kty` `OKP`, `crv` `Ed25519`, `x`, `d`)",
            _ => "a JWK (`kty` `RSA`, `n`, `e`, `d`, `p`, `q`, `dp`, `dq`, `qi`), or PKCS #8 in PEM",
        };
        if found.is_none() {
            self.problem(name, &format!("expected a private key for {} as {forms}", algorithm.name()));
        }
        found
    }

    /// The public keys of an issuer, as a JWK set or as a trust domain's bundle.
    pub(super) fn key_set(&self, name: &str, is_bundle: bool) -> Option<KeySet> {
        let text = self.present(name)?;
        let bytes = text.expose().trim().as_bytes();
        let keys = if is_bundle { KeySet::parse_bundle(bytes) } else { KeySet::parse(bytes) };
        let expected = if is_bundle {
            "a trust domain's bundle as JSON, with a key whose `use` is `jwt-svid`"
        } else {
            "a JWK set as JSON, `{\"keys\": […]}`, with a public key in it that can be used here"
        };
        match keys {
            Ok(keys) if !keys.keys().is_empty() => Some(keys),
            _ => {
                self.problem(name, &format!("expected {expected}"));
                None
            }
        }
    }

    /// The private key that Apple gave: its `.p8` file as it is, or a JWK. It is called `kid` from here on.
    pub(super) fn apple_key(&self, name: &str, kid: Option<&str>) -> Option<Secret<String>> {
        let text = self.present(name)?;
        let key = Es256Signer::from_pkcs8(&text).or_else(|_| Es256Signer::from_jwk(&text));
        match key {
            Ok(key) => Some(key.named(kid.unwrap_or_default()).private_jwk()),
            Err(_) => {
                self.problem(
                    name,
                    "expected the text of the `.p8` file that Apple gave (PKCS #8, P-256), or a private JWK for ES256",
                );
                None
            }
        }
    }

    pub(super) fn problem(&self, name: &str, message: &str) {
        self.report.add(name, message);
    }
}
