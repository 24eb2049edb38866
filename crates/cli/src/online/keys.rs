//! The keys of an issuer: whether they can be read, and whether one verifies what the configuration accepts.

use postern::jose::{Algorithm, KeySet, KeySetError};
use serde_json::Value;

use super::{Examiner, shown};

/// Where keys are, and what they are for.
pub(super) struct KeysFor<'a> {
    /// The setting that leads there.
    pub(super) path: &'a str,
    /// The setting that says which algorithms are accepted.
    pub(super) algorithms_path: &'a str,
    pub(super) algorithms: &'a [Algorithm],
    pub(super) url: &'a str,
}

/// How many keys can be used; `None` where they are not read.
pub(super) fn examine(examiner: &mut Examiner<'_>, keys: &KeysFor<'_>) -> Option<usize> {
    let body = examiner.body(keys.path, keys.url)?;
    let set = match KeySet::parse(body.as_bytes()) {
        Ok(set) => set,
        Err(error) => {
            examiner.problem(keys.path, format!("its keys at `{}` cannot be read: {}", keys.url, why(error)));
            return None;
        }
    };
    let usable = set.keys().len();
    let accepted: Vec<&str> = keys.algorithms.iter().map(|algorithm| algorithm.name()).collect();
    if !set.keys().iter().any(|key| keys.algorithms.iter().any(|algorithm| key.suits(*algorithm))) {
        examiner.problem(
            keys.algorithms_path,
            format!(
                "none of the {} keys at `{}` verifies a signature by {}, what it signs is refused",
                count(body),
                keys.url,
                shown(&accepted)
            ),
        );
    }
    Some(usable)
}

fn why(error: KeySetError) -> String {
    match error {
        KeySetError::Json(error) => format!("that is no JSON object: {error}"),
        other => other.to_string(),
    }
}

/// How many entries there are, usable or not.
fn count(body: &str) -> usize {
    let document: Option<Value> = serde_json::from_str(body).ok();
    document.and_then(|document| Some(document.get("keys")?.as_array()?.len())).unwrap_or_default()
}
