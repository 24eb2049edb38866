//! `HEALTH`: a monitor may ask at `/auth/health` how things are.

use super::secrets::{HEALTH, Secrets};
use super::table::Table;
use crate::secret::{Secret, is_one_of};

/// Who may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitor {
    /// Secret `POSTERN_HEALTH_SECRET`: what the monitor shows. Never empty; two while it changes.
    secrets: Vec<Secret<String>>,
}

impl Monitor {
    /// Whether this is what the monitor shows. Takes as long whichever it is, and wherever they differ.
    #[must_use]
    pub fn knows(&self, shown: &str) -> bool {
        is_one_of(&self.secrets, shown)
    }
}

/// Reads the table, which has no keys; `None` when its secret is missing or wrong, which is reported.
pub(super) fn read(table: Table<'_>, secrets: &Secrets<'_>) -> Option<Monitor> {
    table.finish();
    Some(Monitor { secrets: secrets.shared(HEALTH)? })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{small, with};
    use super::super::{Config, Problem};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    /// One character too short.
    const SHORT: &str = "0123456789abcdef0123456789abcde";

    fn parse(health: Value, secret: Option<&str>) -> Result<Config, Vec<Problem>> {
        let ring = format!("k1:{}", "E".repeat(43));
        let lookup = |name: &str| match name {
            "POSTERN_KEYS" => Some(ring.clone()),
            "POSTERN_HEALTH_SECRET" => secret.map(str::to_owned),
            _ => Some("hunter2".to_owned()),
        };
        Config::parse(with(small(), &["HEALTH"], health).as_object().unwrap(), &lookup)
    }

    #[test]
    fn a_monitor_is_known_by_its_secret_or_the_one_before() {
        let old = SECRET.to_uppercase();
        let monitor = parse(json!({}), Some(&format!("{SECRET} {old}"))).unwrap().monitor.unwrap();
        assert!(monitor.knows(SECRET) && monitor.knows(&old));
        for other in ["", SHORT, &format!("{SECRET}0"), &format!("{SECRET} {old}")] {
            assert!(!monitor.knows(other), "{other}");
        }
        assert!(!format!("{monitor:?}").contains(SECRET));
    }

    #[test]
    fn a_secret_that_is_missing_or_short_is_a_problem() {
        for secret in [None, Some(""), Some("short"), Some(SHORT)] {
            let problems = parse(json!({}), secret).unwrap_err();
            assert!(problems.len() == 1 && problems[0].path == "POSTERN_HEALTH_SECRET", "{problems:?}");
        }
        assert_eq!(parse(json!({ "secret": SECRET }), Some(SECRET)).unwrap_err()[0].path, "HEALTH.secret");
    }
}
