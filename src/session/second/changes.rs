//! What was changed of a person's factors, and from where: the person's other sessions tell them (R-336).

use serde::{Deserialize, Serialize};

use super::message::FactorKind;
use crate::time::{Seconds, Timestamp};

/// For how long the person is told.
pub(in crate::session) const TOLD_FOR: Seconds = Seconds::hours(30 * 24);
/// So many are kept; the oldest makes room.
const MAX_CHANGES: usize = 8;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorChange {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: ChangeKind,
    /// Of which kind the factor was, if it was one.
    #[serde(default)]
    pub kind: Option<FactorKind>,
    /// What it was called.
    #[serde(default)]
    pub name: String,
    /// When the session began that did it, whose ids change; `None`: an administrator did it.
    #[serde(default)]
    pub began_at: Option<Timestamp>,
    /// The browser and system of that session, in words.
    #[serde(default)]
    pub device: String,
}

/// What was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A factor was added.
    Added,
    /// A factor was taken away.
    Removed,
    /// A recovery code was used.
    RecoveryUsed,
    /// New recovery codes took the place of those before.
    CodesMade,
    /// An administrator took everything away.
    Reset,
}

/// Those of a person: a text of its own, which the object forgets in time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::session) struct Changes {
    /// The newest last.
    #[serde(default)]
    pub(in crate::session) all: Vec<FactorChange>,
}

impl Changes {
    /// With one more, and without those that are told no longer.
    pub(in crate::session) fn with(mut self, change: FactorChange) -> Self {
        self.all.retain(|known| change.at < known.at.plus(TOLD_FOR));
        let surplus = (self.all.len() + 1).saturating_sub(MAX_CHANGES);
        self.all.drain(..surplus);
        self.all.push(change);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(at: i64) -> FactorChange {
        FactorChange {
            at: Timestamp::from_unix(at),
            what: ChangeKind::Added,
            kind: None,
            name: String::new(),
            began_at: None,
            device: String::new(),
        }
    }

    #[test]
    fn the_newest_are_kept_for_thirty_days() {
        // R-336
        let day = 24 * 3600;
        let many = (0..20).fold(Changes::default(), |changes, at| changes.with(change(at)));
        assert_eq!(many.all.iter().map(|change| change.at.as_unix()).collect::<Vec<_>>(), (12..20).collect::<Vec<_>>());
        assert_eq!(many.with(change(30 * day + 15)).all.len(), 5);
    }

    #[test]
    fn what_a_release_with_fewer_members_wrote_is_read() {
        let text = r#"{"all":[{"at":1,"what":"added","later":true}],"later":1}"#;
        let changes: Changes = serde_json::from_str(text).unwrap();
        assert_eq!(changes.all, [change(1)]);
    }
}
