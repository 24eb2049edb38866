//! `DECISIONS`: which decisions are kept, and for how long.

use super::table::Table;
use super::value::{choice, duration};
use crate::store::decision_log::LONGEST;
use crate::time::Seconds;

const SHORTEST: Seconds = Seconds::minutes(1);

/// `DECISIONS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decisions {
    /// `keep`: for how long.
    pub keep: Seconds,
    /// `of`: which. Default those that refuse.
    pub of: DecisionRetention,
}

/// Which decisions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionRetention {
    /// Those that refuse.
    Refused,
    /// All.
    All,
}

/// Reads the table.
pub(super) fn read(mut table: Table<'_>) -> Option<Decisions> {
    let keep = table.required("keep", "a duration such as `24h`", duration(SHORTEST, LONGEST));
    let of = table.optional("of", choice(&[("refused", DecisionRetention::Refused), ("all", DecisionRetention::All)]));
    table.finish();
    Some(Decisions { keep: keep?, of: of.unwrap_or(DecisionRetention::Refused) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{parse, problems, small, with};
    use super::*;

    fn decisions(table: Value) -> Value {
        with(small(), &["DECISIONS"], table)
    }

    #[test]
    fn decisions_are_kept_where_that_is_said_and_those_that_refuse_where_no_more_is_said() {
        assert_eq!(parse(&small()).unwrap().decisions, None);
        let kept = |table: Value| parse(&decisions(table)).unwrap().decisions.unwrap();
        assert_eq!(
            kept(json!({ "keep": "24h" })),
            Decisions { keep: Seconds::hours(24), of: DecisionRetention::Refused }
        );
        assert_eq!(
            kept(json!({ "keep": "1m", "of": "all" })),
            Decisions { keep: SHORTEST, of: DecisionRetention::All }
        );
    }

    #[test]
    fn what_says_nothing_of_it_is_refused() {
        for (table, expected) in [
            (json!({}), "DECISIONS.keep: "),
            (json!({ "keep": "59s" }), "DECISIONS.keep: "),
            (json!({ "keep": "32d" }), "DECISIONS.keep: "),
            (json!({ "keep": "1h", "of": "none" }), "DECISIONS.of: "),
            (json!({ "keep": "1h", "for": "1h" }), "DECISIONS.for: unknown key"),
        ] {
            let lines = problems(&decisions(table.clone()));
            assert!(lines.len() == 1 && lines[0].starts_with(expected), "{table}: {lines:?}");
        }
    }
}
