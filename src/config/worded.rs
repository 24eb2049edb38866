//! `AGENTS.scopes`: what scopes let a program do, in words for people.

use super::table::Table;
use super::value::{is_scope, parsed};
use crate::json::raw::is_deceptive;

const MAX_SCOPES: usize = 64;
const MAX_CHARACTERS: usize = 120;

/// A scope, and what people are told that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordedScope {
    /// Its name.
    pub scope: String,
    /// What it lets a program do: `Read your documents`.
    pub words: String,
}

impl WordedScope {
    /// The words for a scope, if there are any.
    #[must_use]
    pub fn find<'a>(all: &'a [Self], scope: &str) -> Option<&'a str> {
        all.iter().find(|one| one.scope == scope).map(|one| one.words.as_str())
    }
}

/// Reads the table.
pub(super) fn read(table: &Table<'_>) -> Vec<WordedScope> {
    if table.entries().count() > MAX_SCOPES {
        table.problem_here(format!("expected at most {MAX_SCOPES} scopes"));
    }
    let mut all = Vec::new();
    for (scope, value) in table.entries() {
        if !is_scope(scope) {
            table.problem(scope, "expected a scope as the key");
        }
        match parsed("1 to 120 visible characters on one line", words)(value) {
            Ok(words) => all.push(WordedScope { scope: scope.to_owned(), words }),
            Err(message) => table.problem(scope, message),
        }
    }
    all
}

/// What people read reads as it is written: no sign in it changes how the others are shown.
fn words(text: &str) -> Option<String> {
    let fits = !text.trim().is_empty() && text.chars().count() <= MAX_CHARACTERS && !text.chars().any(is_deceptive);
    fits.then(|| text.to_owned())
}
