//! The end of a session.

use maud::html;

use super::page;

/// Where a logout ends, whatever the provider sent along.
#[must_use]
pub fn render() -> String {
    let body = html! {
        h1 { "You are signed out" }
        p { "On a shared computer it is safest to close the browser as well." }
        a.button href="/auth/login" { "Sign in again" }
        a.quiet href="/" { "Start page" }
    };
    page("Signed out", &html! {}, &body)
}
