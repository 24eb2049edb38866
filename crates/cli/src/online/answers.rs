//! What providers answered, as the program in Node hands it over: it asks them, and decides nothing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

/// Answers, by the URL that was asked.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Answers(BTreeMap<String, Reply>);

/// One answer, or why there is none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    #[serde(default)]
    pub(super) status: u16,
    /// `Location`, of an answer that leads elsewhere.
    #[serde(default)]
    pub(super) location: Option<String>,
    /// By how many seconds the clock of its `Date` is ahead of this machine's.
    #[serde(default)]
    pub(super) ahead: Option<i64>,
    #[serde(default)]
    pub(super) body: String,
    /// Why there is no answer.
    #[serde(default)]
    pub(super) failed: Option<Failure>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Failure {
    /// No such host.
    Name,
    /// Nothing listens there.
    Refused,
    /// It took too long.
    Time,
    /// Its certificate is not accepted.
    Certificate,
    /// It does not end.
    Size,
    /// Something else.
    Other,
}

impl Failure {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Name => "there is no such host",
            Self::Refused => "the connection is refused",
            Self::Time => "there is no answer in time",
            Self::Certificate => "its certificate is not accepted",
            Self::Size => "the answer is larger than any such document",
            Self::Other => "there is no connection",
        }
    }
}

impl Answers {
    /// Reads them.
    ///
    /// # Errors
    /// When they are not in the form that the program in Node writes.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    pub(super) fn get(&self, url: &str) -> Option<&Reply> {
        self.0.get(url)
    }
}

/// What is still to be asked, for the program in Node.
pub(crate) fn wanted(urls: impl IntoIterator<Item = String>) -> Value {
    json!({ "wanted": urls.into_iter().collect::<Vec<_>>() })
}
