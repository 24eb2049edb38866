//! `Secure-Session-Skipped`: why a browser sends a request without having proved its key.

/// The header.
pub const HEADER: &str = "secure-session-skipped";
/// The longest value that is looked at.
const MAX_BYTES: usize = 1024;

/// Why. Anybody can say so: none of them opens anything by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// We did not answer, or with an error of ours: it asks again with the next request.
    Failed,
    /// It may not sign so often.
    Quota,
}

impl Skipped {
    /// What the header says of the session that the browser knows as `id`: a list of words, each with its session
    /// (`quota_exceeded;session_identifier="…"`, RFC 9651 §3.1).
    #[must_use]
    pub fn read(value: &str, id: &str) -> Option<Self> {
        if value.len() > MAX_BYTES {
            return None;
        }
        value.split(',').find_map(|one| {
            let (word, parameters) = one.split_once(';')?;
            let mut named = parameters.split(';').filter_map(|parameter| parameter.trim().split_once('='));
            let (_, session) = named.find(|(name, _)| *name == "session_identifier")?;
            let session = session.strip_prefix('"')?.strip_suffix('"')?;
            (session == id).then_some(())?;
            match word.trim() {
                "server_error" | "unreachable" => Some(Self::Failed),
                "quota_exceeded" => Some(Self::Quota),
                _ => None,
            }
        })
    }
}
