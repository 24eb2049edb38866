//! The form of what is answered.

use serde_json::{Value, json};

use super::{EVALUATION, EVALUATIONS};

/// One decision (§5.5); `id` is all that its context says.
#[must_use]
pub fn decision(permitted: bool, id: &str) -> Value {
    json!({ "decision": permitted, "context": { "id": id } })
}

/// Several, in the order of the questions (§7.2). One that was left out by the semantic is not among them.
#[must_use]
pub fn decisions(decisions: Vec<Value>) -> Value {
    json!({ "evaluations": decisions })
}

/// What this decision point can be asked (§9.1): it names no search endpoint, so there is none. `at`: a path → its URL.
#[must_use]
pub fn metadata(origin: &str, at: impl Fn(&str) -> String) -> Value {
    json!({
        "policy_decision_point": origin,
        "access_evaluation_endpoint": at(EVALUATION),
        "access_evaluations_endpoint": at(EVALUATIONS),
    })
}
