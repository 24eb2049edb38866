//! The random values of one login: three types, so that none is taken for another.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use crate::ports::Random;
use crate::secret::{self, Secret};

macro_rules! login_value {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(with = "secret::stored")] Secret<String>);

        impl $name {
            /// The value that was sent, or is to be sent.
            #[must_use]
            pub const fn new(text: String) -> Self {
                Self(Secret::new(text))
            }

            /// 256 random bits, in base64url.
            #[must_use]
            pub fn random(random: &impl Random) -> Self {
                let mut bytes = [0; 32];
                random.fill(&mut bytes);
                Self::new(Base64UrlUnpadded::encode_string(&bytes))
            }

            /// The value itself: to send it, to compare it, or to hash it.
            #[must_use]
            pub fn expose(&self) -> &str {
                self.0.expose()
            }
        }
    };
}

login_value! {
    /// `state` (RFC 6749 §10.12): returns in the authorization response.
    State
}

login_value! {
    /// `nonce` (OpenID Connect Core §3.1.2.1): returns in the ID token.
    Nonce
}

login_value! {
    /// `code_verifier` (RFC 7636 §4.1): sent with the code.
    CodeVerifier
}
