//! A person's second factors: which there are, how one is added, how one is proven.

pub mod codes;
pub mod list;
mod notice;
pub mod totp;
pub mod verify;

pub use notice::ToldChanges;
pub(super) use notice::render as notice;

use maud::{Markup, html};

use super::View;
use crate::time::Seconds;

/// Makes passkeys and proves with them, where the browser can; without it the other factors are all there is.
const PASSKEYS: &str = include_str!("passkeys.js");

/// Takes along what stands behind `#` in the address, which a browser tells nobody but the page.
const KEEP_FRAGMENT: &str = "\
const { hash } = location;
if (hash) {
  for (const way of document.querySelectorAll('[name=return_to]')) way.value = way.value.split('#')[0] + hash;
  for (const way of document.querySelectorAll('a[data-way]')) way.hash = hash;
}";

/// Why a code that was typed did not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeFault {
    /// It is not the one that was expected, or was used before.
    Wrong,
    /// Too many were wrong: for so long none is looked at.
    Locked(Seconds),
}

/// What has to be done before something is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before<'a> {
    /// Nothing.
    Nothing,
    /// A sign-in, there.
    SignIn(&'a str),
    /// A proof of a factor, there.
    Proof(&'a str),
}

/// Says what was wrong with a code.
fn fault(view: &View<'_>, fault: CodeFault) -> Markup {
    html! {
        div.answer role="alert" #fault {
            p.no {
                @match fault {
                    CodeFault::Wrong => (view.say("That code is not right, or it was used before.")),
                    CodeFault::Locked(wait) => (locked(view, wait)),
                }
            }
        }
    }
}

fn locked(view: &View<'_>, wait: Seconds) -> Markup {
    let minutes = wait.get().div_ceil(60).max(1);
    view.fill("Too many codes were wrong. You can try again in {minutes} min.", &[("minutes", html! { (minutes) })])
}

/// What a form takes along of where to go on.
fn onward(back: Option<&str>) -> Markup {
    html! { @if let Some(back) = back { input type="hidden" name="return_to" value=(back); } }
}

/// What stands in the place of passkeys where the browser has none, or runs no script.
fn without_passkeys(view: &View<'_>) -> Markup {
    html! {
        p.hint data-passkey-none { (view.say("For passkeys, this page needs a browser that has them, with script.")) }
    }
}

/// Where a script says that a passkey did not help.
fn passkey_fault(view: &View<'_>) -> Markup {
    html! { p.no data-passkey-error role="alert" hidden { (view.say("That did not work. Try again, or another way.")) } }
}
