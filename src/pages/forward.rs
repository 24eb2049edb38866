//! A page that goes on by itself.
//!
//! A browser that came here from another site left its `SameSite=Strict` cookies behind, and would do so
//! again after a redirect. A page of our own that navigates on starts afresh: then they are sent.

use maud::{Markup, html};

use super::page;

/// After a login: on to where the person wanted to go.
#[must_use]
pub fn signed_in(to: &str) -> String {
    on_to(to, "Signed in", &html! { "You are signed in. Taking you back." })
}

/// Once round through ourselves, to see whether the person is signed in already.
#[must_use]
pub fn bounce(to: &str) -> String {
    on_to(to, "One moment", &html! { "Opening the page." })
}

fn on_to(to: &str, title: &str, text: &Markup) -> String {
    let head = html! { meta http-equiv="refresh" content=(format!("0;url={to}")); };
    let body = html! {
        h1 { (title) }
        p role="status" { (text) }
        a.button href=(to) { "Continue" }
    };
    page(title, &head, &body)
}
