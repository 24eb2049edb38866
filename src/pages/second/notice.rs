//! A person's factors were changed from elsewhere: they are told, on each page of theirs.

use maud::{Markup, html};

use crate::pages::sessions::device;
use crate::pages::{View, moment};
use crate::session::second::changes::{ChangeKind, FactorChange};

/// The notice; nothing where nothing was changed.
pub(in crate::pages) fn render(view: &View<'_>, changes: &[&FactorChange]) -> Markup {
    html! {
        @if !changes.is_empty() {
            div.answer.apart role="status" {
                p { strong { (view.say("Your second factors were changed elsewhere")) } }
                ul.checks { @for change in changes { li { (one(view, change)) } } }
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
