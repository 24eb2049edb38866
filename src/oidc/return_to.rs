//! Where a person goes on to: a path on our own origin, or the start page.

use crate::config::PublicUrl;
use crate::route::{CanonicalPath, OWN_PREFIX};

/// Longer ones would not fit into the cookies of [`super::way_back`].
const MAX_BYTES: usize = 8192;

/// Only says that the person is signed in.
pub const SIGNED_IN: &str = "/auth/signed-in";

/// The pages of ours that a login may be for: they do nothing by being opened.
const OWN_PAGES: [&str; 4] = [SIGNED_IN, "/auth/sessions", "/auth/keys", EXPLAIN];

/// The one among them that has a question in its address: why was this decided?
const EXPLAIN: &str = "/auth/admin/explain";

/// And the one that asks a person whether a program may act for them: only where the address itself says that they are to be
/// asked.
const CONSENT: &str = "/auth/agents/authorize";
/// The pages of second factors, which may say where to go on from there: that is looked at anew when it comes to that.
const SECOND: [&str; 2] = ["/auth/second", "/auth/second/verify"];
/// How it says so.
pub const CONSENT_MARK: &str = "consent=ask";

/// A path (with query and fragment) on our own origin; can only be made by [`ReturnTo::parse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// Takes `text` if it is an absolute path that every browser reads as one on `origin`; `None` otherwise.
    ///
    /// A path that no route could ever answer ([`CanonicalPath`]) is none to return to; nor are Postern's
    /// own endpoints, but for a few pages: coming back to `/auth/logout` or `/auth/login` would undo or repeat what was just done.
    #[must_use]
    pub fn parse(text: &str, origin: &PublicUrl) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        if text.len() > MAX_BYTES || !plain || !text.starts_with('/') || text.starts_with("//") {
            return None;
        }
        let raw_path = text.split(['?', '#']).next().unwrap_or_default();
        CanonicalPath::parse(raw_path).ok()?;
        // What the browser will make of it, in the one spelling that we read it in, has the last word.
        let base = url::Url::parse(origin.origin()).ok()?;
        let joined = base.join(text).ok()?;
        let own = joined.origin() == base.origin() && joined.username().is_empty() && joined.password().is_none();
        let reserved = CanonicalPath::parse(joined.path()).ok()?.is_within(OWN_PREFIX);
        let has_question = raw_path == EXPLAIN || SECOND.contains(&raw_path);
        let asks = !text.contains('#') && (has_question || (raw_path == CONSENT && is_marked(text)));
        (own && (!reserved || asks || OWN_PAGES.contains(&text))).then(|| Self(text.to_owned()))
    }

    /// The same; where only the fragment stands in the way (it is too long, or holds what browsers read
    /// differently), without it: better the page than no page.
    #[must_use]
    pub fn parse_nearest(text: &str, origin: &PublicUrl) -> Option<Self> {
        let without_fragment = || Self::parse(text.split_once('#')?.0, origin);
        Self::parse(text, origin).or_else(without_fragment)
    }

    /// Takes an absolute URL on `origin` (`target_link_uri`, OpenID Connect Core §4).
    #[must_use]
    pub fn parse_absolute(text: &str, origin: &PublicUrl) -> Option<Self> {
        let path = text.strip_prefix(origin.origin())?;
        if path.is_empty() { Some(Self::start()) } else { Self::parse(path, origin) }
    }

    /// The start page.
    #[must_use]
    pub fn start() -> Self {
        Self("/".to_owned())
    }

    /// The path, with query and fragment.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a part of the query is [`CONSENT_MARK`].
fn is_marked(text: &str) -> bool {
    text.split_once('?').is_some_and(|(_, query)| query.split('&').any(|part| part == CONSENT_MARK))
}

#[cfg(test)]
mod tests;
