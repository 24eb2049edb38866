//! The root secrets of a deployment, newest first, and the keys derived from them.
//!
//! `POSTERN_KEYS` holds one or more entries `id:secret` separated by white space or commas: `id` is
//! `[a-z0-9]{1,8}`, `secret` is 32 random bytes in base64url. The first entry makes, all entries
//! accept, so a deployment rotates by putting a new entry in front and dropping the last one once
//! nothing uses it any more. No root secret is used directly: every [`KeyPurpose`] has its own key (HKDF, RFC 5869).

use std::cell::OnceCell;

use base64ct::{Base64UrlUnpadded, Encoding};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::ports::Random;
use crate::secret::Secret;

mod signers;
mod sites;
mod tags;

pub use tags::{KeyTag, TAG_BYTES};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const MAX_ID_BYTES: usize = 8;
const MAX_ENTRIES: usize = 8;

/// What a key is for. Two purposes never share a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPurpose {
    /// Sealing the login transaction cookie.
    LoginTransaction,
    /// The MAC of the session cookie.
    SessionHandle,
    /// Sealing tokens at rest in a subject's object.
    StoredTokens,
    /// The MAC of a provider's document in the shared cache.
    SharedDocument,
    /// The MAC that is a nonce for DPoP proofs.
    DpopNonce,
    /// The key pair that signs what upstreams are told of who asks.
    Assertion,
    /// The mark in the text of an API key.
    ApiKey,
    /// Sealing tokens of our own at rest in the object of an entry of `SERVICES`.
    ServiceToken,
    /// The MAC of the secret by which we are known where such a token is got.
    ServiceSecret,
    /// The MAC of the codes and tokens of agents.
    AgentHandle,
    /// Sealing the question that a consent page asks.
    AgentConsent,
    /// The mark in the id of a client that registered here.
    AgentClient,
    /// Sealing what second factors share with us, and the MAC that is a person's name for their passkeys.
    SecondFactor,
    /// The MAC of the cookie by which a browser shows that it proved its device's key.
    BoundCookie,
    /// The MAC of what such a browser is to sign.
    DeviceChallenge,
}

impl KeyPurpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::LoginTransaction => b"postern/v1/login-transaction",
            Self::SessionHandle => b"postern/v1/session-handle",
            Self::StoredTokens => b"postern/v1/stored-tokens",
            Self::SharedDocument => b"postern/v1/shared-document",
            Self::DpopNonce => b"postern/v1/dpop-nonce",
            Self::Assertion => b"postern/v1/assertion",
            Self::ApiKey => b"postern/v1/api-key",
            Self::ServiceToken => b"postern/v1/service-token",
            Self::ServiceSecret => b"postern/v1/service-secret",
            Self::AgentHandle => b"postern/v1/agent-handle",
            Self::AgentConsent => b"postern/v1/agent-consent",
            Self::AgentClient => b"postern/v1/agent-client",
            Self::SecondFactor => b"postern/v1/second-factor",
            Self::BoundCookie => b"postern/v1/bound-cookie",
            Self::DeviceChallenge => b"postern/v1/device-challenge",
        }
    }
}

/// The root secrets, newest first; never empty.
#[derive(Debug)]
pub struct KeyRing {
    newest: Entry,
    older: Vec<Entry>,
}

struct Entry {
    id: KeyId,
    root: Secret<[u8; KEY_BYTES]>,
    derived: DerivedKeys,
}

/// The keys of all purposes, each derived when it is first needed and kept: to derive one takes longer than to use it.
#[derive(Default)]
struct DerivedKeys {
    login_transaction: DerivedKey,
    session_handle: DerivedKey,
    stored_tokens: DerivedKey,
    shared_document: DerivedKey,
    dpop_nonce: DerivedKey,
    assertion: DerivedKey,
    api_key: DerivedKey,
    service_token: DerivedKey,
    service_secret: DerivedKey,
    agent_handle: DerivedKey,
    agent_consent: DerivedKey,
    agent_client: DerivedKey,
    second_factor: DerivedKey,
    bound_cookie: DerivedKey,
    device_challenge: DerivedKey,
}

#[derive(Default)]
struct DerivedKey {
    key: OnceCell<Secret<[u8; KEY_BYTES]>>,
    mac: OnceCell<Hmac<Sha256>>,
}

impl DerivedKeys {
    const fn of(&self, purpose: KeyPurpose) -> &DerivedKey {
        match purpose {
            KeyPurpose::LoginTransaction => &self.login_transaction,
            KeyPurpose::SessionHandle => &self.session_handle,
            KeyPurpose::StoredTokens => &self.stored_tokens,
            KeyPurpose::SharedDocument => &self.shared_document,
            KeyPurpose::DpopNonce => &self.dpop_nonce,
            KeyPurpose::Assertion => &self.assertion,
            KeyPurpose::ApiKey => &self.api_key,
            KeyPurpose::ServiceToken => &self.service_token,
            KeyPurpose::ServiceSecret => &self.service_secret,
            KeyPurpose::AgentHandle => &self.agent_handle,
            KeyPurpose::AgentConsent => &self.agent_consent,
            KeyPurpose::AgentClient => &self.agent_client,
            KeyPurpose::SecondFactor => &self.second_factor,
            KeyPurpose::BoundCookie => &self.bound_cookie,
            KeyPurpose::DeviceChallenge => &self.device_challenge,
        }
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("id", &self.id).field("root", &self.root).finish_non_exhaustive()
    }
}

/// The public name of one root secret; stands in every cookie made with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyId(String);

impl KeyId {
    /// The name as written in `POSTERN_KEYS`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let valid = !text.is_empty()
            && text.len() <= MAX_ID_BYTES
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        valid.then(|| Self(text.to_owned()))
    }
}

/// What is wrong with a key ring. Says which entry, never what stood in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRingError {
    /// There is no entry.
    Empty,
    /// More entries than anyone rotates through.
    TooMany,
    /// The entry at this place (from 1) is not `id:secret` with 32 bytes in base64url.
    Malformed(usize),
    /// The secret at this place is nothing but zeros: what a text of the right length comes to that nobody made by chance.
    Guessable(usize),
    /// Two entries share this id.
    Duplicate(String),
}

impl std::fmt::Display for KeyRingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("expected at least one key, make one with `postern keys new`"),
            Self::TooMany => write!(f, "expected at most {MAX_ENTRIES} keys"),
            Self::Malformed(place) => write!(
                f,
                "key {place}: expected `id:secret`, an id of 1 to 8 characters of a-z and 0-9 and 32 bytes in base64url, make one with `postern keys new`"
            ),
            Self::Guessable(place) => {
                write!(f, "key {place}: its secret is all zeros, make one with `postern keys new`")
            }
            Self::Duplicate(id) => write!(f, "key id `{id}` stands twice"),
        }
    }
}

impl std::error::Error for KeyRingError {}

impl KeyRing {
    /// Reads the value of `POSTERN_KEYS`.
    ///
    /// # Errors
    /// When it is empty, too long, or an entry is malformed or doubled.
    pub fn parse(text: &str) -> Result<Self, KeyRingError> {
        let words = text.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|word| !word.is_empty());
        let mut entries: Vec<Entry> = Vec::new();
        for (index, word) in words.enumerate() {
            let entry = Entry::parse(word).ok_or(KeyRingError::Malformed(index + 1))?;
            if entry.root.expose().iter().all(|byte| *byte == 0) {
                return Err(KeyRingError::Guessable(index + 1));
            }
            if entries.iter().any(|known| known.id == entry.id) {
                return Err(KeyRingError::Duplicate(entry.id.0));
            }
            entries.push(entry);
        }
        if entries.len() > MAX_ENTRIES {
            return Err(KeyRingError::TooMany);
        }
        let mut entries = entries.into_iter();
        let newest = entries.next().ok_or(KeyRingError::Empty)?;
        Ok(Self { newest, older: entries.collect() })
    }

    /// A new entry for `POSTERN_KEYS`, to be put in front of those already there.
    #[must_use]
    pub fn new_entry(random: &impl Random) -> Secret<String> {
        let mut id = [0_u8; 3];
        let mut root = [0_u8; KEY_BYTES];
        random.fill(&mut id);
        random.fill(&mut root);
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        Secret::new(format!("{id}:{}", Base64UrlUnpadded::encode_string(&root)))
    }

    /// The id of the key that new things are made with.
    #[must_use]
    pub const fn newest_id(&self) -> &KeyId {
        &self.newest.id
    }

    /// HMAC-SHA256 over `message` with the newest key.
    #[must_use]
    pub fn mac(&self, purpose: KeyPurpose, message: &[u8]) -> [u8; 32] {
        self.newest.mac(purpose).chain_update(message).finalize().into_bytes().into()
    }

    /// Whether `tag` is the MAC over `message` by the key named `id`, in constant time.
    #[must_use]
    pub fn mac_is_valid(&self, purpose: KeyPurpose, id: &str, message: &[u8], tag: &[u8]) -> bool {
        self.entry(id).is_some_and(|entry| entry.mac(purpose).chain_update(message).verify_slice(tag).is_ok())
    }

    /// Encrypts and authenticates `plain`, bound to `context`, with the newest key. The result names
    /// its key: `id . base64url(nonce || ciphertext)`, safe in a cookie.
    ///
    /// # Errors
    /// None that can be met: the cipher refuses only inputs of hundreds of gigabytes.
    pub fn seal(
        &self,
        purpose: KeyPurpose,
        context: &[u8],
        plain: &[u8],
        random: &impl Random,
    ) -> Result<String, SealError> {
        let mut nonce = [0_u8; NONCE_BYTES];
        random.fill(&mut nonce);
        let payload = Payload { msg: plain, aad: context };
        let ciphertext =
            self.newest.cipher(purpose).encrypt(Nonce::from_slice(&nonce), payload).map_err(|_| SealError)?;
        let mut bytes = nonce.to_vec();
        bytes.extend(ciphertext);
        Ok(format!("{}.{}", self.newest.id.0, Base64UrlUnpadded::encode_string(&bytes)))
    }

    /// Opens what [`KeyRing::seal`] made for the same purpose and context, by any key still in the ring.
    ///
    /// # Errors
    /// When the key is gone or the text was not made so.
    pub fn open(&self, purpose: KeyPurpose, context: &[u8], sealed: &str) -> Result<Secret<Vec<u8>>, SealError> {
        let (id, text) = sealed.split_once('.').ok_or(SealError)?;
        let entry = self.entry(id).ok_or(SealError)?;
        let bytes = Base64UrlUnpadded::decode_vec(text).map_err(|_| SealError)?;
        let (nonce, ciphertext) = bytes.split_at_checked(NONCE_BYTES).ok_or(SealError)?;
        let payload = Payload { msg: ciphertext, aad: context };
        let plain = entry.cipher(purpose).decrypt(Nonce::from_slice(nonce), payload).map_err(|_| SealError)?;
        Ok(Secret::new(plain))
    }

    /// Whether [`KeyRing::seal`] would use the same key today.
    #[must_use]
    pub fn is_sealed_by_newest(&self, sealed: &str) -> bool {
        sealed.split_once('.').is_some_and(|(id, _)| id == self.newest.id.0)
    }

    fn entry(&self, id: &str) -> Option<&Entry> {
        std::iter::once(&self.newest).chain(&self.older).find(|entry| entry.id.0 == id)
    }
}

/// A sealed text that does not open (or, in theory, a text that does not seal).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealError;

impl Entry {
    fn parse(word: &str) -> Option<Self> {
        let (id, secret) = word.split_once(':')?;
        let mut root = [0_u8; KEY_BYTES];
        let decoded = Base64UrlUnpadded::decode(secret, &mut root).ok()?;
        if decoded.len() != KEY_BYTES {
            return None;
        }
        Some(Self::new(KeyId::parse(id)?, Secret::new(root)))
    }

    fn new(id: KeyId, root: Secret<[u8; KEY_BYTES]>) -> Self {
        Self { id, root, derived: DerivedKeys::default() }
    }

    fn derive(&self, purpose: KeyPurpose) -> Secret<[u8; KEY_BYTES]> {
        self.expand(&[purpose.label()])
    }

    fn expand(&self, label: &[&[u8]]) -> Secret<[u8; KEY_BYTES]> {
        let mut key = [0_u8; KEY_BYTES];
        // Fails only for outputs over 8 kB; a key of zeros would be worse than none, hence the assertion in the tests.
        let derived = Hkdf::<Sha256>::new(None, self.root.expose()).expand_multi_info(label, &mut key);
        debug_assert!(derived.is_ok());
        Secret::new(key)
    }

    fn key(&self, purpose: KeyPurpose) -> &Secret<[u8; KEY_BYTES]> {
        self.derived.of(purpose).key.get_or_init(|| self.derive(purpose))
    }

    fn mac(&self, purpose: KeyPurpose) -> Hmac<Sha256> {
        self.derived.of(purpose).mac.get_or_init(|| keyed(self.key(purpose))).clone()
    }

    fn cipher(&self, purpose: KeyPurpose) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(self.key(purpose).expose().into())
    }
}

fn keyed(key: &Secret<[u8; KEY_BYTES]>) -> Hmac<Sha256> {
    // `KeyInit::new` takes exactly one block: HMAC pads a shorter key with zeros itself.
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    if let Some(start) = block.get_mut(..KEY_BYTES) {
        start.copy_from_slice(key.expose());
    }
    <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block)
}

#[cfg(test)]
mod tests;
