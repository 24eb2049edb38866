//! The person whom something belongs to.

use serde::{Deserialize, Serialize};

use super::identifiers::{IssuerIdentifier, SubjectIdentifier};

/// The person to whom an API key belongs: by which provider they sign in, and who they are there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The id of the provider.
    pub provider: String,
    /// The issuer that vouches for them.
    pub issuer: IssuerIdentifier,
    /// What that issuer calls them.
    pub subject: SubjectIdentifier,
}
