//! What of a deployment an audience names (RFC 8707 §2).

use url::Url;

use super::PublicUrl;
use crate::route::CanonicalPath;

/// What lies at an address of ours and below it, by an audience that is this address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The audience, as the configuration has it.
    pub audience: String,
    /// The path of the address, without a slash at the end.
    pub path: String,
}

impl Resource {
    /// That of an audience. `None` where it is no address of ours.
    #[must_use]
    pub fn of(audience: &str, public_url: &PublicUrl) -> Option<Self> {
        let url = Url::parse(audience).ok().filter(|url| url.origin().ascii_serialization() == public_url.origin())?;
        // A path that has more than one reading is that of no request.
        let path = CanonicalPath::parse(url.path()).map_or_else(|_| url.path().to_owned(), |path| path.to_string());
        Some(Self { audience: audience.to_owned(), path: path.trim_end_matches('/').to_owned() })
    }
}
