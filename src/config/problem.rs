//! What is wrong with a configuration: all of it, each thing by its path.

use std::cell::RefCell;
use std::fmt;

use crate::ids::site::Site;

/// The longest piece of a wrong value repeated in a message, in characters.
const SHOWN_CHARACTERS: usize = 80;

/// One thing wrong. Never repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where, as written below `[vars]`: `ROUTES."/api/{id}".methods`; or the name of a secret.
    pub path: String,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl std::error::Error for Problem {}

/// Gathers problems while the reading goes on.
#[derive(Debug, Default)]
pub(super) struct Report {
    site: Site,
    problems: RefCell<Vec<Problem>>,
    shared: RefCell<Vec<SharedProblem>>,
}

/// What is wrong with a key of a group, at the routes that take it from there.
#[derive(Debug)]
struct SharedProblem {
    /// Where it is among all.
    place: usize,
    /// The name of the first route.
    route: String,
    /// How many more routes there are.
    more: usize,
}

impl Report {
    /// Of one site: everything is called as its bindings are.
    pub(super) fn of(site: Site) -> Self {
        Self { site, ..Self::default() }
    }

    pub(super) fn add(&self, path: impl AsRef<str>, message: impl Into<String>) {
        let path = self.binding(path.as_ref());
        self.problems.borrow_mut().push(Problem { path, message: message.into() });
    }

    /// What is wrong with a key of a group, as this route has it: told once, whatever the number of routes.
    pub(super) fn add_for(&self, path: impl AsRef<str>, message: impl Into<String>, route: &str) {
        let problem = Problem { path: self.binding(path.as_ref()), message: message.into() };
        let (mut problems, mut shared) = (self.problems.borrow_mut(), self.shared.borrow_mut());
        match shared.iter_mut().find(|known| problems.get(known.place) == Some(&problem)) {
            Some(known) if known.route != route => known.more += 1,
            Some(_) => {}
            None => {
                shared.push(SharedProblem { place: problems.len(), route: route.to_owned(), more: 0 });
                problems.push(problem);
            }
        }
    }

    /// What the variable or secret is called that the reading calls `name`.
    pub(super) fn binding(&self, name: &str) -> String {
        self.site.binding(name)
    }

    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        for SharedProblem { place, route, more } in self.shared.into_inner() {
            let others = if more > 0 { format!(" and {more} more") } else { String::new() };
            if let Some(problem) = problems.get_mut(place) {
                problem.message.push_str(&format!(" (at the route `{route}`{others})"));
            }
        }
        problems
    }
}

/// `what` was expected and `text` found: the wording of nearly every problem.
pub(super) fn expected(what: impl fmt::Display, text: &str) -> String {
    if text.contains("://") && text.contains('@') {
        return format!("expected {what}, found a URL that may hold a password");
    }
    format!("expected {what}, found {}", shown(text))
}

/// `text` in backticks, on one line and cut short.
pub(super) fn shown(text: &str) -> String {
    let mut characters = text.chars();
    let start: String = characters.by_ref().take(SHOWN_CHARACTERS).flat_map(char::escape_debug).collect();
    let cut = if characters.next().is_some() { "…" } else { "" };
    format!("`{}{cut}`", start.replace("\\\"", "\"").replace("\\'", "'"))
}

/// The path of `key` inside the table at `table`, quoted where TOML asks for it.
pub(super) fn path(table: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if table.is_empty() { key } else { format!("{table}.{key}") }
}
