//! The end of a session.

use maud::html;

use super::page;

/// Where a logout ends. `by_provider`: whether the provider was asked as well, and sent them back.
#[must_use]
pub fn render(by_provider: bool) -> String {
    let body = html! {
        h1 { "You are signed out" }
        @if by_provider {
            p { "On a shared computer it is safest to close the browser as well." }
        } @else {
            p {
                "You are signed out of this site. The service where you have your account may still know you, and "
                "would then sign you in again without asking."
            }
            p { "On a shared computer, sign out there too, and close the browser." }
        }
        a.button href="/auth/login" { "Sign in again" }
        a.quiet href="/" { "Start page" }
    };
    page("Signed out", &html! {}, &body)
}

/// For who comes here and is signed in.
#[must_use]
pub fn not_yet() -> String {
    let body = html! {
        h1 { "You are still signed in" }
        p { "This browser has a session here that has not ended." }
        form method="post" action="/auth/logout" { button { "Sign out" } }
        p.number { a href="/" { "Start page" } }
    };
    page("Still signed in", &html! {}, &body)
}
