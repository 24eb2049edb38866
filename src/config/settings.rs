//! The variables of a deployment, from both places where they may be: its bindings, and a file that is bundled with it.

use serde_json::{Map, Value};

use super::deployment::Names;
use super::problem::Problem;
use crate::json::{self, JsonError};

/// The largest file read, in bytes of JSON.
pub const MAX_FILE_BYTES: usize = 2 * 1024 * 1024;

/// What problems call the file.
const FILE: &str = "configuration file";
/// The key by which editors know what may be in a file of JSON. Nothing is read from there.
pub const SCHEMA: &str = "$schema";

/// The variables of a deployment.
///
/// Each is in one place. One that is in both is a problem, even if they say the same: of two guards, it would not be seen
/// which counts.
#[derive(Debug, Default)]
pub struct Settings {
    vars: Map<String, Value>,
    /// The names of those that are in both places.
    twice: Vec<String>,
    /// Why the file cannot be read. Then it is not known what the deployment refuses.
    unreadable: Option<Problem>,
}

impl Settings {
    /// Those of a file: one JSON object of at most [`MAX_FILE_BYTES`], by the names that they have as bindings. All of it
    /// is Postern's, so a name that means nothing is a problem.
    #[must_use]
    pub fn of_file(text: &str) -> Self {
        match json::parse_object(text.as_bytes(), MAX_FILE_BYTES) {
            Ok(mut vars) => {
                vars.remove(SCHEMA);
                Self { vars, ..Self::default() }
            }
            Err(error) => {
                let unreadable = Problem { path: FILE.to_owned(), message: why_unreadable(error) };
                Self { unreadable: Some(unreadable), ..Self::default() }
            }
        }
    }

    /// The names of the deployment's variables and secrets; `bound`: the binding that says which sites there are.
    #[must_use]
    pub fn names(&self, bound: Option<&Value>) -> Names {
        Names::of(bound.or_else(|| self.vars.get(Names::SITES)))
    }

    /// Adds the variables that are bindings.
    #[must_use]
    pub fn bind(mut self, vars: Map<String, Value>) -> Self {
        for (name, value) in vars {
            if self.vars.contains_key(&name) {
                self.twice.push(name);
            } else {
                self.vars.insert(name, value);
            }
        }
        self
    }

    /// All variables.
    #[must_use]
    pub const fn vars(&self) -> &Map<String, Value> {
        &self.vars
    }

    /// Why nothing can be read.
    pub(super) fn unreadable(&self) -> Option<Problem> {
        let sites = || self.is_twice(Names::SITES).then(|| in_both_places(Names::SITES));
        self.unreadable.clone().or_else(sites)
    }

    /// What is wrong with those of the variables that are in both places.
    pub(super) fn problems(&self, is_concerned: impl Fn(&str) -> bool) -> Vec<Problem> {
        self.twice.iter().filter(|name| is_concerned(name)).map(|name| in_both_places(name)).collect()
    }

    fn is_twice(&self, name: &str) -> bool {
        self.twice.iter().any(|twice| twice == name)
    }
}

impl From<Map<String, Value>> for Settings {
    /// Without a file.
    fn from(vars: Map<String, Value>) -> Self {
        Self { vars, ..Self::default() }
    }
}

fn in_both_places(name: &str) -> Problem {
    let message = "is in the configuration file and among the variables (`[vars]`): keep one of the two".to_owned();
    Problem { path: name.to_owned(), message }
}

fn why_unreadable(error: JsonError) -> String {
    match error {
        JsonError::TooLarge => format!("expected at most {MAX_FILE_BYTES} bytes of JSON"),
        JsonError::TooDeep => format!("expected at most {} levels", json::MAX_DEPTH),
        JsonError::DuplicateMember => "a name is twice in one table".to_owned(),
        JsonError::NotAnObject => "expected a JSON object of Postern's variables".to_owned(),
        JsonError::Syntax | JsonError::NotUtf8 => {
            "expected JSON; `postern json postern.toml` makes it of TOML".to_owned()
        }
    }
}

#[cfg(test)]
mod tests;
