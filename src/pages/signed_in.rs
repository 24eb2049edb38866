//! The end of a login that was for another tab.

use maud::html;

use super::page;

/// Says so.
#[must_use]
pub fn render() -> String {
    let body = html! {
        h1 { "You are signed in" }
        p { "You can close this tab and go on in the other one." }
        p.number { a href="/" { "Start page" } }
    };
    page("Signed in", &html! {}, &body)
}
