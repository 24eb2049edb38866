//! An identity is a pair of texts (OpenID Connect Core §1.2): two types, so that neither is taken for the other.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The identifier with this text.
            #[must_use]
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// Its text.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }
    };
}

identifier! {
    /// The Issuer Identifier, `iss`: an `https` URL.
    IssuerIdentifier
}

identifier! {
    /// The Subject Identifier, `sub`: names a person or a program at its issuer, and nowhere else.
    SubjectIdentifier
}
