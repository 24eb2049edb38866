//! `cache` of a guarded route: what a browser may keep of its answers.

use crate::time::Seconds;

/// What a browser may keep of what a guarded route answers. Caches that several people share never keep anything of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BrowserCache {
    /// `none`: nothing.
    #[default]
    None,
    /// `revalidate`: the answer, but it asks before it shows it. After the session's end it shows nothing.
    Revalidate,
    /// `{ unchecked = … }`: the answer, for so long without asking. That goes on after the session's end.
    Unchecked(Seconds),
}

impl BrowserCache {
    /// The `Cache-Control` of an answer that may be kept in this way.
    #[must_use]
    pub fn directive(self) -> String {
        match self {
            Self::None => "private, no-store".to_owned(),
            Self::Revalidate => "private, no-cache".to_owned(),
            Self::Unchecked(longest) => format!("private, max-age={}", longest.get()),
        }
    }
}
