//! What is wrong with policies, for the people who write them.

use std::fmt;

use miette::Diagnostic;

/// One thing wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file; empty for all of them together.
    pub file: String,
    /// Line and column, both from 1, in characters; `None` for the file as a whole.
    pub at: Option<(usize, usize)>,
    /// What is wrong, and what would be right where that is known.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.at) {
            ("", _) => f.write_str(&self.message),
            (file, None) => write!(f, "{file}: {}", self.message),
            (file, Some((line, column))) => write!(f, "{file}:{line}:{column}: {}", self.message),
        }
    }
}

impl std::error::Error for Problem {}

impl Problem {
    pub(super) fn of_all(message: impl Into<String>) -> Self {
        Self { file: String::new(), at: None, message: message.into() }
    }

    pub(super) fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), at: None, message: message.into() }
    }

    /// At a byte of the file's text.
    pub(super) fn at(file: &str, text: &str, offset: usize, message: impl Into<String>) -> Self {
        Self { at: Some(position(text, offset)), ..Self::of_file(file, message) }
    }

    /// What Cedar has to say of a text, at the place it points to, or else at this one.
    pub(super) fn found(file: &str, text: &str, or_at: usize, diagnostic: &dyn Diagnostic) -> Self {
        let label = diagnostic.labels().and_then(|mut labels| labels.next());
        let offset = label.as_ref().map_or(or_at, |label| label.offset());
        let mut message = plain(&one_line(&diagnostic.to_string()));
        for more in [label.as_ref().and_then(|label| label.label()).map(str::to_owned), help(diagnostic)] {
            if let Some(more) = more.map(|text| one_line(&text)).filter(|text| !message.contains(text.as_str())) {
                message = format!("{message}: {more}");
            }
        }
        Self::at(file, text, offset, message)
    }
}

fn help(diagnostic: &dyn Diagnostic) -> Option<String> {
    diagnostic.help().map(|help| help.to_string())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without the name of the policy, which the place tells, and without the type of the principal and the action: Cedar
/// says the same of each.
fn plain(message: &str) -> String {
    let named = message.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, "));
    let message = named.map_or(message, |(_, rest)| rest).to_owned();
    ["Human", "Service", "Agent"]
        .iter()
        .fold(without_actions(&message), |message, name| message.replace(&format!(" on entity type `{name}`"), ""))
}

fn without_actions(message: &str) -> String {
    const ACTION: &str = " for Action::\"";
    let mut parts = message.split(ACTION);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |message, rest| message + rest.split_once('"').map_or(rest, |(_, rest)| rest))
}

/// Line and column of a byte.
pub(super) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.char_indices().take_while(|(at, _)| *at < offset);
    before.fold((1, 1), |(line, column), (_, c)| if c == '\n' { (line + 1, 1) } else { (line, column + 1) })
}
