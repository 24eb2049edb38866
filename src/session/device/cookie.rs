//! The bound cookie: that, and when, a browser proved the key that a session is bound to.
//!
//! `1.KEY.BINDING.TIME.GENERATION.MAC`: the version, the id of the key, the name of the binding, the second of the proof, how
//! many proofs there were, and the MAC over all before it. It is checked by that alone, and no storage is asked.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use crate::keyring::{KeyPurpose, KeyRing};
use crate::secret::Secret;
use crate::time::{Seconds, Timestamp};

const VERSION: &str = "1";
const MAC_BYTES: usize = 32;

/// What a bound cookie says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundCookie {
    /// [`DeviceBinding::id`](super::DeviceBinding::id)
    pub binding: String,
    /// When the key was proved.
    pub proved_at: Timestamp,
    /// [`DeviceBinding::generation`](super::DeviceBinding::generation) since then.
    pub generation: u64,
}

impl BoundCookie {
    /// The longest value.
    pub const MAX_BYTES: usize = 200;

    /// The value of the cookie.
    #[must_use]
    pub fn to_value(&self, keys: &KeyRing) -> Secret<String> {
        let Self { binding, proved_at, generation } = self;
        let signed = format!("{VERSION}.{}.{binding}.{proved_at}.{generation}", keys.newest_id().as_str());
        let mac = keys.mac(KeyPurpose::BoundCookie, signed.as_bytes());
        Secret::new(format!("{signed}.{}", Base64UrlUnpadded::encode_string(&mac)))
    }

    /// Reads a cookie's value; `None` for whatever was not made by [`BoundCookie::to_value`] with a key still in the ring.
    #[must_use]
    pub fn read(value: &str, keys: &KeyRing) -> Option<Self> {
        if value.len() > Self::MAX_BYTES {
            return None;
        }
        let (signed, mac) = value.rsplit_once('.')?;
        let mut parts = signed.split('.');
        let (VERSION, key, binding) = (parts.next()?, parts.next()?, parts.next()?) else { return None };
        let (proved_at, generation, None) = (parts.next()?, parts.next()?, parts.next()) else { return None };
        let mut tag = [0; MAC_BYTES];
        let tag = Base64UrlUnpadded::decode(mac, &mut tag).ok()?;
        let is_ours = keys.mac_is_valid(KeyPurpose::BoundCookie, key, signed.as_bytes(), tag);
        is_ours.then_some(())?;
        let proved_at = Timestamp::from_unix(proved_at.parse().ok()?);
        Some(Self { binding: binding.to_owned(), proved_at, generation: generation.parse().ok()? })
    }

    /// Whether it is over, where such cookies live so long: a shorter life holds for those that are there already.
    #[must_use]
    pub fn is_over(&self, life: Seconds, now: Timestamp) -> bool {
        self.proved_at.plus(life) <= now
    }
}
