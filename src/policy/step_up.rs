//! What other sign-in a policy asks for (RFC 9470).

use serde::{Deserialize, Serialize};

/// What kind of sign-in is wanted in place of the one at hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyStepUp {
    /// `@acr_values("…")`: of one of these classes; of any when empty.
    pub acr_values: Vec<String>,
    /// `@max_age("…")`: this many seconds ago at most.
    pub max_age: Option<u32>,
    /// `@second("…")`: with a second factor of ours, proven this many seconds ago at most.
    pub second: Option<u32>,
}

impl PolicyStepUp {
    /// What satisfies the most of several: the classes of the first that names any, and the shortest ages.
    #[must_use]
    pub fn of_all<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        all.fold(Self { acr_values: Vec::new(), max_age: None, second: None }, |mut sum, one| {
            if sum.acr_values.is_empty() {
                sum.acr_values.clone_from(&one.acr_values);
            }
            sum.max_age = [sum.max_age, one.max_age].into_iter().flatten().min();
            sum.second = [sum.second, one.second].into_iter().flatten().min();
            sum
        })
    }
}
