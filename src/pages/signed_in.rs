//! The end of a login that was for another tab.

use maud::html;

use super::{Draft, HtmlPage, View};

/// Says so.
#[must_use]
pub fn render(view: &View<'_>) -> HtmlPage {
    let body = html! {
        h1 { (view.say("You are signed in")) }
        p { (view.say("You can close this tab and go on in the other one.")) }
        p.number { a href="/" { (view.say("Start page")) } }
    };
    view.page(Draft::new(view.say("Signed in"), body))
}
