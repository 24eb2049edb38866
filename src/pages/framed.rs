//! What a provider's hidden frame shows when it has ended a session: the one page that may be framed.

use maud::html;

use super::{Draft, HtmlPage, View};

/// A few words, for a person who opens the frame by itself. `origin`, the provider's, may frame it, and no other.
#[must_use]
pub fn signed_out(view: &View<'_>, origin: &str) -> HtmlPage {
    let title = view.say("Signed out");
    let page = view.page(Draft::new(title, html! { p { (view.say("You are signed out")) "." } }));
    let policy = page.content_security_policy.replace("frame-ancestors 'none'", &format!("frame-ancestors {origin}"));
    HtmlPage { content_security_policy: policy.replace("form-action 'self'", "form-action 'none'"), ..page }
}
