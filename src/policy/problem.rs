//! What is wrong with policies, for the people who write them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PolicyProblem {
    /// The file; empty for all of them together.
    pub file: String,
    /// Line and column, both from 1, in characters; `None` for the file as a whole.
    pub at: Option<(usize, usize)>,
    /// What is wrong, and what would be right where that is known.
    pub message: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.at) {
            ("", _) => f.write_str(&self.message),
            (file, None) => write!(f, "{file}: {}", self.message),
            (file, Some((line, column))) => write!(f, "{file}:{line}:{column}: {}", self.message),
        }
    }
}

impl std::error::Error for PolicyProblem {}

impl PolicyProblem {
    /// Of all files together.
    #[must_use]
    pub fn of_all(message: impl Into<String>) -> Self {
        Self { file: String::new(), at: None, message: message.into() }
    }

    /// Of this file as a whole.
    #[must_use]
    pub fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), at: None, message: message.into() }
    }

    /// At a byte of the file's text.
    #[must_use]
    pub fn at(file: &str, text: &str, offset: usize, message: impl Into<String>) -> Self {
        Self { at: Some(position(text, offset)), ..Self::of_file(file, message) }
    }
}

/// Line and column of a byte, both from 1.
#[must_use]
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.char_indices().take_while(|(at, _)| *at < offset);
    before.fold((1, 1), |(line, column), (_, c)| if c == '\n' { (line + 1, 1) } else { (line, column + 1) })
}
