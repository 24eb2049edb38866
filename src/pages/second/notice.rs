//! A person's factors were changed: they are told, on each page of theirs.

use maud::{Markup, html};

use crate::pages::sessions::device;
use crate::pages::{View, moment};
use crate::session::second::changes::{ChangeKind, FactorChange};
use crate::time::Timestamp;

/// What was changed.
#[derive(Clone, Debug, Default)]
pub struct ToldChanges<'a> {
    /// The changes, the newest first.
    pub all: Vec<&'a FactorChange>,
    /// How many more there were.
    pub left_out: u32,
    /// When the session at hand began: what it did itself is marked.
    pub began_at: Timestamp,
}

impl ToldChanges<'_> {
    fn is_own(&self, change: &FactorChange) -> bool {
        change.began_at == Some(self.began_at)
    }
}

/// The notice; nothing where nothing was changed. What was done in this session is told too: the session may be stolen.
pub(in crate::pages) fn render(view: &View<'_>, changes: &ToldChanges<'_>) -> Markup {
    let heading = if changes.all.iter().all(|change| changes.is_own(change)) {
        "Your second factors were changed"
    } else {
        "Your second factors were changed elsewhere"
    };
    html! {
        @if !changes.all.is_empty() {
            div.answer.apart role="status" {
                p { strong { (view.say(heading)) } }
                ul.checks {
                    @for change in &changes.all {
                        li {
                            (one(view, change))
                            @if changes.is_own(change) { " " span.mark { (view.say("In this session")) } }
                        }
                    }
                }
                @if changes.left_out > 0 {
                    p { (view.fill("And {count} more like these.", &[("count", html! { (changes.left_out) })])) }
                }
                p { (view.say("If it was not you, sign out everywhere else, and tell those who run this site.")) }
            }
        }
    }
}

fn one(view: &View<'_>, change: &FactorChange) -> Markup {
    let what = match change.what {
        ChangeKind::Added => "Added",
        ChangeKind::Removed => "Removed",
        ChangeKind::RecoveryUsed => "Recovery code used",
        ChangeKind::CodesMade => "New recovery codes",
        ChangeKind::Reset => "All removed by those who run this site",
    };
    html! {
        (view.say(what))
        @if let Some(kind) = change.kind { " · " (view.say(super::list::kind(kind))) }
        @if !change.name.is_empty() { " · " bdi { (change.name) } }
        " · " (moment(view, change.at))
        @if !change.device.is_empty() { " · " bdi { (device(view, &change.device)) } }
    }
}
