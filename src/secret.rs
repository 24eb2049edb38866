//! A value that must not be seen: it prints redacted, compares in constant time, and is wiped when dropped.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A secret string or byte string. The only way to the value is [`Secret::expose`].
#[derive(Clone, Default)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself: for the one call that needs it, never for a message.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<T: Zeroize + AsRef<[u8]>> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(self.0.as_ref(), other.0.as_ref())
    }
}

impl<T: Zeroize + AsRef<[u8]>> Eq for Secret<T> {}

/// How a record says that it holds a secret: `#[serde(with = "secret::stored")]`. Only records that are sealed before
/// they are stored, or sent to an object of ours, do so; a [`Secret`] by itself cannot be serialized.
pub mod stored {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use zeroize::Zeroize;

    use super::Secret;

    /// Writes the value itself.
    ///
    /// # Errors
    /// When the serializer fails.
    pub fn serialize<T: Zeroize + Serialize, S: Serializer>(
        secret: &Secret<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        secret.expose().serialize(serializer)
    }

    /// Reads the value.
    ///
    /// # Errors
    /// When there is another.
    pub fn deserialize<'de, T: Zeroize + Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Secret<T>, D::Error> {
        T::deserialize(deserializer).map(Secret::new)
    }

    /// The same for a secret that may be missing.
    pub mod option {
        use serde::{Deserialize, Deserializer, Serialize, Serializer};
        use zeroize::Zeroize;

        use super::Secret;

        /// Writes the value itself, or `null`.
        ///
        /// # Errors
        /// When the serializer fails.
        pub fn serialize<T: Zeroize + Serialize, S: Serializer>(
            secret: &Option<Secret<T>>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            secret.as_ref().map(Secret::expose).serialize(serializer)
        }

        /// Reads the value.
        ///
        /// # Errors
        /// When there is another.
        pub fn deserialize<'de, T: Zeroize + Deserialize<'de>, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Secret<T>>, D::Error> {
            Ok(Option::deserialize(deserializer)?.map(Secret::new))
        }
    }
}

/// Whether this is one of a few secrets. Takes as long whichever it is, and wherever they differ.
#[must_use]
pub fn is_one_of(secrets: &[Secret<String>], shown: &str) -> bool {
    let same = |secret: &Secret<String>| constant_time_eq(secret.expose().as_bytes(), shown.as_bytes());
    secrets.iter().fold(false, |known, secret| known | same(secret))
}

/// Compares without telling by its time where the two differ. Their lengths are not hidden.
#[must_use]
pub fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}
