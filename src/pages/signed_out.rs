//! The end of a session.

use maud::{Markup, html};

use super::{Draft, HtmlPage, View};

/// Where a logout ends. `by_provider`: whether the provider was asked as well, and sent them back; true where that cannot be
/// told.
#[must_use]
pub fn render(view: &View<'_>, by_provider: bool) -> HtmlPage {
    let body = html! {
        h1 { (view.say("You are signed out")) }
        @if by_provider {
            p { (view.say("On a shared computer it is safest to close the browser as well.")) }
        } @else {
            p {
                (view.say("You are signed out of this site. The service where you have your account may still know \
                           you, and would then sign you in again without asking."))
            }
            p { (view.say("On a shared computer, sign out there too, and close the browser.")) }
        }
        div.actions {
            a.button href="/auth/login" { (view.say("Sign in again")) }
            a.quiet href="/" { (view.say("Start page")) }
        }
    };
    view.page(Draft::new(view.say("Signed out"), body))
}

/// For a visitor who is still signed in.
#[must_use]
pub fn not_yet(view: &View<'_>) -> HtmlPage {
    let body = html! {
        h1 { (view.say("You are still signed in")) }
        p { (view.say("This browser has a session here that has not ended.")) }
        (form(view, "button"))
        p.number { a href="/" { (view.say("Start page")) } }
    };
    view.page(Draft::new(view.say("Still signed in"), body).with_form())
}

/// A button that signs out, for a page of ours: the answer leads on by a page, because a policy for forms covers redirects
/// to the provider as well.
pub(super) fn form(view: &View<'_>, class: &str) -> Markup {
    html! {
        form method="post" action="/auth/logout?answer=page" target="_top" {
            button class=(class) { (view.say("Sign out")) }
        }
    }
}
