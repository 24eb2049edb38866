//! What was changed of a person's factors, and from where: the person's other sessions tell them (R-336).

use serde::{Deserialize, Serialize};

use super::message::FactorKind;
use crate::time::{Seconds, Timestamp};

/// For how long the person is told.
pub(in crate::session) const TOLD_FOR: Seconds = Seconds::hours(30 * 24);
/// So many are kept: more than there are sorts of changes.
const MAX_CHANGES: usize = 12;

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
    /// How many made room …
    #[serde(default)]
    pub(in crate::session) left_out: u32,
    /// … the last of them then.
    #[serde(default)]
    left_out_at: Timestamp,
}

impl Changes {
    /// Without those that are told no longer.
    pub(in crate::session) fn told(mut self, now: Timestamp) -> Self {
        self.all.retain(|known| now < known.at.plus(TOLD_FOR));
        if now >= self.left_out_at.plus(TOLD_FOR) {
            self.left_out = 0;
        }
        self
    }

    /// With one more. Whoever makes many of one sort hides none of another, and is told of as one who made many.
    pub(in crate::session) fn with(self, change: FactorChange) -> Self {
        let now = change.at;
        let mut kept = self.told(now);
        kept.all.push(change);
        if kept.all.len() > MAX_CHANGES
            && let Some(place) = kept.repeated()
        {
            kept.all.remove(place);
            (kept.left_out, kept.left_out_at) = (kept.left_out.saturating_add(1), now);
        }
        kept
    }

    /// Of the sort that there are most of, the oldest but the first.
    fn repeated(&self) -> Option<usize> {
        let alike = |one: &FactorChange, other: &FactorChange| (one.what, one.kind) == (other.what, other.kind);
        let count = |one: &&FactorChange| self.all.iter().filter(|other| alike(one, other)).count();
        let most = self.all.iter().max_by_key(count)?;
        self.all.iter().enumerate().filter(|(_, one)| alike(most, one)).map(|(place, _)| place).nth(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(at: i64) -> FactorChange {
        of(at, ChangeKind::Added)
    }

    fn of(at: i64, what: ChangeKind) -> FactorChange {
        FactorChange {
            at: Timestamp::from_unix(at),
            what,
            kind: None,
            name: String::new(),
            began_at: None,
            device: String::new(),
        }
    }

    #[test]
    fn the_first_and_the_newest_are_kept_for_thirty_days_and_the_others_are_counted() {
        // R-336
        let (month, times) =
            (30 * 24 * 3600, |changes: &Changes| changes.all.iter().map(|one| one.at.as_unix()).collect::<Vec<_>>());
        let many = (0..20).fold(Changes::default(), |changes, at| changes.with(change(at)));
        assert_eq!(times(&many), [0, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
        assert_eq!(many.left_out, 8);
        let later = many.clone().with(change(month + 15));
        assert_eq!((times(&later), later.left_out), (vec![16, 17, 18, 19, month + 15], 8));
        assert_eq!(many.clone().told(Timestamp::from_unix(month + 18)).left_out, 8);
        assert_eq!(many.told(Timestamp::from_unix(month + 19)), Changes { left_out_at: at(19), ..Changes::default() });
    }

    fn at(at: i64) -> Timestamp {
        Timestamp::from_unix(at)
    }

    #[test]
    fn whoever_changes_much_hides_nothing() {
        // R-336
        let first = [of(0, ChangeKind::RecoveryUsed), of(1, ChangeKind::Removed), of(2, ChangeKind::Reset)];
        let known = first.iter().cloned().fold(Changes::default(), Changes::with);
        let flooded = (3..100).fold(known, |changes, at| {
            let sorts = [ChangeKind::Added, ChangeKind::Removed, ChangeKind::CodesMade];
            changes.with(of(at, sorts[usize::try_from(at).unwrap() % 3]))
        });
        assert!(first.iter().all(|one| flooded.all.contains(one)), "{flooded:?}");
        assert_eq!((flooded.all.len(), flooded.left_out), (MAX_CHANGES, 88));
    }

    #[test]
    fn what_a_release_with_fewer_members_wrote_is_read() {
        let text = r#"{"all":[{"at":1,"what":"added","later":true}],"later":1}"#;
        let changes: Changes = serde_json::from_str(text).unwrap();
        assert_eq!(changes.all, [change(1)]);
    }
}
